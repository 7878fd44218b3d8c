"""Stacks on their way through the acquisition: one that arrives, and one that waits for masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livesr.ordered import Followed
    from livesr.storage.slot import Slot
    from livesr.types import Frame, StackIndex


@dataclass(slots=True)
class OpenStack:
    """A stack whose frames are arriving: the pages of the spool, and which frames are still due."""

    index: StackIndex
    slot: Slot
    due: set[tuple[int, int]]
    frames: list[Frame]
    arrived: float = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """A stored stack that waits for its masks. ``slot`` is None once it left the spool."""

    index: StackIndex
    time_s: float
    followed: Followed
    arrived: float
    slot: int | None
