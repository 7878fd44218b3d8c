"""A network of one convolution that can be called on a device and as an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from tiny_network import STRUCTURES

if TYPE_CHECKING:
    from torch import Tensor


class Convolution:
    """Sigmoid of a convolution."""

    name = precision = "a test"
    structures = STRUCTURES

    def __init__(self, kernel: np.ndarray, device: str = "cpu") -> None:
        self.device = torch.device(device)
        # without a mean, so that even counts give even odds
        centred = kernel - kernel.mean(axis=(2, 3, 4), keepdims=True)
        self._kernel = torch.from_numpy(centred).to(self.device)
        self._out: Tensor | None = None

    def run_on_device(self, features: Tensor) -> Tensor:
        radius = tuple(k // 2 for k in self._kernel.shape[2:])
        logits = torch.nn.functional.conv3d(features, self._kernel, padding=radius) - 0.1
        result = torch.round(torch.sigmoid(logits) * 255).to(torch.uint8)
        if self._out is None or self._out.shape != result.shape:
            self._out = torch.empty_like(result)
        return self._out.copy_(result)  # the next call overwrites it, as it may

    def run(self, features: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        found = self.run_on_device(torch.from_numpy(features.copy()).to(self.device)).cpu().numpy()
        if out is None:
            return found
        out[:] = found
        return out

    def close(self) -> None:
        pass


def random_kernel() -> np.ndarray:
    return np.random.default_rng(60_400).normal(0, 0.5, (2, 2, 3, 3, 3)).astype(np.float32)
