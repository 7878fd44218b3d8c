"""A cell at one time, ready to be rendered: points sorted by height, volumes as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.render import MARGIN, Column, Layer
from livesr.simulator.shape import FLOOR_UM

if TYPE_CHECKING:
    from livesr.simulator.cell import Cell
    from livesr.simulator.motion import Motion
    from livesr.simulator.view import View
    from livesr.types import Float64

NUCLEUS_REACH_UM = 11.5
"""Beyond this distance from its centre no nucleus has a part."""


def cell_layers(cell: Cell, motion: Motion, time_s: float) -> list[Layer]:
    """Return the cell's points at a time, one layer a structure."""
    layers = []
    for cloud in cell.clouds.values():
        points = motion.cloud(cell, cloud, time_s)
        order = np.argsort(points[:, 0])
        masses = np.stack([cloud.emission, cloud.emission * cloud.ratio, cloud.truth])
        layers.append(
            Layer(
                cloud.name,
                np.ascontiguousarray(points[order], np.float32),
                np.ascontiguousarray(masses[:, order], np.float32),
            )
        )
    return layers


def cell_columns(cell: Cell, motion: Motion, time_s: float, view: View) -> list[Column]:
    """Return the cell, its nucleus and nucleoli over the view; none where it shows none of them.

    Weights add up: inside the nucleus the nucleoplasm's brightness replaces the cytosol's, inside
    a nucleolus its own replaces the nucleoplasm's.
    """
    shape, solids = cell.shape, cell.solids
    _, dy, dx = motion.nucleus(time_s)
    cytosol, core = (
        np.array([level, level * ratio]) for level, ratio in (solids.cytosol, solids.nucleoplasm)
    )
    columns = []
    box = _box(view, shape.footprint.center, float(shape.footprint.radius.max()) * 1.1)
    if box is not None:
        *place, y, x = box
        _, to_edge = shape.inward(y, x, time_s)
        top = np.where(to_edge > 0, shape.top(y, x, time_s), FLOOR_UM)
        columns.append(_column(place, np.full(top.shape, FLOOR_UM), top, cytosol, "cell"))
    nucleus = shape.nucleus
    box = _box(view, (nucleus.center[1] + dy, nucleus.center[2] + dx), NUCLEUS_REACH_UM)
    if box is not None:
        *place, y, x = box
        low, high = nucleus.surfaces(y - dy, x - dx)
        columns.append(_column(place, low, high, core - cytosol, "nucleus"))
        for nz, ny, nx, radius, half in nucleus.nucleoli:
            r2 = ((y - ny - dy) ** 2 + (x - nx - dx) ** 2) / radius**2
            span = half * np.sqrt(np.maximum(1.0 - r2, 0.0))
            inner = np.maximum(nz - span, low), np.minimum(nz + span, high)
            columns.append(_column(place, *inner, core * (solids.nucleoli - 1.0), "nucleolus"))
    return columns


def _column(place: list[slice], low: Float64, high: Float64, weights: Float64, kind: str) -> Column:
    rows, columns = place
    yellow, red = (float(w) for w in weights)
    return Column(
        rows, columns, low.astype(np.float32), high.astype(np.float32), (yellow, red), kind
    )


def _box(
    view: View, center: tuple[float, float], reach_um: float
) -> tuple[slice, slice, Float64, Float64] | None:
    """Return the part of the image (with margin) near a centre and its sample coordinates."""
    slices, axes = [], []
    for axis in range(2):
        count = view.shape[axis] + 2 * MARGIN
        at = (np.arange(count) - (count - 1) / 2.0) * view.pixel_um + view.center_um[axis]
        inside = np.flatnonzero(np.abs(at - center[axis]) < reach_um)
        if not inside.size:
            return None
        slices.append(slice(int(inside[0]), int(inside[-1]) + 1))
        axes.append(at[slices[-1]])
    y, x = np.meshgrid(axes[0], axes[1], indexing="ij")
    return slices[0], slices[1], y, x
