"""A camera measured from dark frames and evenly lit ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.camera.doubts import (
    check_dark,
    check_flats,
    check_found,
    check_shapes,
    doubts,
)
from livesr.calibration.camera.found import CameraCalibration, Level
from livesr.calibration.camera.frames import dark_moments, flat_moments
from livesr.calibration.camera.pattern import false_ratio, hot_pixels, make_maps
from livesr.calibration.camera.transfer import fit_transfer
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.calibration.camera.found import CameraMaps, FalseRatio, Region
    from livesr.calibration.camera.frames import Frames, Moments
    from livesr.types import Bool, Float64


def measure_camera(
    darks: Sequence[Frames],
    flats: Sequence[Frames],
    regions: Sequence[Region],
    say: Callable[[str], None] = lambda _: None,
) -> CameraCalibration:
    """Measure offset, response, noise and hot pixels of a camera, and each channel's flat field.

    Parameters
    ----------
    darks : sequence of Frames
        Without light; all are taken together.
    flats : sequence of Frames
        Of an evenly lit field; one or several levels of light each.
    regions : sequence of Region
        The channels.
    say : callable
        Takes a line of progress.

    Raises
    ------
    CalibrationError
        Frames that make no calibration: too few, lit, dim, saturated, of unlike cameras.
    """
    check_shapes(darks, flats, regions)
    dark = dark_moments(darks)
    say(f"{dark.frames} dark frames, {dark.mean.mean():.1f} counts")
    check_dark(dark)
    usable = ~hot_pixels(dark)
    moments = [one for frames in flats for one in flat_moments(frames, dark.mean)]
    levels = sorted(
        (_level(one, regions, usable) for one in moments), key=lambda level: level.signal
    )
    for level in levels:
        signal = ", ".join(f"{counts:.1f}" for counts in level.signal)
        say(f"level of {level.moments.frames} frames, {signal} counts")
    check_flats(dark, levels, regions)
    found = _found(dark, levels, regions, usable)
    check_found(found)
    return replace(found, warnings=tuple(doubts(found)))


def _found(
    dark: Moments, levels: Sequence[Level], regions: Sequence[Region], usable: Bool
) -> CameraCalibration:
    images = range(len(dark.mean))
    gains = []
    for image in images:
        curve = _curve(dark, levels, regions, usable, image)
        try:
            gain = fit_transfer(curve[:, 0], curve[:, 1]).gain_e_per_adu
        except ValueError as problem:
            raise CalibrationError(
                f"{problem}",
                where=", ".join(dict.fromkeys(level.moments.source for level in levels)),
                fix="choose levels of light below the camera's limit, each unlike the others",
            ) from None
        gains.append(gain)
    maps = _maps(dark, levels, regions)
    curve = _curve(dark, levels, regions, usable, regions[0].image)
    return CameraCalibration(
        tuple(regions),
        maps,
        dark,
        tuple(levels),
        tuple(gains),
        tuple(
            gain * float(np.median(noise))
            for gain, noise in zip(gains, maps.read_noise, strict=True)
        ),
        offset_error=float(np.sqrt(np.median(dark.variance) / dark.frames)),
        response_error=_response_error(levels),
        transfer_error=_transfer_error(curve, [one.moments.frames for one in levels]),
        linearity=_linearity(curve, gains[regions[0].image]),
        ratios=_ratios(dark, levels, regions, maps) if len(regions) > 1 else (),
    )


def _level(moments: Moments, regions: Sequence[Region], usable: Bool) -> Level:
    parts = [region.cut(usable) for region in regions]
    signal, variance = (
        tuple(
            float(region.cut(of)[part].mean(dtype=np.float64))
            for region, part in zip(regions, parts, strict=True)
        )
        for of in (moments.mean, moments.variance)
    )
    return Level(moments, signal, variance)


def _curve(
    dark: Moments, levels: Sequence[Level], regions: Sequence[Region], usable: Bool, image: int
) -> Float64:
    """Return mean and variance of one image's pixels, without light first: (levels + 1, 2)."""
    own = [(c, region) for c, region in enumerate(regions) if region.image == image]
    if not own:
        own = [(0, regions[0])]
    variance = np.mean(
        [region.cut(dark.variance)[region.cut(usable)].mean(dtype=np.float64) for _, region in own]
    )
    rows = [(0.0, float(variance))]
    for level in levels:
        signal = float(np.mean([level.signal[c] for c, _ in own]))
        rows.append((signal, float(np.mean([level.variance[c] for c, _ in own]))))
    return np.array(rows)


def _maps(dark: Moments, levels: Sequence[Level], regions: Sequence[Region]) -> CameraMaps:
    try:
        return make_maps(dark, levels, regions)
    except ValueError as problem:
        raise CalibrationError(
            f"of a channel {problem}",
            where=levels[0].moments.source,
            fix="see that light reaches the whole of each channel, and that the camera works",
        ) from None


def _ratios(
    dark: Moments, levels: Sequence[Level], regions: Sequence[Region], maps: CameraMaps
) -> tuple[FalseRatio, ...]:
    """Return the false ratio of the dimmest and the brightest level, by the others' maps."""
    out = []
    for held in (0, -1):
        others = [level for level in levels if level is not levels[held]]
        apart = len(others) > 1
        of = _maps(dark, others, regions) if apart else maps
        out.append(false_ratio(dark, levels[held], of, regions, apart=apart))
    return tuple(out)


def _response_error(levels: Sequence[Level]) -> float:
    """Return the worst channel's standard error of a pixel's response."""
    worst = 0.0
    for c in range(len(levels[0].signal)):
        known = sum(one.moments.frames * one.signal[c] ** 2 / one.variance[c] for one in levels)
        worst = max(worst, float(known**-0.5))
    return worst


def _transfer_error(curve: Float64, frames: Sequence[int]) -> float:
    """Return the relative error of a gain that one pixel's variances alone would tell."""
    (_, dark), *lit = curve
    known = sum(
        (n - 1) / 2 * ((variance - dark) / variance) ** 2
        for n, (_, variance) in zip(frames, lit, strict=True)
    )
    return float(known**-0.5)


def _linearity(curve: Float64, gain: float) -> tuple[float, ...]:
    (_, dark), *lit = curve
    return tuple(float(signal / (variance - dark) / gain - 1) for signal, variance in lit)
