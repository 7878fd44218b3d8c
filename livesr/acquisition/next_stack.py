"""What the source asks before each stack: how far beside its plan the focus shall be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livesr.acquisition.plan import PlannedStack
    from livesr.types import StackIndex

ZOffset = Callable[["StackIndex", float], float]
"""Takes the stack that begins now and the session's time, s; returns µm to add to its heights."""


class NextStack:
    """Hands the source's question on to whoever answers it; nobody at first.

    The session makes it before the source is opened, and the run says later who answers.
    """

    def __init__(self) -> None:
        self._z_offset: ZOffset | None = None

    def ask_z_offset(self, answer: ZOffset) -> None:
        """Let ``answer`` say where the next stacks lie; it is called in the source's thread."""
        self._z_offset = answer

    def z_offset_um(self, index: StackIndex, time_s: float) -> float:
        """Return how far above its plan a stack shall be taken, µm of the stage."""
        return self._z_offset(index, time_s) if self._z_offset else 0.0


def allowed_offset(
    stack: PlannedStack, offset_um: float, limits_um: tuple[float, float] | None
) -> float:
    """Return the part of an offset with which all heights of a stack stay within limits, µm."""
    heights = [event.z_pos for event in stack.events if event.z_pos is not None]
    if limits_um is None or not heights:
        return offset_um
    lowest, highest = min(limits_um[0] - min(heights), 0.0), max(limits_um[1] - max(heights), 0.0)
    return min(max(offset_um, lowest), highest)
