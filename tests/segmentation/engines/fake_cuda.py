"""A card that is not there: the CUDA runtime's functions over host memory.

What is queued happens when a stream is waited for, and what is captured when its graph is launched,
so that a forgotten wait or copy shows.
"""

from __future__ import annotations

from enum import IntEnum
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


class cudaError_t(IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100
    cudaErrorLaunchFailure = 719


Work = list["Callable[[], cudaError_t | None]"]
OK = cudaError_t.cudaSuccess


class FakeCuda:
    """The runtime's module; ``lost``, ``driver`` and ``memory`` may be changed by a test."""

    cudaStreamNonBlocking = 1
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def __init__(self) -> None:
        self.name, self.capability, self.memory = b"Fake RTX 4090", (8, 9), 24 * 2**30
        self.driver, self.runtime, self.devices = 13000, 13000, 1
        self.lost = self.uncapturable = False
        self.held: dict[int, np.ndarray] = {}
        self.pinned: dict[int, np.ndarray] = {}
        self.streams: dict[int, Work] = {}
        self.capturing: dict[int, Work] = {}
        self.graphs: dict[int, Work] = {}
        self.launches = 0
        self._handles = count(1)

    def queue(self, stream: int, work: Callable[[], cudaError_t | None]) -> None:
        self.capturing.get(stream, self.streams[stream]).append(work)

    def at(self, address: int, size: int) -> np.ndarray:
        """Return memory on the card; only what was allocated can be touched."""
        assert address % 256 == 0
        for start, block in self.held.items():
            if start <= address and address + size <= start + block.nbytes:
                return block[address - start :][:size]
        raise AssertionError("that memory is not held")

    def cudaGetDeviceCount(self) -> tuple[Any, ...]:
        if self.driver < self.runtime:
            return cudaError_t.cudaErrorInsufficientDriver, 0
        if not self.devices:
            return cudaError_t.cudaErrorNoDevice, 0
        return OK, self.devices

    def cudaGetDeviceProperties(self, device: int) -> tuple[Any, ...]:
        major, minor = self.capability
        return OK, SimpleNamespace(
            name=self.name, major=major, minor=minor, totalGlobalMem=self.memory
        )

    def cudaDriverGetVersion(self) -> tuple[Any, ...]:
        return OK, self.driver

    def cudaRuntimeGetVersion(self) -> tuple[Any, ...]:
        return OK, self.runtime

    def cudaMalloc(self, size: int) -> tuple[Any, ...]:
        if sum(block.nbytes for block in self.held.values()) + size > self.memory:
            return cudaError_t.cudaErrorMemoryAllocation, 0
        room = np.zeros(size + 256, np.uint8)
        block = room[-room.ctypes.data % 256 :][:size]  # aligned as on a card
        self.held[block.ctypes.data] = block
        return OK, block.ctypes.data

    def cudaFree(self, address: int) -> tuple[Any, ...]:
        del self.held[address]
        return (self._status(),)

    def cudaMallocHost(self, size: int) -> tuple[Any, ...]:
        block = np.full(size, 255, np.uint8)
        self.pinned[block.ctypes.data] = block
        return OK, block.ctypes.data

    def cudaFreeHost(self, address: int) -> tuple[Any, ...]:
        del self.pinned[address]
        return (self._status(),)

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[Any, ...]:
        assert flags == self.cudaStreamNonBlocking
        stream = next(self._handles)
        self.streams[stream] = []
        return OK, stream

    def cudaStreamDestroy(self, stream: int) -> tuple[Any, ...]:
        del self.streams[stream]
        return (self._status(),)

    def cudaMemcpyAsync(
        self, to: int, source: int, size: int, kind: int, stream: int
    ) -> tuple[Any, ...]:
        def copy() -> None:
            if kind == 1:
                self.at(to, size)[:] = self.pinned[source][:size]
            else:
                self.pinned[to][:size] = self.at(source, size)

        self.queue(stream, copy)
        return (OK,)

    def cudaStreamSynchronize(self, stream: int) -> tuple[Any, ...]:
        work, self.streams[stream] = self.streams[stream], []
        if self.lost:
            return (cudaError_t.cudaErrorLaunchFailure,)
        for step in work:
            step()
        return (OK,)

    def cudaStreamBeginCapture(self, stream: int, mode: int) -> tuple[Any, ...]:
        assert not self.streams[stream], "what the first run queued was not waited for"
        self.capturing[stream] = []
        return (OK,)

    def cudaStreamEndCapture(self, stream: int) -> tuple[Any, ...]:
        work = self.capturing.pop(stream)
        if self.uncapturable:
            return cudaError_t.cudaErrorLaunchFailure, 0
        graph = next(self._handles)
        self.graphs[graph] = work
        return OK, graph

    def cudaGraphInstantiate(self, graph: int, flags: int) -> tuple[Any, ...]:
        executable = next(self._handles)
        self.graphs[executable] = self.graphs[graph]
        return OK, executable

    def cudaGraphDestroy(self, graph: int) -> tuple[Any, ...]:
        del self.graphs[graph]
        return (OK,)

    def cudaGraphExecDestroy(self, graph: int) -> tuple[Any, ...]:
        del self.graphs[graph]
        return (self._status(),)

    def cudaGraphLaunch(self, graph: int, stream: int) -> tuple[Any, ...]:
        self.launches += 1
        self.streams[stream].extend(self.graphs[graph])
        return (OK,)

    def _status(self) -> cudaError_t:
        return cudaError_t.cudaErrorLaunchFailure if self.lost else OK
