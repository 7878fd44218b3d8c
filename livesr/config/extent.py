"""How long a useq sequence is, told before it is written out: useq lists every value of an axis."""

from __future__ import annotations

from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import useq

MOST_TIMEPOINTS = 1_000_000
"""Of a session: a fortnight at one a second."""
MOST_PLANES = 10_000
MOST_POSITIONS = 10_000


def refuse_endless(sequence: useq.MDASequence) -> None:
    """Refuse a sequence that could not be listed, or whose numbers are none.

    Raises
    ------
    ValueError
        Naming the part and its length.
    """
    for value in _numbers(sequence.model_dump(mode="python", exclude_unset=True)):
        if not isfinite(value):
            raise ValueError(f"a number of the sequence is {value}")
    for what, count, most in (
        ("time points", _timepoints(sequence.time_plan), MOST_TIMEPOINTS),
        ("planes", _length(sequence.z_plan), MOST_PLANES),
        ("grid positions", _grid(sequence.grid_plan), MOST_POSITIONS),
        ("stage positions", len(sequence.stage_positions), MOST_POSITIONS),
    ):
        if not count <= most:
            raise ValueError(f"the sequence has {count:,.0f} {what}; livesr takes up to {most:,}")


def _timepoints(plan: Any) -> float:
    phases = getattr(plan, "phases", None)
    parts = [plan] if phases is None else phases
    return sum(_length(part) for part in parts if part is not None)


def _length(plan: Any) -> float:
    """Return the values of one axis, without making them."""
    if plan is None:
        return 0
    steps = getattr(plan, "_start_stop_step", None)
    if steps is not None and hasattr(plan, "step"):
        start, stop, step = steps()
        return float(abs(stop - start) / abs(step)) + 1.0 if step else 1.0
    count = getattr(plan, "num_timepoints", None) or plan.num_positions
    return float(count())


def _grid(plan: Any) -> float:
    """Return the positions of a grid; of one without a field of view, those of fields of 1 µm."""
    if plan is None:
        return 0
    if not hasattr(plan, "fov_width"):
        return float(plan.num_positions())
    vertices = getattr(plan, "vertices", None)
    width, height = plan.fov_width or 1.0, plan.fov_height or 1.0
    if vertices is None:
        return float(plan.replace(fov_width=width, fov_height=height).num_positions())
    x, y = zip(*vertices, strict=True)
    return float((max(x) - min(x)) * (max(y) - min(y)) / (width * height))


def _numbers(value: Any) -> Iterator[float]:
    """Yield every number of nested values."""
    if isinstance(value, dict):
        yield from chain.from_iterable(_numbers(item) for item in value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from chain.from_iterable(_numbers(item) for item in value)
    elif isinstance(value, int | float):
        yield float(value)
