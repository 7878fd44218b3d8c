"""Engines: what executes a network. One row of `ENGINES` and one module each, best first."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from livesr.errors import ModelError, nearest
from livesr.segmentation.engines.contract import PRECISIONS, Engine, Options, Precision, silent
from livesr.segmentation.engines.onnx_graph import check_graph
from livesr.segmentation.package import positions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from livesr.config.remote import Remote
    from livesr.segmentation.package import Package

log = logging.getLogger(__name__)

__all__ = [
    "ENGINES",
    "FAILED",
    "PRECISIONS",
    "REMOTE",
    "Choice",
    "Engine",
    "EngineEntry",
    "Options",
    "Precision",
    "another",
    "choose_engine",
    "entry_of",
    "load_engine",
    "working_engine",
]

FAILED = "it failed earlier in this session"


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
        """Return version and device, or why a library that is installed cannot say them."""
        try:
            return self.load().describe()
        except (ImportError, OSError, RuntimeError) as problem:
            return f"installed, but it cannot be loaded: {problem}"


ENGINES: tuple[EngineEntry, ...] = (
    EngineEntry("tensorrt", f"{__name__}.tensorrt.engine", "TensorRtEngine"),
    EngineEntry("tensorrt-rtx", f"{__name__}.tensorrt.rtx", "TensorRtRtxEngine"),
    EngineEntry("torch-cuda", f"{__name__}.torch_cuda", "TorchCudaEngine"),
    EngineEntry("onnxruntime-cuda", f"{__name__}.onnxruntime", "OnnxRuntimeCudaEngine"),
    EngineEntry("openvino", f"{__name__}.openvino_cpu", "OpenVinoEngine"),
    EngineEntry("onnxruntime", f"{__name__}.onnxruntime", "OnnxRuntimeEngine"),
    EngineEntry("torch", f"{__name__}.torch_cpu", "TorchEngine"),
)

REMOTE = EngineEntry("remote", f"{__name__}.remote.engine", "RemoteEngine")
"""Not one of `ENGINES`: no machine is spoken to that nobody named."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine that is loaded, and why it is not a better one.

    Attributes
    ----------
    engine : Engine
    device : str
        Version and device, for people.
    passed_over : dict of str to str
        Better engines, and why each cannot work here or could not load the package.
    """

    engine: Engine
    device: str
    passed_over: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return what the journal keeps."""
        return {
            "engine": self.engine.name,
            "precision": self.engine.precision,
            "device": self.device,
            "passed_over": self.passed_over,
        }


def choose_engine(
    name: str,
    package: Package,
    *,
    threads: int | None = None,
    precision: str = "auto",
    structures: Sequence[str] | None = None,
    progress: Callable[[str], None] = silent,
) -> Engine:
    """Return an engine with the package loaded.

    Parameters
    ----------
    name : str
        Name of an engine, ``auto`` for the first of `ENGINES` that works here, or
        ``remote:host:8001`` for a server, in whose place nothing else is taken.
    package : Package
    threads, precision, structures, progress
        See `Options`.

    Raises
    ------
    ModelError
        If there is no such engine, structure or precision, it cannot work here, or it cannot load
        the package.
    """
    wanted = None if structures is None else tuple(structures)
    return load_engine(name, package, Options(threads, precision, wanted, progress)).engine


def load_engine(
    name: str,
    package: Package,
    options: Options,
    accept: Callable[[Engine], object] = lambda _: None,
    *,
    without: Collection[str] = (),
) -> Choice:
    """Return the first engine asked for that works here, loads the package and is accepted.

    Parameters
    ----------
    name : str
        Name of an engine, or ``auto``; ``remote`` is
        followed by those of ``auto`` if its options ask for it.
    package : Package
    options : Options
    accept : callable
        Called with the engine, for a first run at full size: what fails there is passed over too.
    without : collection of str
        Engines that are passed over because they failed before.

    Raises
    ------
    ModelError
        As for `choose_engine`.
    """
    name, options = _addressed(name, options)
    _check(package, options)
    reasons: dict[str, str] = {}
    failures: list[ModelError] = []
    for entry in _asked_for(name, options.remote):
        reason = FAILED if entry.name in without else entry.unavailable()
        if reason is not None:
            reasons[entry.name] = reason
            continue
        try:
            engine = _loaded(entry, package, options, accept)
        except ModelError as failure:
            failures.append(failure)
            reasons[entry.name] = failure.what
            log.warning("engine %s is passed over: %s", entry.name, failure.what)
            continue
        device = getattr(engine, "server", "") or entry.describe()
        choice = Choice(engine, device, reasons)
        log.info("engine %s for package %s: %s", engine.name, package.name, choice.as_dict())
        return choice
    if len(failures) == 1:
        raise failures[0]
    raise _none_works(name, reasons)


def working_engine(name: str) -> tuple[EngineEntry, dict[str, str]]:
    """Return the first engine asked for that works here, and why better ones do not.

    Nothing is loaded, so it may yet refuse a package.

    Raises
    ------
    ModelError
        If there is no such engine, or none of those asked for works here; it says why.
    """
    reasons: dict[str, str] = {}
    for entry in _asked_for(name):
        reason = entry.unavailable()
        if reason is None:
            return entry, reasons
        reasons[entry.name] = reason
    raise _none_works(name, reasons)


def another(without: Collection[str]) -> bool:
    """Return whether an engine works here that is not among ``without``."""
    return any(entry.name not in without and entry.unavailable() is None for entry in ENGINES)


def entry_of(name: str) -> EngineEntry:
    """Return the row of an engine.

    Raises
    ------
    ModelError
        If there is none.
    """
    for entry in (*ENGINES, REMOTE):
        if entry.name == name:
            return entry
    raise ModelError(
        f"there is no engine {name!r}",
        where="segmentation.engine",
        fix=nearest(name, ["auto", "remote", *(entry.name for entry in ENGINES)]),
    )


def _loaded(
    entry: EngineEntry, package: Package, options: Options, accept: Callable[[Engine], object]
) -> Engine:
    """Return an accepted engine; one that is not accepted gives its memory back."""
    try:
        engine = entry.load()(package, options)
        try:
            accept(engine)
        except BaseException:
            engine.close()
            raise
    except MemoryError as problem:
        raise ModelError(
            f"not enough memory for engine {entry.name} ({problem})",
            where="segmentation.engine",
            fix="close other programs, or choose a smaller field",
        ) from None
    except (ImportError, OSError) as problem:
        raise ModelError(
            f"the library of engine {entry.name} is broken ({problem})",
            where="segmentation.engine",
            fix="install it again: livesr doctor says how",
        ) from None
    return engine


def _check(package: Package, options: Options) -> None:
    """Refuse what no engine can do: damaged files, unknown structures and precisions."""
    package.verify()
    check_graph(package)
    if options.structures is not None:
        positions(package, options.structures)
    if options.precision not in PRECISIONS:
        raise ModelError(
            f"there is no precision {options.precision!r}",
            where="segmentation.precision",
            fix=nearest(options.precision, PRECISIONS),
        )


def _none_works(name: str, reasons: dict[str, str]) -> ModelError:
    return ModelError(
        "no engine works here" if name == "auto" else f"engine {name} does not work here",
        where="segmentation.engine",
        fix="; ".join(f"{engine}: {reason}" for engine, reason in reasons.items()),
    )


def _asked_for(name: str, remote: Remote | None = None) -> tuple[EngineEntry, ...]:
    if name == REMOTE.name and remote is not None and remote.fallback:
        return (REMOTE, *ENGINES)
    return ENGINES if name == "auto" else (entry_of(name),)


def _addressed(name: str, options: Options) -> tuple[str, Options]:
    """Return name and options with a server that stands in the name."""
    prefix = f"{REMOTE.name}:"
    if not name.startswith(prefix):
        return name, options
    from pydantic import ValidationError

    from livesr.config.remote import Remote  # session files' libraries: servers have none

    try:
        remote = Remote(url=name.removeprefix(prefix), fallback=False)
    except ValidationError:
        raise ModelError(
            f"{name!r} names no server",
            where="segmentation.engine",
            fix="write remote:host:port, such as remote:gpu.lab:8001",
        ) from None
    return REMOTE.name, replace(options, remote=remote)
