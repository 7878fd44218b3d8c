"""How hard the simulated cells are for what users have without a network, with and without ratio.

The paper's pattern on real cells: vesicles need the ratio image, mitochondria do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from livesr.analysis.scores import ThresholdBaseline
from livesr.bench.rows import Row
from livesr.catalog import NAMES
from livesr.training.evaluation.baselines import (
    FIRST_FOREST_SEED,
    baseline_images,
    ranges,
    trained_forests,
)
from livesr.training.evaluation.forest import ForestPlan, scored_voxels
from livesr.training.evaluation.samples import FIRST_TEST_SEED
from livesr.training.labelled import pixel_images, simulate
from livesr.types import Features

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = ForestPlan(trees=5, fields=1, tuning=1, positives=50, others=300, scored=5000)

LOOKS = (("intensity",), ("intensity", "ratio"))
"""Images that a baseline may look at: without and with the ratio."""


class Scores(NamedTuple):
    """F1 of a structure: a threshold's and a forest's, without and with the ratio image."""

    threshold: float
    threshold_ratio: float
    forest: float
    forest_ratio: float


def rows(*, small: bool = False) -> Iterator[Row]:
    """Train, score and compare; ``small``: a field each, few trees, small fields."""
    plan, fields, shape = (SMALL, 1, (6, 128, 128)) if small else (ForestPlan(), 6, (24, 512, 512))
    about = (
        f"{fields} fields of {' × '.join(map(str, shape))} from seed {FIRST_TEST_SEED}; forest of "
        f"{plan.trees} trees from {plan.fields} fields, thresholds from {plan.tuning}, from seed "
        f"{FIRST_FOREST_SEED}"
    )
    for name, f1 in difficulty(plan, fields, shape).items():
        yield Row(
            f"forest_f1_{name}",
            f1.forest_ratio,
            "F1",
            peer="best threshold, chosen on the scored fields",
            peer_value=f1.threshold_ratio,
            bound="1",
            attained=f1.forest_ratio,
            detail=f"both with intensity and ratio; {about}",
        )
        yield Row(
            f"ratio_gain_{name}",
            f1.forest_ratio - f1.forest,
            "F1",
            peer="best threshold",
            peer_value=f1.threshold_ratio - f1.threshold,
            detail=f"with ratio and without: forest {f1.forest_ratio:.3f} and {f1.forest:.3f}, "
            f"threshold {f1.threshold_ratio:.3f} and {f1.threshold:.3f}",
        )


def difficulty(plan: ForestPlan, fields: int, shape: tuple[int, int, int]) -> dict[str, Scores]:
    """Return the scores of every structure.

    Parameters
    ----------
    plan : ForestPlan
    fields : int
        Fields that are scored, from `FIRST_TEST_SEED` on.
    shape : tuple of int
        Camera pixels (z, y, x) of each field.
    """
    forests = trained_forests(NAMES, plan, shape, [len(keys) for keys in LOOKS])
    thresholds = [ThresholdBaseline(NAMES, ranges(keys)) for keys in LOOKS]
    rng = np.random.default_rng(plan.seed)
    for seed in range(FIRST_TEST_SEED, FIRST_TEST_SEED + fields):
        stack = simulate(seed, shape=shape)
        images, grid = pixel_images(stack), stack.grid
        offered = baseline_images(Features(np.stack(images), grid, has_ratio=True), grid)
        for keys, threshold in zip(LOOKS, thresholds, strict=True):
            threshold.update({key: offered[key] for key in ranges(keys)}, stack.truth)
        voxels = scored_voxels(images, [stack.truth[name] for name in NAMES], grid, plan, rng)
        for forest in forests:
            forest.update(voxels)
    (plain, with_ratio), (forest, forest_ratio) = thresholds, forests
    return {
        name: Scores(plain.f1(name), with_ratio.f1(name), forest.f1(name), forest_ratio.f1(name))
        for name in NAMES
    }
