"""The session's clock: real, or the simulated microscope's.

All times of a session are seconds since it began. A simulated microscope keeps a time of its own,
so that a night passes in minutes; it tells and takes it as a device property, so the loop needs to
know nothing else of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

    from livesr.flow import StopToken

TIME_PROPERTY = "SessionTime-s"
"""Property of a device that keeps the session's time: reading tells the time, setting waits."""
START_PROPERTY = "SessionStart-s"
"""Property of that device that, set, begins a session at a time."""
SPEED_PROPERTY = "Speedup"
"""Property of that device: session seconds that pass in a real one."""
_SLICE_S = 0.1
"""Real seconds that a wait may go on after a stop was asked for."""


class Clock(Protocol):
    """What tells the session's time and waits on it."""

    def start(self, at_s: float) -> None:
        """Begin: the time is now ``at_s``."""

    def now(self) -> float:
        """Return the session's time, s."""

    def approach(self, at_s: float, stop: StopToken) -> bool:
        """Wait for a time, a tenth of a real second at most; return False if it shall stop."""

    def wait_until(self, at_s: float, stop: StopToken) -> bool:
        """Wait for a time; return False if the session shall stop before it."""


class RealClock:
    """The computer's monotonic clock."""

    def __init__(self) -> None:
        self._zero = time.monotonic()

    def start(self, at_s: float) -> None:
        """Begin: the time is now ``at_s``."""
        self._zero = time.monotonic() - at_s

    def now(self) -> float:
        """Return the session's time, s."""
        return time.monotonic() - self._zero

    def wait_until(self, at_s: float, stop: StopToken) -> bool:
        """Wait for a time; return False if the session shall stop before it."""
        while (left := at_s - self.now()) > 0 and not stop.stopping:
            stop.wait(left)
        return not stop.stopping

    def approach(self, at_s: float, stop: StopToken) -> bool:
        """Wait for a time, a tenth of a second at most; return False if it shall stop."""
        return self.wait_until(min(at_s, self.now() + _SLICE_S), stop)


class DeviceClock:
    """A clock that is a property of a Micro-Manager device."""

    def __init__(self, core: CMMCorePlus, device: str) -> None:
        self._core = core
        self._device = device

    def start(self, at_s: float) -> None:
        """Begin: the time is now ``at_s``."""
        self._core.setProperty(self._device, START_PROPERTY, at_s)

    def now(self) -> float:
        """Return the session's time, s."""
        return float(self._core.getProperty(self._device, TIME_PROPERTY))

    def wait_until(self, at_s: float, stop: StopToken) -> bool:
        """Wait for a time; return False if the session shall stop before it."""
        while self.now() < at_s and self.approach(at_s, stop):
            pass
        return not stop.stopping

    def approach(self, at_s: float, stop: StopToken) -> bool:
        """Wait for a time, a tenth of a real second at most; return False if it shall stop."""
        step = _SLICE_S * float(self._core.getProperty(self._device, SPEED_PROPERTY))
        now = self.now()
        if now < at_s and not stop.stopping:
            self._core.setProperty(self._device, TIME_PROPERTY, min(at_s, now + step))
        return not stop.stopping


def session_clock(core: CMMCorePlus) -> Clock:
    """Return the clock of the loaded devices if one keeps the session's time, or the real one."""
    for device in core.getLoadedDevices():
        if core.hasProperty(device, TIME_PROPERTY):
            return DeviceClock(core, device)
    return RealClock()
