"""What the simulated microscope looks at: one sample through one optics, and its truth."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from livesr.simulator.optics import Optics
from livesr.simulator.sample import Sample
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.types import Bool, Float32

Sensor = Literal["both", "yellow", "red"]
"""What falls on the sensor: both channels side by side, or one."""
CACHE_BYTES = 640 * 2**20
_SMALLEST_SAMPLE_UM = 80.0
_Z_DIGITS = 4

PROPERTY_OF: dict[str, str] = {
    "seed": "Seed",
    "optics_seed": "OpticsSeed",
    "field_height": "FieldHeight",
    "field_width": "FieldWidth",
    "pixel_um": "PixelSizeUm",
    "motion": "Motion",
    "time_step_s": "TimeStep-s",
}
"""The simulated camera's properties, by the setting that they give."""


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """The camera properties that decide what there is to see.

    Attributes
    ----------
    seed, optics_seed : int
        Of the sample and of the optics.
    field_height, field_width : int
        Pixels of one channel.
    pixel_um : float
        Size of a pixel in the sample.
    motion : float
        Speed of everything that moves, as a factor; 0 freezes the sample.
    time_step_s : float
        The sample stands still for this long: planes of one step belong to one instant.
    """

    seed: int = 60_000
    optics_seed: int = 60_000
    field_height: int = 512
    field_width: int = 512
    pixel_um: float = 0.0668
    motion: float = 1.0
    time_step_s: float = 2.0

    @classmethod
    def from_properties(cls, properties: Mapping[str, object]) -> SceneSettings:
        """Read the settings from the simulated camera's properties.

        Parameters
        ----------
        properties : mapping
            As a session keeps them (``info.extra["camera_properties"]``); others are ignored,
            missing ones have the camera's defaults.
        """
        default = cls()
        given = {
            field: float(str(properties.get(name, getattr(default, field))))
            for field, name in PROPERTY_OF.items()
        }
        return cls(
            seed=int(given["seed"]),
            optics_seed=int(given["optics_seed"]),
            field_height=int(given["field_height"]),
            field_width=int(given["field_width"]),
            pixel_um=given["pixel_um"],
            motion=given["motion"],
            time_step_s=given["time_step_s"],
        )


class Scene:
    """Expected photons of any plane at any time, kept while the sample shows it; and the truth."""

    def __init__(self, settings: SceneSettings) -> None:
        self.settings = settings
        height = settings.field_height * settings.pixel_um
        width = settings.field_width * settings.pixel_um
        field = (max(height, _SMALLEST_SAMPLE_UM), max(width, _SMALLEST_SAMPLE_UM))
        self._sample = _sample(settings.seed, field, settings.motion)
        self._optics = Optics.from_seed(settings.optics_seed)
        self._planes: OrderedDict[tuple[object, ...], Float32] = OrderedDict()
        self._shown = 0.0

    def sample_time(self, time_s: float) -> float:
        """Return the instant that the sample shows at a time."""
        if self.settings.motion == 0:
            return 0.0
        step = self.settings.time_step_s
        return float(np.floor(time_s / step + 1e-6) * step) if step > 0 else time_s

    def prepare(
        self, time_s: float, z_um: Sequence[float], xy_um: tuple[float, float], sensor: Sensor
    ) -> None:
        """Compute the planes of a stack together, which is far cheaper than one by one."""
        instant = self.sample_time(time_s)
        self._forget_before(instant)
        missing = sorted(
            {
                round(z, _Z_DIGITS)
                for z in z_um
                if self._key(instant, z, xy_um, sensor) not in self._planes
            }
        )
        if not missing:
            return
        photons = self._sample.emission(instant, missing, self._view(xy_um), self._optics)
        for place, z in enumerate(missing):
            yellow, red = photons[0, place], photons[1, place]
            if sensor == "both":
                self._keep(instant, z, xy_um, "both", np.hstack([yellow, red[:, ::-1]]))
            else:
                self._keep(instant, z, xy_um, "yellow", yellow)
                self._keep(instant, z, xy_um, "red", red)

    def plane(
        self, time_s: float, z_um: float, xy_um: tuple[float, float], sensor: Sensor
    ) -> Float32:
        """Return expected photons at 50 ms on the sensor, float32.

        ``both`` is (y, 2x): yellow left, red right in the mirror; else one channel (y, x).
        """
        key = self._key(self.sample_time(time_s), z_um, xy_um, sensor)
        if key not in self._planes:
            self.prepare(time_s, [z_um], xy_um, sensor)
        self._planes.move_to_end(key)
        return self._planes[key]

    def truth(
        self, times_s: Sequence[float], z_um: Sequence[float], xy_um: tuple[float, float]
    ) -> dict[str, Bool]:
        """Return where each structure is, one mask (n, y, x) on the yellow channel's pixels.

        Parameters
        ----------
        times_s, z_um : sequence of float
            Start of exposure and height of each plane; equally long.
        xy_um : tuple of float
            Stage position (x, y).
        """
        instants = [self.sample_time(time_s) for time_s in times_s]
        shape = (len(instants), self.settings.field_height, self.settings.field_width)
        masks: dict[str, Bool] = {}
        for instant in sorted(set(instants)):
            places = [k for k, other in enumerate(instants) if other == instant]
            found = self._sample.truth(instant, [z_um[k] for k in places], self._view(xy_um))
            for name, mask in found.items():
                masks.setdefault(name, np.zeros(shape, np.bool_))[places] = mask
        return masks

    def _view(self, xy_um: tuple[float, float]) -> View:
        x, y = xy_um
        shape = (self.settings.field_height, self.settings.field_width)
        return View(center_um=(y, x), pixel_um=self.settings.pixel_um, shape=shape)

    def _forget_before(self, instant: float) -> None:
        """Let go of planes of earlier instants: the sample moved on, and memory must not grow."""
        if instant != self._shown:
            self._planes.clear()
            self._shown = instant

    @staticmethod
    def _key(
        instant: float, z_um: float, xy_um: tuple[float, float], sensor: Sensor
    ) -> tuple[object, ...]:
        return (instant, round(z_um, _Z_DIGITS), xy_um, sensor)

    def _keep(
        self, instant: float, z: float, xy_um: tuple[float, float], sensor: Sensor, plane: Float32
    ) -> None:
        self._planes[self._key(instant, z, xy_um, sensor)] = np.ascontiguousarray(plane, np.float32)
        while len(self._planes) > 1 and len(self._planes) * plane.nbytes > CACHE_BYTES:
            self._planes.popitem(last=False)


@lru_cache(maxsize=2)
def _sample(seed: int, field_um: tuple[float, float], motion: float) -> Sample:
    """Return a sample; its cells take seconds to build, and the truth needs them again."""
    return Sample(seed, field_um=field_um, motion=motion)
