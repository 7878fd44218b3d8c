"""Measured lives of simulated cells: what the masks say at moments that tell a life's course.

A life is measured where it changes, densely in anaphase, sparsely in interphase, on whole stacks
and on ones that end below a rounded cell's top. Recordings at any rate are read off between these
moments (`livesr.bench.mitosis_recordings`), so that hundreds of cell-hours take minutes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from livesr.analysis.coarse import Coarse
from livesr.analysis.mitosis.measures import measures_of
from livesr.bench.mitosis_scene import Field, scene
from livesr.simulator.anatomy.life import ROUNDING_S
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.types import CellMeasures, Grid

if TYPE_CHECKING:
    from livesr.simulator.anatomy.figure import Figure
    from livesr.simulator.anatomy.life import Life

Kind = Literal["divides", "rounds", "quiet"]
TALL, LOW = 54, 24
"""Planes of 0.3 µm of the two z ranges: one for rounded cells, one to watch with."""
BEGINS_MIN = 150.0
"""When a cell begins to divide or to round up."""
_QUIET_MIN = (0.0, 50.0, 100.0)
_AFTER_MIN = 30.0
_CHANGES = {"divides": (1.0, 0.0), "rounds": (0.0, 1.0), "quiet": (0.0, 0.0)}


@dataclass(frozen=True, slots=True)
class Knot:
    """One moment of a life.

    Attributes
    ----------
    time_s : float
    seen : mapping of int to tuple of CellMeasures
        By the number of planes; places are relative to the sample's origin.
    """

    time_s: float
    seen: dict[int, tuple[CellMeasures, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """A life and what the true masks say of it.

    Attributes
    ----------
    seed : int
    life : Life
    knots : tuple of Knot
        In order of time.
    """

    seed: int
    life: Life
    knots: tuple[Knot, ...]

    @property
    def ends_s(self) -> float:
        """When its recording ends."""
        return self.knots[-1].time_s


def prolonged(life: Measured, by_s: float) -> Measured:
    """Return a division that is held up in the middle of metaphase."""
    at = 0.5 * (life.life.metaphase + life.life.anaphase)
    later = ("anaphase", "anaphase_b", "telophase", "spreading", "rest")
    times = {name: getattr(life.life, name) + by_s for name in later}
    knots = [replace(k, time_s=k.time_s + by_s * (k.time_s > at)) for k in life.knots]
    return Measured(life.seed, replace(life.life, **times), tuple(knots))


@lru_cache(maxsize=4)
def _changed(kind: Kind) -> str:
    dividing, rounding = _CHANGES[kind]
    return json.dumps(
        {
            "sample.dividing": dividing,
            "sample.rounding": rounding,
            "sample.window_min": [BEGINS_MIN, BEGINS_MIN],
            "sample.most_cells": 1,
        }
    )


def alone(seed: int, kind: Kind) -> Sample:
    """Return a sample with one cell of a kind."""
    return Sample(seed, parameters=parameters("standard", _changed(kind)), field_um=(40.0, 40.0))


def measured(seed: int, kind: Kind) -> Measured:
    """Measure a life."""
    sample = alone(seed, kind)
    figure = sample.figures[0]
    knots = tuple(_knot(sample, figure, time_s) for time_s in moments(figure.life))
    return Measured(seed, figure.life, knots)


def moments(life: Life) -> list[float]:
    """Return the times, s, at which a life is measured."""
    quiet = [60.0 * minute for minute in _QUIET_MIN]
    if life.kind == "quiet":
        return [*quiet, 60.0 * 200.0, 60.0 * 300.0]
    if life.kind == "rounds":
        rising = (0.0, 0.15, 0.25, 0.35, 0.45, 0.55, 0.7, 0.85, 1.0)
        up = [life.prophase + share * ROUNDING_S for share in rising]
        down = [_at(life.spreading, life.rest, share) for share in (0.0, 0.3, 0.5, 0.7, 1.0)]
        return [*quiet, *up, *down, life.rest + 60.0 * _AFTER_MIN]
    gone = life.breakdown + 0.5 * life.dissolving
    back = life.anaphase + 0.75 * life.reformed
    times = {
        *quiet,
        *(_at(life.prophase, life.breakdown, s) for s in (0.0, 0.25, 0.5, 0.75, 1.0)),
        *(gone - 1.0, gone + 1.0, life.breakdown + life.dissolving),
        *(_at(life.breakdown, life.metaphase, s) for s in (0.35, 0.5, 0.65, 0.8, 1.0)),
        *(_at(life.metaphase, life.anaphase, s) for s in (0.5, 1.0)),
        *(_at(life.anaphase, life.anaphase_b, s) for s in (0.2, 0.4, 0.7, 1.0)),
        *(_at(life.anaphase_b, life.telophase, s) for s in (0.35, 0.7, 1.0)),
        *(back - 1.0, back + 1.0),
        *(_at(life.telophase, life.spreading, s) for s in (0.1, 0.2, 0.3, 0.5, 1.0)),
        *(_at(life.spreading, life.rest, s) for s in (0.3, 0.6, 1.0)),
        life.rest + 60.0 * _AFTER_MIN,
    }
    return sorted(times)


def _at(begin: float, end: float, share: float) -> float:
    return begin + share * (end - begin)


def _knot(sample: Sample, figure: Figure, time_s: float) -> Knot:
    field = Field.around(figure.moment(time_s), TALL)
    whole = scene(sample, time_s, field)
    origin = tuple(float(edges[0]) for edges in field.edges())
    seen = {TALL: tuple(_moved(cell, origin) for cell in measures_of(whole))}
    low = first_planes(whole, LOW)
    seen[LOW] = tuple(_moved(cell, origin) for cell in measures_of(low))
    return Knot(time_s, seen)


def first_planes(whole: Coarse, planes: int) -> Coarse:
    """Return the lower part of a stack."""
    grid = Grid((planes, *whole.grid.shape[1:]), whole.grid.voxel_um)
    return Coarse({name: share[:planes] for name, share in whole.shares.items()}, grid)


def _moved(cell: CellMeasures, origin: tuple[float, ...]) -> CellMeasures:
    """Return a cell with its places from the sample's origin."""
    y, x = origin

    def there(place: tuple[float, float, float]) -> tuple[float, float, float]:
        return place[0], place[1] + y, place[2] + x

    return replace(
        cell,
        centre_um=there(cell.centre_um),
        low_um=there(cell.low_um),
        high_um=there(cell.high_um),
    )
