"""The mitosis decoder: the cells of each stack become cells with a stage, one after the other.

Ordered: stacks of a position come in the order of their time. What it gives is a pure function of
the measures it was given, so that replaying those that a session journalled gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.analysis.mitosis.belief import Belief
from livesr.analysis.mitosis.cell_tracks import CellTracks
from livesr.config.rules import STAGES
from livesr.types import CellState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.analysis.mitosis.cell_tracks import Track
    from livesr.types import CellMeasures, StackIndex

EVENTS = {"prometaphase": "envelope breakdown", "anaphase": "anaphase onset"}
"""Stages whose begin is an event."""
SAME_S = 3600.0
"""Events of a kind in one cell that are nearer in time are one."""
LONG_METAPHASE_S = 2400.0
"""A metaphase that lasts longer is reported: twice the longest usual one, as light damage gives."""


@dataclass(frozen=True, slots=True)
class CellEvent:
    """Something that happened to a cell.

    Attributes
    ----------
    image, cell : int
        Position and number in it.
    kind : str
        envelope breakdown, anaphase onset, long metaphase, divided, left the field, lost,
        contradicted.
    time_s : float
        When it happened, as far as is known.
    seen_s : float
        Time of the stack in which it was noticed: the delay is the difference.
    note : str
        For people.
    """

    image: int
    cell: int
    kind: str
    time_s: float
    seen_s: float
    note: str = ""


class MitosisDecoder:
    """Follows the cells of every position through mitosis.

    Attributes
    ----------
    events : list of CellEvent
        All so far, in the order in which they were noticed.
    """

    def __init__(self) -> None:
        self.events: list[CellEvent] = []
        self._positions: dict[int, CellTracks[Belief]] = {}
        self._told: dict[tuple[int, int, str], float] = {}

    def update(
        self, index: StackIndex, time_s: float, measures: Sequence[CellMeasures]
    ) -> list[CellState]:
        """Take the cells of the next stack of a position; return what is believed of each.

        Parameters
        ----------
        index : StackIndex
            Its image is the position: each has a series of cells of its own.
        time_s : float
            Start of the stack, session time.
        measures : sequence of CellMeasures
            Empty for a field without cells. A stack that was missed is simply not given.

        Returns
        -------
        list of CellState
            Of the cells seen in this stack, in the order of ``measures``.
        """
        cells = self._positions.setdefault(
            index.image, CellTracks(Belief, _may_divide, Belief.of_daughter)
        )
        linked, closed = cells.update(time_s, measures)
        seen = {track.cell for track, _ in linked}
        for track in cells.tracks:
            if track.cell not in seen:
                track.state.update(time_s, None)
        linked = [
            (self._followed(index.image, track, time_s, cell), cell) for track, cell in linked
        ]
        states = [_state(track, cell) for track, cell in linked]
        for one in closed:
            self.events.append(CellEvent(index.image, one.cell, one.reason, time_s, time_s))
        for track, _ in linked:
            self._notice(index.image, track, time_s)
        return states

    def _followed(
        self, image: int, track: Track[Belief], time_s: float, cell: CellMeasures
    ) -> Track[Belief]:
        """Bring a cell to this stack; begin anew where its masks contradict its course."""
        track.state.update(time_s, cell)
        if not track.state.contradicted:
            return track
        note = (
            f"its masks cannot follow on {track.state.stage}: another cell, or stacks in disorder"
        )
        self.events.append(CellEvent(image, track.cell, "contradicted", time_s, time_s, note))
        fresh = self._positions[image].restart(track, time_s)
        fresh.state.update(time_s, cell)
        return fresh

    def _notice(self, image: int, track: Track[Belief], time_s: float) -> None:
        """Keep what has begun in a cell, once."""
        began = track.state.began
        for stage, kind in EVENTS.items():
            if stage in began and self._first(image, track, kind, began[stage]):
                self.events.append(CellEvent(image, track.cell, kind, began[stage], time_s))
        if track.state.stage == "metaphase":
            since = track.state.since_s
            lasts = time_s - since
            if lasts > LONG_METAPHASE_S and self._first(image, track, "long metaphase", since):
                note = f"in metaphase for {lasts / 60:.0f} min: is it too much light?"
                event = CellEvent(image, track.cell, "long metaphase", since, time_s, note)
                self.events.append(event)

    def _first(self, image: int, track: Track[Belief], kind: str, began_s: float) -> bool:
        """Return whether an event is new; what befell a mother is told of once."""
        cell = track.parent if track.parent and began_s < track.opened_s else track.cell
        key = (image, cell, kind)
        if self._told.get(key, float("-inf")) >= began_s - SAME_S:
            return False
        self._told[key] = began_s
        return True


def _may_divide(state: Belief) -> bool:
    return state.stage in STAGES[2:]


def _state(track: Track[Belief], cell: CellMeasures) -> CellState:
    belief = track.state
    return CellState(
        cell=track.cell,
        parent=track.parent,
        stage=belief.stage,
        probability=round(belief.probability, 6),
        since_s=round(belief.since_s, 3),
        measures=cell,
    )
