"""Centre-line Dice: whether tubes are found whole, however thick they are drawn.

Shit et al., "clDice: a novel topology-preserving loss function" (2021): the share of the mask's
centre line that lies in the truth and the share of the truth's that lies in the mask, as harmonic
mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.morphology import skeletonize

from livesr.analysis.shares import Shares

if TYPE_CHECKING:
    from livesr.types import Bool, UInt8

TUBULAR = ("er", "nuclear_reticulum", "filopodia")
"""Structures whose centre lines say more than their voxels."""


def compare_centrelines(mask: Bool | UInt8, truth: Bool | UInt8) -> Shares:
    """Return lengths, in voxels, of both centre lines and of what lies in the other volume.

    Its ``harmonic`` is clDice. Centre lines are found by 3-D thinning (Lee et al. 1994,
    scikit-image) on the voxels as they are: the camera's, of which the PSF (0.15 × 0.15 × 0.45 µm)
    is about two wide in every axis. So in voxels a tube looks round, where in µm it would be a
    ribbon three times as high as it is wide.

    Parameters
    ----------
    mask, truth : ndarray, (z, y, x)
        Anything but 0 is inside.
    """
    inside, true = mask != 0, truth != 0
    lines = [skeletonize(inside) != 0, skeletonize(true) != 0]
    counts = [
        np.count_nonzero(lines[0] & true),
        np.count_nonzero(lines[0]),
        np.count_nonzero(lines[1] & inside),
        np.count_nonzero(lines[1]),
    ]
    return Shares(*map(float, counts))
