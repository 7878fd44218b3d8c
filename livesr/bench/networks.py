"""Networks: their speed against what a user would put together today, and what they lean on.

Operations, steadiness, ablations and controls of the packages that are here; time and light of one
dye against sequential colours.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench import operations, peer, robustness, sequential
from livesr.bench.rows import Row
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities, to_masks
from livesr.types import Features, Grid, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.types import Float32

SHAPE = (24, 802, 802)


def rows(*, repeats: int = 5, windows: int = 2) -> Iterator[Row]:
    """Measure all; parameters as for `speed`."""
    yield from speed(repeats=repeats, windows=windows)
    yield from operations.rows()
    yield from robustness.rows()
    yield from sequential.rows()


def speed(
    *,
    repeats: int = 5,
    windows: int = 2,
    shape: tuple[int, int, int] = SHAPE,
    width: int = peer.WIDTH,
) -> Iterator[Row]:
    """Time a stack of features; the peer is timed on some windows and multiplied.

    Parameters
    ----------
    repeats : int
        Times that livesr segments the stack; the median counts.
    windows : int
        Windows that the peer is timed on.
    shape : tuple of int
        Planes, rows and columns on the networks' grid.
    width : int
        Channels of the peer's finest level.
    """
    data = np.random.default_rng(60_000).gamma(2.0, 0.5, (2, *shape)).astype(np.float32)
    absent = peer.missing()
    found = None if absent else peer.sliding(peer.attention_unet(width), data, windows)
    peer_s = found.seconds * peer.NETWORKS if found else None
    ours = _ours(data, repeats)
    z, y, x = shape
    yield Row(
        f"all fifteen masks of a 2×{z}×{y}×{x} stack",
        ours,
        "s",
        peer=f"ten width-{width} attention U-Nets, eager PyTorch, MONAI sliding_window_inference",
        peer_value=peer_s,
        ratio=peer_s / ours if peer_s else None,
        detail=f"{found.words}, times {peer.NETWORKS}" if found else str(absent),
    )


def _ours(data: Float32, repeats: int) -> float:
    package = load_package("ALL")
    engine = choose_engine("auto", package)
    z, y, x = data.shape[1:]
    grid = Grid((z, y, x), package.voxel_um)
    features = Features(data, grid, has_ratio=True)
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        to_masks(probabilities(features, package, engine), package, grid, StackIndex(0, 0))
        times.append(time.perf_counter() - began)
    engine.close()
    return median(times[1:])
