"""Figures of a camera's report: maps, histograms, the photon-transfer curve, the false ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.camera.pattern import transfer_by_pixel
from livesr.calibration.report.axes import BLUE, GREY, ORANGE, RED, blank, plain

if TYPE_CHECKING:
    from livesr.calibration.camera.found import CameraCalibration
    from livesr.types import Float32

BINS = 80


def draw_offset(found: CameraCalibration) -> Any:
    """Return the offset of each image with its hot pixels, and the histogram."""
    images = found.maps.offset
    figure = blank(4.6 * (len(images) + 1), 4.2)
    *maps, histogram = figure.subplots(1, len(images) + 1)
    middle = float(np.median(images))
    near = 3 * max(float(np.percentile(np.abs(images - middle), 90)), 0.1)
    for number, (axis, image) in enumerate(zip(maps, images, strict=True)):
        shown = axis.imshow(image, cmap="coolwarm", vmin=middle - near, vmax=middle + near)
        y, x = np.nonzero(found.maps.hot[number])
        axis.scatter(x, y, s=18, facecolors="none", edgecolors="black", linewidths=0.8)
        axis.set_title(_title(found, number, f"offset, {len(y)} hot pixels"), fontsize=10)
        figure.colorbar(shown, ax=axis, shrink=0.8).set_label("counts", fontsize=9)
    plain(histogram)
    ends = (middle - 2 * near, middle + 2 * near)
    histogram.hist(np.clip(images.ravel(), *ends), BINS, range=ends, color=BLUE)
    histogram.set(
        xlabel="offset, counts; what is beyond stands at the ends", ylabel="pixels", yscale="log"
    )
    histogram.set_title(
        f"median {middle:.1f}; one pixel's standard error {found.offset_error:.2f}", fontsize=10
    )
    return figure


def _title(found: CameraCalibration, image: int, what: str) -> str:
    names = [region.name for region in found.regions if region.image == image]
    return f"{', '.join(names)}: {what}" if len(found.maps.offset) > 1 else what


def draw_transfer(found: CameraCalibration) -> Any:
    """Return variance against mean with the line of the gain, and what each level is off it."""
    figure = blank(10.4, 4.2)
    curve, bent = figure.subplots(1, 2)
    for axis in (curve, bent):
        plain(axis)
    gain = found.gain_e_per_adu[found.regions[0].image]
    dark = float(np.mean(found.dark.variance))
    top = max(found.levels[-1].signal)
    line = np.geomspace(min(found.levels[0].signal) / 3, top * 1.5, 100)
    curve.plot(line, line / gain + dark, color=GREY, linewidth=1.2)
    for c, region in enumerate(found.regions):
        at = [level.signal[c] for level in found.levels]
        curve.plot(
            at, [level.variance[c] for level in found.levels], "o", markersize=6 - 2 * c,
            label=region.name,
        )  # fmt: skip
    curve.axhline(dark, color=ORANGE, linewidth=1, linestyle="--", label="without light")
    curve.set(xscale="log", yscale="log", xlabel="counts above offset", ylabel="variance, counts²")
    curve.set_title(f"photon transfer: {gain:.4f} electrons a count", fontsize=10)
    curve.legend(fontsize=8, frameon=False)
    at = [level.signal[0] for level in found.levels]
    bent.axhline(0, color=GREY, linewidth=1)
    bent.plot(at, 100 * np.array(found.linearity), "o-", color=BLUE)
    most = max(1.0, 120 * float(np.abs(found.linearity).max()))
    bent.set(xscale="log", ylim=(-most, most), xlabel="counts above offset", ylabel="%")
    bent.set_title("linearity: gain of each level alone, off that of all", fontsize=10)
    return figure


def draw_pixels(found: CameraCalibration) -> Any:
    """Return histograms of every pixel's gain and read noise."""
    figure = blank(10.4, 4.2)
    gains, noises = (plain(axis) for axis in figure.subplots(1, 2))
    region = found.regions[0]
    gain, usable = found.gain_e_per_adu[region.image], ~region.cut(found.maps.hot)
    own = transfer_by_pixel(found.dark, found.levels, region)[usable]
    by_response = (gain / region.cut(found.maps.response))[usable]
    wide = 4 * max(float(np.nanstd(own)), 0.005 * gain)
    wide = min(wide, 0.6 * gain)
    for values, color, label in (
        (own, GREY, f"from its own variance (known to ±{found.transfer_error:.0%})"),
        (by_response, BLUE, f"from its response (known to ±{found.response_error:.2%})"),
    ):
        gains.hist(values, 2 * BINS, range=(gain - wide, gain + wide), color=color, label=label)
    gains.set(xlabel="electrons a count", ylabel="pixels", yscale="log")
    gains.set_title(f"gain of each pixel, {region.name}", fontsize=10)
    gains.legend(fontsize=8, frameon=False, loc="upper right")
    low, top = gains.get_ylim()
    gains.set_ylim(low, top * 8)
    noise = (region.cut(found.maps.read_noise) * gain).ravel()
    middle = float(np.median(noise))
    noises.hist(noise, BINS, range=(0.0, 5 * middle), color=ORANGE)
    noises.axvline(middle, color=RED, linewidth=1, linestyle="--")
    noises.set(xlabel="read noise, electrons", ylabel="pixels", yscale="log")
    noises.set_title(f"read noise of each pixel; median {middle:.2f} electrons", fontsize=10)
    return figure


def draw_flats(found: CameraCalibration) -> Any:
    """Return the flat field of each channel."""
    flats = found.maps.flat
    figure = blank(4.9 * len(flats), 4.2)
    axes = np.atleast_1d(figure.subplots(1, len(flats)))
    low, high = float(flats.min()), float(flats.max())
    for axis, region, flat in zip(axes, found.regions, flats, strict=True):
        shown = axis.imshow(flat, cmap="viridis", vmin=low, vmax=high)
        axis.contour(flat, np.arange(0.5, 1.5, 0.05), colors="white", linewidths=0.6)
        axis.set_title(f"{region.name}: {flat.min():.2f} to {flat.max():.2f}", fontsize=10)
    figure.colorbar(shown, ax=list(axes), shrink=0.85).set_label("of the channel's mean")
    return figure


def draw_ratio(found: CameraCalibration) -> Any:
    """Return the false ratio over the field before and after, in dim and in bright light."""
    figure = blank(9.6, 4.3 * len(found.ratios))
    rows = figure.subplots(len(found.ratios), 2, squeeze=False)
    for row, one in zip(rows, found.ratios, strict=True):
        most = 100 * float(np.percentile(np.abs(one.before), 99))
        light = " and ".join(f"{counts:.0f}" for counts in one.signal)
        for axis, image, when in zip(
            row, (one.before, one.after), ("before", "after"), strict=True
        ):
            shown = axis.imshow(100 * image, cmap="coolwarm", vmin=-most, vmax=most)
            axis.set_title(
                f"{when}, {light} counts: rms {100 * _rms(image):.2f} %, most"
                f" {100 * float(np.abs(image).max()):.1f} %",
                fontsize=10,
            )
        bar = figure.colorbar(shown, ax=list(row), shrink=0.85)
        bar.set_label(f"false ratio, % (electrons' noise {100 * one.noise:.2f})", fontsize=9)
    return figure


def _rms(image: Float32) -> float:
    return float(np.sqrt(np.mean(np.square(image, dtype=np.float64))))
