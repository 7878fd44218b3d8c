"""What every engine is told, and must do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.config.remote import Remote
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

Precision = Literal["auto", "f32", "bf16", "f16"]
PRECISIONS: tuple[str, ...] = get_args(Precision)


def silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of an engine.

    Attributes
    ----------
    threads : int, optional
        CPU threads; all if None.
    precision : {"auto", "f32", "bf16", "f16"}
        ``auto`` is what is fastest here without changing masks visibly.
    structures : tuple of str, optional
        Only these outputs are computed, in this order; all of the package if None.
    progress : callable
        Given what a long step (a compile) is at, for people.
    remote : Remote, optional
        The server of engine ``remote``.
    """

    threads: int | None = None
    precision: str = "auto"
    structures: tuple[str, ...] | None = None
    progress: Callable[[str], None] = silent
    remote: Remote | None = None


class Engine(Protocol):
    """A network, loaded. Not shared between threads.

    The constructor raises ModelError if the weights are no network of this kind, or what is asked
    for cannot be done on this machine. It may trust that the files are what the package says.

    Attributes
    ----------
    name : str
        As in `ENGINES`.
    precision : str
        What it computes in.
    structures : tuple of str
        The outputs, in their order.
    """

    name: str
    precision: str
    structures: tuple[str, ...]

    def __init__(self, package: Package, options: Options) -> None: ...

    @staticmethod
    def unavailable() -> str | None:
        """Return why the engine cannot work here, with the command that mends it; or None."""
        ...

    @staticmethod
    def describe() -> str:
        """Return version and device, for people. Called only where it is available."""
        ...

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return the probabilities, times 255.

        Parameters
        ----------
        features : ndarray, (n, C, z, y, x), float32
        out : ndarray, (n, K, z, y, x), uint8, optional
            C-contiguous; written to and returned. Without it the array that is returned belongs
            to the engine and holds until the next call.

        Raises
        ------
        ModelError
            If it fails: no memory, a device that is gone.
        """
        ...

    def rest(self) -> None:
        """Give back what the next run can have anew, so that other networks may take their turn.

        What `run` returned without ``out`` holds no longer.
        """
        ...

    def close(self) -> None:
        """Give memory and threads back; the engine cannot be used again."""
        ...
