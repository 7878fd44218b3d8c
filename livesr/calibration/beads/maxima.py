"""Where beads may lie in an image: bright spots of their size, apart from hot pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.types import Bool, Float32, Float64, UInt16

NOISE = 8.0
"""A bead's peak rises so many standard deviations above the filtered background."""
FAINT = 0.04
"""Peaks below this share of the brighter beads' are not beads: pedestal and speckle."""
ALONE = 6.0
"""No other bead lies laterally nearer, standard deviations …"""
ABOVE = 5.0
"""… and nearer along z."""
FULL = tuple(2**bits - 1 for bits in (8, 10, 11, 12, 14, 16))
"""Highest counts of cameras …"""
PLATEAU = 20
"""… or any highest count that so many voxels share."""
MOST = 4_000
"""Of more maxima the brightest are taken."""

REACH = (2.6, 4.0)
"""Half size of a fitted box along z and laterally, standard deviations."""
HOT = 8.0
"""A pixel is hot if its least count of all planes lies so many standard deviations higher …"""
ROUND = 0.3
"""… than all its neighbours, which hold less than this share of its excess."""


def without_hot_pixels(image: Float32) -> Float32:
    """Return the image with hot pixels, bright in every plane and alone, as their neighbours are.

    Parameters
    ----------
    image : ndarray, (z, y, x), float32
        Changed in place.
    """
    floor = image.min(axis=0)
    excess = floor - cv2.medianBlur(floor, 3)
    noise = max(1.4826 * float(np.median(np.abs(excess))), 0.3)
    cross = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
    beside = cv2.dilate(excess, cross)
    hot = (excess > HOT * noise) & (beside < ROUND * excess)
    if hot.any():
        for plane in image:
            plane[hot] = cv2.medianBlur(plane, 3)[hot]
    return image


def find_maxima(image: Float32, sigma: Float64) -> npt.NDArray[np.int64]:
    """Return the voxels (n, 3) where beads stand out from the background, brightest first."""
    sharp = _blurred(image, 0.7 * sigma)
    sharp -= _blurred(image, 1.6 * sigma)
    size = [1 + 2 * max(1, round(float(2.0 * s))) for s in sigma]
    top = maximum_filter(sharp, size=size, mode="nearest")
    sample = sharp[:, ::3, ::3]
    middle = float(np.median(sample))
    away = np.abs(sample - middle)
    noise = max(1.4826 * float(np.median(away[away > 0])) if away.any() else 0.0, 1e-3)
    found = np.argwhere((sharp == top) & (sharp > middle + NOISE * noise))
    heights = sharp[tuple(found.T)]
    order = np.argsort(heights)[::-1][:MOST]
    found, heights = found[order], heights[order]
    if len(found) == 0:
        return found
    bright = float(np.median(heights[: max(1, len(heights) // 4)]))
    return found[heights > FAINT * bright]


def _blurred(image: Float32, sigma: Float64) -> Float32:
    out = np.empty_like(image)
    for plane, target in zip(image, out, strict=True):
        cv2.GaussianBlur(plane, (0, 0), sigma[2], target, sigma[1], cv2.BORDER_REPLICATE)
    smooth: Float32 = gaussian_filter1d(out, sigma[0], axis=0, mode="nearest")
    return smooth


def _dark(image: Float32) -> Float32:
    """Return the darker half of a sample of voxels."""
    sample = image[:, ::3, ::3]
    dark: Float32 = sample[sample <= np.median(sample)]
    return dark


def dark_level(image: Float32) -> float:
    """Return the median of the field, or 0 where it lies below."""
    return max(float(np.median(image[:, ::3, ::3])), 0.0)


def dark_variance(image: Float32) -> float:
    """Return the variance of the empty field: the lower half of its values, mirrored."""
    level = float(np.median(image[:, ::3, ::3]))
    return max(float(np.mean((_dark(image) - level) ** 2)), 0.1)


def half_box(sigma: Float64) -> npt.NDArray[np.int64]:
    """Return half the size of a fitted box, voxels."""
    reach = np.array([REACH[0], REACH[1], REACH[1]])
    out: npt.NDArray[np.int64] = np.maximum(1, np.ceil(sigma * reach)).astype(np.int64)
    return out


def box_around(
    place: Float64, half: npt.NDArray[np.int64], shape: Sequence[int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first voxel and the one after the last of the box around a place."""
    middle = np.rint(place).astype(np.int64)
    return np.maximum(middle - half, 0), np.minimum(middle + half + 1, shape)


def alone(peaks: npt.NDArray[np.int64], sigma: Float64) -> Bool:
    """Return which maxima have no other in their ellipsoid."""
    out = np.ones(len(peaks), bool)
    if len(peaks) > 1:
        scaled = peaks / (sigma * [ABOVE, ALONE, ALONE])
        for pair in cKDTree(scaled).query_pairs(1.0):
            out[list(pair)] = False
    return out


def at_the_edge(peaks: npt.NDArray[np.int64], shape: Sequence[int], sigma: Float64) -> Bool:
    """Return which boxes the edge of the field cuts."""
    half = half_box(sigma)[1:]
    lateral = peaks[:, 1:]
    out: Bool = np.any((lateral < half) | (lateral + half >= np.asarray(shape[1:])), axis=1)
    return out


def saturated(planes: UInt16, peaks: npt.NDArray[np.int64], sigma: Float64) -> Bool:
    """Return which beads hold voxels of the highest count, if the camera stops there."""
    highest = int(planes.max(initial=0))
    out = np.zeros(len(peaks), bool)
    if highest not in FULL and int((planes == highest).sum()) < PLATEAU:
        return out
    half = half_box(sigma)
    for n, peak in enumerate(peaks):
        low, high = box_around(peak, half, planes.shape)
        box = planes[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        out[n] = bool((box == highest).any())
    return out
