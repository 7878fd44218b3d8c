"""Figures of a point-spread function: field maps, profiles of the beads, histograms of widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.fitting.field import field_grid
from livesr.calibration.report.axes import BLUE, GREY, ORANGE, RED, blank, extent, field_axis, plain
from livesr.calibration.report.psf_profiles import profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.calibration.psf.measure import ChannelPsf, Middle, Psf
    from livesr.calibration.psf.theory import Expected
    from livesr.types import Float64

FINE = 61
"""Points along each side of a surface."""
BINS = 30
BELOW = 0.7
"""Lines end at this share of an axis' height: above stands the legend."""
DIVERGING = "coolwarm"
"""For what has a zero."""
STYLES = {"widefield": ":", "confocal": "--", "Live-SR": "-."}


def draw_field_maps(channel: ChannelPsf, field_um: tuple[float, float]) -> Any:
    """Return lateral and axial width, asymmetry and best focus over the field, beads as dots."""
    _, wide, narrow = channel.fwhm_um.T
    panels = (
        ("lateral", "lateral width, nm", 1e3, channel.lateral_um, "viridis"),
        ("axial", "axial width, nm", 1e3, channel.fwhm_um[:, 0], "viridis"),
        ("asymmetry", "wider over narrower lateral width", 1.0, wide / narrow, "viridis"),
        ("focus", "best focus above the median, nm", 1e3, channel.focus_um, DIVERGING),
    )
    figure = blank(11.6, 9.8)
    axes = figure.subplots(2, 2).flat
    for axis, (key, title, unit, values, colors) in zip(axes, panels, strict=True):
        field_axis(axis, field_um)
        surface = unit * channel.fields[key].at(*field_grid(field_um, FINE))
        _map(figure, axis, surface, (channel, unit * values), colors)
        axis.set_title(title, fontsize=11)
        axis.images[0].set_extent(extent(field_um))
    figure.suptitle(f"{channel.name}: {len(channel)} beads and the surface through them",
                    fontsize=12)  # fmt: skip
    return figure


def _map(
    figure: Any, axis: Any, surface: Float64, dots: tuple[ChannelPsf, Float64], colors: str
) -> None:
    """Draw a surface and beads in one scale, which a few outliers do not stretch."""
    channel, values = dots
    low, high = np.percentile(values, (3, 97)).tolist()
    low, high = min(low, float(surface.min())), max(high, float(surface.max()))
    if colors == DIVERGING:
        low, high = -max(-low, high), max(-low, high)
    shown = axis.imshow(surface, cmap=colors, vmin=low, vmax=high, interpolation="bilinear")
    place = channel.beads.place_um
    axis.scatter(
        place[:, 2], place[:, 1], c=values, cmap=colors, vmin=low, vmax=high, s=26,
        edgecolors="white", linewidths=0.6,
    )  # fmt: skip
    figure.colorbar(shown, ax=axis, shrink=0.85, extend="both")


def draw_profiles(psf: Psf, channel: ChannelPsf) -> Any:
    """Return light along x, y and z through the beads, all in one, and the median Gaussian."""
    figure = blank(11.6, 3.7)
    found = profiles(psf, channel)
    for axis, (name, (way, light, width)) in zip(
        figure.subplots(1, 3, sharey=True), found.items(), strict=True
    ):
        plain(axis)
        reach = float(np.abs(way).max())
        axis.scatter(way, light, s=3, color=BLUE, alpha=0.5, linewidths=0, label="beads")
        fine = np.linspace(-reach, reach, 301)
        axis.plot(
            fine, np.exp(-4.0 * np.log(2.0) * (fine / width) ** 2), color="black", linewidth=1.5,
            label="median Gaussian",
        )  # fmt: skip
        axis.plot([-width / 2, width / 2], [0.5, 0.5], color=RED, linewidth=1.5)
        axis.text(
            0.03, 0.95, f"FWHM {width:.0f} nm\nas recorded", color=RED, va="top", fontsize=9,
            transform=axis.transAxes,
        )  # fmt: skip
        axis.set(xlim=(-reach, reach), ylim=(-0.2, 1.35))
        axis.set_xlabel(f"{name} from the bead's centre, nm", fontsize=10)
    figure.axes[0].set_ylabel("light, of the fitted peak", fontsize=10)
    figure.axes[2].legend(frameon=False, fontsize=9, loc="upper right", markerscale=3)
    return figure


def draw_widths(channel: ChannelPsf, expected: Sequence[Expected]) -> Any:
    """Return histograms of widths, their median with its error, and what theory expects."""
    figure = blank(11.6, 3.7)
    parts = (
        ("lateral", channel.lateral_um, channel.lateral, BLUE, [e.lateral_um for e in expected]),
        ("axial", channel.fwhm_um[:, 0], channel.axial, ORANGE, [e.axial_um for e in expected]),
    )
    for axis, (name, values, median, color, theory) in zip(
        figure.subplots(1, 2), parts, strict=True
    ):
        _histogram(plain(axis), 1e3 * values, median, color)
        shown = axis.get_xlim()
        for one, width in zip(expected, theory, strict=True):
            axis.axvline(
                1e3 * width, ymax=BELOW, color=GREY, linestyle=STYLES.get(one.way, ":"),
                label=f"{one.way}, expected: {1e3 * width:.0f} nm",
            )  # fmt: skip
        axis.set_xlim(shown)
        axis.set_xlabel(f"{name} width (FWHM), nm", fontsize=10)
        axis.set_ylabel("beads", fontsize=10)
        axis.set_ylim(0, 1.45 * axis.get_ylim()[1])
        axis.yaxis.get_major_locator().set_params(integer=True)
        axis.legend(frameon=False, fontsize=9, ncols=2, loc="upper center")
    return figure


def _histogram(axis: Any, values: Float64, median: Middle, color: str) -> None:
    low, high = np.percentile(values, (0.5, 99.5)).tolist()
    edge = max(0.1 * (high - low), 1.0)
    shown = np.clip(values, low - edge, high + edge)
    axis.hist(shown, np.linspace(low - edge, high + edge, BINS + 1), color=color, alpha=0.55)
    axis.axvline(
        1e3 * median.value, ymax=BELOW, color="black", linewidth=1.4,
        label=f"median {1e3 * median.value:.1f} ± {1e3 * median.error:.1f} nm",
    )  # fmt: skip
