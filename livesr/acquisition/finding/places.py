"""Pairs of parts measured: the channels' boxes in them, to the pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.acquisition.finding.alike import Fit, fit
from livesr.acquisition.finding.extent import extent_of
from livesr.acquisition.finding.pairs import LEAST_SIDE, Pair, clearness, common_of
from livesr.acquisition.finding.turns import Box, Turn

if TYPE_CHECKING:
    from livesr.types import Float32

_AGREEING = 0.5
"""Share of the tiles with structure that must agree."""
_ELSEWHERE = 0.85
"""Share of a peak's height at which another displacement makes it ambiguous, as in a grid."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where channels were found, without their names."""

    boxes: tuple[Box, ...]
    turns: tuple[Turn, ...]
    fits: tuple[Fit, ...]
    clear: float
    cell: Box

    @property
    def alike(self) -> float:
        """How alike the channels' structures are, in the channel where they are least."""
        return min(one.alike for one in self.fits)

    @property
    def area(self) -> int:
        """Pixels of one channel."""
        height, width = self.boxes[0].shape
        return height * width


def measured(light: Float32, pairs: tuple[Pair, ...]) -> Places | None:
    """Return where the channels of some pairs lie; None where they are not what they seemed."""
    if any(pair.peak.second > _ELSEWHERE * pair.peak.clear for pair in pairs):
        return None
    shape = (light.shape[0], light.shape[1])
    shifts = [pair.shift for pair in pairs]
    common = common_of(pairs, shifts)
    if min(common.shape) < LEAST_SIDE:
        return None
    fits = [_fit(light, pair, common) for pair in pairs]
    if any(one.agreeing < max(1.0, _AGREEING * one.tiles) for one in fits):
        return None
    extent = common
    for _ in range(2):  # where the middle lies depends on the extent, and it on the displacement
        shifts = [_moved(pair, one, common, extent) for pair, one in zip(pairs, fits, strict=True)]
        extent = extent_of(light, pairs, shifts)
        if min(extent.shape) < LEAST_SIDE:
            return None
    others = [
        pair.turn.back(extent.moved(*shift), shape)
        for pair, shift in zip(pairs, shifts, strict=True)
    ]
    return Places(
        (extent, *others),
        (Turn(), *(pair.turn for pair in pairs)),
        tuple(fits),
        clearness(pairs),
        pairs[0].first,
    )


def _fit(light: Float32, pair: Pair, box: Box) -> Fit:
    """Return how the pair's second channel lies on the first, in a box of the first one."""
    slack = 2 * pair.factor + 3 + round(0.004 * max(box.shape))
    one = np.ascontiguousarray(box.of(light))
    turned = pair.turn.of(light)
    there = box.moved(*pair.shift)
    inside = there.cut(Box(0, 0, *turned.shape))
    if inside != there:
        return Fit(0.0, 0.0, 0.0, 0.0, 0, 0)
    return fit(one, np.ascontiguousarray(there.of(turned)), slack)


def _moved(pair: Pair, fitted: Fit, measured_in: Box, extent: Box) -> tuple[int, int]:
    """Return the displacement in the middle of the extent, whole pixels."""
    (here_y, here_x), (y, x) = measured_in.centre, extent.centre
    dy, dx = fitted.at(y - here_y, x - here_x)
    return pair.shift[0] + round(dy), pair.shift[1] + round(dx)
