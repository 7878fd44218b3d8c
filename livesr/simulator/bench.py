"""What connects the simulated devices: the light path, the trigger cables and one clock.

Micro-Manager builds each device of a configuration by itself and tells it nothing of the others,
as a real stage knows nothing of a camera. So a device joins the bench that is being assembled in
this thread; a bench is complete once its devices are initialised, and the next device then begins
another one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from livesr.simulator.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

_assembly = threading.local()


class Bench:
    """The light path and cables of one simulated microscope.

    Attributes
    ----------
    devices : dict
        By role: camera, z, xy, laser, emission, clock.
    clock : VirtualClock
    frames : int
        Exposures since the session began: the noise of each is its own.
    """

    def __init__(self) -> None:
        self.devices: dict[str, Any] = {}
        self.clock = VirtualClock()
        self.frames = 0
        self.complete = False
        self._stack_listeners: list[Callable[[tuple[float, ...]], None]] = []

    @classmethod
    def join(cls, role: str, device: object) -> Bench:
        """Put a device on the bench that is being assembled in this thread."""
        bench: Bench | None = getattr(_assembly, "bench", None)
        if bench is None or bench.complete or role in bench.devices:
            bench = cls()
            _assembly.bench = bench
        bench.devices[role] = device
        return bench

    def leave(self, role: str) -> None:
        """Take a device off; no other may take its place."""
        self.devices.pop(role, None)
        self.complete = True

    def begin(self, at_s: float) -> None:
        """Begin a session at a time."""
        self.clock.start(at_s)
        self.frames = 0

    def xy_um(self) -> tuple[float, float]:
        """Return the stage's position (x, y)."""
        stage = self.devices.get("xy")
        return stage.get_position_um() if stage else (0.0, 0.0)

    def z_um(self) -> float:
        """Return the height of the focus."""
        stage = self.devices.get("z")
        return float(stage.get_position_um()) if stage else 0.0

    def light(self) -> float:
        """Return the laser's power on the sample, 1 = nominal; 0 while its shutter is closed."""
        laser = self.devices.get("laser")
        return laser.power() if laser else 1.0

    def emission(self) -> str:
        """Return the emission filter in the path, in lower case."""
        wheel = self.devices.get("emission")
        return str(wheel.label()).lower() if wheel else "yellow"

    def trigger(self) -> None:
        """Pass the camera's end of exposure on to the devices that wait for it."""
        if stage := self.devices.get("z"):
            stage.trigger()

    def on_stack(self, listener: Callable[[tuple[float, ...]], None]) -> None:
        """Call ``listener`` with the heights when the z stage is armed for a stack."""
        self._stack_listeners.append(listener)

    def announce_stack(self, heights: tuple[float, ...]) -> None:
        """Tell that the z stage is armed for a stack."""
        for listener in self._stack_listeners:
            listener(heights)
