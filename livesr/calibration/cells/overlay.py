"""Which small displacement would lay one channel better on another: normal equations by block.

Both channels show the same membranes, but not equally bright. Locally the other channel R is a gain
g times the reference Y, and what a displacement d and a slightly wider image leave is

    R - g Y  ≈  -d · ∇R + b ∂²R/∂z².

Multiplied by the same derivatives of Y and summed this gives four equations for (d, b). Three
things keep them from bias:

- derivatives are taken once from each channel, whose noise is independent;
- the gain compares R and Y by the planes above and below in Y, for Y times itself would hold its
  own noise and make the gain too small;
- b, how much longer the other channel's image of a point is, is fitted along, or it would pass for
  a displacement where the stack cuts a structure in two, as it does at the cover slip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numba
import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.calibration.cells.resample import Resampled
    from livesr.types import Float32, Float64

BLOCK = 16
"""Pixels along each side of a block, the unit in which equations are summed."""
CELL = 4
"""Pixels along each side of a cell, the unit in which local gain and noise are found …"""
SMOOTH = (1.5, 1.5, 2.0)
"""… after smoothing over so many cells (y, x) and planes. A gain that followed single planes would
explain away what a displacement along z does to them."""
TAIL = 4.0
"""Squared deviations, in units of the local noise, at which a voxel counts half."""
TERMS = 4
MOST_NOISE = 0.05
"""Where neighbouring planes have less in common than this share, there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Equations:
    """Sums over blocks; lengths in voxels.

    Attributes
    ----------
    matrix : ndarray, (by, bx, 4, 4)
    vector : ndarray, (by, bx, 4)
    centre : ndarray, (by, bx, 4)
        Information and its first moments along z, y, x.
    """

    matrix: Float64
    vector: Float64
    centre: Float64


def band_passed(data: Float32, fine: float, wide: float) -> Float32:
    """Return columns (y, x, z) without noise finer and haze wider than membranes.

    Parameters
    ----------
    data : ndarray, (y, x, z), float32
    fine, wide : float
        Standard deviations of the two Gaussians, pixels.
    """
    out = cv2.GaussianBlur(data, (0, 0), fine, borderType=cv2.BORDER_REFLECT_101)
    out -= cv2.GaussianBlur(data, (0, 0), wide, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(out, np.float32)


def equations(reference: Float32, other: Resampled) -> Equations:
    """Return the sums of all blocks of two band-passed channels.

    Parameters
    ----------
    reference : ndarray, (y, x, z), float32
    other : Resampled
        Its data also band-passed.
    """
    height, width, planes = reference.shape
    cells = (-(-height // CELL), -(-width // CELL), planes)
    sums = np.zeros((5, *cells), np.float32)
    _moments(reference, other.data, other.first, other.last, sums)
    yy, yr, rr, ny, nr = (gaussian_filter(part, SMOOTH, mode="constant") for part in sums)
    gain = np.maximum(nr, 0.0) / np.maximum(ny, 1e-6)
    gain = np.where(ny > MOST_NOISE * yy, gain, 0.0).astype(np.float32)
    noise = np.maximum(rr - 2 * gain * yr + gain * gain * yy, 0.0)
    counts = gaussian_filter((rr > 0).astype(np.float32) * CELL**2, SMOOTH, mode="constant")
    noise /= np.maximum(counts, 1e-3)
    seen = noise[counts > 1.0]
    noise = np.maximum(noise, 0.5 * np.median(seen) if seen.size else 1.0)
    blocks = (-(-height // BLOCK), -(-width // BLOCK))
    matrix, vector = np.zeros((*blocks, TERMS, TERMS)), np.zeros((*blocks, TERMS))
    centre = np.zeros((*blocks, 4))
    _sum(reference, other.data, other.first, other.last, gain, noise, matrix, vector, centre)
    return Equations(matrix, vector, centre)


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _moments(
    reference: Float32,
    other: Float32,
    first: npt.NDArray[np.int16],
    last: npt.NDArray[np.int16],
    sums: Float32,
) -> None:
    """Add the products of the two channels to their cells."""
    height, width, _ = reference.shape
    for y in range(height):
        for x in range(width):
            a, b = y // CELL, x // CELL
            for z in range(first[y, x], last[y, x] + 1):
                one, two = reference[y, x, z], other[y, x, z]
                near = reference[y, x, z - 1] + reference[y, x, z + 1]
                sums[0, a, b, z] += one * one
                sums[1, a, b, z] += one * two
                sums[2, a, b, z] += two * two
                sums[3, a, b, z] += near * one
                sums[4, a, b, z] += near * two


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _derivatives(v: Float32, y: int, x: int, z: int, out: Float32) -> None:
    half, here = np.float32(0.5), v[y, x, z]
    up, down = v[y, x, z + 1], v[y, x, z - 1]
    south, north, east, west = v[y + 1, x, z], v[y - 1, x, z], v[y, x + 1, z], v[y, x - 1, z]
    out[0] = half * (up - down)
    out[1] = half * (south - north)
    out[2] = half * (east - west)
    out[3] = up + down - np.float32(2.0) * here


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _sum(
    reference: Float32,
    other: Float32,
    first: npt.NDArray[np.int16],
    last: npt.NDArray[np.int16],
    gain: Float32,
    noise: Float32,
    matrix: Float64,
    vector: Float64,
    centre: Float64,
) -> None:
    height, width, _ = reference.shape
    ours, theirs = np.empty(TERMS, np.float32), np.empty(TERMS, np.float32)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            a, b, c, d = y // BLOCK, x // BLOCK, y // CELL, x // CELL
            m, v, at = matrix[a, b], vector[a, b], centre[a, b]
            low, high = first[y, x], last[y, x]
            for z in range(low, high + 1):
                g = gain[c, d, z]
                if g <= 0.0:
                    continue
                rest = other[y, x, z] - g * reference[y, x, z]
                n = noise[c, d, z]
                weight = g / (n + rest * rest / np.float32(TAIL))
                _derivatives(reference, y, x, z, ours)
                _derivatives(other, y, x, z, theirs)
                if z in (low, high):
                    # a sum of planes for an integral: the outermost count half; and beyond them
                    # nothing of the other channel is known
                    weight *= np.float32(0.5)
                    theirs[0], theirs[3] = g * ours[0], g * ours[3]
                for i in range(TERMS):
                    one = weight * ours[i]
                    v[i] += one * rest
                    for j in range(TERMS):
                        m[i, j] += one * theirs[j]
                info = abs(weight * (ours[1] * theirs[1] + ours[2] * theirs[2]))
                at[0] += info
                at[1] += info * z
                at[2] += info * y
                at[3] += info * x
