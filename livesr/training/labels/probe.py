"""Labels as the paper makes them: the image of a green probe, without what Nile Red adds to it.

The green channel less a share of the yellow one, lipid droplets (which alone shine green by Nile
Red) set to zero. FG-net (`livesr.training.labels.foreground`) or a threshold says what of this
image is foreground: that is the mask of the structure that carries the probe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.ndimage import maximum_filter

from livesr.calibration.warp import Warp
from livesr.contrast import compress
from livesr.features import DARK
from livesr.simulator.coloc import NILE_RED_SHARE

if TYPE_CHECKING:
    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Bool, Float32, Grid, UInt16

EMPTY_PERCENT = 5.0
"""Share of a stack's voxels that are darker than what is taken for the light of an empty field."""
EMPTY_UM = 0.8
"""Squares over which counts are averaged before that, µm: noise would lower the percentile."""
HALF = 0.5
"""Share of a voxel that droplets cover from which on they are in it."""
SMOOTH_UM = 0.07
"""Gaussian σ in the plane before peaks are sought, µm: half of what the microscope blurs."""
APART_UM = 0.12
"""A peak is the highest within this distance along y and x, µm, and among neighbouring planes."""
NOISE = 6.0
"""Peaks are so many standard deviations of the noise high …"""
MAD = 1.4826
"""… which is this times the median absolute deviation."""
GROWN_UM = 0.07
"""By how much droplets are grown before they are set to zero: what their masks miss of the rims is
as green as a dim probe. On simulated early endosomes labels rise from an F1 of 0.53 to 0.79, on
mitochondria they fall from 0.886 to 0.881; more than that changes nothing."""
LEAST_PEAKS = 10
"""So many count in any case."""


@dataclass(frozen=True, slots=True)
class ProbedStack:
    """A recording of yellow and green light, with a probe in one structure.

    Attributes
    ----------
    data : ndarray, (2, z, y, x), uint16
        Yellow, green.
    grid : Grid
        The camera's.
    offset : float
        Counts without light.
    chromatic : ChromaticModel
        Green against yellow.
    droplets : ndarray, (z, y, x), bool, optional
        Lipid droplets, on ``grid``.
    share : float
        How much of the yellow light Nile Red has in green.
    """

    data: UInt16
    grid: Grid
    offset: float
    chromatic: ChromaticModel
    droplets: Bool | None = None
    share: float = NILE_RED_SHARE


def probe_image(stack: ProbedStack, voxel_um: tuple[float, float, float]) -> tuple[Float32, Grid]:
    """Return the light of the probe alone, (z, y, x) counts, on a grid of such voxels."""
    warp = Warp(stack.grid, voxel_um, {1: stack.chromatic})
    yellow, green = warp.apply(stack.data, stack.offset)
    droplets = None if stack.droplets is None else _on(warp.target, stack.droplets)
    return colocalisation_image(
        yellow, green, warp.target, share=stack.share, droplets=droplets
    ), warp.target


def _on(grid: Grid, mask: Bool) -> Bool:
    """Return a mask on a grid of the same planes: what is covered by half."""
    _, ny, nx = grid.shape
    planes = [cv2.resize(p, (nx, ny), interpolation=cv2.INTER_AREA) for p in mask * np.float32(1)]
    return np.stack(planes) >= HALF


def grown(mask: Bool, grid: Grid, by_um: float = GROWN_UM) -> Bool:
    """Return a mask (z, y, x) grown in the plane, by a pixel at least, and by a plane each way.

    Parameters
    ----------
    mask : ndarray, (z, y, x), bool
    grid : Grid
    by_um : float
        0 leaves it as it is.
    """
    if by_um <= 0:
        return mask
    sides = (2 * max(1, round(by_um / v)) + 1 for v in grid.voxel_um[1:])
    wide: Bool = maximum_filter(mask, size=(min(len(mask), 3), *sides))
    return wide


def colocalisation_image(
    yellow: Float32,
    green: Float32,
    grid: Grid,
    *,
    share: float = NILE_RED_SHARE,
    droplets: Bool | None = None,
) -> Float32:
    """Return the light of a probe alone.

    Parameters
    ----------
    yellow, green : ndarray, (z, y, x), float32
        Registered counts above the camera's offset; not changed.
    grid : Grid
        Of both.
    share : float
        How much of the yellow light Nile Red has in green; the paper takes 0.2.
    droplets : ndarray, (z, y, x), bool, optional
        Lipid droplets: set to zero.

    Returns
    -------
    ndarray, (z, y, x), float32
        Counts. Below zero where Nile Red has less than ``share`` in green, and by noise: cut off
        there, noise would have no mean, and dim probes no edge.
    """
    empty = empty_light(yellow, grid), empty_light(green, grid)
    return without_nile_red(yellow, green, empty, share, droplets)


def without_nile_red(
    yellow: Float32,
    green: Float32,
    empty: tuple[float, float],
    share: float,
    droplets: Bool | None,
) -> Float32:
    """Return `colocalisation_image` with the empty field's light (yellow, green) given."""
    image = green - np.float32(share) * yellow
    image += np.float32(share * empty[0] - empty[1])
    if droplets is not None:
        image[droplets] = 0.0
    return image


def empty_light(channel: Float32, grid: Grid) -> float:
    """Return the counts of an empty field: a low percentile over squares of `EMPTY_UM`.

    Parameters
    ----------
    channel : ndarray, (z, y, x), float32
        Counts above the camera's offset.
    grid : Grid
    """
    ny, nx = (
        max(1, round(n * size / EMPTY_UM))
        for n, size in zip(grid.shape[1:], grid.voxel_um[1:], strict=True)
    )
    squares = [cv2.resize(plane, (nx, ny), interpolation=cv2.INTER_AREA) for plane in channel]
    return float(np.percentile(np.stack(squares), EMPTY_PERCENT))


def brightness(image: Float32, grid: Grid) -> float:
    """Return how bright the objects of a probe are at their brightest: the median of the peaks.

    Peaks are local maxima of the image, lightly smoothed, above the noise. As for the cells'
    foreground (`livesr.features`), of these count the brightest n, n being the smallest number for
    which the next has less than `DARK` of their median: haze and what lies out of focus have
    maxima, too. A share of this height marks an object's border, whatever the structure: vesicles'
    at 0.7, mitochondria's at 0.5, an ER tube's, beside brighter sheets, at 0.35.

    Parameters
    ----------
    image : ndarray, (z, y, x), float32
        From `colocalisation_image`.
    grid : Grid

    Returns
    -------
    float
        Counts; positive also for an image that is all zero.
    """
    pixel = grid.voxel_um[2]
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), SMOOTH_UM / pixel) for plane in image])
    reach = 2 * max(1, round(APART_UM / pixel)) + 1
    highest = maximum_filter(smooth, size=(min(len(image), 3), reach, reach))
    middle = np.median(smooth)
    noise = MAD * float(np.median(np.abs(smooth - middle)))
    heights = smooth[(smooth == highest) & (smooth > max(NOISE * noise, 0.0))]
    heights = np.sort(heights)[::-1]
    if not len(heights):
        return max(float(smooth.max()), 1.0)
    n = np.arange(LEAST_PEAKS, len(heights))
    darker = heights[LEAST_PEAKS:] < DARK * heights[n // 2]
    count = LEAST_PEAKS + int(np.argmax(darker)) if darker.any() else len(heights)
    return float(np.median(heights[:count]))


def feature(image: Float32, bright: float) -> Float32:
    """Return what FG-net sees, (1, z, y, x): the image in units of its brightness, compressed."""
    return np.asarray(compress(image / np.float32(bright)), np.float32)[None]
