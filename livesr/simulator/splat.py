"""Points to planes: weighted spline splats at any z, then the lateral blur."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numba import njit

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

SPLAT_VARIANCE = 0.25
"""Variance (px²) of the quadratic spline that a point is splatted with, taken off the blur.

Unlike a bilinear splat's it does not depend on where in its pixel the point lies, so that even
lattices of points leave no moiré.
"""


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _between(field: Float32, a: int, b: int, v: float, u: float) -> float:
    """Return ``field`` between its nodes (a, b) and (a + 1, b + 1)."""
    upper = (1.0 - u) * field[a, b] + u * field[a, b + 1]
    lower = (1.0 - u) * field[a + 1, b] + u * field[a + 1, b + 1]
    return float((1.0 - v) * upper + v * lower)


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _deposit(plane: Float32, iy: int, ix: int, fy: float, fx: float, w: float) -> None:
    """Add ``w`` to 3 x 3 pixels by a quadratic spline; fy, fx: place within the pixel, -½ to ½."""
    left, middle, right = 0.5 * (0.5 - fx) ** 2, 0.75 - fx * fx, 0.5 * (0.5 + fx) ** 2
    for row in range(-1, 2):
        share = w * (0.75 - fy * fy if row == 0 else 0.5 * (0.5 + row * fy) ** 2)
        plane[iy + row, ix - 1] += share * left
        plane[iy + row, ix] += share * middle
        plane[iy + row, ix + 1] += share * right


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
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
        z, y, x in sample coordinates, µm.
    mass : ndarray, (n,), float32
    frame : ndarray, (5,), float64
        Field centre y and x (µm), pixel (µm), y and x of the field centre in ``out`` (pixels).
    warp : ndarray, (3, m, m), float32
        Displacement (z µm, y px, x px) on a lattice spanning ``out``; m = 1 for none.
    planes : ndarray, (planes,), float64
        z of each plane, ascending, µm.
    sigma_z : float
        Axial standard deviation, µm.
    out : ndarray, (planes, y, x), float32
        Added to.
    """
    count, height, width = out.shape
    nodes = warp.shape[1]
    norm = 1.0 / (np.sqrt(2.0 * np.pi) * sigma_z)
    reach = 3.5 * sigma_z
    for i in range(points.shape[0]):
        z = np.float64(points[i, 0])
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
        first = np.searchsorted(planes, z - reach)
        if first == count:
            continue
        iy = int(y + 0.5)
        ix = int(x + 0.5)
        fy = y - iy
        fx = x - ix
        for k in range(first, count):
            distance = planes[k] - z
            if distance > reach:
                break
            w = mass[i] * norm * np.exp(-0.5 * (distance / sigma_z) ** 2)
            _deposit(out[k], iy, ix, fy, fx, w)


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
def add_column(
    low: Float32, high: Float32, z: float, sigma: float, weight: float, out: Float32
) -> None:
    """Add ``weight`` times the blurred share of a column filled from ``low`` to ``high`` at z."""
    scale = 1.0 / (np.sqrt(2.0) * sigma)
    for i in range(low.shape[0]):
        for j in range(low.shape[1]):
            bottom, top = low[i, j], high[i, j]
            if top <= bottom:
                continue
            upper = (top - z) * scale
            lower = (bottom - z) * scale
            if upper < -3.0 or lower > 3.0:
                continue
            share = 2.0
            if upper < 3.0:
                share = 1.0 + math.erf(upper)
            if lower > -3.0:
                share -= 1.0 + math.erf(lower)
            out[i, j] += np.float32(0.5 * weight * share)


def blur(plane: Float32, sigma_px: float) -> None:
    """Blur a plane in place to a total standard deviation of ``sigma_px``, splat included."""
    variance = sigma_px**2 - SPLAT_VARIANCE
    if variance > 0.01:
        size = 2 * int(np.ceil(4.0 * np.sqrt(variance))) + 1
        cv2.GaussianBlur(
            plane, (size, size), np.sqrt(variance), dst=plane, borderType=cv2.BORDER_CONSTANT
        )
