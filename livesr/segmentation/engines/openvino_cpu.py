"""OpenVINO on the CPU: the engine that every machine has."""

from __future__ import annotations

from collections import OrderedDict
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.errors import ModelError, nearest
from livesr.segmentation.description import MEND

if TYPE_CHECKING:
    from openvino import Core, InferRequest, Model

    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

INSTALL = "python -m pip install openvino"
SHAPES_KEPT = 3
"""Compiled networks kept in memory, one for each window shape; a session needs one or two."""


class OpenVinoEngine:
    """A network compiled for each window shape that comes.

    Precision is always given: left to itself OpenVINO takes bf16 where the CPU has it. Measured,
    bf16 changes 24 of a million mask voxels and takes half the time.
    """

    name = "openvino"

    def __init__(self, package: Package, threads: int | None, precision: str) -> None:
        import openvino

        package.verify()
        self._openvino = openvino
        self._core = openvino.Core()
        self._package = package
        self.precision = _precision(self._core, precision)
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
        }
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        self._requests: OrderedDict[tuple[int, ...], InferRequest] = OrderedDict()
        self._model = self._read()

    @staticmethod
    def unavailable() -> str | None:
        """Return why OpenVINO cannot work here, or None."""
        try:
            import openvino

            devices = openvino.Core().available_devices
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
        core = openvino.Core()
        device = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
        return f"OpenVINO {number}, {_precision(core, 'auto')}, {device}"

    def run(self, features: Float32) -> UInt8:
        """Return probabilities (1, K, z, y, x); they hold until the next call."""
        request = self._request(features.shape)
        tensor = self._openvino.Tensor(np.ascontiguousarray(features), shared_memory=True)
        try:
            request.infer({0: tensor})
        except RuntimeError as problem:
            raise self._error(f"OpenVINO failed on an input of {features.shape}", problem) from None
        output: UInt8 = request.get_output_tensor(0).data
        return output

    def close(self) -> None:
        """Drop the compiled networks."""
        self._requests.clear()
        self._model = None

    def _read(self) -> Model:
        """Return the network; refuse one that does not keep to the contract."""
        package = self._package
        try:
            model = self._core.read_model(package.weights)
        except RuntimeError as problem:
            raise self._error("OpenVINO cannot read the network", problem) from None
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise self._misfit(f"{len(model.inputs)} inputs and {len(model.outputs)} outputs")
        into, out = model.input(0), model.output(0)
        shapes = into.get_partial_shape(), out.get_partial_shape()
        if [shape.rank.get_length() if shape.rank.is_static else 0 for shape in shapes] != [5, 5]:
            raise self._misfit(f"shapes {shapes[0]} and {shapes[1]}")
        if out.get_element_type().get_type_name() != "u8":
            raise self._misfit(f"output of type {out.get_element_type().get_type_name()}")
        for what, dimension, expected in (
            ("input channels", shapes[0][1], len(package.channels)),
            ("outputs", shapes[1][1], len(package.structures)),
        ):
            if dimension.is_static and dimension.get_length() != expected:
                raise self._misfit(f"{dimension.get_length()} {what}, not {expected}")
        return model

    def _request(self, shape: tuple[int, ...]) -> InferRequest:
        """Return an inference request for inputs of this shape, compiled at the first call."""
        if shape in self._requests:
            self._requests.move_to_end(shape)
            return self._requests[shape]
        try:
            model = self._model.clone()
            model.reshape({0: list(shape)})
            compiled = self._core.compile_model(model, "CPU", self._settings)
        except RuntimeError as problem:
            raise self._error(f"OpenVINO cannot compile it for {shape}", problem) from None
        while len(self._requests) >= SHAPES_KEPT:
            self._requests.popitem(last=False)
        self._requests[shape] = compiled.create_infer_request()
        return self._requests[shape]

    def _misfit(self, found: str) -> ModelError:
        return ModelError(
            f"package {self._package.name} holds another kind of network: {found}; expected one "
            f"float32 (n, {len(self._package.channels)}, z, y, x) in, one uint8 "
            f"(n, {len(self._package.structures)}, z, y, x) out",
            where=str(self._package.weights),
            fix=MEND,
        )

    def _error(self, what: str, problem: Exception) -> ModelError:
        reason = " ".join(str(problem).split())[-300:]
        return ModelError(
            f"package {self._package.name}: {what}: {reason}",
            where=str(self._package.weights),
            fix=f"livesr doctor checks engine and packages; {MEND}",
        )


def _precision(core: Core, asked: str) -> str:
    """Return f32 or bf16; ``auto`` is bf16 where the CPU computes it natively."""
    if asked not in ("auto", "f32", "bf16"):
        raise ModelError(
            f"there is no precision {asked!r}",
            where="segmentation.precision",
            fix=nearest(asked, ("auto", "f32", "bf16")),
        )
    native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if asked == "bf16" and not native:
        raise ModelError(
            "this CPU does not compute bf16",
            where="segmentation.precision",
            fix="write 'precision: auto'",
        )
    return "bf16" if native and asked != "f32" else "f32"
