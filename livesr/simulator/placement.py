"""Where the cells stand on the cover slip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.figure import Figure, draw_figure

if TYPE_CHECKING:
    from livesr.simulator.parameters import Parameters

_TRIES = 400
"""Places that are tried for a cell before the field is called full."""
_USUAL_UM = 80.0
"""Side of a field for which the most cells are quoted."""


def place_cells(
    rng: np.random.Generator, p: Parameters, field_um: tuple[float, float], motion: float
) -> list[Figure]:
    """Return one cell with its nucleus near the origin and others beside it.

    The first cell's nucleus is shifted away from its nearest edge, so that a field of 34 µm around
    the origin shows both. In a larger field there are more cells, in proportion to its area.
    """
    first = draw_figure(rng, p, motion)
    y, x = first.mother.body.outline()
    nearest = int(np.argmin(np.hypot(y, x)))
    aside = rng.uniform(2.5, 4.5) / np.hypot(y[nearest], x[nearest])
    figures = [first.moved(float(-aside * y[nearest]), float(-aside * x[nearest]))]
    usual = int(rng.integers(0, p.sample.most_cells))
    start = rng.uniform(-np.pi, np.pi)
    for index in range(usual):
        angle = start + index * 2 * np.pi / 3 + rng.normal(0.0, 0.2)
        other = _beside(draw_figure(rng, p, motion), angle, figures, p.sample.gap_um)
        if _touches(other, field_um):
            figures.append(other)
    if max(field_um) > 1.2 * _USUAL_UM:
        figures += _more(rng, p, field_um, motion, figures)
    return [
        figure.among(other.mother.body for other in figures if other is not figure)
        for figure in figures
    ]


def _more(
    rng: np.random.Generator,
    p: Parameters,
    field_um: tuple[float, float],
    motion: float,
    figures: list[Figure],
) -> list[Figure]:
    """Return cells strewn over the rest of a larger field."""
    area = field_um[0] * field_um[1] / _USUAL_UM**2
    wanted = int(0.5 * (p.sample.most_cells + 1) * area)
    more: list[Figure] = []
    while len(figures) + len(more) < wanted:
        found = _anywhere(rng, draw_figure(rng, p, motion), field_um, [*figures, *more], p)
        if found is None:
            break
        more.append(found)
    return more


def _anywhere(
    rng: np.random.Generator,
    figure: Figure,
    field_um: tuple[float, float],
    others: list[Figure],
    p: Parameters,
) -> Figure | None:
    """Return the cell somewhere in the field where it overlaps no other; None if it is full."""
    reach = float(figure.mother.body.radius.max())
    for _ in range(_TRIES):
        y, x = ((rng.uniform(-0.5, 0.5) * side) for side in field_um)
        moved = figure.moved(float(y), float(x))
        cy, cx = moved.mother.body.center
        near = [
            other
            for other in others
            if np.hypot(cy - other.mother.body.center[0], cx - other.mother.body.center[1])
            < reach + float(other.mother.body.radius.max()) + p.sample.gap_um
        ]
        if not any(_overlap(moved, other, p.sample.gap_um) for other in near):
            return moved
    return None


def _touches(figure: Figure, field_um: tuple[float, float]) -> bool:
    cy, cx = figure.mother.body.center
    reach = float(figure.mother.body.radius.mean())
    return abs(cy) - reach < field_um[0] / 2 and abs(cx) - reach < field_um[1] / 2


def _beside(figure: Figure, angle: float, others: list[Figure], gap_um: float) -> Figure:
    """Return the cell moved from the origin until it overlaps no other."""
    for distance in np.arange(28.0, 90.0, 1.0):
        moved = figure.moved(float(distance * np.sin(angle)), float(distance * np.cos(angle)))
        if not any(_overlap(moved, other, gap_um) for other in others):
            break
    return moved


def _overlap(one: Figure, other: Figure, gap_um: float) -> bool:
    for a, b in ((one.mother.body, other.mother.body), (other.mother.body, one.mother.body)):
        y, x = a.outline()
        if bool(np.any(b.inward(y, x) > -gap_um)):
            return True
    return False
