"""How far a stack's tiles lie above or below where they lay before: pure.

Stacks are binned to about half a micrometre along y and x, and cut into tiles. The planes of each
tile are compared with those that it had before at every distance along z (normalised
cross-correlation of the whole tile, its peak interpolated), so that the parts of the field speak
for themselves: a cell that rounds up moves its own tiles only, drift of the stand moves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from livesr.types import Bool, Float32, Float64, Grid, UInt16

BIN_UM = 0.5
"""Side of a bin: coarser than what organelles move between two stacks."""
TILE = (16, 8)
"""Bins along y and x of a tile: 8 µm, a part of a cell; in fields too small for four of them along
a side less, down to 4 µm."""
REACH_UM = 1.5
"""How far above and below a tile is looked for."""
LEAST_PLANES = 5
"""That a comparison needs."""
NOISE_COUNTS = 40.0
"""Added before the square root that makes noise even."""
STRUCTURE = 0.15
"""Variance of the root of binned counts that a tile must have: noise alone has below 0.05."""
ALIKE = 0.6
"""Correlation from which on a tile is taken for what it was before."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of one stack.

    Attributes
    ----------
    data : ndarray, (n, z, k), float32
        Each tile's planes of k bins.
    structure : ndarray, (n,), float32
        Variance of each tile.
    """

    data: Float32
    structure: Float32

    def replaced(self, other: Tiles, where: Bool) -> Tiles:
        """Return the tiles with those of another stack in their place, ``where`` (n,) says so."""
        return Tiles(
            np.where(where[:, None, None], other.data, self.data),
            np.where(where, other.structure, self.structure),
        )


def tiles_of(data: UInt16, grid: Grid, camera_offset: float) -> Tiles:
    """Return a stack's tiles; at least one, of the whole field where that is small.

    Parameters
    ----------
    data : ndarray, (c, z, y, x), uint16
        Camera counts; the channels are added.
    grid : Grid
        Of one channel.
    camera_offset : float
        Camera counts without light.
    """
    _, depth, height, width = data.shape
    factor = max(1, round(BIN_UM / grid.voxel_um[2]))
    rows, columns = max(height // factor, 1), max(width // factor, 1)
    small = np.empty((depth, rows, columns), np.float32)
    for z in range(depth):
        mean = np.zeros((rows, columns), np.float32)
        for channel in data[:, z, : rows * factor, : columns * factor]:
            mean += cv2.resize(channel, (columns, rows), interpolation=cv2.INTER_AREA)
        small[z] = np.sqrt(np.maximum(mean / len(data) - camera_offset + NOISE_COUNTS, 0))
    shorter = min(rows, columns)
    side = min(max(min(TILE[0], shorter // 4), TILE[1]), shorter)
    down, across = rows // side, columns // side
    cut = small[:, : down * side, : across * side].reshape(depth, down, side, across, side)
    tiles = cut.transpose(1, 3, 0, 2, 4).reshape(down * across, depth, side * side)
    return Tiles(tiles, tiles.var(axis=(1, 2)))


def shifts_um(before: Tiles, now: Tiles, step_um: float) -> tuple[Float64, Float64]:
    """Return how far each tile moved towards higher planes, and how alike it still is.

    Parameters
    ----------
    before, now : Tiles
        Of the same n tiles and planes.
    step_um : float
        Distance of the planes.

    Returns
    -------
    shift_um : ndarray, (n,), float64
        NaN where a tile shows too little or is found at the edge of the reach only.
    alike : ndarray, (n,), float64
        Correlation there, -1 to 1.
    """
    planes = before.data.shape[1]
    reach = min(max(round(REACH_UM / step_um), 1), planes - LEAST_PLANES)
    lags = np.arange(-reach, reach + 1)
    curve = np.stack([_correlation(before.data, now.data, int(lag)) for lag in lags], axis=1)
    best = curve.argmax(axis=1)
    inner = np.clip(best, 1, len(lags) - 2)
    rows = np.arange(len(curve))
    left, peak, right = (curve[rows, inner + k] for k in (-1, 0, 1))
    bend = left - 2 * peak + right
    part = np.where(bend < 0, 0.5 * (left - right) / np.minimum(bend, -1e-9), 0.0)
    shift = (lags[inner] + part) * step_um
    seen = (best == inner) & (np.minimum(before.structure, now.structure) >= STRUCTURE)
    return np.where(seen, shift, np.nan), curve[rows, best]


def _correlation(before: Float32, now: Float32, lag: int) -> Float64:
    """Return the correlation of tiles (n, z, k) with what lies ``lag`` planes higher now."""
    planes = before.shape[1]
    low, high = max(0, -lag), min(planes, planes - lag)
    here, there = before[:, low:high], now[:, low + lag : high + lag]
    here = here - here.mean(axis=(1, 2), keepdims=True)
    there = there - there.mean(axis=(1, 2), keepdims=True)
    product = np.einsum("nzk,nzk->n", here, there)
    power = np.einsum("nzk,nzk->n", here, here) * np.einsum("nzk,nzk->n", there, there)
    return np.asarray(product / np.sqrt(power + 1e-12), np.float64)
