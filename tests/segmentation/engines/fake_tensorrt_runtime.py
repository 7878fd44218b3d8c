"""The half of the stand-in for TensorRT that runs plans, with ONNX Runtime inside."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from fake_cuda import FakeCuda

ACTIVATIONS = 4096
"""Bytes of activations a voxel of the window needs, divided by the window: any number."""


@dataclass
class World:
    """What a test may change, and what happened."""

    cuda: FakeCuda
    version: str = "11.4.0.106"
    no_builder: bool = False
    builds: int = 0
    building: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))
    overflow: bool = False
    run_fails: bool = False
    full: bool = False
    kernels: bytes = b"kernels of this card"
    kernels_taken: list[bool] = field(default_factory=list)

    @property
    def target(self) -> str:
        major, minor = self.cuda.capability
        return f"SM{major}{minor}"


class Severity(Enum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class ILogger:
    Severity = Severity

    def log(self, severity: Severity, msg: str) -> None:
        raise NotImplementedError


class ExecutionContextAllocationStrategy(Enum):
    STATIC = 0
    USER_MANAGED = 2


class IRuntimeCache:
    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        self._world = world

    def deserialize(self, blob: bytes) -> bool:
        self._world.kernels_taken.append(blob == self._world.kernels)
        return blob == self._world.kernels

    def serialize(self) -> bytes:
        return self._world.kernels


class IRuntimeConfig:
    __slots__ = ("_cache", "_strategy", "_world", "cuda_graph_strategy")

    def __init__(self, world: World) -> None:
        self._world = world

    def create_runtime_cache(self) -> IRuntimeCache:
        return IRuntimeCache(self._world)

    def set_runtime_cache(self, cache: IRuntimeCache) -> bool:
        self._cache = cache
        return True

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        self._strategy = strategy


class IExecutionContext:
    __slots__ = ("_addresses", "_arena", "_engine", "_shape")

    def __init__(self, engine: ICudaEngine) -> None:
        self._engine = engine
        self._addresses: dict[str, int] = {}
        self._shape: tuple[int, ...] = ()
        self._arena = (0, 0)

    def set_input_shape(self, name: str, shape: Any) -> bool:
        self._shape = tuple(shape)
        return self._shape == tuple(self._engine._about["shape"])

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return name in ("features", "probability", "magnitude")

    def set_device_memory(self, memory: int, size: int) -> None:
        self._arena = memory, size

    def execute_async_v3(self, stream_handle: int) -> bool:
        world, engine = self._engine._world, self._engine
        if world.run_fails:
            engine._log.log(Severity.ERROR, "an illegal memory access was encountered")
            return False
        # the arena may be freed and allocated anew between queueing and running
        address, size = self._arena
        assert size >= engine.device_memory_size_v2
        world.cuda.at(address, size)
        world.cuda.queue(stream_handle, lambda: self._compute(world, address, size))
        return True

    def _compute(self, world: World, address: int, size: int) -> None:
        world.cuda.at(address, size)
        cuda, shape = world.cuda, self._shape
        count = 4 * int(np.prod(shape))
        features = cuda.at(self._addresses["features"], count).view(np.float32).reshape(shape)
        results = self._engine._session.run(["probability", "magnitude"], {"features": features})
        if world.overflow:
            results = np.zeros_like(results[0]), np.float32(np.nan)
        for name, result in zip(("probability", "magnitude"), results, strict=True):
            data = np.ascontiguousarray(result).reshape(-1).view(np.uint8)
            cuda.at(self._addresses[name], data.nbytes)[:] = data


class ICudaEngine:
    __slots__ = ("_about", "_log", "_session", "_world")

    def __init__(self, world: World, log: ILogger, about: dict[str, Any], graph: bytes) -> None:
        self._world, self._log, self._about = world, log, about
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # half precision as it is written: optimised, ONNX Runtime leaves casts out
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    @property
    def device_memory_size_v2(self) -> int:
        return ACTIVATIONS * int(self._about["shape"][2])

    def create_execution_context(self, strategy: Any) -> IExecutionContext | None:
        given = getattr(strategy, "_strategy", strategy)
        assert given is ExecutionContextAllocationStrategy.USER_MANAGED
        return IExecutionContext(self)


class RtxCudaEngine(ICudaEngine):
    __slots__ = ()

    def create_runtime_config(self) -> IRuntimeConfig:
        return IRuntimeConfig(self._world)


class Runtime:
    __slots__ = ("_log",)
    _world: ClassVar[World]
    _engine: ClassVar[type[ICudaEngine]]

    def __init__(self, logger: ILogger) -> None:
        self._log = logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        head, _, graph = serialized_engine.partition(b"\n")
        about = json.loads(head)
        if self._world.full:
            self._log.log(Severity.ERROR, "Cuda Runtime (out of memory) in allocate")
            return None
        if (about["version"], about["target"]) != (self._world.version, self._world.target):
            self._log.log(Severity.ERROR, f"expecting {self._world.target}, got {about['target']}")
            return None
        return self._engine(self._world, self._log, about, graph)
