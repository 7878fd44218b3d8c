"""The thread that feeds the segmenter, beside the acquisition.

It takes stored stacks by the session's policy, sends them to the segmenter's process, journals what
came back, and starts the process again if it died. The acquisition never waits for either.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from livesr.errors import DiskFullError, LivesrError, ModelError, StorageError
from livesr.flow import Guest, GuestDiedError
from livesr.segmentation.engines import another
from livesr.session.segmenter import segmenter
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livesr.flow import Reply, StopToken, Waiting
    from livesr.pipeline import Patiently
    from livesr.segmentation.trust import Strangeness
    from livesr.session.job import Job
    from livesr.session.segmenter import Segmented
    from livesr.session.steering import Steering
    from livesr.session.warm import Warm
    from livesr.stacks import Task
    from livesr.storage.journal import Journal
    from livesr.storage.spool import Spool
    from livesr.storage.tables import RowLog
    from livesr.types import StackIndex

log = logging.getLogger(__name__)

_START_S = 1800.0
"""TensorRT may compile for minutes; the acquisition does not wait for it."""
_STACK_S = 900.0
_DEATHS = 4
"""Deaths in a row after which the segmenter is given up …"""
_DEATHS_AN_ENGINE = 2
"""… and after which its engine is replaced by the next best one."""
_WELL = 10
"""Stacks that went well, after which earlier deaths are forgotten: a night is long."""
_UNLIKE = (
    "%s is unlike what the package was trained on, its masks may be wrong: %s. "
    "Further stacks are flagged in the journal only"
)
_NO_TURN = "the session was stopped before its turn came"
_INTERRUPTIBLE_S = 0.2
"""Windows hands on no Ctrl-C within a wait, only between two."""


class Feeder:
    """The thread that feeds the segmenter and books what it says.

    Every stack ends here as exactly one of segmented live, segmented later, or failed with a
    reason.
    """

    def __init__(
        self,
        job: Job,
        *,
        spool: Spool,
        waiting: Waiting[Task],
        journal: Journal,
        measurements: RowLog,
        stop: StopToken,
        past: Mapping[StackIndex, bool],
        catch_up: bool,
        caught_up: Callable[[], None],
        steering: Steering | None = None,
        patiently: Patiently = lambda write, _what: write(),
        warm: Warm | None = None,
    ) -> None:
        self._patiently = patiently
        self._job = job
        self._warm = warm if warm is not None and warm.fits(job) else None
        self._spool = spool
        self._waiting = waiting
        self._journal = journal
        self._measurements = measurements
        self._stop = stop
        self._catch_up = catch_up
        self._caught_up = caught_up
        self._steering = steering
        self._ended_before = len(past)
        self._guest: Guest | None = None
        self._deaths = self._well = 0
        self._put_back: set[StackIndex] = set()
        self._stored_at = 0.0
        self.engine = ""
        self.live = [index for index, live in past.items() if live]
        self.later = [index for index, live in past.items() if not live]
        self.failed: list[StackIndex] = []
        self.flagged: list[StackIndex] = []
        self.latencies_s: list[float] = []
        self.seconds: list[dict[str, float]] = []
        self.error: LivesrError | None = None
        self._thread = threading.Thread(target=self._run, name="feed-segmenter")

    def start(self) -> None:
        """Start the thread, which starts the process; stacks wait until its engine is ready."""
        self._thread.start()

    def join(self) -> None:
        """Wait until every stack has ended one way or the other. Call after ``waiting.close``."""
        while self._thread.is_alive():
            self._thread.join(_INTERRUPTIBLE_S)

    @property
    def ended(self) -> int:
        """How many stacks have ended one way or the other in this run."""
        return len(self.live) + len(self.later) + len(self.failed) - self._ended_before

    def _run(self) -> None:
        try:
            self._start_guest()
            while not self._finished():
                task = self._waiting.take(timeout_s=0.2)
                if task is not None:
                    self._segment(task)
        except Exception as error:
            log.exception("feeding the segmenter ended")
            self.error = self.error or _as_error(error)
        finally:
            self._give_up_rest()
            if self._warm is not None and self._guest is not None:
                self._warm.take_back()
            elif self._guest is not None:
                self._guest.close()

    def _finished(self) -> bool:
        if self._guest is None or (self._waiting.closed and not self._catch_up):
            return True
        return self._waiting.closed and (self._stop.now or not len(self._waiting))

    def _start_guest(self) -> None:
        guest = self._new_guest()
        try:
            reply = self._answer(guest, _START_S)
        except GuestDiedError as error:
            guest.close(timeout_s=0)
            self._warm = None
            if not self._stop.now:
                self._book_death(str(error), None)
            return
        if reply.kind == "error":
            self.error = reply.value
            guest.close()
            self._journal.append(
                Event.FAULT, what="the segmenter cannot start", reason=self.error.what
            )
            return
        self._guest, self.engine = guest, reply.value["engine"]
        self._journal.append(Event.SEGMENTER_STARTED, **reply.value, pid=guest.pid)

    def _new_guest(self) -> Guest:
        """Return the process that waits for a session, or a new one."""
        if self._warm is not None:
            try:
                return self._warm.lend(self._job)
            except GuestDiedError as error:
                log.warning("the segmenter that was loaded before is gone: %s", error)
                self._warm = None
        return Guest(segmenter, self._job)

    def _segment(self, task: Task) -> None:
        try:
            reply = self._ask_patiently(task)
            if reply.kind == "engine failed":
                self._change_engine(task, *reply.value)
            elif reply.kind == "failed":
                self._fail(task.index, reply.value.what)
            else:
                self._book(task, reply.value)
        except GuestDiedError as error:
            if self._stop.now:
                self._dismiss_guest()
                self._fail(task.index, _NO_TURN)
            else:
                self._again_or_fail(task, str(error))
                self._book_death(str(error), task.index)
        except Exception as error:
            self._fail(task.index, _as_error(error).what)
            raise

    def _change_engine(self, task: Task, engine: str, error: LivesrError) -> None:
        """Go on with the next best engine in a new process: a lost card spoils the old one.

        An engine that was asked for by its name, or is the last one, is not replaced: the stack
        fails. A server is, by this machine's engines, unless the session says otherwise.
        """
        failed = (*self._job.without, engine)
        if not (self._job.replaceable and another(failed)):
            self._fail(task.index, error.what)
            return
        what = f"engine {engine} failed, the next best one takes over"
        self._journal.append(Event.FAULT, task.index, what=what, reason=error.what)
        log.error("%s: %s; the acquisition goes on", what, error.what)
        self._dismiss_guest()
        self._job = replace(self._job, without=failed)
        self._again_or_fail(task, error.what)
        self._start_guest()

    def _ask_patiently(self, task: Task) -> Reply:
        """Have one stack segmented; where the disk has no room for its masks, again later."""
        tasks = iter([task])

        def ask() -> Reply:
            reply = self._ask(next(tasks, replace(task, slot=None)))
            if reply.kind == "failed" and isinstance(reply.value, DiskFullError):
                raise reply.value
            return reply

        return self._patiently(ask, f"masks of {task.index}")

    def _ask(self, task: Task) -> Reply:
        """Have one stack segmented; its slot is given back as soon as the process has a copy."""
        assert self._guest is not None  # noqa: S101 - the loop ends when there is no guest
        slot, self._stored_at = task.slot, 0.0
        try:
            self._guest.send(task)
            reply = self._answer(self._guest)
            if reply.kind == "taken":
                self._release(slot)
                slot = None
                reply = self._answer(self._guest)
            if reply.kind == "stored":
                self._stored_at = time.monotonic()
                reply = self._answer(self._guest)
            return reply
        finally:
            self._release(slot)

    def _answer(self, guest: Guest, within_s: float = _STACK_S) -> Reply:
        """Wait for an answer, but no longer than a stop at once or the deadline allows."""
        deadline = time.monotonic() + within_s
        while not guest.answers(_INTERRUPTIBLE_S):
            if self._stop.now:
                raise GuestDiedError("stopped before it was done")
            if time.monotonic() > deadline:
                raise GuestDiedError(f"no answer within {within_s:.0f} s")
        return guest.receive(0)

    def _again_or_fail(self, task: Task, reason: str) -> None:
        """Let a stack wait once more, from OME-Zarr; the second time it is to blame."""
        if task.index in self._put_back:
            self._fail(task.index, f"it failed twice: {reason}")
        else:
            self._put_back.add(task.index)
            self._waiting.put_back(replace(task, slot=None))

    def _release(self, slot: int | None) -> None:
        if slot is not None:
            self._spool.release(slot)

    def _book(self, task: Task, result: Segmented) -> None:
        live = not self._waiting.closed and task.arrived is not None
        at = self._stored_at or time.monotonic()
        latency = None if task.arrived is None else round(at - task.arrived, 3)
        for row in result.rows:
            self._measurements.append({**row, "time_s": task.time_s})
        said: dict[str, object] = {
            "live": live,
            "latency_s": latency,
            "seconds": {name: round(s, 4) for name, s in result.seconds.items()},
            "engine": self.engine,
            **self._judged(task.index, result.strangeness),
        }
        name = f"masks of {task.index}"
        self._patiently(self._measurements.flush, name)
        self._patiently(
            lambda: self._journal.append(Event.STACK_SEGMENTED, task.index, **said), name
        )
        if result.trouble:
            what = "its objects could not be measured; livesr measure makes the tables again"
            self._journal.append(Event.FAULT, task.index, what=what, reason=result.trouble)
        if self._steering is not None:
            self._steering.segmented(task, result.cells, live=live)
        (self.live if live else self.later).append(task.index)
        if latency is not None:
            self.latencies_s.append(latency)
        self.seconds.append(result.seconds)
        self._well += 1
        if self._well >= _WELL:
            self._deaths = 0
        if not live:
            self._caught_up()

    def _judged(self, index: StackIndex, found: Strangeness | None) -> dict[str, object]:
        """Return what the journal keeps of how unlike the training a stack is; warn of the first.

        Empty where the package does not say what it was trained on.
        """
        if found is None:
            return {}
        if found.flags:
            if not self.flagged:
                log.warning(_UNLIKE, index, found.words)
            self.flagged.append(index)
        flags = [flag.as_dict() for flag in found.flags]
        return {"strangeness": round(found.score, 3), "flags": flags}

    def _fail(self, index: StackIndex, reason: str) -> None:
        if index in self.failed:
            return
        self.failed.append(index)
        try:
            self._journal.append(Event.STACK_FAILED, index, reason=reason)
        except StorageError as error:
            self.error = self.error or error
        log.error("%s was not segmented: %s", index, reason)

    def _dismiss_guest(self) -> None:
        """End the process at once: one that does not answer may still run."""
        if self._guest is not None:
            self._guest.close(timeout_s=0)
        self._guest = self._warm = None

    def _book_death(self, reason: str, index: StackIndex | None) -> None:
        """End what is left of the process, journal it, and start another unless each one dies."""
        self._dismiss_guest()
        self._deaths, self._well = self._deaths + 1, 0
        self._journal.append(
            Event.FAULT, index, what="the segmenter died", reason=reason, deaths=self._deaths
        )
        log.error("the segmenter died (%s); the acquisition goes on", reason)
        self._leave_engine()
        if self._deaths < _DEATHS and not self._stop.now:
            self._stop.wait(min(2.0**self._deaths, 30.0))
            self._start_guest()

    def _leave_engine(self) -> None:
        """Take the next best engine for the next process, if this one's died too often."""
        failed = (*self._job.without, self.engine)
        often = self._deaths % _DEATHS_AN_ENGINE == 0
        if often and self.engine and self._job.replaceable and another(failed):
            self._job = replace(self._job, without=failed)
            what = f"engine {self.engine} died {self._deaths} times, the next best one takes over"
            self._journal.append(Event.FAULT, what=what)
            log.error("%s", what)

    def _give_up_rest(self) -> None:
        """Wait for the end of the acquisition, then say why what is left got no masks."""
        while not self._waiting.closed:
            self._drop(self._waiting.take(timeout_s=0.2))
        for task in self._waiting.drain():
            self._drop(task)

    def _drop(self, task: Task | None) -> None:
        if task is None:
            return
        self._release(task.slot)
        if self.error is not None:
            self._fail(task.index, self.error.what)
        elif self._stop.now:
            self._fail(task.index, _NO_TURN)
        elif self._guest is None:
            self._fail(task.index, f"the segmenter died {self._deaths} times")
        else:
            self._fail(task.index, "segmentation.catch_up is off and it could not be done live")


def _as_error(error: Exception) -> LivesrError:
    """Return what a user is told of an error that nobody expected."""
    if isinstance(error, LivesrError):
        return error
    return ModelError(
        f"segmentation met an internal error: {type(error).__name__}: {error}",
        where="feeding the segmenter",
        fix="raw is stored; report it with the session's log.jsonl",
    )
