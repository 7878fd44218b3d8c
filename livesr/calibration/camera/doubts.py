"""Frames that make no camera calibration, refused with the reason; and what makes one worse."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.camera.field import blocks
from livesr.calibration.camera.pattern import hot_pixels, mean_light
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from livesr.calibration.camera.found import CameraCalibration, Level, Region
    from livesr.calibration.camera.frames import Frames, Moments
    from livesr.types import Float32

LEAST_DARKS = 16
LEAST_FLATS = 8
LEAST_LEVELS = 2
GOOD_LEVELS = 3
STEADY = 20.0
"""Counts by which the means of dark frames may differ."""
WANDERS = 2.0
"""Counts beyond which they are warned of."""
LEAK = 5.0
"""Counts of light in dark frames that are doubted, if they are five standard errors."""
SHAPED = 0.5
"""Counts (rms over the field) by which light shapes dark frames that are refused for it …"""
PATTERNED = 20.0
"""… or counts of light that the pixels' own response to light shows in them."""
BLOCK = 24
"""Side of the squares (pixels) that are compared between dark frames and light."""
FULL = 1e-3
"""Share of a frame's pixels at its highest count beyond which that is a limit."""
SHOT = 4.0
"""Of the brightest level, shot noise's variance beside that without light: at least."""
RESPONSE = 0.01
"""Relative standard error of a pixel's response that is refused."""
BENT = 0.15
"""Relative deviation of a level's gain that is refused; a fifth of it is warned of."""
NOISIEST_E = 100.0
MOST_HOT = 0.05
UNSTEADY = 0.05
"""Change of light within a level that is warned of."""
OFFSET = 0.2
"""Counts to which a pixel's offset ought to be known, in 19 of 20 pixels."""


def check_shapes(
    darks: Sequence[Frames], flats: Sequence[Frames], regions: Sequence[Region]
) -> None:
    """Refuse frames of unlike sizes, and channels that do not fit on them."""
    first = darks[0]
    for frames in (*darks[1:], *flats):
        if frames.shape != first.shape:
            raise CalibrationError(
                f"{frames.source} has frames of {_sizes(frames)}, {first.source} of"
                f" {_sizes(first)} (images, y, x)",
                where=frames.source,
                fix="take darks and flats with one region of interest, one binning and one layout",
            )
    if any(region.image >= first.shape[0] for region in regions):
        raise CalibrationError(
            f"the frames hold {first.shape[0]} images, {len(regions)} channels are named:"
            f" {', '.join(region.name for region in regions)}",
            where=first.source,
            fix="--session with the channel layout, or --channels with a name for each image",
        )


def _sizes(frames: Frames) -> str:
    return " × ".join(map(str, frames.shape))


def check_dark(dark: Moments) -> None:
    """Refuse dark frames that are too few, or whose light changes."""
    if dark.frames < LEAST_DARKS:
        raise CalibrationError(
            f"{dark.frames} dark frames are too few, {LEAST_DARKS} are the least, 200 are good",
            where=dark.source,
            fix="take 200 frames with the shutter closed and the camera covered",
        )
    means = dark.per_frame.mean(axis=1)
    if np.ptp(means) > STEADY:
        raise CalibrationError(
            f"the dark frames are not dark: their means go from {means.min():.1f} to"
            f" {means.max():.1f} counts",
            where=f"{dark.source}, frame {int(np.argmax(np.abs(means - np.median(means))))}",
            fix="close the shutter, switch the lamp off and cover the camera; or were the files"
            " of --dark and --flat given the wrong way round?",
        )


def check_flats(dark: Moments, levels: Sequence[Level], regions: Sequence[Region]) -> None:
    """Refuse levels of light of which nothing can be told, and darks that do not belong to them."""
    for level in levels:
        _check_level(level, regions)
    if len(levels) < LEAST_LEVELS:
        raise CalibrationError(
            f"the flats have {len(levels)} level of light, {LEAST_LEVELS} are the least, five are"
            " good",
            where=levels[0].moments.source,
            fix="take frames of an evenly lit field at several intensities, from about 50 to 20,000"
            " counts; each may be a file of its own: --flat A --flat B …",
        )
    _check_bright(dark, levels[-1], regions)
    _check_same_camera(dark, levels, regions)
    _check_shape_of_light(dark, levels, regions)


def _check_level(level: Level, regions: Sequence[Region]) -> None:
    moments = level.moments
    where = f"{moments.source}, from frame {moments.first}"
    if min(level.signal) <= 1.0:
        name = regions[int(np.argmin(level.signal))].name
        raise CalibrationError(
            f"channel {name} of the flats is no brighter than the darks"
            f" ({min(level.signal):+.1f} counts)",
            where=where,
            fix="see that light reaches every channel; or were the files of --dark and --flat given"
            " the wrong way round?",
        )
    if moments.full > FULL:
        raise CalibrationError(
            f"{moments.full:.1%} of a frame's pixels stand at its highest count: the flats are"
            " saturated",
            where=where,
            fix="take this level with less light: its brightest pixels below 80 % of the camera's"
            " limit",
        )
    if moments.frames < LEAST_FLATS:
        raise CalibrationError(
            f"{moments.frames} frames of one level of light are too few, {LEAST_FLATS} are the"
            " least, 40 are good",
            where=where,
            fix="take more frames at this level; a frame whose light differs by a quarter from the"
            " first of its level begins another level: is the lamp steady?",
        )


def _check_bright(dark: Moments, brightest: Level, regions: Sequence[Region]) -> None:
    for c, region in enumerate(regions):
        quiet = float(region.cut(dark.variance).mean())
        shot = brightest.variance[c] - quiet
        if shot < SHOT * quiet:
            raise CalibrationError(
                f"the flats are too dim: at {brightest.signal[c]:.1f} counts of {region.name} the"
                f" light's own noise is {max(shot, 0.0) / quiet:.1f} times the camera's (in"
                f" variance), {SHOT:g} times at least is needed",
                where=brightest.moments.source,
                fix="more light or a longer exposure: several levels up to about 20,000 counts",
            )


def _check_same_camera(dark: Moments, levels: Sequence[Level], regions: Sequence[Region]) -> None:
    """Refuse flats that do not show the darks' fixed pattern: they are of another camera."""
    dimmest = levels[0].moments
    for region in regions:
        pattern = _fine(region.cut(dark.mean))
        left = _fine(region.cut(dimmest.mean))  # the darks' pattern was taken off already
        usual = (np.abs(pattern) < 10 * pattern.std()) & ~region.cut(hot_pixels(dark))
        power = float(np.sum(pattern[usual] ** 2, dtype=np.float64))
        if power == 0.0:
            continue
        slope = float(np.sum(pattern[usual] * left[usual], dtype=np.float64)) / power
        error = float(np.std(left[usual]) / power**0.5)
        # noise of the darks themselves pulls the slope down a little
        noise = float(np.median(dark.variance)) / dark.frames * usual.sum() / power
        if slope + noise < -0.5 and error < 0.1:
            raise CalibrationError(
                "the flats do not show the fixed pattern of the darks (they agree by"
                f" {1 + slope:.0%}): they are of another camera, region of interest or mode",
                where=f"{dimmest.source}, channel {region.name}",
                fix="take darks and flats with the same camera and the same settings",
            )


def _fine(image: Float32) -> Float32:
    """Return what of an image is finer than a few pixels."""
    image = np.ascontiguousarray(image, np.float32)
    return np.asarray(image - cv2.medianBlur(image, 5), np.float32)


def _check_shape_of_light(
    dark: Moments, levels: Sequence[Level], regions: Sequence[Region]
) -> None:
    """Refuse darks that are shaped over the field as the light is."""
    for c, region in enumerate(regions):
        light = blocks(mean_light(levels, regions, c)[0], BLOCK)
        counts, error = _regression(light, blocks(region.cut(dark.mean), BLOCK))
        if counts > max(LEAK, 5 * error) and counts * light.std() > SHAPED:
            raise _lit(dark, region, "is shaped as the flats are", counts, error)


def _lit(dark: Moments, region: Region, how: str, counts: float, error: float) -> CalibrationError:
    return CalibrationError(
        f"the darks are lit: {region.name} {how}, as by about {counts:.0f} counts of light"
        f" (±{error:.0f})",
        where=dark.source,
        fix="close the shutter, switch lamp and laser off and cover the camera, then take the darks"
        " again",
    )


def _leak(found: CameraCalibration, region: Region) -> tuple[float, float]:
    """Return the counts of light in the darks that the pixels' response shows, and their error.

    Pixels that give more counts for the same light have a higher offset only if there is light.
    """
    usable = ~region.cut(found.maps.hot)
    response = region.cut(found.maps.response)
    return _regression(_fine(response)[usable], _fine(region.cut(found.dark.mean))[usable])


def _regression(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Return the slope of y against x, and its standard error."""
    x, y = x.ravel().astype(np.float64), y.ravel().astype(np.float64)
    away = x - x.mean()
    power = float(away @ away)
    if len(x) < 4 or power < 1e-12:
        return 0.0, np.inf
    slope = float(away @ y) / power
    left = y - y.mean() - slope * away
    return slope, float(np.sqrt(left @ left / (len(x) - 2) / power))


def check_found(found: CameraCalibration) -> None:
    """Refuse a result that no camera has."""
    where = found.levels[-1].moments.source
    for region in found.regions:
        counts, error = _leak(found, region)
        if counts > max(PATTERNED, 5 * error):
            raise _lit(found.dark, region, "shows the pixels' response to light", counts, error)
    for level, bent in zip(found.levels, found.linearity, strict=True):
        if abs(bent) > BENT:
            raise CalibrationError(
                f"at {max(level.signal):.0f} counts the light's noise is {bent:+.0%} off what the"
                " other levels say: it is saturated, or the lamp is not steady",
                where=f"{level.moments.source}, from frame {level.moments.first}",
                fix="leave this level out, or take it again with less light",
            )
    if found.response_error > RESPONSE:
        more = ceil((found.response_error / (RESPONSE / 2)) ** 2)
        raise CalibrationError(
            f"the flats are too dim or too few: one pixel's response is known to"
            f" {found.response_error:.1%} only, {RESPONSE:.0%} at least is needed",
            where=where,
            fix=f"{more} times as many frames, or {more} times the light",
        )
    if max(found.read_noise_e) > NOISIEST_E:
        raise CalibrationError(
            f"the darks have {max(found.read_noise_e):.0f} electrons of noise: no camera has, light"
            " was on",
            where=found.dark.source,
            fix="close the shutter, switch lamp and laser off, cover the camera",
        )
    hot = float(found.maps.hot.mean())
    if hot > MOST_HOT:
        raise CalibrationError(
            f"{hot:.1%} of the pixels are unlike their neighbours",
            where=found.dark.source,
            fix="is something imaged onto the camera? Take flats of an even field, out of focus",
        )


def doubts(found: CameraCalibration) -> Iterator[str]:
    """Yield what makes a calibration worse than it could be."""
    worst = 1.96 * found.offset_error
    if worst > 1.1 * OFFSET:
        frames = ceil(found.dark.frames * (worst / OFFSET) ** 2)
        yield (
            f"{found.dark.frames} darks: the offset of one pixel in twenty is off by more than"
            f" {worst:.2f} counts; {frames} darks would make that {OFFSET:g}"
        )
    for region in found.regions:
        counts, error = _leak(found, region)
        if counts > max(LEAK, 5 * error):
            yield (
                f"the darks of {region.name} may hold {counts:.0f} counts of light (±{error:.0f}):"
                " are shutter and covers tight?"
            )
    means = found.dark.per_frame.mean(axis=1)
    if np.ptp(means) > WANDERS:
        yield f"the offset wandered by {np.ptp(means):.1f} counts while the darks were taken"
    if len(found.levels) < GOOD_LEVELS:
        yield f"{len(found.levels)} levels of light: a bent response would not be noticed"
    for level, bent in zip(found.levels, found.linearity, strict=True):
        if abs(bent) > BENT / 5:
            yield f"the gain at {max(level.signal):.0f} counts is {bent:+.1%} off the other levels'"
        moments = level.moments
        if max(abs(moments.drift), moments.flicker) > UNSTEADY:
            yield (
                f"the lamp was not steady at {max(level.signal):.0f} counts: {moments.drift:+.1%}"
                f" from first to last, {moments.flicker:.1%} from frame to frame; each frame was"
                " divided by its own mean"
            )
    if found.ratios and not found.ratios[0].apart:
        yield "with two levels the false ratio after correction is told of the flats themselves"
