"""Hue from the ratio, brightness from the light, in one pass: a preview has 30 ms a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from livesr.viewer import compose

if TYPE_CHECKING:
    from livesr.types import Float32, UInt8, UInt16

HUES = np.ascontiguousarray(compose.HUES, np.uint8)


def ratio_colours(
    yellow: UInt16, red: UInt16, offset: float, limits: compose.Levels, bright: float
) -> tuple[UInt8, Float32]:
    """Return the composite (y, x, 3), red, green, blue, and the ratio (y, x) itself.

    Parameters
    ----------
    yellow, red : ndarray, (y, x), uint16
        Smoothed camera counts.
    offset : float
        Camera counts without light.
    limits : Levels
        Ratios at the ends of the hue scale.
    bright : float
        Mean counts above the offset that are fully bright.
    """
    picture = np.empty((*yellow.shape, 3), np.uint8)
    ratio = np.empty(yellow.shape, np.float32)
    span = 255.0 / (limits.high - limits.low)
    _fill(
        yellow,
        red,
        np.float32(offset),
        np.float32(limits.low),
        np.float32(span),
        np.float32(255.0 / bright),
        HUES,
        picture,
        ratio,
    )
    return picture, ratio


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]  # numba has no types
def _fill(
    yellow: UInt16,
    red: UInt16,
    offset: np.float32,
    low: np.float32,
    span: np.float32,
    gain: np.float32,
    hues: UInt8,
    picture: UInt8,
    ratio: Float32,
) -> None:
    rows, columns = yellow.shape
    for i in range(rows):
        for j in range(columns):
            y = max(np.float32(yellow[i, j]) - offset, np.float32(0))
            r = max(np.float32(red[i, j]) - offset, np.float32(0))
            share = r / max(y, np.float32(1))
            ratio[i, j] = share
            hue = np.int32(min(max((share - low) * span, np.float32(0)), np.float32(255)))
            value = np.int32(min((y + r) * np.float32(0.5) * gain, np.float32(255)))
            for k in range(3):
                picture[i, j, k] = (np.int32(hues[hue, k]) * value) >> 8
