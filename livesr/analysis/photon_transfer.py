"""Gain and read noise of a camera from its own frames: the photon-transfer curve.

Shot noise has as many electrons of variance as of mean, so that in counts the variance grows by
1 / gain for each count of the mean. What is left without light is the read noise. Differences
between frames of one level alone are looked at: fixed patterns of offset, gain and illumination
drop out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import UInt16

QUANTIZATION = 1.0 / 12.0
"""Variance (counts²) of rounding to whole counts."""


class PhotonTransfer(NamedTuple):
    """What the curve says of the camera.

    Attributes
    ----------
    gain_e_per_adu : float
        Electrons a count.
    read_noise_e : float
        Root mean square over the sensor of every pixel's read noise, electrons. With a tail of
        noisy pixels it is above their median.
    offset : float
        Mean counts of the darkest level.
    """

    gain_e_per_adu: float
    read_noise_e: float
    offset: float


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
    mean = np.array([level.mean(dtype=np.float64) for level in levels])
    variance = np.array([_temporal_variance(level) for level in levels])
    dark = int(mean.argmin())
    signal, excess = np.delete(mean - mean[dark], dark), np.delete(variance - variance[dark], dark)
    order = np.argsort(signal)
    if signal.min() <= 0.0 or np.any(np.diff(excess[order], prepend=0.0) <= 0.0):
        raise ValueError("the variance does not grow with the mean: a level is clipped or repeated")
    # a variance is known to a share of itself: the line is fitted to relative deviations
    weights = 1.0 / np.delete(variance, dark) ** 2
    gain = float((weights * signal**2).sum() / (weights * signal * excess).sum())
    noise = max(float(variance[dark]) - QUANTIZATION, 0.0)
    return PhotonTransfer(gain, gain * float(np.sqrt(noise)), float(mean[dark]))


def _temporal_variance(level: UInt16) -> float:
    """Return the variance between frames (counts²), averaged over pixels."""
    return float(level.var(axis=0, ddof=1, dtype=np.float32).mean(dtype=np.float64))
