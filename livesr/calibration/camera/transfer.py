"""Gain and read noise from the photon-transfer curve: variance against mean.

Shot noise has as many electrons of variance as of mean, so that in counts the variance grows by
1 / gain for each count of the mean. What is left without light is the read noise. Variances are
those between frames of one level, so that fixed patterns of offset, gain and light drop out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

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


def fit_transfer(mean: npt.ArrayLike, variance: npt.ArrayLike) -> PhotonTransfer:
    """Return gain and read noise of levels of light, the darkest taken as without light.

    Parameters
    ----------
    mean, variance : array_like, (levels,)
        Of each level, averaged over pixels, counts and counts².

    Raises
    ------
    ValueError
        If the variance does not grow with the mean: a level is clipped, or all are alike.
    """
    mean, variance = (np.asarray(values, np.float64) for values in (mean, variance))
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
