"""Thresholds on probability, chosen for F1 on cells that are neither trained on nor scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.joint import VALUES, counts_at, joint_histogram
from livesr.training.evaluation.prediction import predicted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.analysis.joint import Int64
    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.labelled import LabelledStack

CANDIDATES = (0.02, *(round(0.05 * k, 2) for k in range(1, 20)))
"""Thresholds that are tried."""


def tune(package: Package, engine: Engine, stacks: Iterable[LabelledStack]) -> dict[str, float]:
    """Return for each structure the threshold of the highest F1, pooled over ``stacks``.

    Structures of which no stack has a voxel keep the package's threshold.

    Parameters
    ----------
    package : Package
    engine : Engine
        With the package loaded.
    stacks : iterable of LabelledStack
    """
    pooled = {name: np.zeros((2, VALUES), np.int64) for name in package.structures}
    for stack in stacks:
        for name, probability in predicted(stack, package, engine).probability.items():
            if name in stack.truth:
                pooled[name] += joint_histogram(probability, stack.truth[name])
    return {
        name: _best(pooled[name]) if pooled[name][1].any() else kept
        for name, kept in package.about.thresholds.items()
    }


def _best(histogram: Int64) -> float:
    return max(CANDIDATES, key=lambda p: counts_at(histogram, max(1, round(255 * p))).f1)
