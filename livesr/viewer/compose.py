"""The picture itself, without Qt: planes and masks in, 8-bit grey or colour and labels out.

Grey and ratio pictures keep fixed levels, so that brightness can be compared over a session.
Masks become one label image (0 is nothing, k the k-th structure of the catalogue) and a table of
colours with opacity, so that opacity costs nothing and small structures stay visible on large.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import floor, log10
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.catalog import NAMES, STRUCTURES
from livesr.features import polarity_image

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from livesr.types import Float32, UInt8, UInt16

STAGE_COLOURS = {
    "interphase": "#8592a6",
    "prophase": "#5d78b8",
    "prometaphase": "#8f6fd0",
    "metaphase": "#d9699b",
    "anaphase": "#f0b23e",
    "telophase": "#58b98a",
}
"""Of a dividing cell, on dark and on white."""
PERCENTILES = (1.0, 99.8)
"""Counts that become black and white."""
BRIGHT_PERCENTILES = (1.0, 98.0)
"""The same for the brightness of the composite, whose hue still tells what is fully bright."""
RATIO_PERCENTILES = (2.0, 98.0)
SMOOTHING = 0.8
"""Standard deviation (pixels) of the smoothing before a ratio is taken."""
PAINT_ORDER = (
    "extracellular",
    "cytosol",
    "nucleus",
    "plasma_membrane",
    "filopodia",
    "er",
    "nuclear_membrane",
    "nuclear_reticulum",
    "mitochondria",
    "golgi",
    "peroxisome",
    "early_endosome",
    "late_endosome",
    "lysosome",
    "lipid_droplet",
)
"""Later ones lie on top: compartments under membranes under vesicles."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Values drawn as the two ends of a scale."""

    low: float
    high: float


def levels_of(counts: UInt16, percentiles: tuple[float, float] = PERCENTILES) -> Levels:
    """Return robust limits of camera counts, at least one count apart."""
    low, high = (float(v) for v in np.percentile(counts, percentiles))
    return Levels(low, max(high, low + 1))


def to_grey(plane: UInt16, levels: Levels) -> UInt8:
    """Return the plane (y, x) in 8-bit grey."""
    counts = np.arange(65536, dtype=np.float32)
    scaled = (counts - levels.low) * (255.0 / (levels.high - levels.low))
    table = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    grey: UInt8 = np.take(table, plane)
    return grey


def mean_of(yellow: UInt16, red: UInt16) -> UInt16:
    """Return the intensity image, the mean of both channels."""
    mean: UInt16 = cv2.addWeighted(yellow, 0.5, red, 0.5, 0.0)
    return mean


def ratio_of(yellow: UInt16, red: UInt16, offset: float) -> Float32:
    """Return red / yellow above the camera's offset; 0 where there is no light."""
    y, r = _above(yellow, offset), _above(red, offset)
    ratio: Float32 = np.where(y > 1, r / np.maximum(y, 1), np.float32(0))
    return ratio


def _above(plane: UInt16, offset: float) -> Float32:
    """Return counts above the offset, smoothed a little: a ratio of single pixels is noise."""
    counts = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), SMOOTHING)
    above: Float32 = np.maximum(counts - np.float32(offset), 0)
    return above


def ratio_levels(ratio: Float32, intensity: UInt16) -> Levels:
    """Return the limits of the hue scale: percentiles of the ratio, weighted by the light.

    Light is what stands above the picture's median, so that a field with few cells counts too.
    """
    light = np.maximum(intensity - np.median(intensity), 0).astype(np.float64).ravel()
    values = ratio.ravel()
    order = np.argsort(values)
    below = np.cumsum(light[order])
    if below[-1] <= 0:
        return Levels(0.0, 1.0)
    shares = np.asarray(RATIO_PERCENTILES) / 100 * below[-1]
    low, high = (float(v) for v in values[order][np.searchsorted(below, shares)])
    return Levels(low, max(high, low + 0.01))


def to_composite(
    yellow: UInt16, red: UInt16, offset: float, limits: Levels, brightness: Levels
) -> UInt8:
    """Return the composite (y, x, 3): hue is the ratio, brightness the intensity.

    Parameters
    ----------
    yellow, red : ndarray, (y, x), uint16
        Registered camera counts.
    offset : float
        Camera counts without light.
    limits : Levels
        Ratios at the ends of the hue scale.
    brightness : Levels
        Those of the intensity picture; the upper is fully bright.
    """
    y, r = _above(yellow, offset), _above(red, offset)
    brightest = max(brightness.high - offset, 1.0)
    hues = (limits.low, limits.high)
    composite: UInt8 = polarity_image(y, r, ratio_range=hues, brightest=brightest)
    return composite


def _hue_scale() -> UInt8:
    """Return the hues (256, 3) from the lower to the upper ratio, all equally bright."""
    ratio = np.linspace(0, 1, 256, dtype=np.float32)[None, :]
    yellow = 2 / (1 + ratio)
    scale: UInt8 = polarity_image(yellow, ratio * yellow, ratio_range=(0, 1), brightest=1.0)[0]
    return scale


HUES = _hue_scale()
"""The colour bar of the composite."""


def outline(mask: UInt8) -> UInt8:
    """Return the mask's own outermost pixels, 0 or 1."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask, cross, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    edge: UInt8 = mask - inner
    return edge


def label_image(masks: Mapping[str, UInt8], shape: Sequence[int], *, contour: bool) -> UInt8:
    """Return one image (y, x) of many masks: 0 or the structure's place in the catalogue, from 1.

    Parameters
    ----------
    masks : mapping of str to ndarray, (y, x), uint8
        0 or 1; all on one grid.
    shape : sequence of int
        (y, x) of the grid, for the case of no masks.
    contour : bool
        Outlines only.
    """
    labels = np.zeros(tuple(shape), np.uint8)
    for name in PAINT_ORDER:
        if name in masks:
            drawn = outline(masks[name]) if contour else masks[name]
            np.copyto(labels, np.uint8(NAMES.index(name) + 1), where=drawn != 0)
    return labels


def mask_of(bits: UInt16, name: str) -> UInt8:
    """Return one structure's mask (y, x), 0 or 1, of an image with a bit for each structure."""
    mask: UInt8 = ((bits >> NAMES.index(name)) & 1).astype(np.uint8)
    return mask


def labels_of(bits: UInt16, names: Collection[str]) -> UInt8:
    """Return the label image (y, x) of filled masks, as `label_image` does, in one pass.

    Parameters
    ----------
    bits : ndarray, (y, x), uint16
        A bit for each structure, in the catalogue's order.
    names : collection of str
        The structures that are drawn.
    """
    labels: UInt8 = np.take(_on_top(frozenset(names)), bits)
    return labels


@lru_cache(maxsize=32)
def _on_top(names: frozenset[str]) -> UInt8:
    """Return which of some structures lies on top, for each set of bits."""
    every = np.arange(1 << 16, dtype=np.uint32)
    table = np.zeros(1 << 16, np.uint8)
    for name in PAINT_ORDER:
        if name in names:
            table[(every >> NAMES.index(name)) & 1 != 0] = NAMES.index(name) + 1
    return table


def colour_table(opacity: float) -> UInt8:
    """Return the colours (256, 4) of a label image: red, green, blue, alpha."""
    table = np.zeros((256, 4), np.uint8)
    for number, structure in enumerate(STRUCTURES, start=1):
        table[number, :3] = list(bytes.fromhex(structure.color))
    table[1 : len(STRUCTURES) + 1, 3] = round(255 * opacity)
    return table


def round_length(limit: float) -> float:
    """Return the largest of 1, 2, 5 × 10ⁿ that is not above ``limit``: of a scale bar."""
    if limit <= 0:
        return 0.0
    decade = 10.0 ** floor(log10(limit))
    return max(step * decade for step in (1, 2, 5) if step * decade <= limit)


def resampled(image: UInt8, shape: Sequence[int], scale: tuple[float, float]) -> UInt8:
    """Return masks or labels on the picture's pixels, the nearest of their own.

    Parameters
    ----------
    image : ndarray, (y', x'), uint8
        On a grid of its own, whose first edges lie with the picture's.
    shape : sequence of int
        (y, x) of the picture.
    scale : tuple of float
        Pixels of the image for each of the picture along (y, x).
    """
    if scale == (1.0, 1.0) and image.shape == tuple(shape):
        return image
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * s).astype(np.intp), last - 1)
        for n, s, last in zip(shape, scale, image.shape, strict=True)
    )
    nearest: UInt8 = image[np.ix_(rows, columns)]
    return nearest


def flatten(base: UInt8, labels: UInt8, scale: tuple[float, float], table: UInt8) -> UInt8:
    """Return the finished picture (y, x, 3): labels laid over the base at its resolution.

    Parameters
    ----------
    base : ndarray, (y, x) or (y, x, 3), uint8
        Grey, or colour.
    labels : ndarray, (y', x'), uint8
        On a grid of its own, whose first edges lie with the base's.
    scale : tuple of float
        Label pixels for each base pixel along (y, x).
    table : ndarray, (256, 4), uint8
        See `colour_table`.
    """
    colour = base if base.ndim == 3 else np.repeat(base[..., None], 3, axis=2)
    over = table[resampled(labels, colour.shape[:2], scale)].astype(np.float32)
    alpha = over[..., 3:] / 255
    picture: UInt8 = np.rint(colour * (1 - alpha) + over[..., :3] * alpha).astype(np.uint8)
    return picture
