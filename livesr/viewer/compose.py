"""The picture itself, without Qt: planes and masks in, 8-bit grey or colour and labels out.

Grey and ratio pictures keep fixed levels, so that brightness can be compared over a session.
Masks become one label image (0 is nothing, k the k-th structure of the catalogue) and a table of
colours with opacity, so that opacity costs nothing and small structures stay visible on large.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.catalog import NAMES, STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.types import Float32, UInt8, UInt16

PERCENTILES = (1.0, 99.8)
"""Counts that become black and white."""
RATIO_PERCENTILES = (2.0, 98.0)
FOREGROUND = 0.6
"""Share of pixels, by intensity, that is taken for background when ratio limits are found."""
SMOOTHING = 0.8
"""Standard deviation (pixels) of the smoothing of hue; brightness is left sharp."""
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


def levels_of(
    values: UInt16 | Float32, percentiles: tuple[float, float] = PERCENTILES, *, spread: float = 1.0
) -> Levels:
    """Return robust limits of ``values``, at least ``spread`` apart."""
    low, high = (float(v) for v in np.percentile(values, percentiles))
    return Levels(low, max(high, low + spread))


def to_grey(plane: UInt16, levels: Levels) -> UInt8:
    """Return the plane (y, x) in 8-bit grey."""
    counts = np.arange(65536, dtype=np.float32)
    scaled = (counts - levels.low) * (255.0 / (levels.high - levels.low))
    table = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    grey: UInt8 = np.take(table, plane)
    return grey


def mean_of(yellow: UInt16, red: UInt16) -> UInt16:
    """Return the intensity image, the mean of both channels."""
    return cv2.addWeighted(yellow, 0.5, red, 0.5, 0.0).astype(np.uint16, copy=False)


def ratio_of(yellow: UInt16, red: UInt16, offset: float) -> Float32:
    """Return red / yellow above the camera's offset, smoothed as for the eye.

    Pixels without light go to the picture's own mean ratio instead of noise.
    """
    y, r = (
        cv2.GaussianBlur(plane.astype(np.float32) - np.float32(offset), (0, 0), SMOOTHING)
        for plane in (yellow, red)
    )
    floor = max(1.0, 0.02 * float(np.percentile(y, 99)))
    total = max(float(y.sum()), 1.0)
    usual = max(float(r.sum()), 0.0) / total
    ratio: Float32 = (np.maximum(r, 0) + floor * usual) / (np.maximum(y, 0) + floor)
    return ratio


def ratio_levels(ratio: Float32, intensity: UInt16) -> Levels:
    """Return the limits of the hue scale: those of the foreground."""
    bright = ratio[intensity >= np.quantile(intensity, FOREGROUND)]
    return levels_of(bright, RATIO_PERCENTILES, spread=0.01)


def hues() -> UInt8:
    """Return the hue scale (256, 3): blue for polar-poor (low red / yellow) to red for high."""
    rgb = [colorsys.hsv_to_rgb(0.68 * (1 - i / 255), 0.88, 1.0) for i in range(256)]
    return np.rint(np.asarray(rgb) * 255).astype(np.uint8)


HUES = hues()


def to_ratio(ratio: Float32, grey: UInt8, limits: Levels) -> UInt8:
    """Return the composite (y, x, 3): hue is the ratio, brightness the intensity."""
    place = (ratio - limits.low) * (255.0 / (limits.high - limits.low))
    colour = np.take(HUES, np.clip(place, 0, 255).astype(np.uint8), axis=0)
    weight = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    composite: UInt8 = cv2.multiply(colour, weight, scale=1 / 255)
    return composite


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


def colour_table(opacity: float) -> UInt8:
    """Return the colours (16, 4) of a label image, red, green, blue, alpha."""
    table = np.zeros((len(STRUCTURES) + 1, 4), np.uint8)
    for number, structure in enumerate(STRUCTURES, start=1):
        table[number, :3] = list(bytes.fromhex(structure.color))
    table[1:, 3] = round(255 * opacity)
    return table


def flatten(
    base: UInt8, labels: UInt8, scale: tuple[float, float], table: UInt8
) -> UInt8:
    """Return the finished picture (y, x, 3): labels laid over the base at its resolution.

    Parameters
    ----------
    base : ndarray, (y, x) or (y, x, 3), uint8
        Grey, or colour.
    labels : ndarray, (y', x'), uint8
        On a grid of its own, whose first edges lie with the base's.
    scale : tuple of float
        Label pixels for each base pixel along (y, x).
    table : ndarray, (16, 4), uint8
        See `colour_table`.
    """
    colour = base if base.ndim == 3 else np.repeat(base[..., None], 3, axis=2)
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * s).astype(np.intp), last - 1)
        for n, s, last in zip(colour.shape, scale, labels.shape, strict=False)
    )
    over = table[labels[np.ix_(rows, columns)]].astype(np.float32)
    alpha = over[..., 3:] / 255
    return np.rint(colour * (1 - alpha) + over[..., :3] * alpha).astype(np.uint8)
