"""Every input, one after the other or several at once, and how it all ended."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livesr.errors import LivesrError
from livesr.offline.inputs import check_readable
from livesr.offline.one import OneInput
from livesr.offline.output import check_same_work, is_begun, open_output
from livesr.offline.settings import session_of
from livesr.offline.sources import open_stacks
from livesr.session.planning import plan_on
from livesr.session.result import INCOMPLETE, SessionResult
from livesr.storage.folder import JOURNAL_FILE
from livesr.storage.journal import Event, read_journal
from livesr.storage.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from livesr.config import Session
    from livesr.flow import StopToken
    from livesr.offline.hands import Hands
    from livesr.offline.inputs import Input
    from livesr.offline.settings import Wishes

log = logging.getLogger(__name__)

_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Report:
    """How an input ended.

    Attributes
    ----------
    one : Input
    folder : Path
        Of its masks.
    result : SessionResult or None
        None where it was done before, or never began.
    counts : mapping of str to int
        ``stacks``, ``segmented_later``, ``failed``.
    error : LivesrError or None
        Why it ended early, or never began.
    """

    one: Input
    folder: Path
    result: SessionResult | None = None
    counts: dict[str, int] = field(default_factory=dict)
    error: LivesrError | None = None
    planned: int = 0

    @property
    def complete(self) -> bool:
        """Whether every stack of it has masks."""
        return self.error is None and self.counts.get("segmented_later", 0) == self.planned > 0

    def as_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints of it."""
        done = {"stacks": 0, "segmented_later": 0, "failed": 0, **self.counts}
        own = self.result.as_dict() if self.result else done
        return {
            **own,
            "input": str(self.one.path),
            "session": str(self.folder),
            "planned": self.planned,
            "complete": self.complete,
            "done_before": self.result is None and self.error is None,
            "error": self.error.as_dict() if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it all is."""

    inputs: int
    of_inputs: int
    name: str
    stacks: int
    of_stacks: int
    failed: int

    def words(self) -> str:
        """Return it as a line."""
        trouble = f"   not complete {self.failed}" if self.failed else ""
        return (
            f"input {self.inputs}/{self.of_inputs}   {self.name}: "
            f"stack {self.stacks}/{self.of_stacks}{trouble}"
        )


def process(
    inputs: Sequence[Input],
    wishes: Wishes,
    out: Path,
    hands: Hands,
    *,
    stop: StopToken,
    progress: Callable[[Progress], None] = lambda _: None,
) -> list[Report]:
    """Segment recordings into ``out``, a folder each; what is done already is not done again.

    Parameters
    ----------
    inputs : sequence of Input
        From `find_inputs`.
    wishes : Wishes
    out : Path
    hands : Hands
        Who does it; closed by the caller.
    stop : StopToken
        Ends it after the stacks that are under way.
    progress : callable
        Told after each stack.

    Returns
    -------
    list of Report
        One for each input: an error of one stops no other.
    """
    return _All(inputs, wishes, out, hands, stop, progress).run()


class _All:
    """Several inputs under way at once, so that no hand waits for the last stack of one."""

    def __init__(
        self,
        inputs: Sequence[Input],
        wishes: Wishes,
        out: Path,
        hands: Hands,
        stop: StopToken,
        progress: Callable[[Progress], None],
    ) -> None:
        self._inputs, self._wishes, self._out = inputs, wishes, out
        self._hands, self._stop, self._progress = hands, stop, progress
        self._open: dict[str, tuple[Input, OneInput, ExitStack]] = {}
        self._reports: dict[str, Report] = {}

    def run(self) -> list[Report]:
        waiting = iter(self._inputs)
        more = True
        try:
            while more or self._open:
                while more and len(self._open) < self._hands.inputs and not self._stop.stopping:
                    one = next(waiting, None)
                    more = one is not None
                    if one is not None:
                        self._begin(one)
                more = more and not self._stop.stopping
                self._step()
        finally:
            for _, _, opened in self._open.values():
                opened.close()
        return [self._reports.get(one.name) or self._not_begun(one) for one in self._inputs]

    def _begin(self, one: Input) -> None:
        folder = self._out / one.name
        try:
            check_readable(one)
            session = session_of(one, self._wishes)
            known = done_before(session, one, folder)
            if known is not None:
                self._reports[one.name] = known
                return
            with ExitStack() as opened:
                stacks = open_stacks(session)
                opened.callback(stacks.close)
                plan = plan_on(session, stacks.source)
                resumed = (folder / JOURNAL_FILE).is_file()
                output = opened.enter_context(open_output(plan, folder))
                under_way = OneInput(plan, stacks, output, self._hands)
                under_way.begin(resumed=resumed)
                self._open[under_way.work.folder] = one, under_way, opened.pop_all()
        except LivesrError as error:
            log.error("%s: %s", one.path, error.what)  # noqa: TRY400 - its text is the message
            self._reports[one.name] = Report(one, folder, error=error)

    def _step(self) -> None:
        """Hand out work, take in what is done, and close inputs that are over."""
        for _, under_way, _ in self._open.values():
            if not self._stop.stopping:
                under_way.go_on()
        if any(not under_way.idle for _, under_way, _ in self._open.values()):
            for done in self._hands.wait(_TICK_S):
                if done.folder in self._open:
                    one, under_way, _ = self._open[done.folder]
                    under_way.book(done)
                    self._tell(one, under_way)
        for folder, (one, under_way, opened) in list(self._open.items()):
            left = self._stop.stopping and (under_way.idle or self._stop.now)
            if under_way.is_over or left:
                result = under_way.close(stopped=self._stop.reason, signal=self._stop.signal)
                opened.close()
                del self._open[folder]
                self._reports[one.name] = _report(one, result)

    def _tell(self, one: Input, under_way: OneInput) -> None:
        stacks, of_stacks = under_way.progress
        bad = sum(not report.complete for report in self._reports.values())
        number = len(self._reports) + 1
        self._progress(Progress(number, len(self._inputs), one.name, stacks, of_stacks, bad))

    def _not_begun(self, one: Input) -> Report:
        error = LivesrError(
            "it was stopped before its turn came",
            where=str(one.path),
            fix="give the same command again: it goes on where it stopped",
        )
        return Report(one, self._out / one.name, error=error)


def done_before(session: Session, one: Input, folder: Path) -> Report | None:
    """Return the report of an input that has all its masks already; None if anything is missing.

    Only the books are read, so that a thousand inputs that are done take seconds. An input that
    may still grow, a session, is looked at again.

    Raises
    ------
    LivesrError
        If the output is of another recording, of other masks, or damaged.
    """
    if not is_begun(folder) or not (folder / JOURNAL_FILE).is_file():
        return None
    check_same_work(session, folder)
    entries = read_journal(folder / JOURNAL_FILE)
    ledger = Ledger()
    ledger.update(entries)
    finished = [entry for entry in entries if entry["event"] == Event.SESSION_FINISHED]
    planned = int(finished[-1].get("planned") or 0) if finished else 0
    whole = ledger.finished and len(ledger.segmented) == len(ledger.stored) == planned > 0
    if not whole or (one.is_session and _grown(one.path, planned)):
        return None
    counts = {"stacks": planned, "segmented_later": planned, "failed": 0}
    return Report(one, folder, None, counts, None, planned)


def _grown(session: Path, planned: int) -> bool:
    ledger = Ledger()
    ledger.update(read_journal(session / JOURNAL_FILE))
    return len(ledger.stored) != planned


def _report(one: Input, result: SessionResult) -> Report:
    outcome = result.outcome
    counts = {
        "stacks": len(outcome.stored),
        "segmented_later": len(outcome.later),
        "failed": len(outcome.failed),
    }
    return Report(one, result.folder, result, counts, result.error, result.planned)


def exit_code(reports: Sequence[Report], signal: int) -> int:
    """Return the exit code: of a single input its own error's, else 6 if any is not complete."""
    if signal:
        return 128 + signal
    if all(report.complete for report in reports):
        return 0
    error = reports[0].error
    if len(reports) == 1 and error is not None:
        return error.exit_code
    return INCOMPLETE
