"""The peer of the networks: what a user would put together today with PyTorch and MONAI."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.segmentation.package import Package
    from livesr.types import Float32

WINDOW = (24, 256, 256)
"""The paper's patch (z, y, x)."""
OVERLAP = 0.25
"""MONAI's default."""
NETWORKS = 10
WIDTH = 32
INSTALL = 'python -m pip install "livesr[bench]"'


def missing(*modules: str) -> str | None:
    """Return how to install a peer, or None where all its modules are here."""
    absent = [name for name in modules or ("torch", "monai") if find_spec(name) is None]
    return f"the peer needs {', '.join(absent)}: {INSTALL}" if absent else None


@dataclass(frozen=True, slots=True)
class Sliding:
    """How long MONAI's sliding window takes.

    Attributes
    ----------
    seconds : float
        Of the whole volume, by one network.
    count : int
        Windows of the whole volume.
    timed : int
        Windows that were timed.
    """

    seconds: float
    count: int
    timed: int

    @property
    def words(self) -> str:
        """For a row's detail."""
        return f"peer: {self.timed} windows timed, of {self.count} a network"


def attention_unet(width: int) -> Any:
    """Return MONAI's attention U-Net of four levels, two images in, one structure out."""
    from monai.networks.nets import AttentionUnet

    channels = tuple(width * 2**level for level in range(4))
    return AttentionUnet(3, 2, 1, channels, strides=(2, 2, 2)).eval()


def shipped(package: Package) -> Callable[[Any], Any]:
    """Return a package's own network in eager PyTorch: features to probabilities, float32."""
    from livesr.segmentation.network.heads import probabilities
    from livesr.segmentation.network.loading import network_of
    from livesr.segmentation.network.unet import depth_to_space

    network = network_of(package)
    heads: Any = package.about.heads
    return lambda features: depth_to_space(probabilities(network(features), heads))


def sliding(
    network: Callable[[Any], Any],
    data: Float32,
    windows: int,
    window: tuple[int, int, int] = WINDOW,
) -> Sliding:
    """Time some windows of a volume and multiply.

    Parameters
    ----------
    network : callable
        Takes and returns tensors (n, channels, z, y, x).
    data : ndarray, (c, z, y, x), float32
    windows : int
        Windows that are timed, after one that is not.
    window : tuple of int
        Its (z, y, x), multiples of 8; MONAI pads a volume that is smaller.
    """
    import torch
    from monai.inferers import sliding_window_inference
    from monai.inferers.utils import dense_patch_slices

    shape = tuple(max(n, size) for n, size in zip(data.shape[1:], window, strict=True))
    roi = window
    step = tuple(
        int(size * (1 - OVERLAP)) if size < whole else size
        for size, whole in zip(roi, shape, strict=True)
    )
    count = len(dense_patch_slices(shape, roi, step))
    timed = min(windows, 1 + -(-(shape[2] - roi[2]) // step[2]))  # those of one row
    width = roi[2] + (timed - 1) * step[2]
    part = torch.from_numpy(data[None, :, : roi[0], : roi[1], :width].copy())
    with torch.inference_mode():
        sliding_window_inference(part[..., : roi[2]], roi, 1, network, overlap=OVERLAP)
        began = time.perf_counter()
        sliding_window_inference(part, roi, 1, network, overlap=OVERLAP)
    return Sliding((time.perf_counter() - began) / timed * count, count, timed)
