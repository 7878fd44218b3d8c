"""Engines: the whole way from raw counts to masks on disk, its parts, limits and growth.

Modules load with the rows that need them; sizes are parameters of each, here they are full.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from livesr.bench.rows import Row
from livesr.errors import LivesrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.engines.way import Raw

FULL = (24, 1200, 1200)
"""Planes, rows and columns of the stack that figures are given for."""
SIDE = 512
"""Rows and columns of the stack on which engines are compared."""
DEEPEST = 36
"""Planes of the deepest stack whose cost is measured."""


def rows() -> Iterator[Row]:
    """Measure all. A part that cannot be measured here says so in a row, and the next one follows.

    It takes some ten minutes; nothing else should run meanwhile.
    """
    from livesr.bench.engines.way import raw_stack

    deep = raw_stack((DEEPEST, *FULL[1:]))
    full = deep.part(FULL[0], FULL[1])
    yield from part("end_to_end", full)
    yield from part("remote", full)
    yield from part("by_engine", deep.part(FULL[0], SIDE))
    for name in ("parts", "delay", "features", "disk", "exactness"):
        yield from part(name, full)
    yield from part("scaling", deep)
    for name in ("loop", "start"):
        yield from part(name)


def part(name: str, *raw: Raw) -> Iterator[Row]:
    """Measure one module's rows; what it cannot do becomes a row."""
    try:
        yield from import_module(f"livesr.bench.engines.{name}").rows(*raw)
    except LivesrError as problem:
        text = f"not measured: {problem.what}; {problem.fix}"
        yield Row(f"engines: {name}", 0.0, "", detail=text)
