"""Find the rectangles of a splitter's channels: equal, apart, each with its flip and turn.

The channels show the same cells. So parts of the sensor (its halves and quarters, those of what is
lit) are compared in all eight ways in which a part can stand; what agrees clearly, and in one way
only, is a pair of channels. Tiles of the full picture then give their displacement in the middle,
whatever the splitter turns and magnifies, and the light's edges, seen in both channels together,
their extent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.acquisition.finding.alike import Fit, fit
from livesr.acquisition.finding.margins import EVERYWHERE, beyond, lit_box, ports_of
from livesr.acquisition.finding.pairs import (
    LEAST_SIDE,
    RIVAL,
    Pair,
    clearness,
    halves_of,
    pair_sets,
    widened,
    with_rivals,
)
from livesr.acquisition.finding.refusal import check_light, refuse_ambiguous, refuse_unlike
from livesr.acquisition.finding.seams import goes_on
from livesr.acquisition.finding.turns import Box, Turn, after, turn_of
from livesr.config.layouts import SplitterLayout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Float32, UInt16

CLEAR = 8.0
"""Standard deviations of the correlation by which a peak must stand out."""
_NEARLY = 0.6
"""Pairs that are so clear, beside the clearest, are compared by their size."""
_AGREEING = 0.5
"""Share of the tiles with structure that must agree."""
_ELSEWHERE = 0.85
"""Share of a peak's height at which another displacement makes it ambiguous, as in a grid."""
_AS_WELL = 0.88
"""Share of the best agreement of tiles at which another one is as good."""
_PAD = 0.15
"""Share of a side by which a channel may reach beyond its part of the sensor."""
_ALL = 0.9
"""Channels with so much of the lit pixels are as good as those with all of them: the smallest are
taken, for what they leave out is dark."""
_BLUR, _LIT = 9, 2.0
"""A pixel is lit that has so many counts, as the mean of so many pixels along each side."""
_SEAM, _TIE = 0.5, 0.1
"""What a seam, and the size, weigh beside the natural logarithm of an uneven ratio."""
_FULL = 65535


@dataclass(frozen=True, slots=True)
class Found:
    """Rectangles that were found.

    Attributes
    ----------
    layout : SplitterLayout
    clear : float
        Least height of the correlations' peaks, in standard deviations (needed: `CLEAR`).
    turned_deg, larger : tuple of float
        For each further channel: rotation, and magnification beyond 1, between it and the one it
        was compared with. The calibration has to account for them.
    """

    layout: SplitterLayout
    clear: float
    turned_deg: tuple[float, ...]
    larger: tuple[float, ...]

    def as_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "layout": self.layout.model_dump(mode="json"),
            "clear_sigma": round(self.clear, 1),
            "turned_deg": [round(value, 3) for value in self.turned_deg],
            "larger": [round(value, 5) for value in self.larger],
        }

    def lines(self) -> list[str]:
        """Return what people read."""
        lines = [f"rectangles found ({self.clear:.0f} σ; {CLEAR:g} are needed):"]
        for one in self.layout.channels:
            turns = ("" if one.flip == "none" else f", flip {one.flip}") + (
                f", {one.quarter_turns} quarter turns" if one.quarter_turns else ""
            )
            place = f"{one.width} × {one.height} pixels at x {one.x}, y {one.y}"
            lines.append(f"  {one.name}: {place}{turns}")
        return lines


def find_layout(
    frames: UInt16,
    names: Sequence[str] = ("yellow", "red"),
    *,
    offset: float = 100.0,
    present: SplitterLayout | None = None,
    full: int = _FULL,
) -> Found:
    """Return the layout of a splitter from pictures of cells or beads.

    Parameters
    ----------
    frames : ndarray, (n, y, x) or (y, x), uint16
        Whole sensor; several pictures are averaged.
    names : sequence of str
        Of the channels, two or more.
    offset : float
        Camera counts without light.
    present : SplitterLayout, optional
        Which channel is which, and how the first one stands, are taken from it; without it the
        channels are named from left to right and top to bottom, the first one upright.
    full : int
        Counts of a full pixel.

    Returns
    -------
    Found

    Raises
    ------
    CalibrationError
        Saying why there are no such rectangles in these pictures.
    """
    stack = frames[None] if frames.ndim == 2 else frames
    check_light(stack, full)
    mean = stack.mean(axis=0, dtype=np.float32) - np.float32(offset)
    light = np.asarray(cv2.medianBlur(mean, 3), np.float32)  # hot pixels are no structure
    found = _best(light, len(names))
    return _with_names(found, tuple(names), present)


@dataclass(frozen=True, slots=True)
class _Places:
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


def _best(light: Float32, channels: int) -> _Places:
    """Return the largest channels of those that are about equally clear."""
    sets = pair_sets(light, channels)
    best = max((clearness(pairs) for pairs in sets), default=0.0)
    if best < CLEAR:
        refuse_unlike(light, halves_of(Box(0, 0, *light.shape)), best)
    good = [pairs for pairs in sets if clearness(pairs) >= max(CLEAR, _NEARLY * best)]
    if channels == 2:
        good = [(one,) for (pair,) in good for one in with_rivals(pair)]
        good += [(wider,) for (pair,) in good for wider in widened(light, pair)]
    measured = [places for pairs in good if (places := _measured(light, pairs)) is not None]
    measured = _agreeing(measured)
    if not measured:
        refuse_ambiguous((pair for pairs in good for pair in pairs), RIVAL)
        refuse_unlike(light, halves_of(Box(0, 0, *light.shape)), best)
    lit = cv2.blur(light, (_BLUR, _BLUR)) > _LIT
    shown = [sum(int(box.of(lit).sum()) for box in places.boxes) for places in measured]
    full = [p for p, pixels in zip(measured, shown, strict=True) if pixels >= _ALL * max(shown)]
    largest = max(places.area for places in full)
    # a sensor that is its own image turned by 180° can be parted both ways
    return min(full, key=lambda p: _oddness(light, p) + _TIE * p.area / largest)


def _agreeing(measured: list[_Places]) -> list[_Places]:
    """Return those whose tiles agree best in their place; none of a place where two turns do."""
    left = []
    for cell in {places.cell for places in measured}:
        here = [places for places in measured if places.cell == cell]
        most = max(places.alike for places in here)
        best = [places for places in here if places.alike >= _AS_WELL * most]
        if len({places.turns for places in best}) == 1:
            left += best
    return left


def _oddness(light: Float32, places: _Places) -> float:
    """Return how unlike one channel each a layout's channels are.

    That is by how much (natural logarithm) their ratio differs between halves of the field, as it
    does where each holds parts of two channels; and more if there is a seam in them.
    """
    one, *others = (
        np.maximum(turn.of(box.of(light)), 0)
        for turn, box in zip(places.turns, places.boxes, strict=True)
    )
    uneven = 0.0
    for other in others:
        for axis in (0, 1):
            halves = [np.array_split(image, 2, axis=axis) for image in (one, other)]
            ratios = [
                float(np.log((b.mean() + 1.0) / (a.mean() + 1.0)))
                for a, b in zip(*halves, strict=True)
            ]
            uneven = max(uneven, abs(ratios[0] - ratios[1]))
    return uneven + (0.0 if _continuous(light, places.boxes[0]) else _SEAM)


def _measured(light: Float32, pairs: tuple[Pair, ...]) -> _Places | None:
    """Return where the channels of some pairs lie; None where they are not what they seemed."""
    if any(pair.peak.second > _ELSEWHERE * pair.peak.clear for pair in pairs):
        return None
    shape = (light.shape[0], light.shape[1])
    shifts = [pair.shift for pair in pairs]
    common = _common(pairs, shifts)
    if min(common.shape) < LEAST_SIDE:
        return None
    fits = [_fit(light, pair, common) for pair in pairs]
    if any(one.agreeing < max(1.0, _AGREEING * one.tiles) for one in fits):
        return None
    extent = common
    for _ in range(2):  # where the middle lies depends on the extent, and it on the displacement
        shifts = [_moved(pair, one, common, extent) for pair, one in zip(pairs, fits, strict=True)]
        extent = _extent(light, pairs, shifts)
        if min(extent.shape) < LEAST_SIDE:
            return None
    others = [
        pair.turn.back(extent.moved(*shift), shape)
        for pair, shift in zip(pairs, shifts, strict=True)
    ]
    return _Places(
        (extent, *others),
        (Turn(), *(pair.turn for pair in pairs)),
        tuple(fits),
        clearness(pairs),
        pairs[0].first,
    )


def _common(pairs: tuple[Pair, ...], shifts: list[tuple[int, int]]) -> Box:
    """Return what all further channels show of the first one."""
    box = pairs[0].first
    for pair, (y, x) in zip(pairs, shifts, strict=True):
        box = box.cut(pair.first).cut(pair.second.moved(-y, -x))
    return box


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


def _extent(light: Float32, pairs: tuple[Pair, ...], shifts: list[tuple[int, int]]) -> Box:
    """Return the first channel's box: what lies in a part each, and is lit in all together."""
    box = _common(pairs, shifts)
    if min(box.shape) < LEAST_SIDE:
        return box
    together = box.of(light).copy()
    for pair, shift in zip(pairs, shifts, strict=True):
        together += box.moved(*shift).of(pair.turn.of(light))
    pictures = 1 + len(pairs)
    lit = lit_box(
        together,
        share=EVERYWHERE,
        pictures=pictures,
        ports=_ports(light, pairs, shifts, box),
    )
    return _grown(light, pairs, shifts, lit.moved(box.y0, box.x0))


def _grown(light: Float32, pairs: tuple[Pair, ...], shifts: list[tuple[int, int]], box: Box) -> Box:
    """Return the box with its sides where the dark begins: the sensor may be parted elsewhere."""
    pad = round(_PAD * min(box.shape))
    around = Box(box.y0 - pad, box.x0 - pad, box.y1 + pad, box.x1 + pad)
    around = around.cut(Box(0, 0, *light.shape))
    for pair, (y, x) in zip(pairs, shifts, strict=True):
        turned = pair.turn.of(light)
        around = around.cut(Box(-y, -x, turned.shape[0] - y, turned.shape[1] - x))
    pictures = [around.of(light)]
    for pair, shift in zip(pairs, shifts, strict=True):
        pictures.append(around.moved(*shift).of(pair.turn.of(light)))
    together = np.asarray(np.sum(pictures, axis=0), np.float32)
    inside = box.moved(-around.y0, -around.x0)
    found = beyond(together, inside, pad, pictures=len(pictures))
    for picture in pictures:  # what one of them does not show is not common
        found = found.cut(beyond(picture, found, pad, pictures=1))
    return found.moved(around.y0, around.x0)


def _ports(
    light: Float32, pairs: tuple[Pair, ...], shifts: list[tuple[int, int]], box: Box
) -> tuple[list[int], list[int]]:
    """Return the rows and columns of a box at which the middle of the sensor lies in a channel."""
    (row,), (column,) = ports_of(light)
    rows, columns = [row - box.y0], [column - box.x0]
    for pair, (y, x) in zip(pairs, shifts, strict=True):
        (row,), (column,) = ports_of(pair.turn.of(light))
        rows.append(row - box.y0 - y)
        columns.append(column - box.x0 - x)
    return rows, columns


def _continuous(light: Float32, box: Box) -> bool:
    """Return whether a channel goes on where a border would be if the sensor was parted there."""
    whole, lit = Box(0, 0, *light.shape), lit_box(light, ports=ports_of(light))
    rows = {(one.y0 + one.y1) // 2 - box.y0 for one in (whole, lit)}
    columns = {(one.x0 + one.x1) // 2 - box.x0 for one in (whole, lit)}
    return goes_on(box.of(light), rows, columns)


def _with_names(places: _Places, names: tuple[str, ...], present: SplitterLayout | None) -> Found:
    """Return the layout: channels named as they are at present, or by their place."""
    order = _order(places.boxes, names, present)
    first = places.turns[order[0]]
    stands = Turn()
    if present is not None:
        stands = next((turn_of(r) for r in present.channels if r.name == names[0]), stands)
    # all are turned together until the first one stands as it shall
    together = after(first.inverse, stands)
    channels = tuple(
        after(places.turns[place], together).rectangle(name, places.boxes[place])
        for name, place in zip(names, order, strict=True)
    )
    return Found(
        SplitterLayout(kind="splitter", channels=channels),
        places.clear,
        tuple(one.turned_deg for one in places.fits),
        tuple(one.larger for one in places.fits),
    )


def _order(
    boxes: tuple[Box, ...], names: tuple[str, ...], present: SplitterLayout | None
) -> tuple[int, ...]:
    """Return which box each name has."""
    known = {r.name: r for r in present.channels} if present is not None else {}
    if not all(name in known for name in names):
        height, width = boxes[0].shape

        def reading(place: int) -> tuple[int, int]:
            return (round(boxes[place].y0 / height), round(boxes[place].x0 / width))

        return tuple(sorted(range(len(boxes)), key=reading))

    def off(order: tuple[int, ...]) -> float:
        return sum(
            abs(known[name].x + known[name].width / 2 - boxes[place].centre[1])
            + abs(known[name].y + known[name].height / 2 - boxes[place].centre[0])
            for name, place in zip(names, order, strict=True)
        )

    return min(permutations(range(len(boxes))), key=off)
