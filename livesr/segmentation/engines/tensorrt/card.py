"""The card, its memory and its stream, through the CUDA runtime (``cuda-bindings``).

PyTorch is not needed. Every call's status becomes a `ModelError` that says how to mend it.
"""

from __future__ import annotations

import ctypes
import logging
import math
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

INSTALL = 'python -m pip install "cuda-bindings<14"'
DRIVER = "install NVIDIA's driver for this card, 580 or later (nvidia.com/drivers)"
MEMORY = "close other programs on the card (nvidia-smi lists them), or take a smaller field"
LOST = "nvidia-smi says whether the card still answers; if it does not, restart the machine"


class Card:
    """The first NVIDIA card.

    Raises
    ------
    ModelError
        If there is none that works, or its driver is too old for the CUDA runtime.
    """

    def __init__(self) -> None:
        self._cuda = cuda = _runtime()
        if not self.call(cuda.cudaGetDeviceCount):
            raise ModelError("there is no NVIDIA card", where="CUDA", fix=DRIVER)
        properties = self.call(cuda.cudaGetDeviceProperties, 0)
        self.name: str = properties.name.decode().rstrip("\0")
        self.target = f"sm{properties.major}{properties.minor}"
        self.memory: int = properties.totalGlobalMem

    @staticmethod
    def unavailable() -> str | None:
        """Return why no card can be used, with what mends it; or None."""
        try:
            Card()
        except ModelError as problem:
            return f"{problem.what}: {problem.fix}"
        return None

    def __str__(self) -> str:
        """Return what it is, for people."""
        return f"{self.name} ({self.target}, {self.memory / 2**30:.0f} GiB)"

    def allocate(self, size: int) -> int:
        """Return the address of ``size`` bytes on the card."""
        return int(self.call(self._cuda.cudaMalloc, size, needs=size))

    def free(self, address: int) -> None:
        """Give memory on the card back; a card that is lost has none to give."""
        self.call_quietly(self._cuda.cudaFree, address)

    def pinned(self, shape: Sequence[int], dtype: type[np.generic]) -> NDArray[Any]:
        """Return an array in memory that the card copies from and to by itself.

        The memory is given back with the last view of it, which may outlive the network.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        address = int(self.call(self._cuda.cudaMallocHost, size, needs=size))
        buffer = (ctypes.c_uint8 * size).from_address(address)
        end = weakref.finalize(buffer, self.call_quietly, self._cuda.cudaFreeHost, address)
        end.atexit = False  # the driver may be gone by then
        return np.ctypeslib.as_array(buffer).view(dtype).reshape(shape)

    def stream(self) -> Any:
        """Return a stream of its own: the default one would wait for every other."""
        return self.call(self._cuda.cudaStreamCreateWithFlags, self._cuda.cudaStreamNonBlocking)

    def upload(self, address: int, array: NDArray[Any], stream: Any) -> None:
        """Queue a copy to the card."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        at = array.ctypes.data
        self.call(self._cuda.cudaMemcpyAsync, address, at, array.nbytes, kind, stream)

    def download(self, array: NDArray[Any], address: int, stream: Any) -> None:
        """Queue a copy from the card."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        at = array.ctypes.data
        self.call(self._cuda.cudaMemcpyAsync, at, address, array.nbytes, kind, stream)

    def wait(self, stream: Any) -> None:
        """Wait until all that is queued is done."""
        self.call(self._cuda.cudaStreamSynchronize, stream)

    def close_stream(self, stream: Any) -> None:
        """Give a stream back."""
        self.call_quietly(self._cuda.cudaStreamDestroy, stream)

    def captured(self, queue: Callable[[], None], stream: Any) -> Any:
        """Return all that ``queue`` queues as one CUDA graph: a launch in place of hundreds."""
        cuda = self._cuda
        mode = cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call(cuda.cudaStreamBeginCapture, stream, mode)
        try:
            queue()
        except ModelError:
            self.call_quietly(cuda.cudaStreamEndCapture, stream)
            raise
        graph = self.call(cuda.cudaStreamEndCapture, stream)
        try:
            return self.call(cuda.cudaGraphInstantiate, graph, 0)
        finally:
            self.call_quietly(cuda.cudaGraphDestroy, graph)

    def launch(self, graph: Any, stream: Any) -> None:
        """Queue a CUDA graph."""
        self.call(self._cuda.cudaGraphLaunch, graph, stream)

    def close_graph(self, graph: Any) -> None:
        """Give a CUDA graph back."""
        self.call_quietly(self._cuda.cudaGraphExecDestroy, graph)

    def call(self, function: Callable[..., Any], *arguments: object, needs: int = 0) -> Any:
        """Call a function of the CUDA runtime and return what it gives besides its status."""
        status, *values = function(*arguments)
        if int(status):
            raise self._error(function.__name__, status, needs)
        return values[0] if values else None

    def call_quietly(self, function: Callable[..., Any], *arguments: object) -> None:
        """Call what gives something back; it fails where the card is lost, with nothing to mend."""
        status = function(*arguments)[0]
        if int(status):
            log.debug("%s: %s", function.__name__, status)

    def _error(self, function: str, status: Any, needs: int) -> ModelError:
        name = str(status.name)
        if "MemoryAllocation" in name:
            what, fix = f"the card has no memory left for {needs / 2**20:.0f} MiB more", MEMORY
        elif "InsufficientDriver" in name or "NoDevice" in name or "Driver" in name:
            what, fix = self._driver(name), DRIVER
        else:
            what, fix = f"the card failed ({function}: {name})", LOST
        return ModelError(what, where="CUDA", fix=fix)

    def _driver(self, name: str) -> str:
        cuda = self._cuda
        version, needed = (
            query()[1] for query in (cuda.cudaDriverGetVersion, cuda.cudaRuntimeGetVersion)
        )
        if not version:
            return "there is no NVIDIA driver"
        if version < needed:
            found = f"it knows CUDA {_number(version)}, needed is {_number(needed)}"
            return f"the NVIDIA driver is too old: {found}"
        return f"there is no NVIDIA card that can be used ({name})"


def _number(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


@cache
def _runtime() -> Any:
    try:
        from cuda.bindings import runtime
    except (ImportError, OSError, RuntimeError) as problem:
        reason = " ".join(str(problem).split())
        raise ModelError(
            f"the CUDA runtime cannot be loaded ({reason})", where="CUDA", fix=INSTALL
        ) from None
    return runtime
