"""Windows with a halo against the whole field in one window: how many voxels differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.rows import Row
from livesr.errors import ModelError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities
from livesr.segmentation.windows import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.engines.way import Raw
    from livesr.segmentation.package import Package
    from livesr.types import Float32, UInt8

PRECISIONS = ("f32", "bf16")
WINDOW_VOXELS = 24 * 512 * 512


def rows(
    raw: Raw, *, max_voxels: int = WINDOW_VOXELS, package: str = "ALL", engine: str = "auto"
) -> Iterator[Row]:
    """Count mask voxels that depend on the windows.

    Parameters
    ----------
    raw : Raw
    max_voxels : int
        Largest of the windows that are forced.
    package, engine : str
    """
    loaded = load_package(package)
    features = raw.registered(loaded)
    for precision in PRECISIONS:
        name = f"mask voxels that windows change, {loaded.name}, {precision}"
        try:
            running = choose_engine(engine, loaded, precision=precision)
        except ModelError as problem:
            yield Row(name, 0.0, "voxels", detail=f"not measured: {problem.what}")
            continue
        try:
            whole = probabilities(features, loaded, running, max_voxels=features.data[0].size * 4)
            parts = probabilities(features, loaded, running, max_voxels=max_voxels)
        finally:
            running.close()
        differing = changed(loaded, whole, parts)
        yield Row(
            name,
            differing,
            "voxels",
            bound="0: the halo is the receptive field" if precision == "f32" else None,
            attained=float(not differing) if precision == "f32" else None,
            detail=f"of {whole.size:,}; {windows(loaded, features.data, max_voxels)} windows; "
            f"probabilities ×255 differ by {greatest(whole, parts)} at most; engine {running.name}",
        )


def changed(package: Package, whole: UInt8, parts: UInt8) -> int:
    """Return how many mask voxels differ, all structures together."""
    limits = [package.threshold(name) for name in package.structures]
    return sum(
        int(np.count_nonzero((a >= limit) != (b >= limit)))
        for a, b, limit in zip(whole, parts, limits, strict=True)
    )


def greatest(whole: UInt8, parts: UInt8) -> int:
    """Return the greatest difference of two probabilities."""
    return max(int(np.abs(a.astype(np.int16) - b).max()) for a, b in zip(whole, parts, strict=True))


def windows(package: Package, data: Float32, max_voxels: int) -> int:
    """Return into how many windows a volume is divided."""
    _, z, y, x = data.shape
    axes = plan((z, y, x), package.multiple, package.halo, max_voxels)
    return int(np.prod([len(axis.spans()) for axis in axes]))
