"""How far a probability can be trusted: of the voxels given 30 %, 30 % should be the structure.

Probabilities are uint8, so a histogram over their 256 values holds all there is to know of stacks
of any number, and a lookup table (`livesr.segmentation.trust.tables`) can be judged on it without
looking at the stacks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Bool, Float32, Float64, UInt8

VALUES = 256
CERTAIN = (0.02, 0.98)
"""Voxels given less or more are left out: nearly all are background, and any probability near 0
is right for them."""
BINS = 15
"""Of equal width over 0 to 1 (Guo et al., "On calibration of modern neural networks", 2017)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A reliability diagram: a point for each bin that holds voxels.

    Attributes
    ----------
    given : ndarray, float64
        Mean probability.
    found : ndarray, float64
        Share of the voxels that are the structure.
    voxels : ndarray, float64
        Number of voxels.
    """

    given: Float64
    found: Float64
    voxels: Float64


class Reliability:
    """Histograms of probability and truth, a structure each; voxels of all stacks are pooled.

    Parameters
    ----------
    names : sequence of str
        Structures.

    Attributes
    ----------
    histograms : dict of str to ndarray, (256, 2), float64
        For each probability (times 255) the voxels that are not, and that are the structure.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.histograms = {name: np.zeros((VALUES, 2)) for name in names}

    def update(self, name: str, probability: UInt8, truth: Bool | Float32) -> None:
        """Add a stack.

        Parameters
        ----------
        name : str
        probability : ndarray, uint8
            Times 255.
        truth : ndarray of the same shape, bool or float32
            True inside, or the share of each voxel that is inside, 0 to 1.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        if probability.shape != truth.shape:
            raise ValueError(f"probability {probability.shape} and truth {truth.shape} differ")
        values = probability.ravel()
        inside: Float64
        if truth.dtype == bool:
            inside = np.bincount(probability[truth], minlength=VALUES).astype(np.float64)
        else:
            inside = np.bincount(values, weights=truth.ravel(), minlength=VALUES).astype(np.float64)
        self.histograms[name][:, 0] += np.bincount(values, minlength=VALUES) - inside
        self.histograms[name][:, 1] += inside

    def curve(self, name: str, table: UInt8 | None = None, *, bins: int = BINS) -> Curve:
        """Return the reliability diagram over the voxels with 0.02 < p < 0.98.

        Parameters
        ----------
        name : str
        table : ndarray, (256,), uint8, optional
            What each probability is replaced by before it is judged.
        bins : int
            Of equal width over 0 to 1.
        """
        histogram = self.histograms[name]
        p = (np.arange(VALUES) if table is None else table) / (VALUES - 1)
        asked = (p > CERTAIN[0]) & (p < CERTAIN[1])
        at = np.minimum((p * bins).astype(int), bins - 1)[asked]
        voxels, inside = histogram.sum(axis=1)[asked], histogram[asked, 1]
        count, true, given = (
            np.bincount(at, weights=weights, minlength=bins).astype(np.float64)
            for weights in (voxels, inside, voxels * p[asked])
        )
        held = count > 0
        return Curve(given[held] / count[held], true[held] / count[held], count[held])

    def error(self, name: str, table: UInt8 | None = None) -> float:
        """Return the expected calibration error over the voxels with 0.02 < p < 0.98.

        The mean over voxels of how far the mean probability of their bin is from the share found
        there; not a number if no voxel is in the range.

        Parameters
        ----------
        name : str
        table : ndarray, (256,), uint8, optional
            What each probability is replaced by before it is judged.
        """
        curve = self.curve(name, table)
        total = curve.voxels.sum()
        if not total:
            return float("nan")
        return float(np.abs(curve.given - curve.found) @ curve.voxels / total)
