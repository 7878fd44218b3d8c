"""The filters that a pixel classifier is given, as users of ilastik and Trainable Weka choose them.

Smoothed image, Laplacian, gradient magnitude and the eigenvalues of structure tensor and Hessian,
at several widths in the plane, and what the neighbouring planes add.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.types import Float32

    Indices = npt.NDArray[np.int64]

SIGMAS_PX = (0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
"""Widths (Gaussian σ, camera pixels) in the plane: ilastik's default set without its narrowest."""
DEEP_SIGMAS_PX = (1.6, 3.5, 5.0)
"""Widths in all three axes, equal in µm; narrower ones do not reach the next plane."""
FLAT = 7
"""Filters in the plane at each width."""
DEEP = 2
"""Filters across planes at each width."""
FILTERS = FLAT * len(SIGMAS_PX) + DEEP * len(DEEP_SIGMAS_PX)
"""Filters of one image."""


def filtered_at(images: Sequence[Float32], at: Indices, step_px: float) -> Float32:
    """Return the filters' values at chosen voxels.

    Parameters
    ----------
    images : sequence of ndarray, (z, y, x), float32
        On one grid.
    at : ndarray, (n,), int64
        Flat indices of the voxels, ascending.
    step_px : float
        Distance of the planes in pixels.

    Returns
    -------
    ndarray, (n, `FILTERS` of each image), float32
    """
    out = np.empty((FILTERS * len(images), len(at)), np.float32)
    for k, image in enumerate(images):
        _fill(image, at, step_px, out[FILTERS * k : FILTERS * (k + 1)])
    return np.ascontiguousarray(out.T)


def _fill(image: Float32, at: Indices, step_px: float, out: Float32) -> None:
    """Write the filters of one image at the voxels, (filters, n)."""
    size = image.shape[1] * image.shape[2]
    edges = np.searchsorted(at, size * np.arange(image.shape[0] + 1))
    for z, (first, last) in enumerate(pairwise(edges.tolist())):
        if first < last:
            here = at[first:last] - z * size
            for k, sigma in enumerate(SIGMAS_PX):
                flat = flat_filters(image[z], sigma).reshape(FLAT, -1)
                out[FLAT * k : FLAT * (k + 1), first:last] = flat[:, here]
    for k, sigma in enumerate(DEEP_SIGMAS_PX):
        deep = deep_filters(image, sigma, step_px).reshape(DEEP, -1)
        out[FLAT * len(SIGMAS_PX) + DEEP * k :][:DEEP] = deep[:, at]


def flat_filters(plane: Float32, sigma: float) -> Float32:
    """Return the filters in a plane at one width.

    Returns
    -------
    ndarray, (`FLAT`, y, x), float32
        Smoothed, gradient magnitude, Laplacian, larger and smaller eigenvalue of the Hessian and of
        the structure tensor (averaged over half the width); derivatives are per pixel, times the
        width to their order.
    """
    smooth = _blur(plane, sigma)
    gy, gx = _slope(smooth, 0) * sigma, _slope(smooth, 1) * sigma
    hyy, hxx = _slope(gy, 0) * sigma, _slope(gx, 1) * sigma
    hxy = _slope(gy, 1) * sigma
    tensor = [_blur(product, sigma / 2) for product in (gy * gy, gx * gx, gy * gx)]
    return np.stack(
        [
            smooth,
            cv2.magnitude(gy, gx),
            hyy + hxx,
            *_eigenvalues(hyy, hxx, hxy),
            *_eigenvalues(*tensor),
        ]
    )


def deep_filters(image: Float32, sigma: float, step_px: float) -> Float32:
    """Return the filters across planes at one width.

    Returns
    -------
    ndarray, (`DEEP`, z, y, x), float32
        Smoothed in all axes, and its second difference from plane to plane.
    """
    smooth = gaussian_filter1d(image, sigma / step_px, axis=0, mode="nearest")
    for plane in smooth:
        plane[:] = _blur(plane, sigma)
    beyond = np.concatenate([smooth[:1], smooth, smooth[-1:]])
    return np.stack([smooth, beyond[2:] + beyond[:-2] - 2 * smooth])


def _blur(plane: Float32, sigma: float) -> Float32:
    blurred: Float32 = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return blurred


def _slope(plane: Float32, axis: int) -> Float32:
    """Return central differences along y (0) or x (1)."""
    order = (0, 1) if axis == 0 else (1, 0)
    slope: Float32 = cv2.Sobel(
        plane, cv2.CV_32F, *order, ksize=1, scale=0.5, borderType=cv2.BORDER_REFLECT_101
    )
    return slope


def _eigenvalues(yy: Float32, xx: Float32, yx: Float32) -> tuple[Float32, Float32]:
    """Return the larger and the smaller eigenvalue of symmetric 2 × 2 matrices."""
    middle: Float32 = np.float32(0.5) * (yy + xx)
    apart: Float32 = cv2.magnitude(np.float32(0.5) * (yy - xx), yx)
    return middle + apart, middle - apart
