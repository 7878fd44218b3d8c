"""What the figures of a calibration share: colours, frames, a map of the field, a scale bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Bool, Float64

Pair = tuple[float, float]

BLUE, ORANGE, GREY, RED = "#2b6cb0", "#c05621", "#8a8f98", "#c53030"
"""Lateral, axial, aside, limits."""
BARS_UM = (200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0)
"""Lengths of a scale bar: the first that is less than a third of the picture."""


def blank(width: float, height: float) -> Any:
    """Return an empty figure, inches."""
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained")


def plain(axis: Any) -> Any:
    """Give an axis light lines and no box, and return it."""
    axis.grid(color="0.9", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9)
    return axis


def field_axis(axis: Any, field_um: Pair) -> Any:
    """Make an axis a map of the field, row 0 on top as in the images, and return it."""
    height, width = field_um
    axis.set(
        xlim=(-width / 2, width / 2), ylim=(height / 2, -height / 2), aspect="equal",
        xlabel="x, µm from the centre", ylabel="y, µm from the centre",
    )  # fmt: skip
    axis.tick_params(labelsize=9)
    return axis


def extent(field_um: Pair) -> tuple[float, float, float, float]:
    """Return the corners for ``imshow`` of an array whose outer points lie on the field's edge."""
    height, width = field_um
    return -width / 2, width / 2, height / 2, -height / 2


def draw_hull(axis: Any, hull_um: Float64, color: str = "white") -> None:
    """Draw the outline of the part of the field that the beads cover."""
    from matplotlib.patheffects import withStroke

    corners = np.concatenate([hull_um, hull_um[:1]])
    axis.plot(
        corners[:, 1], corners[:, 0], color=color, linewidth=1.4, linestyle="--",
        path_effects=[withStroke(linewidth=2.6, foreground="0.2")],
    )  # fmt: skip


def hatch_outside(axis: Any, inside: Bool, field_um: Pair) -> None:
    """Hatch what no bead covers; outer points of ``inside`` (y, x) lie on the field's edge."""
    if inside.all():
        return
    height, width = field_um
    rows = np.linspace(-height / 2, height / 2, inside.shape[0])
    columns = np.linspace(-width / 2, width / 2, inside.shape[1])
    axis.contourf(
        columns, rows, (~inside).astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"]
    )


def scale_bar(axis: Any, width_um: float, height_um: float, pixel_um: float = 1.0) -> None:
    """Draw a bar at the lower right of an axis in pixels of a picture, or in µm from its corner."""
    from matplotlib.patheffects import withStroke

    fitting = [um for um in BARS_UM if um < width_um / 3]
    length = fitting[0] if fitting else width_um / 4
    end, y = 0.95 * width_um / pixel_um, 0.93 * height_um / pixel_um
    start = end - length / pixel_um
    axis.plot([start, end], [y, y], color="black", linewidth=6, solid_capstyle="butt")
    axis.plot([start, end], [y, y], color="white", linewidth=3, solid_capstyle="butt")
    label = axis.text(
        (start + end) / 2, y - 0.03 * height_um / pixel_um, f"{length:g} µm",
        color="white", ha="center", fontsize=9,
    )  # fmt: skip
    label.set_path_effects([withStroke(linewidth=3, foreground="black")])


def robust_limit(values: Float64) -> float:
    """Return an end for an axis around 0 that a few outliers do not stretch."""
    return max(1.25 * float(np.percentile(np.abs(values), 99.0)), 1e-9) if len(values) else 1.0
