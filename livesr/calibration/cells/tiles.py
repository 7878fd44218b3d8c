"""From the sums over blocks to a displacement with its error for each tile of the field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.cells.overlay import BLOCK, TERMS
from livesr.calibration.fitting.points import Pairs

if TYPE_CHECKING:
    from livesr.calibration.cells.overlay import Equations
    from livesr.types import Float64, Grid

FEWEST_BLOCKS = 4
"""Blocks with structure without which a tile's error cannot be told."""
FLATTEST = 1e-3
"""A tile is left out where one direction holds less than this share of another's information:
parallel membranes say nothing along themselves."""
POOREST = 4.0
"""A tile is left out if its standard error is so many times that of a good one: at the rim of a
cell and beyond, single membranes say little and say it wrongly."""
SHARED_UM = (4.5, 9.0, 18.0)
"""Sides of the parts of the field over which errors may be shared."""
MEDIAN = 0.6745
"""Of the absolute value of unit normal noise."""
FARTHEST = 1.0
"""A tile is left out if it claims to lie farther off than this (voxels): it has lost its way."""


def tile_pairs(sums: Equations, grid: Grid, blocks: int) -> Pairs:
    """Return what is left between the channels in each tile, as pairs about its centre.

    Parameters
    ----------
    sums : Equations
    grid : Grid
    blocks : int
        Along each side of a tile.

    Returns
    -------
    Pairs
        Standard errors come from the scatter of the blocks within the tile: an error of the
        displacement that noise alone would make, correlated from pixel to pixel as it is, and the
        one that structures of different colour make, show alike.
    """
    rows = []
    for y in range(0, sums.matrix.shape[0], blocks):
        for x in range(0, sums.matrix.shape[1], blocks):
            part = np.s_[y : y + blocks, x : x + blocks]
            found = _solved(sums.matrix[part], sums.vector[part])
            if found is None:
                continue
            total = sums.centre[part].reshape(-1, 4).sum(axis=0)
            rows.append(np.concatenate([total[1:] / total[0], *found]))
    table = np.array(rows).reshape(-1, 9)
    if len(table):
        good = np.quantile(table[:, 6:], 0.25, axis=0)
        table = table[np.all(table[:, 6:] < POOREST * good, axis=1)]
    _, ny, nx = grid.shape
    voxel = np.array(grid.voxel_um)
    centre = (table[:, :3] - [0.0, (ny - 1) / 2, (nx - 1) / 2]) * voxel
    return Pairs(centre, centre + table[:, 3:6] * voxel, table[:, 6:] * voxel)


def honest(pairs: Pairs, residual: Float64) -> Pairs:
    """Return the pairs with standard errors as large as what is left of them says.

    Neighbouring tiles share structures, and so errors: the mean of several then scatters more
    than their standard errors allow. The largest excess over all scales is taken.

    Parameters
    ----------
    pairs : Pairs
    residual : ndarray, (n, 3)
        What a model leaves of their displacements, µm.
    """
    weight = 1.0 / pairs.sigma**2
    excess = np.ones(3)
    for side in SHARED_UM:
        cells = np.floor(pairs.reference[:, 1:] / side).astype(int)
        _, group = np.unique(cells, axis=0, return_inverse=True)
        group = group.ravel()
        for axis in range(3):
            whole = np.bincount(group, weight[:, axis])
            mean = np.bincount(group, (weight * residual)[:, axis]) / whole
            # a robust variance: a group that has lost its way must not speak for all
            chi = np.abs(mean) * np.sqrt(whole)
            excess[axis] = max(excess[axis], float(np.median(chi)) / MEDIAN)
    return Pairs(pairs.reference, pairs.other, pairs.sigma * excess)


def tile_blocks(tile_um: float, pixel_um: float) -> int:
    """Return the blocks along each side of a tile of about a size."""
    return max(2, round(tile_um / (BLOCK * pixel_um)))


def _solved(matrix: Float64, vector: Float64) -> tuple[Float64, Float64] | None:
    """Return a tile's displacement (z, y, x) and its standard error, voxels."""
    matrix, vector = matrix.reshape(-1, TERMS, TERMS), vector.reshape(-1, TERMS)
    held = np.trace(matrix, axis1=1, axis2=2) > 0
    if held.sum() < FEWEST_BLOCKS:
        return None
    matrix, vector = matrix[held], vector[held]
    whole = matrix.sum(axis=0)
    whole = (whole + whole.T) / 2
    least, *_, most = np.linalg.eigvalsh(whole)
    if least < FLATTEST * most:
        return None
    inverse = np.linalg.inv(whole)
    found = inverse @ vector.sum(axis=0)
    scores = vector - matrix @ found
    scatter = scores.T @ scores * (len(scores) / (len(scores) - 1))
    error = np.sqrt(np.diag(inverse @ scatter @ inverse)[:3])
    if np.abs(found[:3]).max() > FARTHEST or not error.min() > 0:
        return None
    return -found[:3], error
