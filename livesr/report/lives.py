"""Cells and their stages over a session: the decoder hears the journalled cells again.

The journal keeps what was measured of each cell, and the decoder is a pure function of it, so that
these are the stages that the session itself went by.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from livesr.session import deciding
from livesr.session.deciding import Heard
from livesr.storage.ledger import stack_of
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INTERPHASE = "interphase"


class Spell(NamedTuple):
    """A stage of a cell, from when to when (session time, s), and the stack that first shows it."""

    stage: str
    begin_s: float
    end_s: float
    first: Moment


@dataclass(frozen=True, slots=True)
class Moment:
    """A cell in one stack.

    Attributes
    ----------
    index : StackIndex
    label : int
        The cell's number within the stack, as in its tables.
    time_s : float
    stage : str
    probability : float
    since_s : float
        When the stage began, as far as was known.
    whole : bool
        It touches neither the field's edge nor the first or last plane.
    """

    index: StackIndex
    label: int
    time_s: float
    stage: str
    probability: float
    since_s: float
    whole: bool


@dataclass(frozen=True, slots=True)
class Life:
    """One cell as long as it was followed.

    Attributes
    ----------
    position, cell : int
        Cells of each position have numbers of their own.
    parent : int
        The cell that divided into it; 0 if none.
    moments : tuple of Moment
        In the order of their times; at least one.
    end_s : float
        When it was last seen, or its daughters were first.
    """

    position: int
    cell: int
    parent: int
    moments: tuple[Moment, ...]
    end_s: float

    @property
    def divides(self) -> bool:
        """Whether it was seen in any stage but interphase."""
        return any(moment.stage != INTERPHASE for moment in self.moments)

    def spells(self) -> list[Spell]:
        """Return its stages one after the other; each ends where the next begins."""
        runs = [list(run) for _, run in groupby(self.moments, key=lambda one: one.stage)]
        begins = [self.moments[0].time_s]
        for run in runs[1:]:
            begins.append(max(begins[-1], min(run[-1].since_s, run[0].time_s)))
        ends = [*begins[1:], self.end_s]
        return [
            Spell(run[0].stage, begin, end, run[0])
            for run, begin, end in zip(runs, begins, ends, strict=True)
        ]


def lives_of(heard: Iterable[Mapping[str, Any]]) -> list[Life]:
    """Return the cells that journalled lines tell of, by position and number.

    Parameters
    ----------
    heard : iterable of mapping
        The ``cells`` lines; those that came too late decided nothing, and are left out.
    """
    decoder = deciding.new_decoder()
    counts: dict[int, int] = {}
    moments: dict[tuple[int, int], list[Moment]] = {}
    parents: dict[tuple[int, int], int] = {}
    for entry in heard:
        if entry.get("late"):
            continue
        told = Heard.read(entry)
        t = counts[told.position] = counts.get(told.position, -1) + 1
        index = stack_of(entry)
        for state in decoder.update(StackIndex(told.position, t), told.time_s, told.cells):
            key, seen = (told.position, state.cell), state.measures
            moments.setdefault(key, []).append(
                Moment(
                    index,
                    seen.label,
                    told.time_s,
                    state.stage,
                    state.probability,
                    state.since_s,
                    whole=not (seen.on_border or seen.cut),
                )
            )
            parents[key] = state.parent
    ends = {key: own[-1].time_s for key, own in moments.items()}
    for (position, cell), mother in parents.items():
        if (position, mother) in ends:
            ends[position, mother] = moments[position, cell][0].time_s
    return [Life(*key, parents[key], tuple(moments[key]), ends[key]) for key in sorted(moments)]
