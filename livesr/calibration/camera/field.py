"""One channel's evenly lit image taken apart: smooth light, and what each pixel makes of it.

Light over a field is smooth, pixels are not: what is left after smoothing is the pixels' own
response (gain, quantum efficiency, and whatever dust makes that is finer than the smoothing). How
it is shared between the two does not matter for the correction, which divides by both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Bool, Float32, Float64

SIGMA = 12.0
"""Pixels (standard deviation) over which light is taken as smooth."""
DEGREE = 4
"""Of the polynomial that light follows over the whole field, so that smoothing bends no edge."""
BLOCK = 6
"""Side of the squares (pixels) whose means the polynomial is fitted to."""
OUTLIER = 8.0
"""Robust standard deviations beyond which a pixel is none of the others' kind."""


def smooth(image: Float32, usable: Bool) -> Float32:
    """Return a smooth image (y, x) of the usable pixels of one that is noisy.

    Raises
    ------
    ValueError
        If too few pixels are usable.
    """
    if usable.mean() < 0.5:
        raise ValueError(f"{usable.mean():.0%} of the pixels are usable, half at least are needed")
    bowl = _polynomial(image, usable)
    weight = usable.astype(np.float32)
    rest = np.where(usable, image - bowl, np.float32(0)).astype(np.float32)
    total, around = (
        cv2.GaussianBlur(part, (0, 0), SIGMA, borderType=cv2.BORDER_REFLECT)
        for part in (rest, weight)
    )
    return np.asarray(bowl + total / np.maximum(around, 1e-3), np.float32)


def _polynomial(image: Float32, usable: Bool) -> Float32:
    weight = blocks(usable, BLOCK)
    known = weight > 0.5
    values = blocks(np.where(usable, image, 0), BLOCK)[known] / weight[known]
    # each block stands at its middle
    y, x = ((np.arange(n) + 0.5) / n * 2 - 1 for n in image.shape)
    (down, across), (rows, columns) = (
        [np.polynomial.legendre.legvander(at, DEGREE) for at in places]
        for places in ((y, x), (blocks(y[:, None], BLOCK)[:, 0], blocks(x[None], BLOCK)[0]))
    )
    terms = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    matrix = np.stack([np.outer(rows[:, i], columns[:, j])[known] for i, j in terms], axis=1)
    found = np.linalg.lstsq(matrix, values)[0]
    table = np.zeros((DEGREE + 1, DEGREE + 1))
    for (i, j), value in zip(terms, found, strict=True):
        table[i, j] = value
    return np.asarray(down @ table @ across.T, np.float32)


def spread(values: npt.NDArray[np.floating]) -> float:
    """Return the standard deviation of most of the values: a few far away do not count."""
    middle = np.median(values)
    return 1.4826 * float(np.median(np.abs(values - middle)))


def unlike_neighbours(image: Float32, least: float) -> Bool:
    """Return the pixels that stand out from those around them, by ``least`` at least."""
    away = np.abs(image - cv2.medianBlur(np.ascontiguousarray(image, np.float32), 5))
    return np.asarray(away > max(OUTLIER * 1.4826 * float(np.median(away)), least))


def shrunk(response: Float32, usable: Bool, noise: float) -> Float32:
    """Return responses drawn to 1 by as much as noise makes them differ, the best linear estimate.

    Parameters
    ----------
    response : ndarray, (y, x), float32
        As measured, 1 in the mean.
    usable : ndarray of bool
        Pixels from which the true spread is told.
    noise : float
        Standard error of one pixel's.
    """
    true = max(spread(response[usable]) ** 2 - noise**2, 0.0)
    share = np.float32(true / (true + noise**2)) if noise > 0 else np.float32(1)
    return np.asarray(1 + share * (response - 1), np.float32)


def blocks(image: npt.NDArray[np.floating] | Bool, side: int) -> Float64:
    """Return means over squares of a side, (y, x); what is left at the edges is dropped."""
    ny, nx = (max(n // side, 1) for n in image.shape)
    sy, sx = (min(side, n) for n in image.shape)
    whole = image[: ny * sy, : nx * sx].astype(np.float64)
    return np.asarray(whole.reshape(ny, sy, nx, sx).mean(axis=(1, 3)))
