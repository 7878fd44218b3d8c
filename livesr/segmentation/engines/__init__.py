"""Engines: what executes a network. One row of `ENGINES` and one module each, best first."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from livesr.errors import ModelError, nearest

if TYPE_CHECKING:
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

log = logging.getLogger(__name__)

Precision = Literal["auto", "f32", "bf16"]


class Engine(Protocol):
    """A network, loaded. Not shared between threads.

    The constructor raises ModelError if the weights are damaged, are no network of this kind, or
    what is asked for cannot be done on this machine.
    """

    name: str

    def __init__(self, package: Package, threads: int | None, precision: str) -> None: ...

    @staticmethod
    def unavailable() -> str | None:
        """Return why the engine cannot work here, with the command that mends it; or None."""
        ...

    @staticmethod
    def describe() -> str:
        """Return version and device, for people. Called only where it is available."""
        ...

    def run(self, features: Float32) -> UInt8:
        """Return probabilities (1, K, z, y, x) of features (1, C, z, y, x).

        The array belongs to the engine and holds until the next call.
        """
        ...

    def close(self) -> None:
        """Give memory and threads back; the engine cannot be used again."""
        ...


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """A row of the table: the module is imported only when the engine is asked for."""

    name: str
    module: str
    class_name: str

    def load(self) -> type[Engine]:
        """Return the engine's class."""
        engine: type[Engine] = getattr(importlib.import_module(self.module), self.class_name)
        return engine

    def unavailable(self) -> str | None:
        """Return why the engine cannot work here, or None."""
        return self.load().unavailable()

    def describe(self) -> str:
        """Return version and device."""
        return self.load().describe()


ENGINES: tuple[EngineEntry, ...] = (
    EngineEntry("openvino", "livesr.segmentation.engines.openvino_cpu", "OpenVinoEngine"),
)


def choose_engine(
    name: str, package: Package, *, threads: int | None = None, precision: str = "auto"
) -> Engine:
    """Return an engine with the package loaded.

    Parameters
    ----------
    name : str
        Name of an engine, or ``auto`` for the first of `ENGINES` that works here.
    package : Package
    threads : int, optional
        CPU threads; all if not given.
    precision : {"auto", "f32", "bf16"}
        ``auto`` is what is fastest here without changing masks visibly.

    Raises
    ------
    ModelError
        If there is no such engine, it cannot work here, or it cannot load the package.
    """
    entry = working_engine(name)
    engine = entry.load()(package, threads, precision)
    log.info("engine %s (%s) for package %s", engine.name, entry.describe(), package.name)
    return engine


def working_engine(name: str) -> EngineEntry:
    """Return the engine called ``name``, or for ``auto`` the first of `ENGINES` that works here.

    Raises
    ------
    ModelError
        If there is no such engine, or none of those asked for works here; it says why.
    """
    reasons = {}
    for entry in _asked_for(name):
        reason = entry.unavailable()
        if reason is None:
            return entry
        reasons[entry.name] = reason
    raise ModelError(
        "no engine works here" if name == "auto" else f"engine {name} does not work here",
        where="segmentation.engine",
        fix="; ".join(f"{engine}: {reason}" for engine, reason in reasons.items()),
    )


def _asked_for(name: str) -> tuple[EngineEntry, ...]:
    if name == "auto":
        return ENGINES
    rows = tuple(entry for entry in ENGINES if entry.name == name)
    if not rows:
        raise ModelError(
            f"there is no engine {name!r}",
            where="segmentation.engine",
            fix=nearest(name, ["auto", *(entry.name for entry in ENGINES)]),
        )
    return rows
