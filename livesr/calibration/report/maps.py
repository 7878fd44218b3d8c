"""Maps of the field: where a channel is displaced to, and how far the model may be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.error_map import error_map
from livesr.calibration.fitting.field import field_grid
from livesr.calibration.report.axes import (
    RED,
    blank,
    draw_hull,
    extent,
    field_axis,
    hatch_outside,
)

if TYPE_CHECKING:
    from livesr.calibration.fitting.ladder import Fit
    from livesr.calibration.fitting.points import Pairs
    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Bool, Float64

Pair = tuple[float, float]
ARROWS = 13
"""Along each side of the field …"""
WITHIN = 0.86
"""… of which they fill this share, so that none leaves it."""
FINE = 81
"""Points along each side of the axial map."""
LONGEST = 0.07
"""Longest arrow, as a share of the field's side."""
KEYS_NM = (1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)


def draw_displacement(fit: Fit, pairs: Pairs, name: str, reference: str) -> Any:
    """Return the field of a channel's displacement, its mean shift taken off, with the beads."""
    middle = (fit.z_um[0] + fit.z_um[1]) / 2
    figure = draw_field(fit.model, fit.field_um, middle, fit.hull_um)
    used, lost = pairs.reference[fit.used], pairs.reference[~fit.used]
    for axis in figure.axes[:2]:
        axis.scatter(used[:, 2], used[:, 1], s=6, color="0.45", zorder=1, linewidths=0)
        axis.scatter(lost[:, 2], lost[:, 1], s=18, marker="x", color=RED, linewidths=1.2)
    figure.suptitle(f"{name} against {reference}", fontsize=12)
    return figure


def draw_field(
    model: ChromaticModel, field_um: Pair, z_um: float, hull_um: Float64 | None = None
) -> Any:
    """Return a model's lateral displacement as arrows and its axial one as colours.

    Parameters
    ----------
    model : ChromaticModel
    field_um : tuple of float
    z_um : float
        Height at which it is drawn.
    hull_um : ndarray, (k, 2), optional
        Outline of the beads.
    """
    figure = blank(11.6, 5.3)
    lateral, axial = figure.subplots(1, 2)
    y, x = field_grid((WITHIN * field_um[0], WITHIN * field_um[1]), ARROWS)
    _, dy, dx = (1e3 * value for value in model.displacement(y, x, z_um))
    shown = _arrows(field_axis(lateral, field_um), (y, x), dy - dy.mean(), dx - dx.mean())
    bar = figure.colorbar(shown, ax=lateral, shrink=0.85)
    bar.set_label("length of the arrows, nm", fontsize=9)
    lateral.set_title(
        f"lateral, without the mean of y {dy.mean():+.0f}, x {dx.mean():+.0f} nm", fontsize=10
    )
    dz = 1e3 * model.displacement(*field_grid(field_um, FINE), z_um)[0]
    _axial(figure, field_axis(axial, field_um), dz, field_um)
    for axis in (lateral, axial):
        if hull_um is not None:
            draw_hull(axis, hull_um, "0.5" if axis is lateral else "white")
    return figure


def _arrows(axis: Any, places: tuple[Float64, Float64], dy: Float64, dx: Float64) -> Any:
    """Draw arrows (nm) so long that the longest fills its share of the field, with a key."""
    y, x = places
    longest = max(float(np.hypot(dy, dx).max()), 1e-3)
    scale = longest * WITHIN / (LONGEST * float(np.ptp(y)))
    arrows = axis.quiver(
        x, y, dx, dy, np.hypot(dy, dx), angles="xy", scale_units="xy", scale=scale,
        cmap="viridis", width=0.0042, zorder=3, clim=(0, longest),
    )  # fmt: skip
    key = next((nm for nm in KEYS_NM if nm <= longest), KEYS_NM[-1])
    axis.quiverkey(
        arrows, 0.84, -0.1, key, f"{key} nm", labelpos="E", coordinates="axes", color="black",
        fontproperties={"size": 9},
    )  # fmt: skip
    return arrows


def _axial(figure: Any, axis: Any, dz: Float64, field_um: Pair) -> None:
    mean = float(dz.mean())
    most = max(float(np.abs(dz - mean).max()), 1.0)
    shown = axis.imshow(
        dz - mean, cmap="coolwarm", vmin=-most, vmax=most, extent=extent(field_um),
        interpolation="bilinear",
    )  # fmt: skip
    axis.set_title(f"axial, without the mean of z {mean:+.0f} nm", fontsize=10)
    bar = figure.colorbar(shown, ax=axis, shrink=0.85)
    bar.set_label("nm, up the stack", fontsize=9)


def draw_error_map(fit: Fit) -> Any:
    """Return the model's expected error over the field, laterally and axially."""
    figure = blank(11.6, 4.9)
    found = error_map(fit)
    titles = ("expected error xy", "expected error z")
    for axis, values, title in zip(
        figure.subplots(1, 2), (found.xy_nm, found.z_nm), titles, strict=True
    ):
        _error(figure, field_axis(axis, fit.field_um), values, found.inside, fit)
        axis.set_title(title, fontsize=11)
    return figure


def _error(figure: Any, axis: Any, values: Any, inside: Bool, fit: Fit) -> None:
    within = values[inside] if inside.any() else values
    # outside the beads the error soars: its colours would leave none for the inside
    most = min(1.1 * float(values.max()), 2.0 * float(within.max()))
    shown = axis.imshow(
        values, cmap="viridis", vmin=0.0, vmax=max(most, 1e-3), extent=extent(fit.field_um),
        interpolation="bilinear",
    )  # fmt: skip
    hatch_outside(axis, inside, fit.field_um)
    draw_hull(axis, fit.hull_um)
    clipped = float(values.max()) > most
    bar = figure.colorbar(shown, ax=axis, shrink=0.88, extend="max" if clipped else "neither")
    bar.set_label("nm (root mean square)", fontsize=9)
