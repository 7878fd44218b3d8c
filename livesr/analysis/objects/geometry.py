"""From sums over voxels to micrometres: volume, place, axes and surface.

The surface is Crofton's: a line meets a body's surface twice where it passes through it, and the
mean over all lines is half the surface. Lines run along the thirteen directions from a voxel to its
neighbours, each weighed by the share of all directions that are nearest to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.objects.sums import DIRECTIONS

if TYPE_CHECKING:
    from livesr.analysis.objects.sums import Sums
    from livesr.types import Float64, Grid

_SAMPLES = 40_000


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes and places of objects; names as in `skimage.measure.regionprops`, axes z, y, x.

    Attributes
    ----------
    volume : ndarray, (n,)
        µm³; µm² of a single plane.
    surface : ndarray, (n,)
        µm²; the perimeter, µm, of a single plane.
    centroid : ndarray, (n, 3)
        µm from the centre of the first voxel.
    low, high : ndarray, (n, 3)
        Bounding box, µm: outer edges of its voxels.
    diameter : ndarray, (n,)
        Of the ball (in a plane the disc) of the same size, µm.
    axes : ndarray, (n, 3)
        Lengths of the axes of the ellipsoid with the same second moments, longest first, µm; the
        third is NaN in a single plane.
    """

    volume: Float64
    surface: Float64
    centroid: Float64
    low: Float64
    high: Float64
    diameter: Float64
    axes: Float64


def geometry(sums: Sums, grid: Grid) -> Geometry:
    """Return the geometry of objects on a grid."""
    voxel = np.array(grid.voxel_um)
    flat = grid.shape[0] == 1
    n = sums.moments[:, 0]
    centroid = sums.moments[:, 1:4] / n[:, None] * voxel
    size = n * (voxel[1] * voxel[2] if flat else voxel.prod())
    diameter = np.sqrt(4 * size / np.pi) if flat else np.cbrt(6 * size / np.pi)
    surface = _perimeter(sums, grid) if flat else _surface(sums, grid)
    low, high = (sums.low - 0.5) * voxel, (sums.high - 0.5) * voxel
    return Geometry(size, surface, centroid, low, high, diameter, _axes(sums, grid))


def _axes(sums: Sums, grid: Grid) -> Float64:
    """Return axes from the covariance of the voxels' centres."""
    voxel, m = np.array(grid.voxel_um), sums.moments
    mean = m[:, 1:4] / m[:, :1]
    second = np.empty((len(m), 3, 3))
    for column, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)), start=4):
        value = (m[:, column] / m[:, 0] - mean[:, i] * mean[:, j]) * voxel[i] * voxel[j]
        second[:, i, j] = second[:, j, i] = value
    if grid.shape[0] == 1:
        values = np.linalg.eigvalsh(second[:, 1:, 1:])[:, ::-1]
        lengths = 4 * np.sqrt(np.maximum(values, 0))
        return np.column_stack([lengths, np.full(len(m), np.nan)])
    values = np.linalg.eigvalsh(second)[:, ::-1]
    return np.asarray(2 * np.sqrt(5 * np.maximum(values, 0)))


def _surface(sums: Sums, grid: Grid) -> Float64:
    voxel = grid.voxel_um
    crossings = 2 * (sums.moments[:, :1] - sums.pairs)
    lengths = np.linalg.norm(DIRECTIONS * voxel, axis=1)
    # 2 · mean over directions of (crossings · area of the voxel across the line)
    return np.asarray(2 * crossings @ (weights(voxel) * np.prod(voxel) / lengths))


def _perimeter(sums: Sums, grid: Grid) -> Float64:
    """Return π/2 times the mean crossings of the four directions within a plane."""
    plane = np.flatnonzero(DIRECTIONS[:, 0] == 0)
    voxel = np.array(grid.voxel_um)
    crossings = 2 * (sums.moments[:, :1] - sums.pairs[:, plane])
    steps = DIRECTIONS[plane] * voxel
    angle = np.arctan2(steps[:, 1], steps[:, 2]) % np.pi
    order = np.argsort(angle)
    gaps = np.diff(np.append(angle[order], angle[order[0]] + np.pi))
    share = np.empty(len(plane))
    share[order] = (gaps + np.roll(gaps, 1)) / (2 * np.pi)
    across = voxel[1] * voxel[2] / np.linalg.norm(steps, axis=1)
    return np.asarray(np.pi / 2 * crossings @ (share * across))


@lru_cache(maxsize=16)
def weights(voxel_um: tuple[float, float, float]) -> Float64:
    """Return the share of all directions that are nearest to each of `DIRECTIONS`, (13,)."""
    k = np.arange(_SAMPLES) + 0.5
    height, turn = 1 - k / _SAMPLES, np.pi * (1 + 5**0.5) * k  # an even spiral on half a sphere
    ring = np.sqrt(1 - height**2)
    even = np.stack([height, ring * np.sin(turn), ring * np.cos(turn)], axis=1)
    steps = DIRECTIONS * voxel_um
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    nearest = np.argmax(np.abs(even @ steps.T), axis=1)
    return np.bincount(nearest, minlength=len(steps)) / _SAMPLES
