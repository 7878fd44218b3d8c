"""What joins two parts of a footprint: one cell's waist, or the border of two cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.analysis.coarse import FULL

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.analysis.coarse import Coarse
    from livesr.types import Bool, Grid

    Int32 = npt.NDArray[np.int32]

NARROW = 0.3
"""A bridge narrower than this share of the smaller part's diameter parts two cells."""
MEMBRANE = 0.7
"""Share of a border near which there is plasma membrane if it parts two cells."""
NEAR_UM = 0.8
"""A border is as far as this from the membrane that it follows."""
_PRESENT = FULL // 8
"""Share of a coarse voxel that a membrane fills at least."""
_RIM = 1
"""Planes at the bottom and top of a column in which the cells' own membrane lies."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Two parts that touch.

    Attributes
    ----------
    one, other : int
    width_um : float
        Length of their border in the plane.
    membrane : float
        Share of the border, between bottom and top, near which plasma membrane lies; NaN without
        its mask.
    """

    one: int
    other: int
    width_um: float
    membrane: float


def joined(columns: Int32, nuclei: Int32, body: Bool, shares: Coarse, grid: Grid) -> Int32:
    """Return the parts with those joined that are one cell.

    Parameters
    ----------
    columns : ndarray, (y, x), int32
        Parts of the footprint.
    nuclei, body : ndarray, (z, y, x)
    shares : Coarse
    grid : Grid
    """
    pixel = grid.voxel_um[1] * grid.voxel_um[2]
    found = bridges(columns, body, shares, grid)
    if not found:
        return columns
    area = np.bincount(columns.ravel()) * pixel
    nuclear = set(np.unique(columns[nuclei.max(axis=0) > 0]).tolist())
    out = columns.copy()
    for bridge in sorted(found, key=lambda b: -b.width_um):
        pair = (bridge.one, bridge.other)
        across = 2.0 * np.sqrt(min(area[label] for label in pair) / np.pi)
        if bridge.width_um < NARROW * across:
            continue
        if _is_waist(bridge, all(label in nuclear for label in pair)):
            one, other = (int(out[columns == label][0]) for label in pair)
            out[out == max(one, other)] = min(one, other)
    return out


def _is_waist(bridge: Bridge, two_nuclei: bool) -> bool:
    """Return whether a wide bridge lies within one cell."""
    if np.isnan(bridge.membrane):
        return not two_nuclei
    return bridge.membrane < MEMBRANE


def bridges(columns: Int32, body: Bool, shares: Coarse, grid: Grid) -> list[Bridge]:
    """Return what touches, each pair once."""
    border: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for axis in (0, 1):
        here, there = np.moveaxis(columns, axis, 0)[:-1], np.moveaxis(columns, axis, 0)[1:]
        touching = np.argwhere((here > 0) & (there > 0) & (here != there))
        for place in touching:
            y, x = (int(v) for v in (place if axis == 0 else place[::-1]))
            beside = (y + 1, x) if axis == 0 else (y, x + 1)
            pair = sorted((int(columns[y, x]), int(columns[beside])))
            border.setdefault((pair[0], pair[1]), []).extend([(y, x), beside])
    return [
        Bridge(*pair, _width(places, grid), _membrane(places, body, shares))
        for pair, places in sorted(border.items())
    ]


def _width(places: list[tuple[int, int]], grid: Grid) -> float:
    """Return the greatest distance between places of the border, µm."""
    at = np.array(places) * np.array(grid.voxel_um[1:])
    return float(np.hypot(*(at.max(axis=0) - at.min(axis=0))))


def _membrane(places: list[tuple[int, int]], body: Bool, shares: Coarse) -> float:
    membrane = shares.shares.get("plasma_membrane")
    if membrane is None:
        return float("nan")
    rows, columns = np.array(sorted(set(places))).T
    inside = body[:, rows, columns]
    core = inside.copy()
    core[_RIM:] &= inside[:-_RIM]
    core[:-_RIM] &= inside[_RIM:]
    core[:_RIM] = core[-_RIM:] = False
    if not core.any():
        return 1.0
    reach = max(1, round(NEAR_UM / shares.grid.voxel_um[1]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    y, x = (slice(max(int(v.min()) - reach, 0), int(v.max()) + reach + 1) for v in (rows, columns))
    near = [cv2.dilate(plane, kernel) for plane in np.ascontiguousarray(membrane[:, y, x])]
    there = np.stack(near)[:, rows - y.start, columns - x.start] >= _PRESENT
    return float(there[core].mean())
