"""What the source asks before each stack: how far beside its plan the focus shall be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
