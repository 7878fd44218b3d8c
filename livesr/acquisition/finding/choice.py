"""Which of the ways in which a sensor can be parted is the splitter's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.acquisition.finding.pairs import (
    RIVAL,
    clearness,
    halves_of,
    pair_sets,
    partitions,
    widened,
    with_rivals,
)
from livesr.acquisition.finding.places import Places, measured
from livesr.acquisition.finding.refusal import (
    refuse_ambiguous,
    refuse_parted,
    refuse_uneven,
    refuse_unlike,
)
from livesr.acquisition.finding.seams import seam
from livesr.acquisition.finding.turns import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Float32

CLEAR = 8.0
"""Standard deviations of the correlation by which a peak must stand out."""
_NEARLY = 0.6
"""Pairs that are so clear, beside the clearest, are compared by their size."""
_AS_WELL = 0.88
"""Share of the best agreement of tiles at which another one is as good."""
_ALL = 0.9
"""Channels with so much of the lit pixels are as good as those with all of them: the smallest are
taken, for what they leave out is dark."""
_BLUR, _LIT = 9, 2.0
"""A pixel is lit that has so many counts, as the mean of so many pixels along each side."""
_SEAM = 0.25
"""What a seam weighs beside the natural logarithm of an uneven ratio."""
_NONE = 0.5
"""Counts of structure as good as none."""
_ALIKE, _SURE = 0.05, 0.25
"""Channels that are hardly more odd than others are as good; those that lie across the best ones
must be clearly more so."""
_ODD = 1.2
"""How odd channels are that are none; true ones are rarely above 0.9."""
_MARGIN = 20
"""Pixels by which channels that were found in two ways may overlap where they should not."""
_FINE, _WIDE = 1.5, 6.0
"""Band of the structures whose ratio is taken, pixels."""


def best_places(light: Float32, channels: int) -> Places:
    """Return the largest channels of those that are about equally clear.

    Raises
    ------
    CalibrationError
        If there are none, or none that stand out from others.
    """
    sets = pair_sets(light, channels)
    best = max((clearness(pairs) for pairs in sets), default=0.0)
    halves = list(halves_of(Box(0, 0, *light.shape), channels))
    if best < CLEAR:
        refuse_unlike(light, halves, best)
    good = [pairs for pairs in sets if clearness(pairs) >= max(CLEAR, _NEARLY * best)]
    if channels == 2:
        good = [(one,) for (pair,) in good for one in with_rivals(pair)]
        good += [(wider,) for (pair,) in good for wider in widened(light, pair)]
    found = _agreeing([places for pairs in good if (places := measured(light, pairs)) is not None])
    if not found:
        refuse_ambiguous((pair for pairs in good for pair in pairs), RIVAL)
        refuse_unlike(light, halves, best)
    lit = cv2.blur(light, (_BLUR, _BLUR)) > _LIT
    shown = [sum(int(box.of(lit).sum()) for box in places.boxes) for places in found]
    full = [p for p, pixels in zip(found, shown, strict=True) if pixels >= _ALL * max(shown)]
    return _least_odd(light, full, list(partitions(light, channels)))


def _least_odd(light: Float32, found: list[Places], parts: Sequence[tuple[Box, ...]]) -> Places:
    """Return the channels that look most like one channel each.

    A sensor that is its own image turned by 180° can be parted both ways.
    """
    odd = [_oddness(light, places, parts) for places in found]
    if min(odd) > _ODD:
        refuse_uneven()
    likely = [p for p, value in zip(found, odd, strict=True) if value < min(odd) + _ALIKE]
    best = min(likely, key=lambda places: places.area)  # what larger ones hold besides is dark
    rivals = [p for p, value in zip(found, odd, strict=True) if value < min(odd) + _SURE]
    if any(_cross(places, best) for places in rivals):
        refuse_parted()
    return best


def _cross(one: Places, two: Places) -> bool:
    """Return whether a channel of the one lies in parts of several channels of the other."""
    return any(
        sum(min(a.cut(b).shape) > _MARGIN for b in there) > 1
        for here, there in ((one.boxes, two.boxes), (two.boxes, one.boxes))
        for a in here
    )


def _agreeing(found: list[Places]) -> list[Places]:
    """Return those whose tiles agree best in their place; none of a place where two turns do."""
    left = []
    for cell in {places.cell for places in found}:
        here = [places for places in found if places.cell == cell]
        most = max(places.alike for places in here)
        best = [places for places in here if places.alike >= _AS_WELL * most]
        if len({places.turns for places in best}) == 1:
            left += best
    return left


def _oddness(light: Float32, places: Places, parts: Sequence[tuple[Box, ...]]) -> float:
    """Return how unlike one channel each a layout's channels are.

    That is by how much (natural logarithm) the ratio of their structures differs between halves
    of the field, as it does where each holds parts of two channels; and more where there is a seam
    in them.
    """
    one, *others = (
        _structures(np.ascontiguousarray(turn.of(box.of(light))))
        for turn, box in zip(places.turns, places.boxes, strict=True)
    )
    uneven = 0.0
    for other in others:
        for axis in (0, 1):
            halves = [np.array_split(image, 2, axis=axis) for image in (one, other)]
            ratios = [
                float(np.log((b.std() + _NONE) / (a.std() + _NONE)))
                for a, b in zip(*halves, strict=True)
            ]
            uneven = max(uneven, abs(ratios[0] - ratios[1]))
    return uneven + _SEAM * max(_seam(light, box, parts) for box in places.boxes)


def _structures(light: Float32) -> Float32:
    """Return the band of a channel's structures, without the camera's offsets."""
    fine, wide = (cv2.GaussianBlur(light, (0, 0), sigma) for sigma in (_FINE, _WIDE))
    return np.asarray(fine - wide, np.float32)


def _seam(light: Float32, box: Box, parts: Sequence[tuple[Box, ...]]) -> float:
    """Return how clear a seam is in a channel where a border is if the sensor is parted there."""
    cells = [cell for cells in parts for cell in cells]
    picture = box.of(light)
    rows = {cell.y0 - box.y0 for cell in cells}
    columns = {cell.x0 - box.x0 for cell in cells}
    return max(seam(picture, rows), seam(np.ascontiguousarray(picture.T), columns))
