"""How the cost of a stack grows with its field, its planes and the structures asked for."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.engines.way import open_way
from livesr.bench.rows import Row
from livesr.catalog import NAMES
from livesr.segmentation.windows import MAX_PLANES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.bench.engines.way import Raw

SIDES = (256, 384, 512, 768, 1024, 1200)
PLANES = (8, 12, 16, 24, 32, 36)
STRUCTURES = (1, 5, 15)
FIELD = "pixels of the field"
DEPTH = "planes"
NUMBER = "structures"


def rows(
    raw: Raw,
    *,
    sides: Sequence[int] = SIDES,
    planes: Sequence[int] = PLANES,
    structures: Sequence[int] = STRUCTURES,
    depth: int = 24,
    side: int = 512,
    repeats: int = 3,
) -> Iterator[Row]:
    """Time whole stacks, raw to masks on disk.

    Parameters
    ----------
    raw : Raw
        As large as the largest stack.
    sides : sequence of int
        Rows and columns, at ``depth`` planes.
    planes : sequence of int
        At ``side`` rows and columns.
    structures : sequence of int
        How many are asked for, at ``depth`` planes of ``side`` × ``side``.
    depth, side : int
        What is kept while something else varies.
    repeats : int
        The median counts.
    """
    fields = [_seconds(raw.part(depth, s), len(NAMES), repeats) for s in sides]
    yield from curve(FIELD, [s * s for s in sides], fields, f"{depth} planes, fifteen structures")
    depths = [_seconds(raw.part(n, side), len(NAMES), repeats) for n in planes]
    words = f"{side} × {side} pixels; above {MAX_PLANES} planes in windows"
    yield from curve(DEPTH, planes, depths, words)
    part = raw.part(depth, side)
    counts = [_seconds(part, n, repeats) for n in structures]
    yield from curve(NUMBER, structures, counts, f"{depth} × {side} × {side}; one network")


def _seconds(raw: Raw, structures: int, repeats: int) -> float:
    with open_way(raw.shape, structures=NAMES[:structures]) as way:
        return median(way.times(raw, repeats))


def curve(
    against: str, places: Sequence[float], seconds: Sequence[float], detail: str
) -> Iterator[Row]:
    """Return the rows of one curve, and the exponent of the power law that fits it best."""
    for at, value in zip(places, seconds, strict=True):
        name = f"cost of a stack against {against}: {at:,.10g}"
        yield Row(name, value, "s", detail=detail, curve=against, at=float(at))
    slope = float(np.polyfit(np.log(places), np.log(seconds), 1)[0])
    yield Row(
        f"growth of a stack's cost with {against}",
        slope,
        "exponent",
        bound="1 at most: proportional",
        attained=min(1 / slope, 1.0) if slope > 0 else 1.0,
        detail=f"from {places[0]:,.10g} to {places[-1]:,.10g}; {detail}",
    )
