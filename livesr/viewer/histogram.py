"""How many pixels have which value, for the scale beside the picture. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float32, Float64, UInt16
    from livesr.viewer.compose import Levels

BINS = 128
_EVERY = 3
"""Pixels along each side of which one is counted."""
_HIGHEST = 99.95
"""Percentile that the scale reaches at least."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Of one picture.

    Attributes
    ----------
    low, high : float
        Ends of the scale.
    heights : ndarray, (BINS,), float64
        Logarithm of the pixels' share in equal steps from low to high, 0 to 1.
    """

    low: float
    high: float
    heights: Float64


def histogram_of(values: UInt16 | Float32, levels: Levels) -> Histogram:
    """Return the histogram of a picture (y, x), on a scale with room around its levels."""
    few = values[::_EVERY, ::_EVERY].astype(np.float32).ravel()
    span = max(levels.high - levels.low, 1e-6)
    low = min(float(few.min()), levels.low - 0.05 * span)
    high = max(float(np.percentile(few, _HIGHEST)), levels.high + 0.25 * span)
    counts, _ = np.histogram(few, BINS, (low, high))
    shares = counts / max(few.size, 1)
    return Histogram(low, high, np.clip(1 + np.log10(np.maximum(shares, 1e-6)) / 5, 0, 1))
