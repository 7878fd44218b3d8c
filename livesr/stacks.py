"""Stacks on their way through the acquisition: one that arrives, and one that waits for masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.ordered import Followed
    from livesr.storage.slot import Slot
    from livesr.types import Frame, StackIndex


@dataclass(slots=True)
class OpenStack:
    """A stack whose frames are arriving: the pages of the spool, and which frames are still due.

    Of one that an interrupted session left in the spool nothing is known of its frames but which
    they were: ``salvaged``, (c, z).
    ``arrived`` is when its last frame came; ``store_s`` and ``stored_bytes`` are what its raw took
    of the disk's time and room, once it is stored.
    ``attempt`` is the try at it that they are of, from 0. ``focus`` is what is journalled of the
    focus; empty where nobody holds or follows it.
    """

    index: StackIndex
    slot: Slot
    due: set[tuple[int, int]]
    frames: list[Frame]
    arrived: float = 0.0
    attempt: int = 0
    store_s: float = 0.0
    stored_bytes: int = 0
    salvaged: frozenset[tuple[int, int]] = frozenset()
    focus: Mapping[str, object] = field(default_factory=dict)

    @property
    def light_ms(self) -> float:
        """Exposure of its frames together."""
        return sum(frame.exposure_ms for frame in self.frames)

    @property
    def time_s(self) -> float:
        """Start of its first exposure."""
        return self.frames[0].time_s if self.frames else self.slot.time_s


@dataclass(frozen=True, slots=True)
class Task:
    """A stored stack that waits for its masks.

    ``slot`` is None once it left the spool; ``arrived`` is None for one that an interrupted
    session left. Of one that was ``retaken`` the spool had other planes for a while.
    """

    index: StackIndex
    time_s: float
    followed: Followed
    arrived: float | None
    slot: int | None
    retaken: bool = False
