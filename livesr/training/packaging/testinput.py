"""A small window of simulated features, by which a machine can tell that it computes a network."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from livesr.segmentation.segment import coverage
from livesr.training.labelled import features_of, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.segmentation.package import Package
    from livesr.types import Bool, Float32

SEED = 60_000
FIELD = (16, 128, 128)
"""Planes and camera pixels of the simulated stack that the window is cut from."""
WINDOW = (8, 32, 32)
"""Voxels (z, y, x) of the window, rounded up to the network's multiples."""
INSIDE = 127
"""Coverage from which on a voxel counts as inside a structure."""


def window_of_features(package: Package) -> Float32:
    """Return features (1, C, z, y, x) of the window that shows most of the package's structures.

    For FG-net, which sees no cells, the intensity image stands in: bright on a dark ground.
    """
    stack = simulate(SEED, shape=FIELD)
    features = features_of(stack, package)
    size = [-(-w // m) * m for w, m in zip(WINDOW, package.multiple, strict=True)]
    shown = [
        coverage(stack.truth[name].view(np.uint8), stack.grid, features.grid) > INSIDE
        for name in package.structures
        if name in stack.truth
    ]
    corners = product(
        *(
            range(0, max(n - s, 0) + 1, m)
            for n, s, m in zip(features.grid.shape, size, package.multiple, strict=True)
        )
    )
    z, y, x = max(corners, key=lambda corner: _shown(shown, corner, size))
    cut = features.data[: len(package.channels), z:, y:, x:][..., : size[0], : size[1], : size[2]]
    return np.ascontiguousarray(cut[None], np.float32)


def _shown(truth: Sequence[Bool], corner: Sequence[int], size: Sequence[int]) -> float:
    """Return how much of the structures a window shows; the first voxels of each count most."""
    box = tuple(slice(a, a + s) for a, s in zip(corner, size, strict=True))
    return float(sum(np.log1p(np.count_nonzero(mask[box])) for mask in truth))
