"""What storing costs, stack by stack: how fast the disk is, and whether its room will last."""

from __future__ import annotations

import logging
from collections import deque
from statistics import median
from typing import TYPE_CHECKING

from livesr.storage.journal import Event
from livesr.storage.space import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.session.room import Room
    from livesr.stacks import OpenStack

log = logging.getLogger(__name__)

_WINDOW = 6
"""Stacks that are looked at for slowness."""
_BUSY = 0.95
"""A disk that works so much of the time is behind: the spool fills, then the camera waits."""
_TYPICAL = 0.2
"""Masks, rows and the like take so much of what they take at most (`livesr.storage.space`)."""
_MB = 1e6


class DiskWatch:
    """Watches the storing of stacks; works in the storing thread.

    Parameters
    ----------
    room : Room
    raw : int
        Bytes of a stack before compression.
    note : callable
        Journals.
    slots : int
        Stacks that the spool holds.
    paced : bool
        False where stacks come as fast as they are taken: no disk is too slow for these.
    """

    def __init__(
        self, room: Room, raw: int, note: Callable[..., None], *, slots: int, paced: bool
    ) -> None:
        self._slots = slots
        self._paced = paced
        self._room = room
        self._raw = raw
        self._note = note
        self._seconds: list[float] = []
        self._recent: deque[tuple[float, float]] = deque(maxlen=_WINDOW)
        self._stored = 0
        self._slow = self._short = False

    def stored(self, stack: OpenStack, took_s: float, *, left: int, behind: int) -> None:
        """Look at a stack that was stored just now.

        Parameters
        ----------
        stack : OpenStack
        took_s : float
            All that storing it took.
        left : int
            Stacks that are not stored yet.
        behind : int
            Those of them that began already.
        """
        self._seconds.append(max(stack.store_s, 1e-6))
        self._stored += stack.stored_bytes
        self._recent.append((stack.arrived, took_s))
        if self._paced and behind >= max(self._slots // 2, 2):
            self._watch_speed()
        self._watch_room(left)

    def summary(self) -> dict[str, object]:
        """Return what the result keeps: rates are of raw before compression, MB/s."""
        rates = [self._raw / seconds / _MB for seconds in self._seconds]
        raw = self._raw * len(rates)
        return {
            "mb_per_s": round(median(rates), 1) if rates else None,
            "slowest_mb_per_s": round(min(rates), 1) if rates else None,
            "stored_bytes": self._stored,
            "compression": round(raw / self._stored, 3) if self._stored else None,
            "slower_than_camera": self._slow,
        }

    def _watch_speed(self) -> None:
        """Warn once if storing takes as long as the stacks are apart."""
        if self._slow or len(self._recent) < _WINDOW:
            return
        arrivals = [arrived for arrived, _ in self._recent]
        apart_s = (arrivals[-1] - arrivals[0]) / (_WINDOW - 1)
        takes_s = median(took for _, took in self._recent)
        if takes_s < _BUSY * apart_s:
            return
        self._slow = True
        what = (
            f"the disk is slower than the camera: storing takes {takes_s:.2f} s a stack "
            f"({self._raw / takes_s / _MB:.0f} MB/s before compression), one comes every "
            f"{apart_s:.2f} s; the spool fills, then the camera waits"
        )
        log.warning("%s", what)
        self._note(Event.DISK, what=what, mb_per_s=round(self._raw / takes_s / _MB, 1))

    def _watch_room(self, left: int) -> None:
        """Warn when the room will not last for what is left, and again after it did meanwhile."""
        beside = max(self._room.stack - self._raw, 0)
        each = self._stored / len(self._seconds) + _TYPICAL * beside
        needed, free = left * each, self._room.free() - self._room.floor
        if free >= needed:
            self._short = False
        elif not self._short:
            self._short = True
            fit = max(int(free / each), 0)
            what = (
                f"the disk will not last: {left} stacks are left and need about "
                f"{in_words(needed)}, there is room for {fit} ({in_words(max(free, 0))} above "
                "what stays free)"
            )
            log.warning("%s", what)
            self._note(
                Event.DISK,
                what=what,
                free_bytes=self._room.free(),
                needed_bytes=int(needed),
                stacks_left=left,
                stacks_that_fit=fit,
            )
