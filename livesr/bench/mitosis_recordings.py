"""Recordings of measured lives at any rate, read off between the moments they were measured at."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.mitosis_errors import Mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.mitosis_errors import Errors
    from livesr.bench.mitosis_lives import Knot, Measured
    from livesr.types import CellMeasures

MISSED = 0.03
"""Share of stacks that are missed."""
_COUNTED = ("nuclei",)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a life is recorded.

    Attributes
    ----------
    interval_s : float
    planes : int
    begins_s, ends_s : float
    """

    interval_s: float
    planes: int
    begins_s: float = 0.0
    ends_s: float = float("inf")


def recorded(
    life: Measured, plan: Plan, known: Errors | None, seed: int
) -> Iterator[tuple[float, tuple[CellMeasures, ...]]]:
    """Yield time and cells of each stack that was not missed.

    Parameters
    ----------
    life : Measured
    plan : Plan
    known : Errors, optional
        Networks' errors; the truth without.
    seed : int
        Of the mistakes, the phase of the first stack and what is missed.
    """
    rng = np.random.default_rng([seed, life.seed, round(plan.interval_s)])
    mistakes = [Mistakes(rng, known) for _ in range(2)] if known else []
    time_s = plan.begins_s + rng.uniform() * plan.interval_s
    while time_s < min(plan.ends_s, life.ends_s):
        cells = between(life.knots, time_s, plan.planes)
        if mistakes:
            cells = tuple(mistakes[k % 2].on(cell) for k, cell in enumerate(cells))
        if rng.uniform() >= MISSED:
            yield time_s, cells
        time_s += plan.interval_s


def between(knots: tuple[Knot, ...], time_s: float, planes: int) -> tuple[CellMeasures, ...]:
    """Return the cells at a time: between two moments, or at the nearer one if they differ."""
    after = min(max(bisect_right([knot.time_s for knot in knots], time_s), 1), len(knots) - 1)
    one, other = knots[after - 1], knots[after]
    share = (time_s - one.time_s) / (other.time_s - one.time_s)
    share = min(max(share, 0.0), 1.0)
    first, second = one.seen[planes], other.seen[planes]
    alike = [c.values["nuclei"] for c in first] == [c.values["nuclei"] for c in second]
    if not alike:
        return first if share < 0.5 else second
    return tuple(_mixed(a, b, share) for a, b in zip(first, second, strict=True))


def _mixed(one: CellMeasures, other: CellMeasures, share: float) -> CellMeasures:
    nearer = one if share < 0.5 else other
    values = {
        name: value + share * (other.values[name] - value)
        if isfinite(value) and isfinite(other.values[name])
        else nearer.values[name]
        for name, value in one.values.items()
    }
    values["cut_above"] = nearer.values["cut_above"]
    z, y, x = (a + share * (b - a) for a, b in zip(one.centre_um, other.centre_um, strict=True))
    return replace(nearer, centre_um=(z, y, x), values=values)
