"""The maps of a camera, from the moments of dark and evenly lit frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.camera.field import shrunk, smooth, unlike_neighbours
from livesr.calibration.camera.found import CameraMaps, FalseRatio
from livesr.calibration.camera.transfer import QUANTIZATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.calibration.camera.found import Level, Region
    from livesr.calibration.camera.frames import Moments
    from livesr.types import Bool, Float32

HOT_COUNTS = 10.0
"""A pixel whose offset is less above its neighbours' is corrected, not replaced."""
NOISY = 5.0
"""A pixel whose noise is this many times the median's is replaced."""
DEAD = 0.3
"""So is one whose response is off its neighbours' by this share, at least."""
SPOT = 2.0
"""Standard deviation (pixels) of the spot over which a false ratio is told."""


def hot_pixels(dark: Moments) -> Bool:
    """Return the pixels that are unlike the others without light, (i, y, x)."""
    noise = np.sqrt(dark.variance)
    out = np.stack([unlike_neighbours(image, HOT_COUNTS) for image in dark.mean])
    return np.asarray(out | (noise > NOISY * np.median(noise)))


def make_maps(dark: Moments, levels: Sequence[Level], regions: Sequence[Region]) -> CameraMaps:
    """Return the maps that dark frames and levels of light give.

    Raises
    ------
    ValueError
        If most pixels of a channel are unusable.
    """
    hot = hot_pixels(dark)
    response = np.ones_like(dark.mean)
    flats = []
    for c, region in enumerate(regions):
        lit, error = mean_light(levels, regions, c)
        unusable = region.cut(hot)
        unusable |= unlike_neighbours(lit, DEAD)
        light = smooth(lit, ~unusable)
        region.cut(response)[:] = shrunk(lit / light, ~unusable, error)
        flats.append(np.ascontiguousarray(region.stored(light / light.mean())))
    noise = np.sqrt(np.maximum(dark.variance - QUANTIZATION, 0.0))
    return CameraMaps(dark.mean, response, noise.astype(np.float32), hot, np.stack(flats))


def mean_light(levels: Sequence[Level], regions: Sequence[Region], c: int) -> tuple[Float32, float]:
    """Return a channel's image of even light, 1 in the mean, and a pixel's standard error."""
    weights = [level.moments.frames * level.signal[c] ** 2 / level.variance[c] for level in levels]
    total = sum(weights)
    image = np.zeros_like(regions[c].cut(levels[0].moments.mean))
    for weight, level in zip(weights, levels, strict=True):
        image += regions[c].cut(level.moments.mean) * np.float32(weight / total / level.signal[c])
    return image, float(total**-0.5)


def false_ratio(
    dark: Moments, level: Level, maps: CameraMaps, regions: Sequence[Region], *, apart: bool
) -> FalseRatio:
    """Return the ratio of the first two channels at a level of light, before and after."""
    before, after = [], []
    for c, region in enumerate(regions[:2]):
        offset, lit = region.cut(dark.mean), region.cut(level.moments.mean)
        usable = region.stored(~region.cut(maps.hot))
        raw = lit + offset - np.median(offset)
        corrected = lit / region.cut(maps.response)
        before.append(_spot(region.stored(raw), usable))
        after.append(_spot(region.stored(corrected), usable) / _spot(maps.flat[c], usable))
    shares = [level.variance[c] / level.moments.frames / level.signal[c] ** 2 for c in range(2)]
    noise = (sum(shares) / (4 * np.pi * SPOT**2)) ** 0.5
    signal = (level.signal[0], level.signal[1])
    return FalseRatio(_deviation(before), _deviation(after), float(noise), signal, apart)


def _spot(image: Float32, usable: Bool) -> Float32:
    weight = np.ascontiguousarray(usable, np.float32)
    total, share = (
        cv2.GaussianBlur(part, (0, 0), SPOT)
        for part in (np.ascontiguousarray(image * weight, np.float32), weight)
    )
    return np.asarray(total / np.maximum(share, 1e-3), np.float32)


def _deviation(channels: Sequence[Float32]) -> Float32:
    ratio = channels[1] / np.maximum(channels[0], 1e-3)
    return np.asarray(ratio / np.median(ratio) - 1, np.float32)


def transfer_by_pixel(dark: Moments, levels: Sequence[Level], region: Region) -> Float32:
    """Return electrons a count as each pixel's own variances tell, (y, x), without a prior.

    Hardly of use: 20,000 frames are needed to know it to a hundredth.
    """
    above = np.zeros_like(region.cut(dark.mean), np.float64)
    power = np.zeros_like(above)
    for level in levels:
        signal = region.cut(level.moments.mean).astype(np.float64)
        variance = region.cut(level.moments.variance)
        weight = (level.moments.frames - 1) / float(variance.mean()) ** 2
        above += weight * signal * (variance - region.cut(dark.variance))
        power += weight * signal**2
    return (power / np.where(above == 0, np.nan, above)).astype(np.float32)
