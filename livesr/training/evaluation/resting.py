"""Engines that take turns: ten loaded networks would take gigabytes, loading one half a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.segmentation.engines import choose_engine

if TYPE_CHECKING:
    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8


class RestingEngine:
    """An engine that can be put away, and loads itself again when it runs.

    Parameters
    ----------
    package : Package
    name : str
        Of an engine, or ``auto``.
    threads : int, optional
        CPU threads; all if not given.

    Raises
    ------
    ModelError
        If the engine cannot work here or cannot load the package: at once, not when it runs.
    """

    def __init__(self, package: Package, name: str = "auto", threads: int | None = None) -> None:
        self._package = package
        self._asked, self._threads = name, threads
        self._engine: Engine | None = self._load()
        self.name, self.precision = self._engine.name, self._engine.precision
        self.structures = self._engine.structures

    @staticmethod
    def unavailable() -> str | None:
        """Return None: the engine that is loaded has said whether it works here."""
        return None

    @staticmethod
    def describe() -> str:
        """Return what it is."""
        return "an engine that rests between runs"

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return probabilities (n, K, z, y, x), in ``out`` or until the next call."""
        if self._engine is None:
            self._engine = self._load()
        return self._engine.run(features, out)

    def rest(self) -> None:
        """Give memory and threads back until the next run."""
        self.close()

    def close(self) -> None:
        """Give memory and threads back until the next run."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _load(self) -> Engine:
        return choose_engine(self._asked, self._package, threads=self._threads)
