"""How far a running session is, in numbers and as a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running session says of itself: after each stack, and when it pauses or goes on."""

    stacks: int
    planned: int
    segmented: int
    waiting: int
    fps: float
    latency_s: float | None
    paused: str = ""

    def words(self) -> str:
        """Return it as a line."""
        if self.paused:
            return f"paused: {self.paused}"
        delay = "–" if self.latency_s is None else f"{self.latency_s:.1f} s"
        return (
            f"stack {self.stacks}/{self.planned}   {self.fps:.1f} fps   "
            f"masks {self.segmented}   delay {delay}   waiting {self.waiting}"
        )
