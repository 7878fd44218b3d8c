"""One simulated microscope for recordings on disk: its optics, its camera, its light."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from livesr import __version__
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import CHANNELS, FIELD_RADIUS_UM, Optics
from livesr.simulator.microscope.sensor import Sensor, split_sensor
from livesr.simulator.parameters import parameters
from livesr.simulator.recordings.sidecars import CAMERA, MICROSCOPE, OBJECTIVE, write_yaml
from livesr.simulator.view import View
from livesr.types import Grid, RecordingInfo

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from livesr.calibration.warp import ChromaticModel
    from livesr.simulator.parameters import Parameters
    from livesr.simulator.recordings.files import Format
    from livesr.types import Float32, UInt16

T = TypeVar("T", bound=np.generic)
EXPOSURE_S = 0.05
SMALLEST_SAMPLE_UM = 80.0


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What every simulated recording is told.

    Attributes
    ----------
    seed : int
        Of what lies on the cover slip, and of the noise.
    optics_seed : int
        Of the microscope: its optics and its camera's fixed pattern.
    shape : tuple of int
        Pixels (y, x) of a channel.
    planes : int
    z_step_um : float
        Between planes, as the stage moves.
    z_start_um : float
        Stage height of the first plane; 0 is the cover slip.
    pixel_um : float
        Size of a pixel in the sample.
    preset, changes : str
        The simulator's numbers, as `livesr.simulator.parameters.parameters` takes them.
    form : str
        ``zarr`` or ``tiff``.
    clean : bool
        Also write expected photons.
    layout : str
        ``channels``: one image with an axis of channels. Else the sensor as an image splitter
        gives it: ``side-by-side``, ``quadrants`` or ``halves``.
    """

    seed: int = 60_000
    optics_seed: int = 60_000
    shape: tuple[int, int] = (640, 640)
    planes: int = 24
    z_step_um: float = 0.3
    z_start_um: float = 0.0
    pixel_um: float = 0.0668
    preset: str = "standard"
    changes: str = "{}"
    form: Format = "zarr"
    clean: bool = False
    layout: str = "channels"

    @property
    def numbers(self) -> Parameters:
        """The simulator's numbers.

        Raises
        ------
        ConfigError
            An unknown preset or parameter, or a value of another form.
        """
        return parameters(self.preset, self.changes)

    @property
    def field_um(self) -> tuple[float, float]:
        """Extent (y, x) of a sample that fills the field."""
        height, width = (max(n * self.pixel_um, SMALLEST_SAMPLE_UM) for n in self.shape)
        return height, width

    @property
    def view_um(self) -> tuple[float, float]:
        """Extent (y, x) of the field."""
        return self.shape[0] * self.pixel_um, self.shape[1] * self.pixel_um

    @property
    def grid(self) -> Grid:
        """Grid of one channel."""
        step = self.z_step_um if self.planes > 1 else 1.0
        return Grid((self.planes, *self.shape), (step, self.pixel_um, self.pixel_um))

    def view(self, center_um: tuple[float, float] = (0.0, 0.0)) -> View:
        """Return the field around a centre (y, x)."""
        return View(center_um, self.pixel_um, self.shape)


class Instrument:
    """The microscope of a setup.

    Parameters
    ----------
    setup : Setup
    channels : tuple of int
        Of `livesr.simulator.imaging.optics.CHANNELS`.
    """

    def __init__(self, setup: Setup, channels: tuple[int, ...] = (0, 1)) -> None:
        numbers = setup.numbers
        self.setup = setup
        self.channels = channels
        self.names = tuple(CHANNELS[channel] for channel in channels)
        radius = max(FIELD_RADIUS_UM, float(np.hypot(*setup.view_um)) / 2.0)
        self.optics = Optics.from_seed(
            setup.optics_seed, numbers.optics, setup.pixel_um, radius_um=radius
        )
        self.camera = CameraModel.from_parameters(
            numbers.camera, exposure_s=EXPOSURE_S, seed=setup.optics_seed
        )

    @cached_property
    def sensor(self) -> Sensor:
        """Where the channels fall."""
        layout = self.setup.layout if self.split else "side-by-side"
        return split_sensor(layout, len(self.names), *self.setup.shape)

    @property
    def split(self) -> bool:
        """Whether the recording is the sensor's image, not one of channels."""
        return self.setup.layout != "channels"

    @property
    def models(self) -> dict[int, ChromaticModel]:
        """Chromatic models by place among the channels; the reference has none."""
        models = [self.optics.model(channel) for channel in self.channels]
        return {place: model for place, model in enumerate(models) if model is not None}

    def heights(self, time_s: float = 0.0) -> list[float]:
        """Return the sample height (µm) that each plane shows."""
        s = self.setup
        stage = s.z_start_um + s.z_step_um * np.arange(s.planes)
        return [self.optics.depth(float(z), time_s) for z in stage]

    def expose(self, photons: Float32, *key: int) -> UInt16:
        """Return the sensor's counts.

        Parameters
        ----------
        photons : ndarray, (c, n, y, x), float32
            Of each channel.
        *key : int
            With the seed, of the noise.

        Returns
        -------
        ndarray, (n, Y, X), uint16
            The whole sensor, as `channels_of` takes it.
        """
        rng = np.random.default_rng(np.random.SeedSequence([self.setup.seed, 0x401E, *key]))
        frames = np.stack(
            [
                self.sensor.compose(dict(zip(self.names, plane, strict=True)))
                for plane in photons.swapaxes(0, 1)
            ]
        )
        return self.camera.expose(frames, rng)

    def channels_of(self, frames: npt.NDArray[T]) -> npt.NDArray[T]:
        """Return the channels (c, n, y, x) of the sensor's images (n, Y, X)."""
        parts = []
        for r in self.sensor.rectangles:
            part = frames[:, r.y : r.y + r.height, r.x : r.x + r.width]
            parts.append(part[..., ::-1] if r.flip == "horizontal" else part)
        return np.stack(parts)

    def stored(self, frames: npt.NDArray[T]) -> npt.NDArray[T]:
        """Return what is written of the sensor's images (n, Y, X): (c, n, y, x)."""
        return frames[None] if self.split else self.channels_of(frames)

    def without_pattern(self, counts: UInt16) -> UInt16:
        """Return channels (c, n, y, x) less each pixel's own offset: what dark frames correct.

        Every pixel then has the camera's nominal offset.
        """
        own = self.channels_of(self.camera.pattern(*self.sensor.shape)[0][None])
        corrected = np.rint(counts - (own - np.float32(self.camera.offset)))
        return np.clip(corrected, 0, 65535).astype(np.uint16)

    def info(self, timepoints: int, interval_s: float) -> RecordingInfo:
        """Return what a recording says of itself.

        Parameters
        ----------
        timepoints : int
        interval_s : float
            0 where times are uneven.
        """
        s = self.setup
        names = ("sensor",) if self.split else self.names
        shape = self.sensor.shape if self.split else s.shape
        return RecordingInfo(
            channels=names,
            shape=(len(names), s.planes, *shape),
            timepoints=timepoints,
            positions=1,
            pixel_um=s.pixel_um,
            z_step_um=s.z_step_um if s.planes > 1 else 0.0,
            interval_s=interval_s,
            camera_offset=self.camera.offset,
            microscope=MICROSCOPE,
            camera=CAMERA,
            objective=OBJECTIVE,
            simulated=True,
        )


def write_parameters(
    folder: Path, instrument: Instrument, what: str, options: dict[str, Any], view: View
) -> dict[str, Any]:
    """Write ``parameters.yaml``: all that made a recording; return its gist."""
    setup, numbers = instrument.setup, instrument.setup.numbers
    content = {
        "what": what,
        "livesr": __version__,
        "simulator": {"version": numbers.version, "hash": numbers.hash()},
        "setup": asdict(setup),
        "options": options,
        "center_um": list(view.center_um),
        "optics": asdict(instrument.optics),
        "camera": asdict(instrument.camera),
        "parameters": asdict(numbers),
    }
    comment = "All that made this recording; the same command makes it again, bit for bit."
    path = write_yaml(folder / "parameters.yaml", content, comment)
    return {
        "folder": str(folder),
        "what": what,
        "seed": setup.seed,
        "optics_seed": setup.optics_seed,
        "preset": setup.preset,
        "parameters": str(path),
        "hash": numbers.hash(),
    }
