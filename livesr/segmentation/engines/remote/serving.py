"""The other side: packages run by livesr's own engines, for Triton's Python backend and tests."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from typing import TYPE_CHECKING

from livesr.segmentation.engines import choose_engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

KEPT = 3
"""Engines in memory: one for each choice of structures and precision."""


class Serving:
    """A package that answers requests; one at a time.

    Parameters
    ----------
    package : Package
    engine : str
        What runs it: a name, or auto.
    threads : int, optional
    """

    def __init__(self, package: Package, engine: str = "auto", threads: int | None = None) -> None:
        self.package = package
        self._asked, self._threads = engine, threads
        self._engines: OrderedDict[tuple[tuple[int, ...], str], Engine] = OrderedDict()

    def run(self, features: Float32, rows: Sequence[int], precision: str = "auto") -> UInt8:
        """Return probabilities (n, K, z, y, x), valid until the next call.

        Raises
        ------
        ModelError, ValueError
            If it cannot be done.
        """
        return self._engine(tuple(int(row) for row in rows), precision).run(features)

    def close(self) -> None:
        """Let go of the engines."""
        with ExitStack() as all_:
            for engine in self._engines.values():
                all_.callback(engine.close)
        self._engines.clear()

    def _engine(self, rows: tuple[int, ...], precision: str) -> Engine:
        key = rows, precision
        if key in self._engines:
            self._engines.move_to_end(key)
            return self._engines[key]
        while len(self._engines) >= KEPT:
            self._engines.popitem(last=False)[1].close()
        known = self.package.structures
        if not all(0 <= row < len(known) for row in rows):
            raise ValueError(f"there are {len(known)} structures, asked for {rows}")
        names = tuple(known[row] for row in rows)
        self._engines[key] = choose_engine(
            self._asked,
            self.package,
            threads=self._threads,
            precision=precision,
            structures=None if names == known else names,
        )
        return self._engines[key]
