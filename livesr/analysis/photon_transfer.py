"""Gain and read noise of a camera from its own frames: `livesr.calibration.camera.transfer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.camera.transfer import QUANTIZATION as QUANTIZATION
from livesr.calibration.camera.transfer import PhotonTransfer as PhotonTransfer
from livesr.calibration.camera.transfer import fit_transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import UInt16


def photon_transfer(levels: Sequence[UInt16]) -> PhotonTransfer:
    """Return gain and read noise.

    Parameters
    ----------
    levels : sequence of ndarray, (n, y, x), uint16
        Two or more frames of each level of steady light. The darkest is taken as without light;
        no level may be clipped.

    Returns
    -------
    PhotonTransfer

    Raises
    ------
    ValueError
        If there are fewer than two levels, a level has fewer than two frames, or the variance does
        not grow with the mean (a level is clipped, or all are alike).
    """
    if len(levels) < 2 or any(level.ndim != 3 or len(level) < 2 for level in levels):
        raise ValueError("photon transfer needs two levels or more of two frames (n, y, x) or more")
    mean = [level.mean(dtype=np.float64) for level in levels]
    return fit_transfer(mean, [_temporal_variance(level) for level in levels])


def _temporal_variance(level: UInt16) -> float:
    """Return the variance between frames (counts²), averaged over pixels."""
    return float(level.var(axis=0, ddof=1, dtype=np.float32).mean(dtype=np.float64))
