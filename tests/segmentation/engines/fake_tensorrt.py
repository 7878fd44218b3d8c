"""TensorRT and TensorRT-RTX that behave as documented, with ONNX Runtime inside.

This half compiles. Every class has only names that the real one has (`test_stand_in`), so code
that asks for another fails here too. A plan is a line of JSON and the graph; what is refused
returns None and logs why.
"""

from __future__ import annotations

import json
import types
from enum import Enum
from typing import Any, ClassVar

import onnx
from fake_tensorrt_runtime import (
    ExecutionContextAllocationStrategy,
    ICudaEngine,
    IExecutionContext,
    ILogger,
    IRuntimeCache,
    IRuntimeConfig,
    RtxCudaEngine,
    Runtime,
    Severity,
    World,
)

__all__ = ["World", "make"]

OPERATORS = (
    "Abs Add Cast Concat Conv Div Expand Gather MaxPool Mul ReduceMean Relu Reshape Resize Round "
    "Shape Sigmoid Slice Softmax Squeeze Sum Transpose Unsqueeze"
)


class IProgressMonitor:
    pass


class NetworkDefinitionCreationFlag:
    """As pybind11's: no integer itself."""

    def __int__(self) -> int:
        return 0


NetworkDefinitionCreationFlag.STRONGLY_TYPED = NetworkDefinitionCreationFlag()  # type: ignore[attr-defined]


class BuilderFlag(Enum):
    TF32 = 6
    STRICT_NANS = 23


class ComputeCapability(Enum):
    SM75 = 75
    SM86 = 86
    SM89 = 89
    SM120 = 120


class CudaGraphStrategy(Enum):
    DISABLED = 0
    WHOLE_GRAPH_CAPTURE = 1


class IOptimizationProfile:
    __slots__ = ("_shapes",)

    def __init__(self) -> None:
        self._shapes: dict[str, tuple[int, ...]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:  # noqa: A002
        assert min == opt == max
        self._shapes[input] = tuple(opt)


class ITimingCache:
    __slots__ = ("_measured",)

    def __init__(self, measured: bytes) -> None:
        self._measured = measured

    def serialize(self) -> bytes:
        return self._measured + b"a build "


class IBuilderConfig:
    __slots__ = ("_flags", "_profiles", "_timings", "progress_monitor")

    def __init__(self) -> None:
        self._profiles: list[IOptimizationProfile] = []
        self._flags: list[BuilderFlag] = []

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        self._profiles.append(profile)
        return 0

    def set_flag(self, flag: BuilderFlag) -> None:
        self._flags.append(flag)

    def clear_flag(self, flag: BuilderFlag) -> None:
        assert flag is BuilderFlag.TF32

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None:
        if serialized_timing_cache == b"damaged":
            return None
        return ITimingCache(serialized_timing_cache)

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        self._timings = cache
        return True

    def get_timing_cache(self) -> ITimingCache:
        return self._timings


class RtxBuilderConfig(IBuilderConfig):
    __slots__ = ("_target", "num_compute_capabilities")

    def set_compute_capability(self, compute_capability: ComputeCapability, index: int) -> bool:
        assert index < self.num_compute_capabilities
        self._target = compute_capability.name
        return True


class INetworkDefinition:
    __slots__ = ("_graph",)


class ParserError:
    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


class OnnxParser:
    __slots__ = ("_errors", "_network")

    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        self._network, self._errors = network, list[str]()

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return ParserError(self._errors[index])

    def parse(self, model: bytes) -> bool:
        graph = onnx.load_model_from_string(model).graph
        outputs = {output.name for output in graph.output}
        for node in graph.node:
            if node.op_type not in OPERATORS.split():
                self._errors.append(f"no importer is registered for {node.op_type}")
            to = [a.i for a in node.attribute if a.name == "to"]
            if to == [onnx.TensorProto.UINT8] and node.output[0] not in outputs:
                self._errors.append("UINT8 is not supported for intermediate tensors")
        self._network._graph = model
        return not self._errors


class Builder:
    __slots__ = ("_log",)
    _world: ClassVar[World]
    _config: ClassVar[type[IBuilderConfig]]

    def __init__(self, logger: ILogger) -> None:
        if self._world.no_builder:
            raise TypeError("pybind11::init(): factory function returned nullptr")
        self._log = logger

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        assert flags == 1
        return INetworkDefinition()

    def create_builder_config(self) -> IBuilderConfig:
        return self._config()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(
        self, network: INetworkDefinition, config: IBuilderConfig
    ) -> bytes | None:
        assert self._world.building.acquire(blocking=False), "two builders of one process at a time"
        try:
            return self._build(network, config)
        finally:
            self._world.building.release()

    def _build(self, network: INetworkDefinition, config: IBuilderConfig) -> bytes | None:
        self._world.builds += 1
        monitor = config.progress_monitor
        monitor.phase_start("Building engine", None, 4)
        monitor.phase_start("a layer", "Building engine", 1)
        for step in range(4):
            assert monitor.step_complete("Building engine", step)
        monitor.phase_finish("Building engine")
        shape = config._profiles[0]._shapes["features"]
        target = config._target if isinstance(config, RtxBuilderConfig) else self._world.target
        if shape[2] > 64:
            self._log.log(Severity.ERROR, "no tactic for a layer\n (out of memory)")
            return None
        about = {"version": self._world.version, "target": target, "shape": shape}
        return json.dumps(about).encode() + b"\n" + network._graph


SHARED = (
    ILogger,
    IProgressMonitor,
    NetworkDefinitionCreationFlag,
    BuilderFlag,
    ExecutionContextAllocationStrategy,
    IOptimizationProfile,
    ITimingCache,
    INetworkDefinition,
    ParserError,
    OnnxParser,
    IExecutionContext,
)
RTX_ALONE = (ComputeCapability, CudaGraphStrategy, IRuntimeCache, IRuntimeConfig)


def make(name: str, world: World) -> types.ModuleType:
    """Return the module ``tensorrt`` or ``tensorrt_rtx``."""
    rtx = name == "tensorrt_rtx"
    config = RtxBuilderConfig if rtx else IBuilderConfig
    engine = RtxCudaEngine if rtx else ICudaEngine
    builder = {"_world": world, "_config": config, "__slots__": ()}
    runtime = {"_world": world, "_engine": engine, "__slots__": ()}
    module = types.ModuleType(name)
    module.__dict__.update(
        {cls.__name__: cls for cls in (*SHARED, *(RTX_ALONE if rtx else ()))},
        __version__=world.version,
        IBuilderConfig=config,
        ICudaEngine=engine,
        Builder=type("Builder", (Builder,), builder),
        Runtime=type("Runtime", (Runtime,), runtime),
    )
    return module
