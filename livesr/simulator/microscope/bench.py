"""What connects the simulated devices: the light path, the trigger cables and one clock.

Micro-Manager builds each device of a configuration by itself and tells it nothing of the others,
as a real stage knows nothing of a camera. So a device joins the bench that is being assembled in
this thread; a bench is complete once its devices are initialised, and the next device then begins
another one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from livesr.simulator.imaging.light import Bleaching, LightRecord
from livesr.simulator.microscope.clock import VirtualClock
from livesr.simulator.microscope.focus import FocusDrift
from livesr.simulator.microscope.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.simulator.microscope.settings import SceneSettings

CAMERA = "camera"
"""The one role that several devices of a bench may have."""
_assembly = threading.local()


@dataclass(frozen=True, slots=True)
class Exposure:
    """One exposure that begins.

    Attributes
    ----------
    number : int
        Since the session began, from 0: the noise of each is its own.
    place : int
        In its sequence, from 0.
    began_s : float
        Simulated time.
    coming_um : tuple of float
        Height of the stage, and those of the rest of its stack.
    before : tuple of float or None
        Beginning and height of the exposure before in the same sequence.
    xy_um : tuple of float
        Stage position (x, y).
    power : float
        Of the light, 1 = nominal.
    """

    number: int
    place: int
    began_s: float
    coming_um: tuple[float, ...]
    before: tuple[float, float] | None
    xy_um: tuple[float, float]
    power: float


class Bench:
    """The light path and cables of one simulated microscope.

    Attributes
    ----------
    devices : dict
        By role: z, xy, laser, emission, clock, drift, lock.
    cameras : list
        In the order in which they joined.
    clock : VirtualClock
    frames : int
        Exposures since the session began.
    dose_ms : float
        Light since then, ms of nominal power.
    """

    def __init__(self) -> None:
        self.devices: dict[str, Any] = {}
        self.cameras: list[Any] = []
        self.clock = VirtualClock()
        self.frames, self.dose_ms = 0, 0.0
        self.complete = False
        self._stack_listeners: list[Callable[[tuple[float, ...]], None]] = []
        self._begin_listeners: list[Callable[[], None]] = []
        self._scene: Scene | None = None
        self._light: LightRecord | None = None
        self._last = (0.0, 0.0)

    @classmethod
    def join(cls, role: str, device: object) -> Bench:
        """Put a device on the bench that is being assembled in this thread."""
        bench: Bench | None = getattr(_assembly, "bench", None)
        if bench is None or bench.complete or role in bench.devices:
            bench = cls()
            _assembly.bench = bench
        if role == CAMERA:
            bench.cameras.append(device)
        else:
            bench.devices[role] = device
        return bench

    def leave(self, role: str, device: object) -> None:
        """Take a device off; no other may take its place."""
        if role == CAMERA:
            self.cameras.remove(device)
        else:
            self.devices.pop(role, None)
        self.complete = True

    def begin(self, at_s: float) -> None:
        """Begin a session at a time, on fresh dye."""
        self.clock.start(at_s)
        self.frames, self.dose_ms = 0, 0.0
        self._light = None
        for listener in self._begin_listeners:
            listener()

    def scene(self, settings: SceneSettings) -> Scene:
        """Return what there is to see; all cameras look at the same."""
        if self._scene is None or self._scene.settings != settings:
            if self._scene is None or not settings.same_sample(self._scene.settings):
                self._light = None
            self._scene = Scene(settings)
        return self._scene

    def xy_um(self) -> tuple[float, float]:
        """Return the stage's position (x, y)."""
        stage = self.devices.get("xy")
        return stage.get_position_um() if stage else (0.0, 0.0)

    def z_um(self) -> float:
        """Return the height of the focus drive."""
        stage = self.devices.get("z")
        return float(stage.get_position_um()) if stage else 0.0

    def coming_um(self) -> tuple[float, ...]:
        """Return the height of the focus drive, and those of the rest of its stack."""
        stage = self.devices.get("z")
        heights: tuple[float, ...] = stage.coming() if stage else (0.0,)
        return heights

    def drift(self) -> FocusDrift:
        """Return how the focus drifts, and what holds it."""
        device, lock = self.devices.get("drift"), self.devices.get("lock")
        drift: FocusDrift = device.drift() if device else FocusDrift()
        return replace(drift, holds=lock.holds()) if lock else drift

    def power(self) -> float:
        """Return the laser's power on the sample, 1 = nominal; 0 while its shutter is closed."""
        laser = self.devices.get("laser")
        return float(laser.power()) if laser else 1.0

    def emission(self) -> str:
        """Return the emission filter in the path, in lower case."""
        wheel = self.devices.get("emission")
        return str(wheel.label()).lower() if wheel else "yellow"

    def expose(self, place: int) -> Exposure:
        """Begin an exposure, the ``place``-th of its sequence."""
        exposure = Exposure(
            number=self.frames,
            place=place,
            began_s=self.clock.now(),
            coming_um=self.coming_um(),
            before=self._last if place else None,
            xy_um=self.xy_um(),
            power=self.power(),
        )
        self.frames += 1
        self._last = (exposure.began_s, exposure.coming_um[0])
        return exposure

    def unbleached(self, settings: SceneSettings, exposure: Exposure) -> float:
        """Return the share of the dye that shines in an exposure."""
        laser = self.devices.get("laser")
        if laser is not None and not laser.bleaches():
            return 1.0
        view = settings.view(exposure.xy_um)
        return self._record(settings).remaining(exposure.began_s, view)

    def light_up(self, settings: SceneSettings, exposure: Exposure, seconds: float) -> None:
        """Book the light of an exposure."""
        if exposure.power > 0:
            view = settings.view(exposure.xy_um)
            self._record(settings).add(exposure.began_s, seconds, exposure.power, view)
            self.dose_ms += 1000.0 * seconds * exposure.power

    def trigger(self) -> None:
        """Pass the camera's end of exposure on to the devices that wait for it."""
        if stage := self.devices.get("z"):
            stage.trigger()

    def on_stack(self, listener: Callable[[tuple[float, ...]], None]) -> None:
        """Call ``listener`` with the heights when the z stage is armed for a stack."""
        self._stack_listeners.append(listener)

    def on_begin(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when a session begins."""
        self._begin_listeners.append(listener)

    def announce_stack(self, heights: tuple[float, ...]) -> None:
        """Tell that the z stage is armed for a stack."""
        for listener in self._stack_listeners:
            listener(heights)

    def _record(self, settings: SceneSettings) -> LightRecord:
        if self._light is None:
            self._light = LightRecord(Bleaching.draw(settings.seed, settings.numbers.light))
        return self._light


class OnBench:
    """A device's place on the bench; comes before the device's own base class."""

    role = ""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._bench = Bench.join(self.role, self)

    def initialize(self) -> None:
        """Close the bench to further devices."""
        self._bench.complete = True

    def shutdown(self) -> None:
        """Leave the bench."""
        self._bench.leave(self.role, self)
