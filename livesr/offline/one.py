"""One input on its way: what is taken next, followed in order, journalled, and what is missing."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from livesr import __version__
from livesr.acquisition.images import Images
from livesr.config import dump_session
from livesr.errors import LivesrError, StorageError
from livesr.offline.shop import Masked, Taken, Work
from livesr.ordered import Followed, Followers
from livesr.session.result import Outcome, SessionResult
from livesr.session.summary import summary_of
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.offline.hands import Done, Hands
    from livesr.offline.output import Output
    from livesr.offline.sources import Stacks
    from livesr.session.plan import Plan
    from livesr.types import StackIndex

log = logging.getLogger(__name__)

_AHEAD = 3
"""Stacks that are under way for each that is worked on: read while others are segmented."""


class OneInput:
    """The books of one input; the only writer of its journal and tables.

    Stacks come back in any order. Those that were taken wait until all before them were, since
    each one's values depend on the stacks before; then they are journalled as stored and given
    back for their masks.

    Parameters
    ----------
    plan : Plan
    stacks : Stacks
    output : Output
    hands : Hands
    """

    def __init__(self, plan: Plan, stacks: Stacks, output: Output, hands: Hands) -> None:
        self._plan, self._stacks, self._output, self._hands = plan, stacks, output, hands
        self.work = Work(dump_session(plan.session), str(output.folder.absolute()))
        past = output.past
        self._stored = list(past.stored)
        self._earlier = [i for i in past.stored if i in past.segmented]
        self._made: list[StackIndex] = []
        self._failed: list[StackIndex] = []
        self._engine = ""
        self.error: LivesrError | None = None
        self._began = time.monotonic()
        self._followed: dict[StackIndex, Followed] = dict(past.followed)
        self._followers = self._follow_again()
        done = set(past.stored)
        self._to_take = deque(index for index in stacks.order if index not in done)
        self._in_order = deque(self._to_take)
        self._came: dict[StackIndex, Taken | LivesrError] = {}
        self._to_mask = deque((index, "") for index in stacks.order if self._lacks_masks(index))
        self._out: set[StackIndex] = set()
        self._seconds: list[Mapping[str, float]] = []
        self._flagged: list[StackIndex] = []

    @property
    def is_over(self) -> bool:
        """Whether every stack ended one way or the other, or an error ended them all."""
        nothing = not (self._to_take or self._to_mask or self._came)
        return not self._out and (nothing or self.error is not None)

    @property
    def idle(self) -> bool:
        """Whether nothing of it is under way."""
        return not self._out

    def begin(self, *, resumed: bool) -> None:
        """Journal the beginning."""
        what = {"livesr": __version__, **summary_of(self._plan), "offline": True}
        event = Event.SESSION_RESUMED if resumed else Event.SESSION_STARTED
        self._output.journal.append(event, None, **what)
        for warning in self._plan.warnings:
            log.warning("%s", warning)
        self._hands.begin(self.work, self._plan, self._stacks)

    def go_on(self) -> None:
        """Give work to hands that are free: masks first, so that nothing piles up."""
        while not self.error and len(self._out) < self._hands.slots * _AHEAD:
            if self._to_mask:
                index, where = self._to_mask.popleft()
                followed = self._followed[index]
                self._out.add(index)
                time_s = self._stacks.time_s(index)
                self._hands.masks(self.work, index, time_s, followed, where)
            elif self._to_take and len(self._came) < self._hands.slots * _AHEAD:
                index = self._to_take.popleft()
                self._out.add(index)
                self._hands.take(self.work, index, estimate=not self._stacks.followed)
            else:
                return

    def book(self, done: Done) -> None:
        """Take in what came of a stack.

        An error of the disk that the books stand on ends the input; one of a stack costs that
        stack.
        """
        self._out.discard(done.index)
        try:
            if isinstance(done.result, Masked):
                self._segmented(done.index, done.result)
            elif done.index in self._followed:
                self._fail(done.index, done.result)
            else:
                self._came[done.index] = done.result
                self._in_turn()
        except StorageError as error:
            self.error = self.error or error

    def close(self, *, stopped: str, signal: int) -> SessionResult:
        """Journal the end and return how it went."""
        result = self._result(stopped, signal)
        try:
            self._output.journal.append(Event.SESSION_FINISHED, None, **result.journalled())
        except StorageError as error:
            result = result.with_error(error)
        self._hands.end(self.work)
        return result

    @property
    def progress(self) -> tuple[int, int]:
        """How many stacks have ended, and of how many."""
        over = len(self._earlier) + len(self._made) + len(self._failed)
        return over, len(self._stacks.order)

    def _lacks_masks(self, index: StackIndex) -> bool:
        past = self._output.past
        return index in past.followed and index not in past.segmented and index not in past.holes

    def _follow_again(self) -> Followers:
        """Return the followers as what is stored left them: values do not depend on pauses."""
        plan, known = self._plan, self._output.estimates
        followers = Followers(
            plan.info, Images(plan.info), plan.followed, None, plan.camera.correction
        )
        for index, estimate in known.items():
            followers.follow(index, estimate)
        return followers

    def _in_turn(self) -> None:
        """Journal the stacks whose turn it is, and send them for their masks."""
        while self._in_order and self._in_order[0] in self._came:
            index = self._in_order.popleft()
            came = self._came.pop(index)
            if isinstance(came, LivesrError):
                self._fail(index, came)
            else:
                self._store(index, came)

    def _store(self, index: StackIndex, taken: Taken) -> None:
        estimate = taken.estimate
        if estimate is None:
            followed = self._stacks.followed[index]
        else:
            followed = self._followers.follow(index, estimate)
        for row in self._stacks.rows(index):
            self._output.planes.append(row)
        self._output.planes.flush()
        said = {} if estimate is None else {"estimate": estimate.journalled()}
        self._output.journal.append(
            Event.STACK_STORED,
            index,
            time_s=self._stacks.time_s(index),
            store_s=round(taken.store_s, 4),
            stored_bytes=taken.stored_bytes,
            **followed.journalled(self._plan.info.channels),
            **said,
        )
        self._output.images[index.image].show(taken.windows)
        self._followed[index] = followed
        self._stored.append(index)
        hole = self._stacks.holes.get(index)
        if hole:
            self._output.journal.append(Event.FRAMES_LOST, index, count=0, reason=hole)
            self._fail_for(index, hole)
        else:
            self._to_mask.append((index, taken.where))

    def _segmented(self, index: StackIndex, masked: Masked) -> None:
        found, output = masked.found, self._output
        engine = str(masked.engine.get("engine", ""))
        if engine != self._engine:
            output.journal.append(Event.SEGMENTER_STARTED, None, **masked.engine)
            self._engine = engine
        time_s = self._stacks.time_s(index)
        for row in found.rows:
            output.measurements.append({**row, "time_s": time_s})
        output.measurements.flush()
        judged: dict[str, object] = {}
        if found.strangeness is not None:
            flags = [flag.as_dict() for flag in found.strangeness.flags]
            judged = {"strangeness": round(found.strangeness.score, 3), "flags": flags}
            self._flagged += [index] if flags else []
        output.journal.append(
            Event.STACK_SEGMENTED,
            index,
            live=False,
            latency_s=None,
            seconds={name: round(s, 4) for name, s in found.seconds.items()},
            engine=engine,
            **judged,
        )
        self._made.append(index)
        self._seconds.append(found.seconds)

    def _fail(self, index: StackIndex, error: object) -> None:
        what = error.what if isinstance(error, LivesrError) else str(error)
        if isinstance(error, StorageError) and str(self._output.folder) in error.where:
            self.error = self.error or error  # the output's own disk: no stack would fare better
            return
        self._fail_for(index, what)

    def _fail_for(self, index: StackIndex, reason: str) -> None:
        self._failed.append(index)
        self._output.journal.append(Event.STACK_FAILED, index, reason=reason)
        log.error("%s, %s: %s", self._output.folder.name, index, reason)

    def _result(self, stopped: str, signal: int) -> SessionResult:
        z = self._plan.info.shape[1]
        took_s = time.monotonic() - self._began
        judged = self._plan.judged
        return SessionResult(
            folder=self._output.folder,
            outcome=Outcome(
                stored=self._stored,
                live=[],
                later=[*self._earlier, *self._made],
                failed=self._failed,
            ),
            planned=len(self._stacks.order),
            frames=len(self._stored) * z,
            frames_lost=0,
            fps=len(self._made) * z / took_s if took_s > 0 else 0.0,
            latencies_s=[],
            seconds=self._seconds,
            engine=self._engine,
            error=self.error,
            stopped=stopped,
            signal=signal,
            flagged=self._flagged if judged else None,
        )
