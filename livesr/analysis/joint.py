"""Histograms of probability against truth: all that can be said voxel by voxel.

Probabilities are uint8, so 2 × 256 numbers hold the counts at every threshold and Pearson's r of
stacks of any number.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.scores import Counts

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Bool, UInt8

    Int64 = npt.NDArray[np.int64]

VALUES = 256


def joint_histogram(probability: UInt8, truth: Bool) -> Int64:
    """Count voxels by truth and probability.

    Parameters
    ----------
    probability : ndarray, (z, y, x), uint8
        Times 255.
    truth : ndarray, (z, y, x), bool

    Returns
    -------
    ndarray, (2, 256), int64
        Voxels outside and inside the truth; histograms of several stacks add up.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if probability.shape != truth.shape:
        raise ValueError(f"probability {probability.shape} and truth {truth.shape} differ")
    everything = np.bincount(probability.ravel(), minlength=VALUES)
    inside = np.bincount(probability[truth], minlength=VALUES)
    return np.stack([everything - inside, inside])


def counts_at(histogram: Int64, threshold: int) -> Counts:
    """Return the counts of the mask of all voxels at or above a threshold, 0 to 255."""
    fn, tp = (int(part.sum()) for part in (histogram[1, :threshold], histogram[1, threshold:]))
    tn, fp = (int(part.sum()) for part in (histogram[0, :threshold], histogram[0, threshold:]))
    return Counts(tp, fp, fn, tn)


def pearson(histogram: Int64) -> float:
    """Return Pearson's r between probability and truth (1 inside, 0 outside) over all voxels.

    0 where one of them is the same everywhere.
    """
    voxels = histogram.astype(np.float64)
    p = np.arange(VALUES) / (VALUES - 1)
    total = voxels.sum()
    if not total:
        return 0.0
    inside = voxels[1].sum() / total
    mean, square = (float(voxels.sum(axis=0) @ power) / total for power in (p, p * p))
    both = float(voxels[1] @ p) / total
    spread = (square - mean**2) * (inside - inside**2)
    return (both - mean * inside) / sqrt(spread) if spread > 1e-15 else 0.0
