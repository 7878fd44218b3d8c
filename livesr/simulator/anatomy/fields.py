"""Height fields evaluated at many places: the inner loops of the cell's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from livesr.types import Float64


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def wave_sum(y: Float64, x: Float64, waves: Float64, out: Float64) -> None:
    """Write the sum of plane waves (rows: ky, kx, phase, amplitude) at flat (y, x)."""
    for i in range(y.size):
        total = 0.0
        for w in range(waves.shape[0]):
            total += waves[w, 3] * np.sin(waves[w, 0] * y[i] + waves[w, 1] * x[i] + waves[w, 2])
        out[i] = total


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def radial_share(
    y: Float64, x: Float64, center: Float64, axes: Float64, wobble: Float64, out: Float64
) -> None:
    """Write the distance from the nucleus' axis relative to its outline.

    Parameters
    ----------
    y, x : ndarray, (n,)
    center, axes : ndarray, (2,) and (3,)
        (y, x); half length, half width, direction of the length.
    wobble : ndarray, (modes, 2)
        Cosine and sine parts of modes 2, 3, ….
    out : ndarray, (n,)
    """
    c, s = np.cos(axes[2]), np.sin(axes[2])
    for i in range(y.size):
        dy, dx = y[i] - center[0], x[i] - center[1]
        along, across = (dx * c + dy * s) / axes[0], (dy * c - dx * s) / axes[1]
        distance = np.sqrt(along * along + across * across)
        if distance < 1e-12:
            out[i] = 0.0
            continue
        cos1, sin1 = along / distance, across / distance
        even, odd = cos1, sin1
        outline = 1.0
        for mode in range(wobble.shape[0]):
            even, odd = even * cos1 - odd * sin1, odd * cos1 + even * sin1
            outline += wobble[mode, 0] * even + wobble[mode, 1] * odd
        out[i] = distance / outline


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def fold_depth(y: Float64, x: Float64, folds: Float64, side: float, out: Float64) -> None:
    """Write the depth of the envelope's infoldings on one side (+1 top, -1 bottom)."""
    for i in range(y.size):
        depth = 0.0
        for f in range(folds.shape[0]):
            if folds[f, 6] != side:
                continue
            dy, dx = y[i] - folds[f, 0], x[i] - folds[f, 1]
            c, s = np.cos(folds[f, 2]), np.sin(folds[f, 2])
            along, across = (dx * c + dy * s) / folds[f, 3], (dy * c - dx * s) / folds[f, 4]
            power = along * along + across * across
            if power < 60.0:
                depth += folds[f, 5] * np.exp(-0.5 * power)
        out[i] = depth
