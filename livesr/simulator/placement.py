"""Where the cells stand on the cover slip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from livesr.simulator.shape import CellShape, draw_shape

GAP_UM = 0.8
"""Least distance between neighbouring cells."""
MOST_CELLS = 4
ROOF_UM = 0.1
"""Least height of the dorsal membrane above the nucleus."""


def place_cells(
    rng: np.random.Generator, field_um: tuple[float, float], motion: float
) -> list[CellShape]:
    """Return one cell with its nucleus near the origin and up to three beside it.

    The first cell's nucleus is shifted away from its nearest edge, so that a field of 34 µm around
    the origin shows both.
    """
    first = draw_shape(rng, motion)
    y, x = first.footprint.outline()
    nearest = int(np.argmin(np.hypot(y, x)))
    aside = rng.uniform(2.5, 4.5) / np.hypot(y[nearest], x[nearest])
    shapes = [_roofed(first.moved(float(-aside * y[nearest]), float(-aside * x[nearest])))]
    start = rng.uniform(-np.pi, np.pi)
    for index in range(int(rng.integers(0, MOST_CELLS))):
        angle = start + index * 2 * np.pi / 3 + rng.normal(0.0, 0.2)
        other = _beside(draw_shape(rng, motion), angle, shapes)
        cy, cx = other.footprint.center
        reach = float(other.footprint.radius.mean())
        if abs(cy) - reach < field_um[0] / 2 and abs(cx) - reach < field_um[1] / 2:
            shapes.append(_roofed(other))
    return shapes


def _beside(shape: CellShape, angle: float, others: list[CellShape]) -> CellShape:
    """Return the shape moved from the origin until it overlaps no other."""
    for distance in np.arange(28.0, 70.0, 1.0):
        moved = shape.moved(float(distance * np.sin(angle)), float(distance * np.cos(angle)))
        if not any(_overlap(moved, other) for other in others):
            break
    return moved


def _roofed(shape: CellShape) -> CellShape:
    """Return the shape with its dome raised where the nucleus would touch the membrane."""
    _, cy, cx = shape.nucleus.center
    reach = 1.2 * shape.nucleus.semi_axes[1]
    steps = np.arange(-reach, reach, 0.3)
    y, x = np.meshgrid(cy + steps, cx + steps, indexing="ij")
    low, high = shape.nucleus.surfaces(y, x)
    nuclear = high > low
    y, x, high = y[nuclear], x[nuclear], high[nuclear]
    for _ in range(10):
        lacking = ROOF_UM - float((shape.top(y, x) - high).min())
        if lacking <= 0.0:
            break
        shape = replace(shape, dome=shape.dome + lacking)
    return shape


def _overlap(one: CellShape, other: CellShape) -> bool:
    for a, b in ((one, other), (other, one)):
        y, x = a.footprint.outline()
        _, to_edge = b.inward(y, x)
        if bool(np.any(to_edge > -GAP_UM)):
            return True
    return False
