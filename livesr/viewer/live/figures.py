"""What is said of each picture of a preview: histogram, saturation, focus; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float64, UInt16

BINS = 128
_EVERY = 3
"""Pixels along each side of which one is counted."""
_CROP = 640
"""Pixels along each side of the middle, where the focus is judged."""
_FINE, _COARSE = 1.0, 3.0
_LAPLACE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one channel.

    Attributes
    ----------
    histogram : ndarray, (BINS,), float64
        Logarithm of the pixels' share in equal steps of the logarithm of counts, 0 to 1.
    highest : int
        Brightest counts.
    saturated : float
        Share of full pixels.
    above : float
        Mean counts above the offset.
    """

    histogram: Float64
    highest: int
    saturated: float
    above: float


def figures(image: UInt16, *, offset: float, full: int) -> Figures:
    """Return the figures of a channel (y, x)."""
    few = image[::_EVERY, ::_EVERY]
    counts = np.bincount(few.ravel(), minlength=full + 1)[: full + 1]
    edges = np.unique(np.geomspace(1, full + 1, BINS + 1).astype(int))
    sums = np.add.reduceat(counts, edges[:-1]).astype(np.float64)
    shares = np.interp(np.linspace(0, 1, BINS), np.linspace(0, 1, len(sums)), sums / few.size)
    height = np.clip(1 + np.log10(np.maximum(shares, 1e-6)) / 5, 0, 1)
    return Figures(
        height,
        int(image.max()),
        float(np.count_nonzero(image >= full)) / image.size,
        float(few.mean()) - offset,
    )


def focus_score(image: UInt16, offset: float) -> float:
    """Return how sharp a channel (y, x) is: normalised variance in the band of fine structure.

    The variance of the difference of two Gaussians (1 and 3 pixels) in the middle of the field,
    without the camera's and the photons' noise, over the squared mean light: so that neither
    exposure nor noise makes a picture seem sharper. Times 1000.
    """
    height, width = image.shape
    top, left = max(0, (height - _CROP) // 2), max(0, (width - _CROP) // 2)
    light = image[top : top + _CROP, left : left + _CROP].astype(np.float32) - np.float32(offset)
    band = cv2.GaussianBlur(light, (0, 0), _FINE) - cv2.GaussianBlur(light, (0, 0), _COARSE)
    mean = max(float(light.mean()), 1.0)
    return 1000.0 * max(float(band.var()) - _noise(light), 0.0) / mean**2


def _noise(light: np.ndarray) -> float:
    """Return the band's variance that white noise makes (Immerkær 1996 for the noise itself)."""
    second = cv2.filter2D(light, -1, _LAPLACE)
    sigma = float(np.sqrt(np.pi / 2) / 6.0 * np.abs(second).mean())
    return sigma**2 * _passed()


def _passed() -> float:
    """Return the share of white noise's variance that the band lets pass."""
    point = np.zeros((33, 33), np.float32)
    point[16, 16] = 1.0
    band = cv2.GaussianBlur(point, (0, 0), _FINE) - cv2.GaussianBlur(point, (0, 0), _COARSE)
    return float((band**2).sum())
