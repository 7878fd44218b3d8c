"""PyTorch on an NVIDIA card: half precision, one CUDA graph a window shape."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.segmentation.engines.nvidia import no_card
from livesr.segmentation.engines.refusals import failed, not_computed, overflowed

if TYPE_CHECKING:
    from livesr.segmentation.engines import Options
    from livesr.segmentation.network.runner import Runner
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

INSTALL = "python -m pip install torch"
SHAPES_KEPT = 3
"""Graphs kept with their buffers, one for each window shape; a session needs one or two."""
WARM_UPS = 2
"""Runs before a capture, in which libraries choose their kernels and take their memory."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A run of one shape, recorded: fill ``into``, replay, read ``out`` and ``finite``."""

    graph: Any
    into: Any
    out: Any
    finite: Any


class TorchCudaEngine:
    """The package's network in PyTorch on the first CUDA device, channels last.

    Half precision unless asked otherwise; kernels are launched together from a CUDA graph over
    buffers that stay where they are. Written for CUDA by its documentation.
    """

    name = "torch-cuda"

    def __init__(self, package: Package, options: Options) -> None:
        import torch

        from livesr.segmentation.network.runner import Runner

        self._torch = torch
        self._package = package
        self.structures = options.structures or package.structures
        self.precision = "f16" if options.precision == "auto" else options.precision
        dtypes = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
        try:
            self._stream = torch.cuda.Stream()
            if self.precision == "bf16" and not torch.cuda.is_bf16_supported():
                raise not_computed("this card", "bf16")
            self._runner: Runner | None = Runner(
                package, self.structures, dtype=dtypes[self.precision], device="cuda"
            )
        except RuntimeError as problem:
            raise failed(package, "PyTorch cannot load it to the card", problem) from None
        self._captured: OrderedDict[tuple[int, ...], Captured] = OrderedDict()
        self._own = np.empty(0, np.uint8)

    @staticmethod
    def unavailable() -> str | None:
        """Return why PyTorch cannot use a card here, or None; PyTorch is not imported for it."""
        reason = no_card()
        if reason is not None:
            return reason
        if find_spec("torch") is None:
            return f"PyTorch is not installed: {INSTALL}"
        number = metadata.version("torch")
        if "+cpu" in number:
            return f"PyTorch {number} is built for the CPU alone: {INSTALL} --force-reinstall"
        return None

    @staticmethod
    def describe() -> str:
        """Return version and device."""
        import torch

        card = torch.cuda.get_device_name()
        return f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, {card}"

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return probabilities (n, K, z, y, x), in ``out`` or until the next call."""
        torch = self._torch
        try:
            with torch.inference_mode(), torch.cuda.stream(self._stream):
                captured = self._capture(features.shape)
                captured.into.copy_(torch.from_numpy(np.ascontiguousarray(features)))
                captured.graph.replay()
                into = self._buffer(captured.out.shape) if out is None else out
                torch.from_numpy(into).copy_(captured.out)
                finite = bool(captured.finite)
        except RuntimeError as problem:
            what = f"PyTorch failed on an input of {features.shape}"
            raise failed(self._package, what, problem) from None
        if not finite:
            raise overflowed(self._package, self.precision)
        return into

    def rest(self) -> None:
        """Keep graphs and buffers: capturing them anew takes longer than they take room."""

    def close(self) -> None:
        """Drop network, graphs and buffers."""
        self._captured.clear()
        self._runner = None
        self._own = np.empty(0, np.uint8)
        self._torch.cuda.empty_cache()

    def _buffer(self, shape: tuple[int, ...]) -> UInt8:
        if self._own.shape != tuple(shape):
            self._own = np.empty(tuple(shape), np.uint8)
        return self._own

    def _capture(self, shape: tuple[int, ...]) -> Captured:
        """Return the recorded run of a shape; it is recorded at the first call."""
        if shape in self._captured:
            self._captured.move_to_end(shape)
            return self._captured[shape]
        while len(self._captured) >= SHAPES_KEPT:
            self._captured.popitem(last=False)
        torch, runner = self._torch, self._runner
        assert runner is not None  # noqa: S101 - a closed engine is not used again
        into = torch.zeros(shape, device="cuda")
        bytes_ = (shape[0], len(self.structures), *shape[2:])
        out = torch.empty(bytes_, dtype=torch.uint8, device="cuda")
        graph = torch.cuda.CUDAGraph()
        with torch.backends.cudnn.flags(allow_tf32=False):  # f32 means f32
            for _ in range(WARM_UPS):
                runner(into, out)
            self._stream.synchronize()
            with torch.cuda.graph(graph, stream=self._stream):
                finite = runner(into, out)
        self._captured[shape] = Captured(graph, into, out, finite)
        return self._captured[shape]
