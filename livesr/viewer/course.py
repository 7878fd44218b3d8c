"""The course of a session over time, from its journal: stages of cells, decisions, notes, faults.

The stages are what the session's own decoder believed: it is fed again with what the journal says
that it was told, and so says the same. No Qt.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from livesr.storage.journal import Event
from livesr.storage.ledger import stack_of
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livesr.analysis.mitosis.decoder import MitosisDecoder
    from livesr.types import CellState

log = logging.getLogger(__name__)

MarkKind: TypeAlias = Literal["decision", "shadow", "event", "note", "fault", "odd", "pause"]
MOST_MARKS = 2000
"""Marks that are kept, the newest."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stage that a cell was in, from and to a session time, s."""

    stage: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Life:
    """A cell as the decoder followed it.

    Attributes
    ----------
    position, cell : int
    parent : int
        The cell that it came from; 0 if none is known.
    stretches : tuple of Stretch
        One after the other.
    probability : float
        Of the last stage, 0 to 1.
    """

    position: int
    cell: int
    parent: int
    stretches: tuple[Stretch, ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment.

    Attributes
    ----------
    kind : str
        A decision that was acted on or not (shadow), an event in a cell, a note, a fault, a stack
        unlike the training, a pause.
    time_s : float
    words : str
    position, cell : int
        -1 and 0 where it belongs to none.
    """

    kind: MarkKind
    time_s: float
    words: str
    position: int = -1
    cell: int = 0


@dataclass(frozen=True, slots=True)
class Course:
    """All of it.

    Attributes
    ----------
    lives : tuple of Life
        By position and number.
    marks : tuple of Mark
        In the order in which they were journalled.
    stacks : tuple of (float, StackIndex)
        Session time of each stored stack, in the order of storage.
    told : bool
        Whether the session measured its cells while it ran.
    """

    lives: tuple[Life, ...] = ()
    marks: tuple[Mark, ...] = ()
    stacks: tuple[tuple[float, StackIndex], ...] = ()
    told: bool = False

    @property
    def end_s(self) -> float:
        """Session time up to which something is known."""
        return max((time_s for time_s, _ in self.stacks), default=0.0)

    def time_of(self, image: int, t: int) -> float | None:
        """Return the session time of a stack; None if it is not stored."""
        wanted = StackIndex(image, t)
        return next((time_s for time_s, index in self.stacks if index == wanted), None)

    def nearest(self, time_s: float, image: int | None = None) -> StackIndex | None:
        """Return the stack that began nearest to a time, of one image or of all."""
        mine = [one for one in self.stacks if image is None or one[1].image == image]
        return min(mine, key=lambda one: abs(one[0] - time_s), default=(0.0, None))[1]


@dataclass(slots=True)
class _Followed:
    parent: int
    stretches: list[Stretch] = field(default_factory=list)
    probability: float = 0.0

    def take(self, state: CellState, time_s: float) -> None:
        """Go on with the stage that the cell is in, or begin it."""
        self.parent, self.probability = state.parent, state.probability
        last = self.stretches[-1] if self.stretches else None
        if last is not None and last.stage == state.stage:
            self.stretches[-1] = Stretch(last.stage, last.begin_s, time_s)
            return
        begin = min(max(state.since_s, last.begin_s if last else 0.0), time_s)
        if last is not None:
            self.stretches[-1] = Stretch(last.stage, last.begin_s, begin)
        self.stretches.append(Stretch(state.stage, begin, time_s))


class CourseReader:
    """Reads the journal as it grows; each line once."""

    def __init__(self) -> None:
        self._read = 0
        self._decoder: MitosisDecoder | None = None
        self._lives: dict[tuple[int, int], _Followed] = {}
        self._heard: dict[int, int] = {}
        self._marks: list[Mark] = []
        self._stacks: list[tuple[float, StackIndex]] = []
        self._times: dict[StackIndex, float] = {}

    def update(self, journal: Sequence[Mapping[str, Any]]) -> Course:
        """Take in what is new of a journal, which is given whole, and return the course so far.

        A line that is damaged is left out: whatever else it tells is told elsewhere.
        """
        for entry in journal[self._read :]:
            try:
                self._take(entry)
            except (KeyError, TypeError, ValueError, AttributeError):
                log.debug("a line of the journal says nothing: %r", entry, exc_info=True)
        self._read = len(journal)
        del self._marks[:-MOST_MARKS]
        lives = [
            Life(position, cell, one.parent, tuple(one.stretches), one.probability)
            for (position, cell), one in sorted(self._lives.items())
        ]
        told = bool(self._heard)
        return Course(tuple(lives), tuple(self._marks), tuple(self._stacks), told)

    def _take(self, entry: Mapping[str, Any]) -> None:
        match entry["event"]:
            case Event.STACK_STORED:
                index, time_s = stack_of(entry), float(entry.get("time_s") or 0.0)
                self._stacks.append((time_s, index))
                self._times[index] = time_s
            case Event.CELLS if not entry.get("late"):
                self._follow(entry)
            case _:
                self._marks += self._marked(entry)

    def _follow(self, entry: Mapping[str, Any]) -> None:
        from livesr.analysis.mitosis.decoder import MitosisDecoder
        from livesr.analysis.mitosis.record import from_record

        position, time_s = int(entry["position"]), float(entry["time_s"])
        cells = [from_record(cell) for cell in entry["cells"]]
        self._decoder = self._decoder or MitosisDecoder()
        t = self._heard[position] = self._heard.get(position, -1) + 1
        for state in self._decoder.update(StackIndex(position, t), time_s, cells):
            key = position, state.cell
            self._lives.setdefault(key, _Followed(state.parent)).take(state, time_s)

    def _marked(self, entry: Mapping[str, Any]) -> Iterator[Mark]:
        now = self._stacks[-1][0] if self._stacks else 0.0
        place = int(entry.get("position", -1)), int(entry.get("cell") or 0)
        match entry["event"]:
            case Event.DECISION:
                kind: MarkKind = "decision" if entry.get("acted") else "shadow"
                yield Mark(
                    kind, float(entry["time_s"]), f"{entry['rule']}: {entry['cause']}", *place
                )
            case Event.CELL:
                words = f"cell {place[1]}: {entry['kind']}"
                yield Mark("event", float(entry["time_s"]), words, *place)
            case Event.NOTE:
                said = entry.get("time_s")
                yield Mark("note", now if said is None else float(said), str(entry["text"]))
            case Event.FAULT:
                yield Mark("fault", now, str(entry.get("what", "fault")))
            case Event.PAUSED:
                yield Mark("pause", now, f"paused: {entry.get('reason') or 'no reason given'}")
            case Event.STACK_SEGMENTED if entry.get("flags"):
                index = stack_of(entry)
                odd = ", ".join(str(flag.get("quantity", "")) for flag in entry["flags"])
                time_s = self._times.get(index, now)
                yield Mark("odd", time_s, f"{index} is unlike the training: {odd}")
