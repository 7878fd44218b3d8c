"""Which cell of a stack is which cell of the stack before: small, online, deterministic.

Cells on a cover slip creep by less than their radius between stacks, so that the nearest
assignment (all pairs together, by SciPy's linear sum assignment) on distance and size finds them; a
cell that parts into two of about its volume leaves two daughters. What was not seen waits for a
while: a missed stack is no end.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, log, pi, sqrt
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.types import CellMeasures

T = TypeVar("T")

REACH_UM = 6.0
"""A cell moves at most so far, or …"""
REACH_RADII = 0.9
"""… by this share of its radius, whichever is more."""
SIZE_UM = 4.0
"""Distance that a change of the footprint by a factor of e counts as."""
LOST_S = 1200.0
"""A cell that was not seen for longer is lost."""
LOST_STACKS = 3
"""And not before so many stacks were without it."""
WHOLE = (0.6, 1.5)
"""Volume of two daughters together, of their mother's."""
LEAST_DAUGHTER = 0.25
"""Volume of one, of both together."""
_FAR = 1e6


@dataclass(slots=True)
class Track(Generic[T]):
    """A cell that is followed.

    Attributes
    ----------
    cell, parent : int
    state : object
        What is believed of it.
    opened_s : float
        When it was first seen.
    last : CellMeasures
        When it was last seen.
    seen_s : float
    missed : int
        Stacks since.
    """

    cell: int
    parent: int
    state: T
    opened_s: float
    last: CellMeasures
    seen_s: float
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Closed:
    """A cell that is no longer followed, and why: divided, left or lost."""

    cell: int
    reason: str


class CellTracks(Generic[T]):
    """The cells of one position.

    Parameters
    ----------
    new : callable
        Gives the state of a cell that is seen for the first time.
    divides : callable
        Whether a cell may have divided, given its state.
    daughter : callable
        Gives a daughter's state from its mother's.
    """

    def __init__(
        self,
        new: Callable[[], T],
        divides: Callable[[T], bool],
        daughter: Callable[[T], T],
        first: int = 1,
    ) -> None:
        self._new, self._divides, self._daughter = new, divides, daughter
        self._next = first
        self.tracks: list[Track[T]] = []

    def update(
        self, time_s: float, seen: Sequence[CellMeasures]
    ) -> tuple[list[tuple[Track[T], CellMeasures]], list[Closed]]:
        """Link the cells of the next stack.

        Parameters
        ----------
        time_s : float
        seen : sequence of CellMeasures

        Returns
        -------
        linked : list of (Track, CellMeasures)
            Those seen, in the order of ``seen``.
        closed : list of Closed
        """
        partner = self._assign(seen)
        closed: list[Closed] = []
        fresh = [k for k in range(len(seen)) if k not in partner]
        for k in fresh:
            mother = self._mother_of(seen, k, partner)
            if mother is None:
                partner[k] = self._open(seen[k], time_s, 0, self._new())
                continue
            sister = next(j for j, track in partner.items() if track is mother)
            closed.append(Closed(mother.cell, "divided"))
            self.tracks.remove(mother)
            for j in sorted((sister, k)):
                state = self._daughter(mother.state)
                partner[j] = self._open(seen[j], time_s, mother.cell, state)
        for k, track in partner.items():
            track.last, track.seen_s, track.missed = seen[k], time_s, 0
        return [(partner[k], seen[k]) for k in range(len(seen))], closed + self._lost(
            time_s, list(partner.values())
        )

    def restart(self, track: Track[T], time_s: float) -> Track[T]:
        """Give up a track: what is followed there is another cell, with a number of its own."""
        self.tracks.remove(track)
        return self._open(track.last, time_s, 0, self._new())

    def _open(self, measures: CellMeasures, time_s: float, parent: int, state: T) -> Track[T]:
        track = Track(self._next, parent, state, time_s, measures, time_s)
        self._next += 1
        self.tracks.append(track)
        return track

    def _lost(self, time_s: float, found: list[Track[T]]) -> list[Closed]:
        """Close what was not seen for too long, or went over the field's edge."""
        closed = []
        for track in list(self.tracks):
            if any(track is one for one in found):
                continue
            track.missed += 1
            left = track.last.on_border and track.missed >= 2
            if left or (track.missed >= LOST_STACKS and time_s - track.seen_s > LOST_S):
                closed.append(Closed(track.cell, "left the field" if left else "lost"))
                self.tracks.remove(track)
        return closed

    def _assign(self, seen: Sequence[CellMeasures]) -> dict[int, Track[T]]:
        from scipy.optimize import linear_sum_assignment

        if not self.tracks or not seen:
            return {}
        cost = np.array([[distance(track.last, cell) for cell in seen] for track in self.tracks])
        rows, columns = linear_sum_assignment(cost)
        return {
            int(k): self.tracks[int(row)]
            for row, k in zip(rows, columns, strict=True)
            if cost[row, k] < _FAR
        }

    def _mother_of(
        self, seen: Sequence[CellMeasures], k: int, partner: dict[int, Track[T]]
    ) -> Track[T] | None:
        """Return the cell that a new one and the one linked to it came from, if there is one."""
        best: tuple[float, Track[T]] | None = None
        for j, track in partner.items():
            if self._divides(track.state) and _are_daughters(track.last, seen[j], seen[k]):
                away = _apart(track.last, seen[k])
                if best is None or away < best[0]:
                    best = (away, track)
        return None if best is None else best[1]


def distance(before: CellMeasures, after: CellMeasures) -> float:
    """Return how far two sights of a cell are from each other, µm, counting their sizes."""
    away = _apart(before, after)
    one, other = (max(m.values.get("footprint_um2", 1.0), 1.0) for m in (before, after))
    reach = max(REACH_UM, REACH_RADII * sqrt(max(one, other) / pi))
    if away > reach:
        return _FAR
    return away + SIZE_UM * abs(log(one / other))


def _apart(one: CellMeasures, other: CellMeasures) -> float:
    return hypot(
        one.centre_um[1] - other.centre_um[1],
        one.centre_um[2] - other.centre_um[2],
    )


def _are_daughters(mother: CellMeasures, one: CellMeasures, other: CellMeasures) -> bool:
    """Return whether two cells lie where one was, with about its volume together."""
    sizes = [cell.values.get("volume_um3", 0.0) for cell in (one, other)]
    whole = mother.values.get("volume_um3", 0.0)
    if not whole or min(sizes) < LEAST_DAUGHTER * sum(sizes):
        return False
    if not WHOLE[0] <= sum(sizes) / whole <= WHOLE[1]:
        return False
    return _inside(mother, one) and _inside(mother, other)


def _inside(mother: CellMeasures, cell: CellMeasures) -> bool:
    margin = 0.25 * max(_size(mother))
    return all(
        mother.low_um[axis] - margin <= cell.centre_um[axis] <= mother.high_um[axis] + margin
        for axis in (1, 2)
    )


def _size(cell: CellMeasures) -> tuple[float, float]:
    return cell.high_um[1] - cell.low_um[1], cell.high_um[2] - cell.low_um[2]
