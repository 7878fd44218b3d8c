"""The two libraries: TensorRT 10.12 to 11, and TensorRT-RTX for workstation cards.

They share one API, so one code path serves both. What differs stands in `Library`.
"""

from __future__ import annotations

import importlib
import logging
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from livesr.errors import ModelError

if TYPE_CHECKING:
    import tensorrt as trt
    import tensorrt_rtx as rtx

log = logging.getLogger(__name__)

ERRORS_KEPT = 5
"""Latest messages of the library that are shown with an error."""


class Bindings(Protocol):
    """What livesr uses of either library's module; the classes are those of ``typings/``."""

    __version__: str
    ILogger: type[trt.ILogger]
    IProgressMonitor: type[trt.IProgressMonitor]
    NetworkDefinitionCreationFlag: type[trt.NetworkDefinitionCreationFlag]
    BuilderFlag: type[trt.BuilderFlag]
    Builder: type[trt.Builder]
    OnnxParser: type[trt.OnnxParser]
    Runtime: type[trt.Runtime]
    ExecutionContextAllocationStrategy: type[trt.ExecutionContextAllocationStrategy]


class RtxBindings(Protocol):
    """What livesr uses of TensorRT-RTX's module alone."""

    ExecutionContextAllocationStrategy: type[rtx.ExecutionContextAllocationStrategy]
    ComputeCapability: type[rtx.ComputeCapability]
    CudaGraphStrategy: type[rtx.CudaGraphStrategy]


@dataclass(frozen=True, slots=True)
class Library:
    """One of the two.

    Attributes
    ----------
    name : str
        Of the engine.
    title : str
        For people.
    modules : tuple of str
        Its Python module, or that of a package that holds nothing else.
    versions : tuple
        The first that will do, and the first that will not.
    targets : tuple of str
        Compute capabilities that it compiles for on any machine; none: only for the card that it
        finds, by measuring there.
    """

    name: str
    title: str
    modules: tuple[str, ...]
    versions: tuple[tuple[int, int], tuple[int, int]]
    targets: tuple[str, ...] = ()

    @property
    def install(self) -> str:
        """The command that brings it."""
        return f'python -m pip install "livesr[{self.name}]"'

    def load(self) -> Bindings:
        """Return the library's module.

        Raises
        ------
        ModelError
            If it is not installed, is broken, or is of a version with another API.
        """
        reason, module = _imported(self)
        if module is None:
            raise ModelError(reason, where=f"engine {self.name}", fix=self.install)
        return module

    def unavailable(self) -> str | None:
        """Return why the library cannot be used, with the command that mends it; or None."""
        reason, module = _imported(self)
        return f"{reason}: {self.install}" if module is None else None

    def describe(self) -> str:
        """Return name and version."""
        return f"{self.title} {self.load().__version__}"


TENSORRT = Library("tensorrt", "TensorRT", ("tensorrt",), ((10, 12), (12, 0)))
RTX = Library(
    "tensorrt-rtx",
    "TensorRT-RTX",
    ("tensorrt_rtx", "tensorrt_rtx_bindings"),
    ((1, 4), (2, 0)),
    ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121"),
)
LIBRARIES = {library.name: library for library in (TENSORRT, RTX)}


def _imported(library: Library) -> tuple[str, Bindings | None]:
    """Return why there is no module, or the module."""
    problems = []
    for name in library.modules:
        try:
            module = cast("Bindings", importlib.import_module(name))
        except (ImportError, OSError, RuntimeError) as problem:
            problems.append(" ".join(str(problem).split()))
            continue
        found = tuple(int(part) for part in module.__version__.split(".")[:2])
        first, end = library.versions
        if first <= found < end:
            return "", module
        needed = f"{first[0]}.{first[1]} or later, before {end[0]}"
        return f"{library.title} is {module.__version__}, needed is {needed}", None
    return f"{library.title} cannot be loaded ({problems[0]})", None


class Messages:
    """The latest errors that a library logged: its functions return None and say no more."""

    def __init__(self) -> None:
        self._latest: deque[str] = deque(maxlen=ERRORS_KEPT)

    def forget(self) -> None:
        """Begin anew, before a call whose errors are wanted."""
        self._latest.clear()

    def add(self, message: str) -> None:
        """Keep an error."""
        self._latest.append(" ".join(message.split()))

    def __str__(self) -> str:
        """Return them in one line."""
        return "; ".join(self._latest)[-600:] or "the library gives no reason"


@cache
def logger(library: Library) -> tuple[trt.ILogger, Messages]:
    """Return the logger that a library writes to, and the errors it wrote last.

    One for the whole process: builders and runtimes of a process share their first logger.
    """
    messages = Messages()
    bindings = library.load()
    severe = bindings.ILogger.Severity

    class Log(bindings.ILogger):  # type: ignore[misc, name-defined]  # a class of the module
        """Hands the library's messages to Python's logging."""

        def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
            """Keep errors; pass all but the details on."""
            if severity in (severe.INTERNAL_ERROR, severe.ERROR):
                messages.add(msg)
                log.info("%s", msg)
            elif severity != severe.VERBOSE:
                log.debug("%s", msg)

    return Log(), messages
