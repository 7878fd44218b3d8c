"""ONNX Runtime: on the CPU where OpenVINO does not work, on NVIDIA cards with its CUDA provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.engines.nvidia import no_card
from livesr.segmentation.engines.onnx_graph import narrowed
from livesr.segmentation.engines.refusals import Tensor, check_contract, failed, not_computed
from livesr.segmentation.package import positions

if TYPE_CHECKING:
    from livesr.segmentation.engines import Options
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

INSTALL = "python -m pip install onnxruntime"
INSTALL_CUDA = "python -m pip uninstall onnxruntime, then python -m pip install onnxruntime-gpu"
_KINDS = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}


class OnnxRuntimeEngine:
    """The package's graph in ONNX Runtime on the CPU, float32: one session for every shape."""

    name = "onnxruntime"
    provider: ClassVar[str] = "CPUExecutionProvider"
    precision = "f32"

    def __init__(self, package: Package, options: Options) -> None:
        if options.precision not in ("auto", "f32"):
            raise not_computed("ONNX Runtime", options.precision)
        self._package = package
        self.structures = options.structures or package.structures
        self._errors = _errors()
        self._session = self._load(options)
        self._own = np.empty(0, np.uint8)
        self._check()

    @staticmethod
    def unavailable() -> str | None:
        """Return why ONNX Runtime cannot work here, or None."""
        try:
            import onnxruntime  # noqa: F401
        except (ImportError, OSError) as problem:
            return f"ONNX Runtime cannot be loaded ({problem}): {INSTALL}"
        return None

    @staticmethod
    def describe() -> str:
        """Return version and device."""
        import onnxruntime

        return f"ONNX Runtime {onnxruntime.__version__}, f32, CPU"

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return probabilities (n, K, z, y, x), in ``out`` or until the next call."""
        shape = (len(features), len(self.structures), *features.shape[2:])
        if out is None:
            if self._own.shape != shape:
                self._own = np.empty(shape, np.uint8)
            out = self._own
        names = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name
        binding = self._session.io_binding()
        seen = np.ascontiguousarray(features)  # bound by its address: it must outlive the run
        try:
            binding.bind_input(names[0], "cpu", 0, np.float32, seen.shape, seen.ctypes.data)
            binding.bind_output(names[1], "cpu", 0, np.uint8, shape, out.ctypes.data)
            self._session.run_with_iobinding(binding)
        except self._errors as problem:
            what = f"ONNX Runtime failed on an input of {features.shape}"
            raise failed(self._package, what, problem) from None
        return out

    def rest(self) -> None:
        """Drop the buffer; ONNX Runtime keeps its arena."""
        self._own = np.empty(0, np.uint8)

    def close(self) -> None:
        """Drop session and buffer."""
        self._session = None
        self._own = np.empty(0, np.uint8)

    def _load(self, options: Options) -> Any:
        import onnxruntime

        package = self._package
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads or 0
        settings.log_severity_level = 3
        # What is freed after a window goes back to the system at once, not into an arena that
        # keeps the largest of each size.
        settings.enable_cpu_mem_arena = False
        providers = [(self.provider, self._provider_options(options))]
        try:
            graph: str | bytes = str(package.weights)
            if self.structures != package.structures:
                keep = list(positions(package, self.structures).values())
                graph = narrowed(package.weights, len(package.structures), keep)
            session = onnxruntime.InferenceSession(graph, settings, providers=providers)
        except self._errors as problem:
            raise failed(package, "ONNX Runtime cannot read the network", problem) from None
        if session.get_providers()[0] != self.provider:
            raise ModelError(
                f"ONNX Runtime did not start its {self.provider}",
                where="segmentation.engine",
                fix="livesr doctor; the driver may be too old for this onnxruntime-gpu",
            )
        return session

    @staticmethod
    def _provider_options(_: Options) -> dict[str, str]:
        return {}

    def _check(self) -> None:
        inputs, outputs = (
            [Tensor(_KINDS.get(port.type, port.type), _sizes(port.shape)) for port in ports]
            for ports in (self._session.get_inputs(), self._session.get_outputs())
        )
        check_contract(self._package, inputs, outputs, len(self.structures))


class OnnxRuntimeCudaEngine(OnnxRuntimeEngine):
    """The same on the first NVIDIA card."""

    name = "onnxruntime-cuda"
    provider: ClassVar[str] = "CUDAExecutionProvider"

    @staticmethod
    def unavailable() -> str | None:
        """Return why the CUDA provider cannot work here, or None."""
        reason = no_card() or OnnxRuntimeEngine.unavailable()
        if reason is not None:
            return reason
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            return None
        return f"this ONNX Runtime has no CUDA provider: {INSTALL_CUDA}"

    @staticmethod
    def describe() -> str:
        """Return version and device."""
        import onnxruntime

        return f"ONNX Runtime {onnxruntime.__version__}, f32, CUDA"

    @staticmethod
    def _provider_options(options: Options) -> dict[str, str]:
        """Let convolutions round their inputs (TF32) unless float32 is asked for by name."""
        return {"use_tf32": "0" if options.precision == "f32" else "1"}


def _sizes(shape: list[int | str | None]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)


def _errors() -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises: its classes have no common ancestor of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = (kind for kind in vars(state).values() if isinstance(kind, type))
    return (RuntimeError, ValueError, *(kind for kind in kinds if issubclass(kind, Exception)))
