"""Masks × intensity: what the microscope saw of each structure alone, the display of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.calibration.warp import Warp
    from livesr.types import Bool, UInt8, UInt16

MOST = np.iinfo(np.uint16).max


def mean_intensity(data: UInt16, warp: Warp, offset: float) -> UInt16:
    """Return the mean of the registered channels, in whole counts above the offset.

    Parameters
    ----------
    data : ndarray, (c, z, y, x), uint16
        Camera counts.
    warp : Warp
        To the grid of the result.
    offset : float
        Camera counts without light.

    Returns
    -------
    ndarray, (z, y, x), uint16
        On ``warp.target``.
    """
    channels = warp.apply(data[:2], offset)
    mean = channels[0]
    if len(channels) > 1:
        mean += channels[1]
        mean *= np.float32(0.5)
    np.rint(mean, out=mean)
    np.clip(mean, 0, MOST, out=mean)
    whole: UInt16 = mean.astype(np.uint16)
    return whole


def masked_intensity(
    intensity: UInt16, masks: Mapping[str, UInt8 | Bool]
) -> Iterator[tuple[str, UInt16]]:
    """Yield the intensity within each structure, 0 elsewhere: one volume at a time.

    Parameters
    ----------
    intensity : ndarray, (z, y, x), uint16
        Registered mean of the channels (`mean_intensity`).
    masks : mapping of str to ndarray, (z, y, x)
        0 or 1, on the intensity's grid.

    Raises
    ------
    ValueError
        If a mask has another shape.
    """
    for name, mask in masks.items():
        if mask.shape != intensity.shape:
            raise ValueError(f"the mask of {name} is {mask.shape}, the image {intensity.shape}")
        yield name, intensity * (mask != 0)
