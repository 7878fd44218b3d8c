"""PyTorch on the CPU: slower than OpenVINO, for machines on which only PyTorch works."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.segmentation.engines.refusals import failed, not_computed, overflowed

if TYPE_CHECKING:
    from livesr.segmentation.engines import Options
    from livesr.segmentation.network.runner import Runner
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

INSTALL = "python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
PLANES = 2
"""Planes whose probabilities are computed at once: they are float32 and many."""


class TorchEngine:
    """The package's network in PyTorch, channels last, in bf16 where the CPU computes it.

    The number of threads is the process's: of two engines the one that runs sets it.
    """

    name = "torch"

    def __init__(self, package: Package, options: Options) -> None:
        import torch

        from livesr.segmentation.network.runner import Runner

        self._torch = torch
        self._package = package
        self._threads = options.threads
        self.structures = options.structures or package.structures
        self.precision = _precision(options.precision)
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        self._runner: Runner | None = Runner(package, self.structures, dtype=dtype, planes=PLANES)
        self._own = np.empty(0, np.uint8)

    @staticmethod
    def unavailable() -> str | None:
        """Return why PyTorch cannot work here, or None; PyTorch is not imported for it."""
        return f"PyTorch is not installed: {INSTALL}" if find_spec("torch") is None else None

    @staticmethod
    def describe() -> str:
        """Return version and device."""
        import torch

        return f"PyTorch {torch.__version__}, {_precision('auto')}, CPU"

    def run(self, features: Float32, out: UInt8 | None = None) -> UInt8:
        """Return probabilities (n, K, z, y, x), in ``out`` or until the next call."""
        torch, shape = self._torch, (len(features), len(self.structures), *features.shape[2:])
        if out is None:
            if self._own.shape != shape:
                self._own = np.empty(shape, np.uint8)
            out = self._own
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        assert self._runner is not None  # noqa: S101 - a closed engine is not used again
        try:
            with torch.inference_mode():
                seen = torch.from_numpy(np.ascontiguousarray(features))
                finite = self._runner(seen, torch.from_numpy(out))
        except RuntimeError as problem:
            what = f"PyTorch failed on an input of {features.shape}"
            raise failed(self._package, what, problem) from None
        if not finite:
            raise overflowed(self._package, self.precision)
        return out

    def rest(self) -> None:
        """Drop the buffer; PyTorch keeps no other between runs."""
        self._own = np.empty(0, np.uint8)

    def close(self) -> None:
        """Drop network and buffer."""
        self._runner = None
        self._own = np.empty(0, np.uint8)


def _precision(asked: str) -> str:
    """Return f32 or bf16; ``auto`` is bf16 where the CPU computes it natively."""
    import torch

    # older releases do not tell: f32 there
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    native = any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    if asked == "f16" or (asked == "bf16" and not native):
        raise not_computed("PyTorch", asked)
    return "bf16" if native and asked != "f32" else "f32"
