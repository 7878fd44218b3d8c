"""The field of a channel: grids over it, and the part of it that points cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Bool, Float64

GRID = 33
"""Cells along each side of the field, over which errors and coverage are averaged."""


def field_grid(field_um: tuple[float, float], points: int) -> tuple[Float64, Float64]:
    """Return coordinates (y, x), µm, of a grid over the field, outer points on its edge."""
    sides = [np.linspace(-side / 2, side / 2, points) for side in field_um]
    y, x = np.meshgrid(*sides, indexing="ij")
    return y, x


def field_cells(field_um: tuple[float, float]) -> tuple[Float64, Float64]:
    """Return the centres (y, x), µm, of equal cells that make the field."""
    height, width = (side * (GRID - 1) / GRID for side in field_um)
    return field_grid((height, width), GRID)


def inside_hull(hull_um: Float64, y_um: npt.ArrayLike, x_um: npt.ArrayLike) -> Bool:
    """Return which points lie in a convex polygon (k, 2), its corners in turn (y, x)."""
    y, x = np.broadcast_arrays(np.asarray(y_um, np.float64), np.asarray(x_um, np.float64))
    ahead = np.roll(hull_um, -1, axis=0) - hull_um
    sides = [
        a * (x - corner_x) - b * (y - corner_y)
        for (corner_y, corner_x), (a, b) in zip(hull_um, ahead, strict=True)
    ]
    turn = np.stack(sides)
    out: Bool = np.all(turn >= 0, axis=0) | np.all(turn <= 0, axis=0)
    return out


def convex_hull(points: Float64) -> Float64:
    """Return the corners of the convex hull of points (n, 2), in turn; all of them if on a line."""
    from scipy.spatial import ConvexHull, QhullError  # sessions ask for grids alone

    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:
        return points
