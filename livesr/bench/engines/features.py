"""Warp and features of a stack against the same steps by SciPy and scikit-image."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from livesr.bench.engines import classical
from livesr.bench.engines.way import open_way
from livesr.bench.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.engines.way import Raw


def rows(raw: Raw, *, repeats: int = 7) -> Iterator[Row]:
    """Time registration, resampling, mean and ratio of a raw stack; the peer once.

    Parameters
    ----------
    raw : Raw
    repeats : int
        Stacks by livesr; the median counts.
    """
    with open_way(raw.shape) as way:
        _, z, y, x = way.features(raw).data.shape
        seconds = []
        for _ in range(repeats):
            began = time.perf_counter()
            way.features(raw)
            seconds.append(time.perf_counter() - began)
    classical.features(raw.data[:, :2, :8, :8], (2, 4, 4))
    ours, theirs = median(seconds), classical.features_s(raw.data, (z, y, x))
    moved = raw.data.nbytes + 2 * 4 * z * y * x
    yield Row(
        "warp and features of a raw stack",
        ours,
        "s",
        peer="SciPy affine_transform, scikit-image resize, NumPy",
        peer_value=theirs,
        ratio=theirs / ours,
        detail=f"{'×'.join(map(str, raw.data.shape))} to {z}×{y}×{x}, field distortion included; "
        f"{moved / ours / 1e9:.2f} GB/s read and written",
    )
