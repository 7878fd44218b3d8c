"""The simulated microscope's time."""

from __future__ import annotations

import time

MAX_LAG_S = 1.0
"""Real seconds by which the program may lag behind and then hurry."""


class VirtualClock:
    """A time that passes by exposures and waits alone, never by computing.

    Parameters
    ----------
    speedup : float
        Simulated seconds in a real one: 1 paces like a real microscope, 1000 lets a night pass in
        half a minute. Computing time counts towards the real time of the next exposures and waits.
    """

    def __init__(self, speedup: float = 1.0) -> None:
        self.speedup = speedup
        self._now = 0.0
        self._due = time.monotonic()

    def start(self, at_s: float) -> None:
        """Begin: the time is now ``at_s``."""
        self._now = at_s
        self._due = time.monotonic()

    def now(self) -> float:
        """Return the simulated time, s."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let simulated time pass, sleeping for what is left of it in real time."""
        self._due = max(self._due, time.monotonic() - MAX_LAG_S) + seconds / self.speedup
        left = self._due - time.monotonic()
        if left > 0:
            time.sleep(left)
        self._now += seconds

    def wait_until(self, at_s: float) -> None:
        """Let time pass until ``at_s``; returns at once if that is past."""
        if at_s > self._now:
            self.advance(at_s - self._now)
            self._now = at_s
