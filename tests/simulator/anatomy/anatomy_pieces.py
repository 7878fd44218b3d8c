"""Figures and cells that divide, round up or stay as they are, and where their points lie."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.cell import Cell, build_cell
from livesr.simulator.anatomy.figure import Figure, draw_figure
from livesr.simulator.parameters import parameters

if TYPE_CHECKING:
    from livesr.simulator.anatomy.figure import Moment
    from livesr.simulator.anatomy.life import Life
    from livesr.simulator.anatomy.nucleus import Nucleus
    from livesr.types import Bool, Float32, Float64

QUIET = '{"sample.dividing": 0.0, "sample.rounding": 0.0}'
DIVIDING = '{"sample.dividing": 1.0, "sample.rounding": 0.0}'
ROUNDING = '{"sample.dividing": 0.0, "sample.rounding": 1.0}'
STAGES = (
    "prophase",
    "breakdown",
    "metaphase",
    "anaphase",
    "anaphase_b",
    "telophase",
    "spreading",
    "rest",
)
"""A dividing cell's times, as `Life` calls them."""
_SIDEWAYS_UM = 0.3


@lru_cache(maxsize=64)
def figure(seed: int, changes: str, motion: float = 1.0) -> Figure:
    return draw_figure(np.random.default_rng(seed), parameters("standard", changes), motion)


@lru_cache(maxsize=4)
def cell(seed: int, changes: str) -> Cell:
    p = parameters("standard", changes)
    return build_cell(figure(seed, changes), p, np.random.SeedSequence(seed))


def through_division(life: Life, each: int = 3) -> list[float]:
    """Return times in the order of a division: ``each`` in every stage, and at its begin."""
    times = [0.0]
    begins = [float(getattr(life, name)) for name in STAGES]
    for begin, end in zip(begins, [*begins[1:], begins[-1] + 600.0], strict=True):
        times += [begin + (k + 0.01) / each * (end - begin) for k in range(each)]
    return times


def beyond(moment: Moment, points: Float32 | Float64) -> Float64:
    """Return how far points (n, 3) lie outside the nearer body, µm; 0 inside."""
    exact: Float64 = points.astype(np.float64)
    out = _off(moment, exact)
    # beside a steep flank the height over the surface says little: a step sideways leads inside
    far = np.flatnonzero(out > _SIDEWAYS_UM)
    for turn in np.arange(8) * np.pi / 4.0:
        step = _SIDEWAYS_UM * np.array([0.0, np.sin(turn), np.cos(turn)])
        off = np.maximum(_off(moment, exact[far] + step), _SIDEWAYS_UM)
        out[far] = np.minimum(out[far], off)
    return out


def _off(moment: Moment, points: Float64) -> Float64:
    """Return how far points lie above, below or beside the nearer body."""
    z, y, x = points.T
    nearest = np.full(len(points), np.inf)
    for body in moment.bodies:
        low, high, _ = body.surfaces(y, x)
        off = np.maximum.reduce([low - z, z - high, -body.inward(y, x)])
        nearest = np.minimum(nearest, np.maximum(off, 0.0))
    return nearest


def in_ellipsoid(points: Float32 | Float64, hole: Nucleus) -> Float64:
    """Return the distance from a hole's centre, its surface being 1."""
    z, y, x = (points.astype(np.float64) - np.array(hole.center)).T
    c, s = np.cos(hole.angle), np.sin(hole.angle)
    half, length, width = hole.semi_axes
    parts = (z / half, (x * c + y * s) / length, (y * c - x * s) / width)
    return np.asarray(np.sqrt(sum(part**2 for part in parts)))


def in_nuclei(moment: Moment, points: Float32 | Float64, margin: float = 0.2) -> Bool:
    """Return which points lie deeper than a margin in a nucleus."""
    z, y, x = points.astype(np.float64).T
    inside = np.zeros(len(points), bool)
    for nucleus in moment.nuclei:
        low, high = nucleus.surfaces(y, x)
        inside |= (z > low + margin) & (z < high - margin)
    return inside


def volume(moment: Moment) -> float:
    return sum(body.volume() for body in moment.bodies)
