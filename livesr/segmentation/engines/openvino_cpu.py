"""OpenVINO on the CPU: the engine that every machine has."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.segmentation.engines.onnx_graph import narrowed
from livesr.segmentation.engines.refusals import Tensor, check_contract, failed, not_computed
from livesr.segmentation.engines.split_features import seeing_parts, split
from livesr.segmentation.package import positions

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, InferRequest, Model

    from livesr.segmentation.engines import Options
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

INSTALL = "python -m pip install openvino"
SHAPES_KEPT = 3
"""Compiled networks kept in memory, one for each window shape; a session needs one or two."""


@cache
def shared_core() -> Core:
    """Return OpenVINO, loaded once for the life of the process.

    Its CPU plugin gives the thread that loads it a stack for signals, and frees it when it is
    unloaded: unloaded by another thread, the next Ctrl-C would be written to freed memory.
    """
    import openvino

    return openvino.Core()


class OpenVinoEngine:
    """A network compiled for each window shape that comes.

    Precision is always given: left to itself OpenVINO takes bf16 where the CPU has it. Measured,
    bf16 changes 24 of a million mask voxels and takes half the time.
    """

    name = "openvino"

    def __init__(self, package: Package, options: Options) -> None:
        import openvino

        self._openvino = openvino
        self._core = shared_core()
        self._package = package
        self.structures = options.structures or package.structures
        self.precision = _precision(self._core, options.precision)
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
        }
        if options.threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = options.threads
        self._compiled: OrderedDict[tuple[int, ...], CompiledModel] = OrderedDict()
        self._requests: dict[tuple[int, ...], tuple[InferRequest, Any]] = {}
        self._in_parts = False
        self._model = self._read()

    @staticmethod
    def unavailable() -> str | None:
        """Return why OpenVINO cannot work here, or None."""
        try:
            devices = shared_core().available_devices
        except (ImportError, OSError, RuntimeError) as problem:
            return f"OpenVINO cannot be loaded ({problem}): {INSTALL}"
        return None if "CPU" in devices else f"OpenVINO finds no CPU device: {INSTALL}"

    @staticmethod
    def describe() -> str:
        """Return version and device."""
        import openvino

        try:
            number = version("openvino")
        except PackageNotFoundError:
            number = str(openvino.__version__)
        core = shared_core()
        device = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
        return f"OpenVINO {number}, {_precision(core, 'auto')}, {device}"

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return probabilities (n, K, z, y, x), in ``out`` or until the next call."""
        # OpenVINO shares no memory that is read-only, as what a network brought
        seen = split(features) if self._in_parts else np.require(features, None, ["C", "W"])
        request, own = self._request(seen.shape)
        tensor = self._openvino.Tensor(seen, shared_memory=True)
        into = own if out is None else self._openvino.Tensor(out, shared_memory=True)
        try:
            request.set_output_tensor(0, into)
            request.infer({0: tensor})
        except RuntimeError as problem:
            what = f"OpenVINO failed on an input of {features.shape}"
            raise failed(self._package, what, problem) from None
        probability: UInt8 = own.data if out is None else out
        return probability

    def rest(self) -> None:
        """Drop buffers; the compiled networks stay."""
        self._requests.clear()
        for compiled in self._compiled.values():
            compiled.release_memory()

    def close(self) -> None:
        """Drop the compiled networks."""
        self._requests.clear()
        self._compiled.clear()
        self._model = None

    def _read(self) -> Model:
        """Return the network with the outputs asked for; refuse one that breaks the contract."""
        package = self._package
        try:
            model = self._core.read_model(package.weights)
            self._check(model)
            graph = package.weights.read_bytes()
            if self.structures != package.structures:
                keep = list(positions(package, self.structures).values())
                graph = narrowed(package.weights, len(package.structures), keep)
                model = self._core.read_model(graph)
            parts = seeing_parts(graph) if self.precision == "bf16" else None
            if parts is not None:
                model, self._in_parts = self._core.read_model(parts), True
        except (LookupError, RuntimeError, TypeError, ValueError) as problem:
            raise failed(package, "OpenVINO cannot read the network", problem) from None
        return model

    def _check(self, model: Model) -> None:
        package = self._package
        inputs, outputs = (
            [Tensor(_kind(port), _shape(port)) for port in ports]
            for ports in (model.inputs, model.outputs)
        )
        check_contract(package, inputs, outputs, len(package.structures))

    def _request(self, shape: tuple[int, ...]) -> tuple[InferRequest, Any]:
        """Return a request for inputs of this shape, and its own output."""
        if shape not in self._requests:
            request = self._compile(shape).create_infer_request()
            self._requests[shape] = request, request.get_output_tensor(0)
        return self._requests[shape]

    def _compile(self, shape: tuple[int, ...]) -> CompiledModel:
        """Return the network for inputs of this shape, compiled at the first call."""
        if shape in self._compiled:
            self._compiled.move_to_end(shape)
            return self._compiled[shape]
        while len(self._compiled) >= SHAPES_KEPT:
            self._requests.pop(self._compiled.popitem(last=False)[0], None)
        try:
            model = self._model.clone()
            model.reshape({0: list(shape)})
            self._compiled[shape] = self._core.compile_model(model, "CPU", self._settings)
        except RuntimeError as problem:
            what = f"OpenVINO cannot compile it for {shape}"
            raise failed(self._package, what, problem) from None
        return self._compiled[shape]


def _precision(core: Core, asked: str) -> str:
    """Return f32 or bf16; ``auto`` is bf16 where the CPU computes it natively."""
    native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if asked == "f16" or (asked == "bf16" and not native):
        raise not_computed("OpenVINO", asked)
    return "bf16" if native and asked != "f32" else "f32"


def _kind(port: Any) -> str:
    name: str = np.dtype(port.get_element_type().to_dtype()).name
    return name


def _shape(port: Any) -> tuple[int | None, ...]:
    shape = port.get_partial_shape()
    if not shape.rank.is_static:
        return ()
    return tuple(size.get_length() if size.is_static else None for size in shape)
