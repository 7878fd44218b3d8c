"""Follow the focus' drift over a session, one stack after the other.

Ordered: `FocusFollower.update` takes each stored stack, `FocusFollower.offset_um` says where the
next one shall begin. Both may be called from different threads: the offset that a stack was taken
with comes back with it, so that nothing depends on how far storing lags behind the camera.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from math import exp, expm1
from typing import TYPE_CHECKING

import numpy as np

from livesr.focus.consensus import NEAR_UM, Consensus, consensus
from livesr.focus.tiles import ALIKE, Tiles, shifts_um, tiles_of

if TYPE_CHECKING:
    from livesr.types import Bool, Float64, Grid, StackIndex, UInt16

_GAIN, _SPEED_GAIN = 0.7, 0.3
"""Share of what a stack shows beyond the forecast that place and speed take over (an α-β filter):
the drift of a warming stand is smooth, so that its speed is known after a few stacks. Of the
speed the first stack gives all, the second half, the third a third."""
_WARMING_S = 1200.0
"""Time constant with which the drift of a warming stand slows down: so far a forecast goes."""
_STALE = 3
"""Stacks after which a tile that shows something else is remembered as it is now."""
_PATIENCE_S = 20.0
_FASTEST_UM_S = 0.5 / 60
"""A drift faster than this is none of a stand."""


@dataclass(frozen=True, slots=True)
class FocusStep:
    """What one stack showed, as it is journalled.

    Attributes
    ----------
    drift_um : float
        How far the sample lies above its place in the first stack, µm of the stage, as followed.
    applied_um : float
        Offset that the stack was taken with.
    shown_um : float or None
        What its tiles agree on; None where they do not agree, and the drift is a forecast.
    spread_um : float or None
    tiles : int
    renewed : bool
        Whether the memory of the sample was begun anew: drift since the last agreement is unknown.
    """

    drift_um: float
    applied_um: float
    shown_um: float | None
    spread_um: float | None
    tiles: int
    renewed: bool = False

    def journalled(self) -> dict[str, object]:
        """Return what the journal keeps, lengths rounded to nm."""
        found: dict[str, object] = {
            "drift_um": round(self.drift_um, 3),
            "applied_um": round(self.applied_um, 3),
            "shown_um": None if self.shown_um is None else round(self.shown_um, 3),
            "spread_um": None if self.spread_um is None else round(self.spread_um, 3),
            "tiles": self.tiles,
        }
        return {**found, "renewed": True} if self.renewed else found


@dataclass(slots=True)
class _Memory:
    """What is known of one image: its tiles, and the drift at which each was seen."""

    tiles: Tiles
    drift_um: Float64
    strange: Float64
    lost: int = 0


@dataclass(slots=True)
class _Drift:
    """Place and speed of the focus at a time."""

    um: float = 0.0
    um_s: float = 0.0
    time_s: float = 0.0
    seen: int = 0

    def at(self, time_s: float) -> float:
        """Return the forecast."""
        return self.um + self.um_s * _WARMING_S * -expm1(-self._passed(time_s) / _WARMING_S)

    def go_on(self, time_s: float) -> None:
        """Take over the forecast, as nothing was seen."""
        self.um, self.um_s = self.at(time_s), self.um_s * exp(-self._passed(time_s) / _WARMING_S)
        self.time_s = max(time_s, self.time_s)

    def correct(self, seen_um: float, time_s: float) -> None:
        """Take in what a stack showed."""
        passed = self._passed(time_s)
        self.go_on(time_s)
        away = seen_um - self.um
        self.um += _GAIN * away
        if passed > 0:
            self.seen += 1
            gain = max(_SPEED_GAIN, 1 / self.seen)
            speed = self.um_s + gain * away / passed
            self.um_s = min(max(speed, -_FASTEST_UM_S), _FASTEST_UM_S)

    def _passed(self, time_s: float) -> float:
        return max(time_s - self.time_s, 0.0)


class FocusFollower:
    """Follows drift that all images of a session share, on what their stacks show.

    Parameters
    ----------
    grid : Grid
        Of one channel; at least five planes.
    camera_offset : float
        Camera counts without light.
    planes : tuple of int, optional
        First and last stored plane to look at; by default all.
    max_step_um : float
        Greatest change of the offset from one stack to the next.
    max_total_um : float
        Greatest offset.
    start_um : float
        Last drift of the session, from the journal, when it is resumed.
    waits : bool
        Whether a stack begins only when all before it were looked at: where time stands still
        meanwhile, so that a simulated session does not depend on the computer's speed.
    """

    def __init__(
        self,
        grid: Grid,
        camera_offset: float,
        *,
        planes: tuple[int, int] | None = None,
        max_step_um: float = 1.0,
        max_total_um: float = 10.0,
        start_um: float = 0.0,
        waits: bool = False,
    ) -> None:
        self._waits, self._unseen, self._told = waits, 0, False
        self._grid, self._dark = grid, camera_offset
        first, last = planes or (0, grid.shape[0] - 1)
        self._planes = slice(first, last + 1)
        self._max_step_um, self._max_total_um = max_step_um, max_total_um
        self._drift = _Drift(start_um)
        self._offset_um = self._within(start_um)
        self._applied_um = 0.0
        self._memory: dict[int, _Memory] = {}
        self._lock = threading.Condition()

    def offset_um(self, _index: StackIndex, time_s: float) -> float:
        """Return how far above its plan the stack that begins now shall be taken, µm."""
        with self._lock:
            if self._waits and not self._lock.wait_for(lambda: self._unseen == 0, _PATIENCE_S):
                self._unseen = 0  # a stack that was skipped is never looked at
            self._unseen += 1
            wanted = self._within(self._drift.at(time_s))
            step = min(max(wanted - self._offset_um, -self._max_step_um), self._max_step_um)
            self._offset_um += step
            return self._offset_um

    def passed_over(self) -> None:
        """Take note of a stack that is not looked at: some of its planes are missing."""
        with self._lock:
            self._unseen = max(self._unseen - 1, 0)
            self._lock.notify_all()

    def news(self) -> list[str]:
        """Return what newly says that the focus cannot be held so; each is said once."""
        if abs(self._drift.um) < self._max_total_um or self._told:
            return []
        self._told = True
        return [
            f"the focus drifted by {self._drift.um:+.1f} µm; it is followed up to "
            f"{self._max_total_um:g} µm (focus.max_total_um)"
        ]

    def update(
        self, index: StackIndex, data: UInt16, *, time_s: float, applied_um: float
    ) -> FocusStep:
        """Return what a stack shows, the next one in order.

        Parameters
        ----------
        index : StackIndex
        data : ndarray, (c, z, y, x), uint16
            Camera counts.
        time_s : float
            When it began.
        applied_um : float
            Offset that it was taken with.
        """
        try:
            return self._look(index, data, time_s, applied_um)
        finally:
            self.passed_over()

    def _look(self, index: StackIndex, data: UInt16, time_s: float, applied_um: float) -> FocusStep:
        tiles = tiles_of(data[:, self._planes], self._grid, self._dark)
        memory = self._memory.get(index.image)
        forecast = self._drift.at(time_s)
        if memory is None:
            now = np.full(len(tiles.structure), forecast)
            self._memory[index.image] = _Memory(tiles, now - applied_um, np.zeros(len(now)))
            self._drift.time_s = max(self._drift.time_s, time_s)
            return FocusStep(forecast, applied_um, None, None, 0)
        shift, alike = shifts_um(memory.tiles, tiles, self._grid.voxel_um[0])
        # a tile that was remembered at drift d and offset o and now lies s higher at offset a
        # says: the drift is d - o + s + a
        said = memory.drift_um + shift + applied_um
        usable = np.isfinite(said) & (alike >= ALIKE)
        agreed = consensus(said, usable)
        with self._lock:
            if agreed.agreed:
                self._drift.correct(agreed.shift_um, time_s)
            else:
                self._drift.go_on(time_s)
        drift, self._applied_um = self._drift.um, applied_um
        renewed = self._remember(memory, tiles, said, usable, agreed)
        return FocusStep(
            drift,
            applied_um,
            agreed.shift_um if agreed.agreed else None,
            agreed.spread_um if agreed.tiles else None,
            agreed.tiles,
            renewed,
        )

    def _remember(
        self, memory: _Memory, tiles: Tiles, said: Float64, usable: Bool, agreed: Consensus
    ) -> bool:
        """Remember anew the tiles that show something else by now; return whether it was all."""
        memory.lost = 0 if agreed.agreed else memory.lost + 1
        lost = memory.lost >= _STALE
        if not agreed.agreed and not lost:
            return False
        fits = usable & (np.abs(said - agreed.shift_um) <= NEAR_UM) & agreed.agreed
        memory.strange = np.where(fits, 0, memory.strange + 1)
        stale = (memory.strange >= _STALE) | lost
        here = agreed.shift_um if agreed.agreed else self._drift.um
        memory.tiles = memory.tiles.replaced(tiles, stale)
        memory.drift_um = np.where(stale, here - self._applied_um, memory.drift_um)
        memory.strange[stale], memory.lost = 0, 0
        return lost

    def _within(self, um: float) -> float:
        return min(max(um, -self._max_total_um), self._max_total_um)
