"""A cell's volumes over a view: cytosol, nucleus, nucleoli and chromosomes as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.imaging.render import Column, wide_shape
from livesr.simulator.inventory import nucleus_identity

if TYPE_CHECKING:
    from livesr.simulator.anatomy.cell import Cell
    from livesr.simulator.anatomy.figure import Moment
    from livesr.simulator.anatomy.nucleus import Nucleus
    from livesr.simulator.view import View
    from livesr.types import Float64

CHROMOSOMES = 0.5
"""Of the cytosol's brightness."""
_NOTHING = np.zeros(3)
_SLACK = 1.15
"""Of a nucleus' half axis: how far its wobbly outline may reach."""


def cell_columns(cell: Cell, moment: Moment, number: int, view: View) -> list[Column]:
    """Return the volumes of a cell over the view; none where it shows none of them.

    Weights add up: inside the nucleus the nucleoplasm's brightness replaces the cytosol's, inside
    a nucleolus its own replaces the nucleoplasm's. They mix as the envelope breaks down.
    """
    solids = cell.solids
    cytosol, core = np.array(solids.cytosol), np.array(solids.nucleoplasm)
    columns = []
    for half, body in enumerate(moment.bodies):
        box = _box(view, body.center, float((body.radius * (1.0 + body.creep)).max()) + 0.5)
        if box is not None:
            *place, y, x = box
            low, high, share = body.surfaces(y, x)
            high = np.where(share < 1.0, high, low)
            name = number + (1 + half if moment.life.separate(moment.time_s) else 0)
            columns.append(_column(place, (low, high), cytosol, _NOTHING, "cell", name))
    for half, nucleus in enumerate(moment.nuclei):
        which = nucleus_identity(number, half, moment)
        columns += _nucleus(nucleus, cytosol, core, moment.envelope, solids.nucleoli, which, view)
    for plate in moment.plates:
        columns += _ellipsoid(plate.as_nucleus(), -(1.0 - CHROMOSOMES) * cytosol, view)
    return columns


def _nucleus(
    nucleus: Nucleus,
    cytosol: Float64,
    core: Float64,
    envelope: float,
    nucleoli: float,
    owner: int,
    view: View,
) -> list[Column]:
    reach = _SLACK * max(nucleus.semi_axes[1:]) + 0.5
    box = _box(view, nucleus.center[1:], reach)
    if box is None:
        return []
    *place, y, x = box
    low, high = nucleus.surfaces(y, x)
    kind = "nucleus" if envelope >= 0.5 else "opening"
    lost = envelope * cytosol
    columns = [_column(place, (low, high), envelope * core - lost, lost, kind, owner)]
    nz, ny, nx = nucleus.center
    for z, dy, dx, radius, tall in nucleus.nucleoli:
        if radius < 0.2:
            continue
        r2 = ((y - ny - dy) ** 2 + (x - nx - dx) ** 2) / radius**2
        span = tall * np.sqrt(np.maximum(1.0 - r2, 0.0))
        inner = np.maximum(nz + z - span, low), np.minimum(nz + z + span, high)
        weight = envelope * core * (nucleoli - 1.0)
        columns.append(_column(place, inner, weight, _NOTHING, "nucleolus", owner))
    return columns


def _ellipsoid(nucleus: Nucleus, weight: Float64, view: View) -> list[Column]:
    box = _box(view, nucleus.center[1:], max(nucleus.semi_axes[1:]) + 0.5)
    if box is None:
        return []
    *place, y, x = box
    low, high = nucleus.surfaces(y, x)
    return [_column(place, (low, high), weight, _NOTHING, "chromosomes", 0)]


def _column(
    place: list[slice],
    surfaces: tuple[Float64, Float64],
    weights: Float64,
    replaced: Float64,
    kind: str,
    owner: int,
) -> Column:
    rows, columns = place
    low, high = (surface.astype(np.float32) for surface in surfaces)
    (yellow, red, green), (y, r, g) = weights.tolist(), replaced.tolist()
    tops = high.max(axis=1)
    extent = (float(low.min()), float(tops.max()))
    return Column(
        rows, columns, low, high, (yellow, red, green), (y, r, g), kind, owner, extent, tops
    )


def _box(
    view: View, center: tuple[float, float], reach_um: float
) -> tuple[slice, slice, Float64, Float64] | None:
    """Return the part of the image (with margin) near a centre and its sample coordinates."""
    slices, axes = [], []
    for axis in range(2):
        count = wide_shape(view)[axis]
        at = (np.arange(count) - (count - 1) / 2.0) * view.pixel_um + view.center_um[axis]
        inside = np.flatnonzero(np.abs(at - center[axis]) < reach_um)
        if not inside.size:
            return None
        slices.append(slice(int(inside[0]), int(inside[-1]) + 1))
        axes.append(at[slices[-1]])
    y, x = np.meshgrid(axes[0], axes[1], indexing="ij")
    return slices[0], slices[1], y, x
