"""Parts of a sensor that show the same cells: halves and quarters compared in eight ways each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from livesr.acquisition.finding.alike import REACH, Peak, band, factor_for, peak, shrunk
from livesr.acquisition.finding.margins import lit_box, ports_of
from livesr.acquisition.finding.turns import TURNS, Box, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.types import Float32

LEAST_SIDE = 48
"""Pixels of the smallest channel that is looked for."""
RIVAL = 0.72
"""Share of a peak's height at which another one is a rival."""
_HALF_TURN = Turn(quarters=2)
_UNLIKE = 0.3
"""Share by which the sides of two parts may differ."""
_SAME = 6
"""Pixels by which what is lit may differ from the whole sensor and still be all of it: a dark
border may seem that much. The sensor is then parted in its middle."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two parts of a sensor and how the second one shows the first one best.

    Attributes
    ----------
    first : Box
    second : Box
        In the turned sensor.
    turn : Turn
        How the second must be turned to stand as the first one does.
    peak : Peak
    factor : int
        Pixels of the sensor a pixel of the peak.
    rivals : tuple of (Turn, Box, Peak)
        Other turns that agree nearly as well, the second part turned so, and their peaks.
    """

    first: Box
    second: Box
    turn: Turn
    peak: Peak
    factor: int
    rivals: tuple[tuple[Turn, Box, Peak], ...] = ()

    @property
    def shift(self) -> tuple[int, int]:
        """Displacement (y, x) from the sensor to the turned sensor, within `factor` pixels."""
        return (
            self.second.y0 - self.first.y0 + self.peak.y * self.factor,
            self.second.x0 - self.first.x0 + self.peak.x * self.factor,
        )


def clearness(pairs: tuple[Pair, ...]) -> float:
    """Return how clear the least clear of the pairs is; 0 of none."""
    return min((pair.peak.clear for pair in pairs), default=0.0)


def common_of(pairs: tuple[Pair, ...], shifts: list[tuple[int, int]]) -> Box:
    """Return what all further channels show of the first one."""
    box = pairs[0].first
    for pair, (y, x) in zip(pairs, shifts, strict=True):
        box = box.cut(pair.first).cut(pair.second.moved(-y, -x))
    return box


def pair_sets(light: Float32, channels: int) -> list[tuple[Pair, ...]]:
    """Return, for each way of parting the sensor, the pairs that show one of its parts best.

    Parameters
    ----------
    light : ndarray, (y, x), float32
        Counts above the offset.
    channels : int
        Each set has one pair fewer.
    """
    known: dict[tuple[Box, Box], Pair | None] = {}
    sets = [_best_set(light, cells, channels, known) for cells in partitions(light, channels)]
    return [pairs for pairs in sets if pairs]


def partitions(light: Float32, channels: int) -> Iterator[tuple[Box, ...]]:
    """Yield sets of boxes that may hold a channel each: parts of what is lit of the sensor."""
    whole = Box(0, 0, *light.shape)
    lit = lit_box(light, ports=ports_of(light))
    same = all(abs(a - b) <= _SAME for a, b in zip(whole, lit, strict=True))
    box = whole if same else lit
    yield from halves_of(box)
    yield _grid(box, 2, 2)
    if channels > 2:
        yield from halves_of(box, channels)


def halves_of(box: Box, count: int = 2) -> Iterator[tuple[Box, ...]]:
    """Yield a box in so many columns, and in so many rows."""
    yield _grid(box, 1, count)
    yield _grid(box, count, 1)


def _grid(box: Box, rows: int, columns: int) -> tuple[Box, ...]:
    ys = np.linspace(box.y0, box.y1, rows + 1).round().astype(int).tolist()
    xs = np.linspace(box.x0, box.x1, columns + 1).round().astype(int).tolist()
    return tuple(Box(y0, x0, y1, x1) for y0, y1 in pairwise(ys) for x0, x1 in pairwise(xs))


def _best_set(
    light: Float32,
    cells: tuple[Box, ...],
    channels: int,
    known: dict[tuple[Box, Box], Pair | None],
) -> tuple[Pair, ...]:
    """Return the pairs of one first part that are clearest together."""
    best: tuple[Pair, ...] = ()
    for number, first in enumerate(cells):
        others = cells[number + 1 :] if channels == 2 else cells[:number] + cells[number + 1 :]
        for second in others:
            if (first, second) not in known:
                known[first, second] = compared(light, first, second)
        pairs = [pair for second in others if (pair := known[first, second])]
        pairs.sort(key=lambda pair: -pair.peak.clear)
        chosen = tuple(pairs[: channels - 1])
        if len(chosen) == channels - 1 and clearness(chosen) > clearness(best):
            best = chosen
    return best


def widened(light: Float32, pair: Pair) -> Iterator[Pair]:
    """Yield the same displacement and turn between larger parts that hold the pair's.

    Where cells lie in one corner, quarters may agree clearly and halves, with all their empty
    field, not; yet the halves are the channels if what they hold besides agrees as well. And what
    is turned by 180° is so too where the sensor is parted in another way.
    """
    shape = (light.shape[0], light.shape[1])
    inside = pair.turn.back(pair.second, shape)
    for cells in partitions(light, 2):
        for one in cells:
            for two in cells:
                if one == two or one == pair.first:
                    continue
                second = pair.turn.box(two, shape)
                y, x = (pair.shift[k] - second[k] + one[k] for k in (0, 1))
                mirrored = pair.turn == _HALF_TURN and max(abs(y), abs(x)) <= REACH * min(one.shape)
                if mirrored or (_holds(one, pair.first) and _holds(two, inside)):
                    at = replace(pair.peak, y=y, x=x)
                    yield replace(pair, first=one, second=second, peak=at, factor=1)


def _holds(box: Box, other: Box) -> bool:
    return box.cut(other) == other


def compared(light: Float32, first: Box, second: Box) -> Pair | None:
    """Return how the second part shows the first one best; None where they cannot be alike."""
    if min(*first.shape, *second.shape) < LEAST_SIDE:
        return None
    factor = factor_for(first.shape)
    reference = band(shrunk(first.of(light), factor))
    found = []
    for turn in TURNS:
        there = turn.box(second, (light.shape[0], light.shape[1]))
        if not _unlike(first.shape, there.shape):
            other = band(shrunk(np.ascontiguousarray(there.of(turn.of(light))), factor))
            at = peak(reference, other)
            found.append(Pair(first, there, turn, at, factor))
    if not found:
        return None
    found.sort(key=lambda pair: -pair.peak.clear)
    best = found[0]
    near = [pair for pair in found[1:] if pair.peak.clear > RIVAL * best.peak.clear]
    return replace(best, rivals=tuple((pair.turn, pair.second, pair.peak) for pair in near))


def with_rivals(pair: Pair) -> Iterator[Pair]:
    """Yield a pair, and those that are nearly as clear in another turn."""
    yield replace(pair, rivals=())
    for turn, second, at in pair.rivals:
        yield replace(pair, turn=turn, second=second, peak=at, rivals=())


def _unlike(one: tuple[int, int], two: tuple[int, int]) -> bool:
    return any(abs(a - b) > _UNLIKE * max(a, b) for a, b in zip(one, two, strict=True))
