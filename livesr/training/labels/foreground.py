"""FG-net at work: what of a probe's image is foreground, and thresholds that would say it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from skimage.filters import threshold_otsu, threshold_triangle

from livesr.segmentation.segment import network_voxel, probabilities, probability_on
from livesr.training.labels.probe import brightness, feature, probe_image
from livesr.training.plan import COLOCALISATION, FOREGROUND
from livesr.types import Features

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.labels.probe import ProbedStack
    from livesr.types import Bool, Float32, UInt8

BINS = 2048
"""Of the histograms in which thresholds are sought."""
SMOOTH_PX = 1.0
"""Gaussian σ in the plane of images that are smoothed before a threshold."""
AUTOMATIC: dict[str, Callable[[Float32], float]] = {
    "otsu": lambda image: float(threshold_otsu(image, BINS)),
    "triangle": lambda image: float(threshold_triangle(image, BINS)),
}
"""Thresholds that an image itself suggests."""


def foreground_mask(stack: ProbedStack, package: Package, engine: Engine) -> Bool:
    """Return what FG-net says carries the probe.

    Parameters
    ----------
    stack : ProbedStack
    package : Package
        FG, or another one that sees a colocalisation channel.
    engine : Engine
        With the package loaded.

    Returns
    -------
    ndarray, (z, y, x), bool
        On the camera's grid.

    Raises
    ------
    ModelError
        If the package sees anything else.
    """
    return foreground_probability(stack, package, engine) >= package.threshold(FOREGROUND)


def foreground_probability(stack: ProbedStack, package: Package, engine: Engine) -> UInt8:
    """Return FG-net's probability times 255, (z, y, x) on the camera's grid; see above."""
    package.check_channels(COLOCALISATION)
    image, grid = probe_image(stack, network_voxel(package, stack.grid))
    features = Features(feature(image, brightness(image, grid)), grid, has_ratio=False)
    return probability_on(stack.grid, probabilities(features, package, engine)[0], grid)


def threshold_mask(stack: ProbedStack, how: str | float, *, smooth: bool = False) -> Bool:
    """Return what is brighter than a threshold.

    Parameters
    ----------
    stack : ProbedStack
    how : str or float
        A key of `AUTOMATIC`, or a number: in units of the probe's brightness
        (`livesr.training.labels.probe.brightness`), so that one number fits dim and bright cells.
    smooth : bool
        Blur by `SMOOTH_PX` before.

    Returns
    -------
    ndarray, (z, y, x), bool
        On the camera's grid.
    """
    image, grid = probe_image(stack, stack.grid.voxel_um)
    return above(image, how, brightness(image, grid), smooth=smooth)


def above(image: Float32, how: str | float, light: float, *, smooth: bool) -> Bool:
    """Return where an image (z, y, x) is above a threshold; see `threshold_mask`.

    Parameters
    ----------
    image : ndarray, (z, y, x), float32
    how : str or float
    light : float
        The probe's brightness, in which a number counts.
    smooth : bool
    """
    seen = smoothed(image) if smooth else image
    if isinstance(how, str):
        return seen > AUTOMATIC[how](np.maximum(seen, 0.0))
    return seen > np.float32(how * light)


def smoothed(image: Float32) -> Float32:
    """Return an image (z, y, x) blurred by `SMOOTH_PX` in each plane."""
    return np.stack([cv2.GaussianBlur(plane, (0, 0), SMOOTH_PX) for plane in image])
