"""Planes between planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.types import Float32, Float64, UInt16


def _interpolate_z(
    planes: UInt16, z: Float64, dz: Float32, offset: np.float32, out: Float32
) -> None:
    """Sample ``planes`` (z, y, x) linearly at plane ``z[k] + dz[y, x]`` into ``out`` (k, y, x)."""
    last = np.float32(planes.shape[0] - 1)
    top = np.uint32(planes.shape[0] - 2)
    for k in range(out.shape[0]):
        start = np.float32(z[k])
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                at = min(max(start + dz[y, x], np.float32(0)), last)
                below = min(np.uint32(at), top)
                weight = at - np.float32(below)
                low = np.float32(planes[below, y, x])
                high = np.float32(planes[below + np.uint32(1), y, x])
                out[k, y, x] = low + weight * (high - low) - offset


interpolate_z: Callable[[UInt16, Float64, Float32, np.float32, Float32], None] = numba.njit(
    nogil=True, cache=True
)(_interpolate_z)
