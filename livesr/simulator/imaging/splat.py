"""Points to planes: weighted spline splats at any z, then the lateral blur."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numba import njit
from scipy.special import erf

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

SPLAT_SIGMA = 0.5
"""Standard deviation (pixels) of the quadratic spline that a point is splatted with.

Unlike a bilinear splat's it does not depend on where in its pixel the point lies, so that even
lattices of points leave no moiré.
"""


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _between(field: Float32, a: int, b: int, v: float, u: float) -> float:
    """Return ``field`` between its nodes (a, b) and (a + 1, b + 1)."""
    upper = (1.0 - u) * field[a, b] + u * field[a, b + 1]
    lower = (1.0 - u) * field[a + 1, b] + u * field[a + 1, b + 1]
    return float((1.0 - v) * upper + v * lower)


GROUP = 8
"""Planes that are splatted into together: a point's share of each lies side by side in memory."""
_REACH = 3.5
"""Standard deviations beyond which a point's light is dropped."""
_STEPS = 1024
_GAUSS = np.exp(-0.5 * np.linspace(0.0, _REACH**2, _STEPS + 2)).astype(np.float32)
_GAUSS[_STEPS:] = 0.0
"""The Gaussian over the square of the distance in standard deviations."""


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _axial(
    planes: Float64, z: float, scale: float, gauss: Float32, mass: float, light: Float32
) -> bool:
    """Write what a point at z gives to each plane; return whether it reaches any."""
    nearest = np.float32(_STEPS)
    # no branches in here: the compiler turns it into vector instructions
    for k in range(GROUP):
        off = np.float32(planes[k] - z)
        way = min(off * off * np.float32(scale), np.float32(_STEPS))
        nearest = min(nearest, way)
        at = np.int32(way)
        rest = way - np.float32(at)
        light[k] = np.float32(mass) * (gauss[at] + rest * (gauss[at + 1] - gauss[at]))
    return bool(nearest < np.float32(_STEPS))


def splat_planes(
    points: Float32,
    mass: Float32,
    frame: Float64,
    warp: Float32,
    planes: Float64,
    sigma_z: float,
    out: Float32,
) -> None:
    """Add every point's mass times its axial density to the planes within reach (3.5 sigma).

    Parameters
    ----------
    points : ndarray, (n, 3), float32
        z, y, x in sample coordinates, µm; in any order.
    mass : ndarray, (n,), float32
    frame : ndarray, (5,), float64
        Field centre y and x (µm), pixel (µm), y and x of the field centre in ``out`` (pixels).
    warp : ndarray, (3, m, m), float32
        Displacement (z µm, y px, x px) on a lattice spanning ``out``; m = 1 for none.
    planes : ndarray, (GROUP,), float64
        z of each plane, µm, ascending.
    sigma_z : float
        Axial standard deviation, µm.
    out : ndarray, (y, x, GROUP), float32
        Added to.
    """
    _splat(points, mass, frame, warp, planes, sigma_z, _GAUSS, out)


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _splat(
    points: Float32,
    mass: Float32,
    frame: Float64,
    warp: Float32,
    planes: Float64,
    sigma_z: float,
    gauss: Float32,
    out: Float32,
) -> None:
    height, width, _ = out.shape
    nodes = warp.shape[1]
    norm = np.float32(1.0 / (np.sqrt(2.0 * np.pi) * sigma_z))
    reach = _REACH * sigma_z
    scale = _STEPS / (reach * reach)
    shift = np.float64(np.max(np.abs(warp[0])))
    lowest, highest = planes[0] - reach - shift, planes[GROUP - 1] + reach + shift
    light = np.zeros(GROUP, np.float32)
    across = np.zeros(3, np.float32)
    for i in range(points.shape[0]):
        z = np.float64(points[i, 0])
        if z < lowest or z > highest:
            continue
        y = (points[i, 1] - frame[0]) / frame[2] + frame[3]
        x = (points[i, 2] - frame[1]) / frame[2] + frame[4]
        if y < 1.0 or x < 1.0 or y >= height - 2 or x >= width - 2:
            continue
        if nodes > 1:
            v = y * (nodes - 1) / (height - 1)
            u = x * (nodes - 1) / (width - 1)
            a = min(int(v), nodes - 2)
            b = min(int(u), nodes - 2)
            v -= a
            u -= b
            z += _between(warp[0], a, b, v, u)
            y += _between(warp[1], a, b, v, u)
            x += _between(warp[2], a, b, v, u)
            if y < 1.0 or x < 1.0 or y >= height - 2 or x >= width - 2:
                continue
        if not _axial(planes, z, scale, gauss, mass[i] * norm, light):
            continue
        iy = int(y + 0.5)
        ix = int(x + 0.5)
        fy = y - iy
        fx = x - ix
        across[0] = 0.5 * (0.5 - fx) ** 2
        across[1] = 0.75 - fx * fx
        across[2] = 0.5 * (0.5 + fx) ** 2
        for row in range(3):
            down = np.float32(0.75 - fy * fy if row == 1 else 0.5 * (0.5 + (row - 1) * fy) ** 2)
            for column in range(3):
                w = down * across[column]
                for k in range(GROUP):
                    out[iy + row - 1, ix + column - 1, k] += w * light[k]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def bin_points(
    points: Float32, mass: Float32, frame: Float64, shrink: int, z_bin: float, out: Float32
) -> None:
    """Add masses to a coarse volume: bins of ``z_bin`` µm and ``shrink`` pixels, z from -1 µm."""
    depth, height, width = out.shape
    for i in range(points.shape[0]):
        k = int(np.floor((points[i, 0] + 1.0) / z_bin))
        y = int(np.floor(((points[i, 1] - frame[0]) / frame[2] + frame[3] + 0.5) / shrink))
        x = int(np.floor(((points[i, 2] - frame[1]) / frame[2] + frame[4] + 0.5) / shrink))
        if 0 <= k < depth and 0 <= y < height and 0 <= x < width:
            out[k, y, x] += mass[i]


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def unfold(together: Float32, density: np.float32, images: Float32) -> None:
    """Write what was splatted as planes, (GROUP, y, x) from (y, x, GROUP), and empty it."""
    for i in range(together.shape[0]):
        for j in range(together.shape[1]):
            for k in range(GROUP):
                images[k, i, j] = density * together[i, j, k]
                together[i, j, k] = np.float32(0.0)


ERF_REACH = 3.0
_ERF_STEPS = 1024
_ERF = 0.5 * (1.0 + erf(np.linspace(-ERF_REACH, ERF_REACH, 2 * _ERF_STEPS + 2)))
"""Gaussian integral from below, in steps of 1/341 of a standard deviation times the root of 2."""


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _below(table: Float64, way: float) -> float:
    """Return the share of a Gaussian below ``way`` (standard deviations over the root of 2)."""
    if way <= -ERF_REACH:
        return 0.0
    if way >= ERF_REACH:
        return 1.0
    at = (way + ERF_REACH) * ((2 * _ERF_STEPS + 1) / (2.0 * ERF_REACH))
    k = int(at)
    return float(table[k] + (at - k) * (table[k + 1] - table[k]))


def add_column(
    low: Float32,
    high: Float32,
    tops: Float32,
    z: float,
    sigma: float,
    weight: float,
    out: Float32,
) -> None:
    """Add ``weight`` times the blurred share of a column filled from ``low`` to ``high`` at z.

    ``tops`` is the highest of each row, (y,).
    """
    _add_column(low, high, tops, z, sigma, weight, _ERF, out)


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _add_column(
    low: Float32,
    high: Float32,
    tops: Float32,
    z: float,
    sigma: float,
    weight: float,
    table: Float64,
    out: Float32,
) -> None:
    scale = 1.0 / (np.sqrt(2.0) * sigma)
    reach = ERF_REACH / scale
    for i in range(low.shape[0]):
        if z > tops[i] + reach:
            continue
        for j in range(low.shape[1]):
            bottom, top = low[i, j], high[i, j]
            if top <= bottom or z > top + reach or z < bottom - reach:
                continue
            share = _below(table, (top - z) * scale) - _below(table, (bottom - z) * scale)
            out[i, j] += np.float32(weight * share)


@lru_cache(maxsize=32)
def taps(sigma_px: float) -> Float32:
    """Return the symmetric filter that makes splatted points Gaussians of a standard deviation.

    Fitted by least squares over points anywhere in a pixel: a sampled Gaussian of the variance
    that the spline lacks would be too narrow where that is little.
    """
    half = max(3, int(np.ceil(3.5 * sigma_px)))
    reach = half + 3
    pixels = np.arange(-reach, reach + 1)
    rows, wanted = [], []
    for offset in np.linspace(-0.5, 0.5, 21):
        line = np.zeros(2 * (reach + half) + 1)
        middle = reach + half
        line[middle - 1] = 0.5 * (0.5 - offset) ** 2
        line[middle] = 0.75 - offset**2
        line[middle + 1] = 0.5 * (0.5 + offset) ** 2
        shifted = [
            line[middle + pixels - k] + (line[middle + pixels + k] if k else 0.0)
            for k in range(half + 1)
        ]
        rows.append(np.stack(shifted, axis=1))
        wanted.append(np.exp(-0.5 * ((pixels - offset) / sigma_px) ** 2))
    side = np.linalg.lstsq(np.concatenate(rows), np.concatenate(wanted), rcond=None)[0]
    both = np.concatenate([side[:0:-1], side])
    return np.asarray(both / both.sum(), np.float32)


def blur(plane: Float32, sigma_px: float) -> None:
    """Blur a plane in place to a total standard deviation of ``sigma_px``, splat included."""
    if sigma_px > SPLAT_SIGMA:
        line = taps(round(sigma_px, 4))
        cv2.sepFilter2D(plane, -1, line, line, dst=plane, borderType=cv2.BORDER_CONSTANT)
