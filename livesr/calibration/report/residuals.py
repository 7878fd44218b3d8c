"""What the model leaves of each bead: over the field, along z, and as a histogram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.fitting.ladder import DEEP_UM
from livesr.calibration.report.axes import BLUE, GREY, ORANGE, RED, blank, plain, robust_limit

if TYPE_CHECKING:
    from livesr.calibration.fitting.ladder import Fit
    from livesr.calibration.fitting.points import Pairs
    from livesr.types import Float64

RUNNING = 9
"""Bins of the running median."""
FEWEST = 5
"""Beads in a bin that has a median."""
BINS = 25


def draw_residuals(fit: Fit, pairs: Pairs) -> Any:
    """Return leave-one-out residuals y, x and z against radius, x, y and z of the beads."""
    z, y, x = pairs.reference[fit.used].T
    residuals = fit.left_out_nm[fit.used]
    places = {
        "radius from the centre, µm": np.hypot(y, x),
        "x, µm": x,
        "y, µm": y,
        "z above the first plane, µm": z,
    }
    figure = blank(11.6, 6.6)
    axes = figure.subplots(3, len(places), sharex="col", sharey="row")
    rows = (("x, nm", 2, BLUE), ("y, nm", 1, BLUE), ("z, nm", 0, ORANGE))
    lateral = robust_limit(residuals[:, 1:].ravel())
    for line, (label, axis_number, color) in zip(axes, rows, strict=True):
        values = residuals[:, axis_number]
        limit = lateral if axis_number else robust_limit(values)
        for axis, place in zip(line, places.values(), strict=True):
            _scatter(plain(axis), place, values, color, limit)
        line[0].set_ylabel(f"error {label}", fontsize=10)
    for axis, title in zip(axes[-1], places, strict=True):
        axis.set_xlabel(title, fontsize=10)
    if np.ptp(z) < DEEP_UM:  # beads on one plane: their height is noise, which is in the error too
        axes[-1, -1].set_xlim(z.mean() - DEEP_UM / 2, z.mean() + DEEP_UM / 2)
    return figure


def _scatter(axis: Any, place: Float64, values: Float64, color: str, limit: float) -> None:
    axis.axhline(0.0, color="0.6", linewidth=0.8)
    shown = np.clip(values, -limit, limit)
    axis.scatter(place, shown, s=7, color=color, alpha=0.5, linewidths=0)
    if np.ptp(place) > DEEP_UM:
        axis.plot(*running_median(place, values), color="black", linewidth=1.6)
    axis.set_ylim(-1.05 * limit, 1.05 * limit)


def running_median(place: Float64, values: Float64) -> tuple[Float64, Float64]:
    """Return middles and medians of bins along a coordinate; bins of few beads are left out."""
    edges = np.linspace(float(place.min()), float(place.max()), RUNNING + 1)
    bins = np.clip(np.digitize(place, edges) - 1, 0, RUNNING - 1)
    kept = [k for k in range(RUNNING) if (bins == k).sum() >= FEWEST]
    middles = np.array([place[bins == k].mean() for k in kept])
    return middles, np.array([np.median(values[bins == k]) for k in kept])


def draw_histograms(fit: Fit, heldout_nm: Float64 | None) -> Any:
    """Return histograms of the errors' lengths: in the fit, left out, and of held-out beads."""
    figure = blank(11.6, 3.9)
    series: list[tuple[str, Float64, str]] = [
        ("in the fit (FRE)", fit.residual_nm[fit.used], GREY),
        ("left out (TRE)", fit.left_out_nm[fit.used], BLUE),
    ]
    if heldout_nm is not None:
        series.append(("another recording", heldout_nm, ORANGE))
    for axis, title, length in zip(
        figure.subplots(1, 2), ("xy", "z"), (lateral, axial), strict=True
    ):
        _histogram(plain(axis), [(name, length(v), color) for name, v, color in series])
        axis.set_xlabel(f"error {title}, nm", fontsize=10)
        axis.set_ylabel("share of beads", fontsize=10)
    return figure


def lateral(errors: Float64) -> Float64:
    """Return the lateral lengths of errors (n, 3)."""
    out: Float64 = np.hypot(errors[:, 1], errors[:, 2])
    return out


def axial(errors: Float64) -> Float64:
    """Return the axial lengths of errors (n, 3)."""
    out: Float64 = np.abs(errors[:, 0])
    return out


def _histogram(axis: Any, series: list[tuple[str, Float64, str]]) -> None:
    most = max(float(np.percentile(values, 99)) for _, values, _ in series) * 1.3
    edges = np.linspace(0.0, max(most, 1e-3), BINS + 1)
    for name, values, color in series:
        weights = np.full(len(values), 1.0 / len(values))
        axis.hist(
            np.minimum(values, most), edges, weights=weights, histtype="stepfilled", alpha=0.25,
            color=color,
        )  # fmt: skip
        axis.hist(
            np.minimum(values, most), edges, weights=weights, histtype="step", color=color,
            linewidth=1.6, label=name,
        )  # fmt: skip
    rms = float(np.sqrt(np.mean(series[1][1] ** 2)))
    axis.axvline(rms, color=RED, linewidth=1.2, linestyle="--", label=f"TRE {rms:.1f} nm")
    axis.legend(frameon=False, fontsize=9)
