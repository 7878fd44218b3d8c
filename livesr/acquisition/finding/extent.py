"""How far channels reach: to where the light ends, if it does, or their parts of the sensor."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from livesr.acquisition.finding.margins import EVERYWHERE, edges_near, lit_box, ports_of
from livesr.acquisition.finding.pairs import LEAST_SIDE, common_of
from livesr.acquisition.finding.turns import Box

if TYPE_CHECKING:
    from livesr.acquisition.finding.pairs import Pair
    from livesr.types import Float32

_SAME_EDGE = 2
"""Pixels by which an edge may seem to lie elsewhere in one channel than in all together."""
_PAD = 0.15
"""Share of a side by which a channel may reach beyond its part of the sensor."""


def extent_of(light: Float32, pairs: tuple[Pair, ...], shifts: list[tuple[int, int]]) -> Box:
    """Return the first channel's box: what lies in a part each, and is lit in all together."""
    box = common_of(pairs, shifts)
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
    joint = edges_near(together, inside, pad, pictures=len(pictures))
    each = [edges_near(picture, inside, pad, pictures=1) for picture in pictures]
    sides = [
        _side(border, joint[k], [one[k] for one in each], outwards=-1 if k < 2 else 1)
        for k, border in enumerate(inside)
    ]
    found = Box(*sides).moved(around.y0, around.x0)
    return found.cut(box) if _overlap(light, pairs, shifts, found) else found


def _side(border: int, joint: int | None, each: list[int | None], *, outwards: int) -> int:
    """Return where a side of the channels lies.

    Further out than the sensor is parted only where every channel ends there; further in where
    they do together, or where one of them ends clearly before the others.
    """
    seen = [edge for edge in each if edge is not None]
    at = border if joint is None else joint
    if outwards * (at - border) > 0:
        all_end = len(seen) == len(each) and all(abs(edge - at) <= 1 for edge in seen)
        at = at if all_end else border
    before = [edge for edge in seen if outwards * (at - edge) > _SAME_EDGE]
    return min(before, key=lambda edge: outwards * edge, default=at)


def _overlap(
    light: Float32, pairs: tuple[Pair, ...], shifts: list[tuple[int, int]], box: Box
) -> bool:
    """Return whether channels of this extent would share pixels of the sensor."""
    shape = (light.shape[0], light.shape[1])
    boxes = [box]
    for pair, shift in zip(pairs, shifts, strict=True):
        boxes.append(pair.turn.back(box.moved(*shift), shape))
    shared = (one.cut(two) for one, two in combinations(boxes, 2))
    return any(min(common.shape) > 0 for common in shared)


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
