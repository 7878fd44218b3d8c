"""The slow swaying of the cytoplasm: a smooth field that carries all that floats in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from livesr.types import Float64

_WAVES = 6


@dataclass(frozen=True, slots=True)
class Sway:
    """Lateral waves, still at time 0.

    Attributes
    ----------
    waves : ndarray, (waves, 6)
        Wave vector y and x, phase, speed (1/s), amplitude y and x (µm).
    """

    waves: Float64

    @classmethod
    def draw(cls, rng: np.random.Generator, rms_um: float) -> Sway:
        """Return swaying of a root mean square."""
        k = 2 * np.pi / rng.uniform(6.0, 15.0, _WAVES)
        angle, phase, heading = rng.uniform(0, 2 * np.pi, (3, _WAVES))
        speed = 2 * np.pi / rng.uniform(60.0, 400.0, _WAVES)
        size = rms_um * np.sqrt(2.0 / _WAVES)
        parts = (k * np.sin(angle), k * np.cos(angle), phase, speed)
        return cls(np.stack([*parts, size * np.sin(heading), size * np.cos(heading)], axis=1))

    def carry(self, points: Float64, time_s: float, share: float) -> Float64:
        """Return points (n, 3) carried along; ``share`` of the full swaying."""
        if share <= 0.0 or time_s == 0.0:
            return points
        out: Float64 = _carry(np.ascontiguousarray(points), self.waves, time_s, share)
        return out


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _carry(points: Float64, waves: Float64, time_s: float, share: float) -> Float64:
    out = points.copy()
    for i in range(points.shape[0]):
        for w in range(waves.shape[0]):
            there = waves[w, 0] * points[i, 1] + waves[w, 1] * points[i, 2] + waves[w, 2]
            swing = share * (np.sin(there + waves[w, 3] * time_s) - np.sin(there))
            out[i, 1] += waves[w, 4] * swing
            out[i, 2] += waves[w, 5] * swing
    return out
