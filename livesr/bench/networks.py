"""Networks: their speed against what a user would put together today, and what they lean on.

Operations, steadiness, ablations and controls of the packages that are here; time and light of one
dye against sequential colours.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.bench import operations, robustness, sequential
from livesr.bench.rows import Row
from livesr.errors import ModelError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities, to_masks
from livesr.types import Features, Grid, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.types import Float32

SHAPE = (24, 802, 802)
WINDOW = (24, 256, 256)
NETWORKS = 10
WIDTH = 32


def rows(*, repeats: int = 5, windows: int = 2) -> Iterator[Row]:
    """Measure all; parameters as for `speed`."""
    yield from speed(repeats=repeats, windows=windows)
    yield from operations.rows()
    yield from robustness.rows()
    yield from sequential.rows()


def speed(*, repeats: int = 5, windows: int = 2) -> Iterator[Row]:
    """Time a 2×24×802×802 stack; the peer is timed on some windows and multiplied.

    Parameters
    ----------
    repeats : int
        Times that livesr segments the stack; the median counts.
    windows : int
        Windows that the peer is timed on.
    """
    data = np.random.default_rng(60_000).gamma(2.0, 0.5, (2, *SHAPE)).astype(np.float32)
    peer_s, count = _monai(data, windows)
    ours = _ours(data, repeats)
    yield Row(
        "all fifteen masks of a 2×24×802×802 stack",
        ours,
        "s",
        peer=f"ten width-{WIDTH} attention U-Nets, eager PyTorch, MONAI sliding_window_inference",
        peer_value=peer_s,
        ratio=peer_s / ours,
        detail=f"peer: {windows} windows timed, of {count} a network, times {NETWORKS}",
    )


def _ours(data: Float32, repeats: int) -> float:
    package = load_package("ALL")
    engine = choose_engine("auto", package)
    grid = Grid(SHAPE, package.voxel_um)
    features = Features(data, grid, has_ratio=True)
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        to_masks(probabilities(features, package, engine), package, grid, StackIndex(0, 0))
        times.append(time.perf_counter() - began)
    engine.close()
    return median(times[1:])


def _monai(data: Float32, windows: int) -> tuple[float, int]:
    """Return the seconds that the peer takes for the whole stack, and its windows a network."""
    try:
        import torch
        from monai.inferers import sliding_window_inference
        from monai.inferers.utils import dense_patch_slices
        from monai.networks.nets import AttentionUnet
    except ImportError:
        raise ModelError(
            "the peer is not installed",
            where="bench networks",
            fix='python -m pip install "livesr[bench]"',
        ) from None
    channels = tuple(WIDTH * 2**level for level in range(4))
    network: Any = AttentionUnet(3, 2, 1, channels, strides=(2, 2, 2)).eval()
    overlap = 0.25
    step = tuple(
        int(size * (1 - overlap)) if size < whole else size
        for size, whole in zip(WINDOW, SHAPE, strict=True)
    )
    count = len(dense_patch_slices(SHAPE, WINDOW, step))
    width = WINDOW[2] + (windows - 1) * step[2]
    part = torch.from_numpy(data[None, :, :, : WINDOW[1], :width].copy())
    with torch.inference_mode():
        sliding_window_inference(part[..., : WINDOW[2]], WINDOW, 1, network, overlap=overlap)
        began = time.perf_counter()
        sliding_window_inference(part, WINDOW, 1, network, overlap=overlap)
    return (time.perf_counter() - began) / windows * count * NETWORKS, count
