"""The simulated microscope's camera."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from pymmcore_plus.experimental.unicore import CameraDevice

from livesr.simulator.devices.clock import TIME_PROPERTY
from livesr.simulator.devices.settings import CameraSettings
from livesr.simulator.imaging.camera import CameraModel, rolling_blend
from livesr.simulator.microscope.bench import CAMERA, OnBench
from livesr.simulator.microscope.faults import Delivery, FaultScript, Shot, read_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import DTypeLike

    from livesr.simulator.microscope.bench import Exposure
    from livesr.simulator.microscope.faults import Fault
    from livesr.simulator.microscope.scene import Scene
    from livesr.types import Float32, UInt16

    GetBuffer = Callable[[Sequence[int], DTypeLike], np.ndarray[Any, Any]]

FRAME_TAG = "FrameOfSequence"
"""Tag with the camera's own count of a sequence's exposures, from 0: a lost one leaves a gap."""
DOSE_TAG = "Dose-ms"
"""Tag with the light since the session began, this exposure's included."""
NOMINAL_EXPOSURE_MS = 50.0
_NAP_S = 0.05


class SimulatedCamera(OnBench, CameraSettings, CameraDevice):
    """A camera that looks at the simulated sample, by default behind an image splitter.

    Its properties choose what there is to see, how it falls on the sensor and what shall go wrong:
    see ``docs/simulator-devices.md``.
    """

    role = CAMERA

    def __init__(self) -> None:
        super().__init__()
        self._exposure_ms = NOMINAL_EXPOSURE_MS
        self._roi: tuple[int, int, int, int] | None = None
        self._connected = True
        self._turn = object()
        self._script = FaultScript()
        self._delivery: Delivery | None = None
        self._add_settings()
        self._bench.on_stack(self._prepare)
        self._bench.on_begin(self._rewind)

    # ------------------------------------------------------- what Micro-Manager asks a camera

    def get_camera_name(self) -> str:
        """Return the camera's name."""
        return "livesr simulated camera"

    def get_exposure(self) -> float:
        """Return the exposure time, ms."""
        self._check_connected()
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure time, ms."""
        self._check_connected()
        self._exposure_ms = float(exposure)

    def shape(self) -> tuple[int, int]:
        """Return the shape (y, x) of the region that is read out."""
        _, _, width, height = self.get_roi()
        return (height, width)

    def get_roi(self) -> tuple[int, int, int, int]:
        """Return (x, y, width, height) of the region that is read out."""
        self._check_connected()
        height, width = self.sensors()[0].shape
        return self._roi or (0, 0, width, height)

    def set_roi(self, x: int, y: int, width: int, height: int) -> None:
        """Read out a region only."""
        self._check_connected()
        high, wide = self.sensors()[0].shape
        if min(x, y) < 0 or min(width, height) < 1 or x + width > wide or y + height > high:
            raise ValueError(f"region {x, y, width, height} is outside the {wide}×{high} sensor")
        self._roi = (x, y, width, height)

    def clear_roi(self) -> None:
        """Read out the whole sensor."""
        self._roi = None

    def dtype(self) -> DTypeLike:
        """Return the type of a pixel."""
        self._check_connected()
        return np.uint16

    def start_sequence(self, n: int | None, get_buffer: GetBuffer) -> Iterator[Mapping[str, str]]:
        """Expose ``n`` frames, or until stopped."""
        for exposure, faults in self.exposures(n):
            if self._delivery is None:
                buffer = get_buffer(self.shape(), np.uint16)
                self._expose(exposure, buffer)
                self.finish(exposure)
                yield self._tags(exposure)
            else:
                image = self.take(exposure)
                self.finish(exposure)
                for shot in self.hand_over(image, exposure, faults):
                    get_buffer(shot.image.shape, np.uint16)[:] = shot.image
                    yield shot.tags

    # ------------------------------------------------ the parts of it, for a pair of cameras too

    def exposures(self, n: int | None) -> Iterator[tuple[Exposure, Mapping[str, Fault]]]:
        """Begin one exposure after the other; yield each with the faults that act on it."""
        turn = self.begin_sequence()
        for place in count() if n is None else range(n):
            faults = self.next_faults(last=place + 1 == n)
            if self.superseded(turn):
                return
            yield self._bench.expose(place), faults

    def begin_sequence(self) -> object:
        """Return what identifies a sequence that begins now."""
        self._check_connected()
        self._turn = object()
        return self._turn

    def superseded(self, turn: object) -> bool:
        """Return whether another sequence began: one that stalled must not go on then."""
        return self._turn is not turn

    def next_faults(self, *, last: bool) -> Mapping[str, Fault]:
        """Return the faults of the next exposure; stall or disconnect now if they say so."""
        self._check_connected()
        faults = self._script.take(self._bench.frames, self._bench.clock.now(), last=last)
        if "disconnect" in faults:
            self._connected = False
            self._check_connected()
        if stall := faults.get("stall"):
            self._stall(stall)
        return faults

    def take(self, exposure: Exposure) -> UInt16:
        """Return the image of an exposure."""
        image = np.empty(self.shape(), np.uint16)
        self._expose(exposure, image)
        return image

    def finish(self, exposure: Exposure) -> None:
        """Let the exposure's time pass, book its light and trigger what waits for its end."""
        bench, seconds = self._bench, self._exposure_ms / 1000.0
        if not self.rolling:
            bench.clock.advance(seconds)
            bench.trigger()
            lit = seconds
        else:  # rows overlap with those of the next frame, and the light stays on
            bench.clock.advance(max(seconds, self._model(1.0).readout_s(self.shape()[0])))
            bench.trigger()
            lit = bench.clock.now() - exposure.began_s
        bench.light_up(self.scene_settings(), exposure, lit)

    def hand_over(
        self, image: UInt16, exposure: Exposure, faults: Mapping[str, Fault]
    ) -> list[Shot]:
        """Return what the driver makes of an image."""
        shot = Shot(image, self._tags(exposure))
        return [shot] if self._delivery is None else self._delivery.pass_on(shot, faults)

    def _expose(self, exposure: Exposure, counts: UInt16) -> None:
        scene = self._scene()
        x, y, width, height = self.get_roi()
        part = (slice(y, y + height), slice(x, x + width))
        light = exposure.power * self._exposure_ms / NOMINAL_EXPOSURE_MS
        shining = self._bench.unbleached(scene.settings, exposure)
        rng = np.random.default_rng(
            [
                scene.settings.seed,
                exposure.number,
                round(exposure.began_s * 1e6) & 0x7FFFFFFFFFFF,
                *([] if self.is_first else [self.seed]),
            ]
        )
        model = self._model(self._script.noise(exposure.number))
        model.expose(
            self._photons(scene, exposure, model, part),
            rng,
            counts,
            scale=light * shining,
            floor=scene.floor(self.sensors()[0])[part],
            floor_scale=light * (1.0 - shining),
        )

    def _photons(
        self, scene: Scene, exposure: Exposure, model: CameraModel, part: tuple[slice, slice]
    ) -> Float32:
        """Return what the sensor collects of unbleached dye in 50 ms of nominal light."""
        time_s, xy, sensors = exposure.began_s, exposure.xy_um, self.sensors()
        plane = scene.plane(time_s, exposure.coming_um, xy, sensors)[part]
        if not self.rolling or exposure.before is None:
            return plane
        before_s, before_z = exposure.before
        # the stage moved when the last row of the frame before had ended
        moved_s = before_s + model.exposure_s + model.readout_s(len(plane)) - time_s
        late = model.late_share(len(plane), moved_s)
        return rolling_blend(scene.plane(time_s, [before_z], xy, sensors)[part], plane, late)

    def _prepare(self, heights: tuple[float, ...]) -> None:
        bench = self._bench
        self._scene().prepare(bench.clock.now(), heights, bench.xy_um(), self.sensors())

    # ------------------------------------------------------------------------------ faults

    def get_property_value(self, prop_name: str) -> Any:
        """Return a property."""
        self._check_connected()
        return super().get_property_value(prop_name)

    def set_property_value(self, prop_name: str, value: Any) -> None:
        """Set a property."""
        self._check_connected()
        super().set_property_value(prop_name, value)

    def _set_faults(self, text: str) -> None:
        super()._set_faults(text)
        self._rewind()

    def _rewind(self) -> None:
        """Begin the faults anew: a session begins."""
        faults = read_faults(self._faults)
        self._script = FaultScript(faults)
        self._delivery = Delivery() if faults else None

    def _stall(self, stall: Fault) -> None:
        """Deliver nothing for a while; give up when another sequence is begun meanwhile."""
        clock, turn, left = self._bench.clock, self._turn, stall.seconds
        until = time.monotonic() + (stall.seconds if stall.real else 0.0)
        while left > 0 and not self.superseded(turn):
            step = min(left, _NAP_S * clock.speedup)
            clock.advance(step)
            left -= step
        while time.monotonic() < until and not self.superseded(turn):
            time.sleep(_NAP_S)

    def _check_connected(self) -> None:
        if not self._connected:
            raise RuntimeError(f"camera {self.get_label()!r} is disconnected")

    # ------------------------------------------------------------------------------- parts

    @property
    def is_first(self) -> bool:
        """Whether it is the bench's first camera."""
        return self._bench.cameras[0] is self

    @property
    def seed(self) -> int:
        """Of its fixed pattern: the instrument's, and for further cameras one by their label."""
        optics_seed = self.scene_settings().optics_seed
        return optics_seed if self.is_first else crc32(f"{optics_seed} {self.get_label()}".encode())

    def _scene(self) -> Scene:
        return self._bench.scene(self.scene_settings())

    def _model(self, noise: float) -> CameraModel:
        p = self.scene_settings().numbers.camera
        model = CameraModel.from_parameters(
            p, bits=self.bits, exposure_s=self._exposure_ms / 1000.0, seed=self.seed
        )
        return replace(model, read_noise_e=noise * model.read_noise_e)

    def _tags(self, exposure: Exposure) -> dict[str, str]:
        return {
            TIME_PROPERTY: f"{exposure.began_s:.6f}",
            FRAME_TAG: str(exposure.place),
            DOSE_TAG: f"{self._bench.dose_ms:.3f}",
        }
