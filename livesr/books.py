"""What became of every stack, as the acquisition journals it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from livesr.acquisition.troubles import Outcome
from livesr.errors import StorageError
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from livesr.acquisition.troubles import FaultReport
    from livesr.ordered import Followed
    from livesr.stacks import OpenStack
    from livesr.storage.journal import Journal
    from livesr.storage.spool import Spool
    from livesr.types import StackIndex

log = logging.getLogger(__name__)

_LATE_S = 0.5


class Books:
    """Which stacks are stored, which failed, and how many frames were lost.

    Parameters
    ----------
    journal : Journal
    stored : list of StackIndex
        Filled: what stands in OME-Zarr.
    frames : callable
        How many a whole stack of an image has.

    Attributes
    ----------
    faults : dict
        Faults of the hardware: {kind: {outcome: how often}}.
    """

    def __init__(
        self, journal: Journal, stored: list[StackIndex], frames: Callable[[int], int]
    ) -> None:
        self._journal = journal
        self._frames = frames
        self.stored = stored
        self.failed: list[StackIndex] = []
        self.frames_lost = 0
        self.misfit: list[str] = []
        self.faults: dict[str, dict[str, int]] = {}
        self._owed: list[tuple[str, StackIndex | None, float, dict[str, object]]] = []
        self._lock = threading.Lock()

    def note(self, event: str, index: StackIndex | None = None, **fields: object) -> None:
        """Journal what may wait: what a full disk does not take comes before the next note.

        Such a line says ``late_s``, how long it waited.
        """
        with self._lock:
            self._owed.append((event, index, time.monotonic(), fields))
        try:
            self.settle()
        except StorageError as error:
            log.warning("%s", error.what)

    def settle(self) -> None:
        """Journal what waits.

        Raises
        ------
        StorageError
            If the disk does not take it yet.
        """
        with self._lock:
            while self._owed:
                event, index, since, fields = self._owed[0]
                late_s = time.monotonic() - since
                late = {"late_s": round(late_s, 3)} if late_s > _LATE_S else {}
                self._journal.append(event, index, **fields, **late)
                self._owed.pop(0)

    def stored_now(self, stack: OpenStack, followed: Followed, channels: Sequence[str]) -> None:
        """Journal that a stack is durable, and the values that it got."""
        self._journal.append(
            Event.STACK_STORED,
            stack.index,
            time_s=stack.time_s,
            frames=len(stack.frames) or len(stack.salvaged),
            store_s=round(stack.store_s, 4),
            stored_bytes=stack.stored_bytes,
            light_ms=round(stack.light_ms, 3),
            **({"attempt": stack.attempt} if stack.attempt else {}),
            **({"focus": dict(stack.focus)} if stack.focus else {}),
            **followed.journalled(channels),
        )
        self.stored.append(stack.index)

    def misfits(self, index: StackIndex, news: Iterable[str]) -> None:
        """Log and journal what says that the calibration no longer fits."""
        for what in news:
            log.warning("%s: %s", index, what)
            self.note(Event.CALIBRATION_MISFIT, index, what=what)
            self.misfit.append(what)

    def beyond_focus(self, index: StackIndex, news: Iterable[str]) -> None:
        """Log and journal that the focus cannot be followed any further."""
        for what in news:
            log.warning("%s: %s", index, what)
            self.note(Event.FAULT, index, what=what)

    def has_holes(self, stack: OpenStack) -> None:
        """Journal which frames never came; a stack with holes gets no masks."""
        lost = [{"c": c, "z": z} for c, z in sorted(stack.due)]
        self.frames_lost += len(lost)
        self.note(Event.FRAMES_LOST, stack.index, count=len(lost), frames=lost)
        self.failed.append(stack.index)
        self.note(Event.STACK_FAILED, stack.index, reason=f"{len(lost)} of its frames were lost")

    def missed(self, index: StackIndex) -> None:
        """Journal a stack whose time passed while the session was down."""
        self._fail(index, "the session was down when it was due")

    def fault(self, report: FaultReport) -> None:
        """Journal and count a fault of the hardware, and what was done about it.

        A stack that is skipped without a frame is failed here; one that has some is stored, and
        failed then.
        """
        trouble, outcome = report.trouble, report.outcome
        said = f"{trouble.kind}, device {trouble.device or 'unknown'}: {trouble.what}"
        log.warning("%s, try %d: %s; %s", report.index, report.attempt, said, outcome)
        self._journal.append(Event.FAULT, report.index, **report.journalled())
        counts = self.faults.setdefault(str(trouble.kind), {})
        counts[str(outcome)] = counts.get(str(outcome), 0) + 1
        if outcome is Outcome.SKIPPED and not report.frames:
            self._none_came(report.index, f"none of its frames came ({said})")

    def _none_came(self, index: StackIndex, reason: str) -> None:
        frames = self._frames(index.image)
        self.frames_lost += frames
        self._journal.append(Event.FRAMES_LOST, index, count=frames, reason=reason)
        self._fail(index, reason)

    def waited(self, index: StackIndex, seconds: float) -> None:
        """Journal that the camera had to wait for the disk."""
        what = "the disk was behind the camera, the next stack waited"
        self.note(Event.FAULT, index, what=what, waited_s=round(seconds, 3))

    def absent(self, spool: Spool, planned: Iterable[StackIndex]) -> None:
        """Journal the stacks that are not stored, once the acquisition is over.

        After an error those that the spool still holds; and of those that were ``planned`` and
        should be there those of which no frame came.
        """
        self.settle()
        known = {*self.stored, *self.failed}
        for slot in spool.held():
            if slot.index is not None and slot.index not in known:
                self._fail(slot.index, "it could not be stored; the spool keeps its frames")
                known.add(slot.index)
        for index in planned:
            if index not in known:
                self._none_came(index, "none of its frames came")

    def _fail(self, index: StackIndex, reason: str) -> None:
        self.failed.append(index)
        self._journal.append(Event.STACK_FAILED, index, reason=reason)
