"""What users have without a network, trained on simulated cells that nothing else is scored on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.training.evaluation import pixel_images, simulate
from livesr.training.forest import ForestPlan, PixelForest, scored_voxels, training_voxels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.training.forest import Voxels

FIRST_FOREST_SEED = 65_000
"""Cells for validation, which no network is trained on and no published score is of."""
IMAGES = 2
"""Intensity and ratio."""


def trained_forest(
    names: Sequence[str],
    plan: ForestPlan | None = None,
    shape: tuple[int, int, int] = (24, 512, 512),
) -> PixelForest:
    """Return a pixel forest for some structures, trained and tuned on simulated cells.

    Takes a minute and a half on two cores.

    Parameters
    ----------
    names : sequence of str
    plan : ForestPlan, optional
    shape : tuple of int
        Camera pixels (z, y, x) of each field.
    """
    return trained_forests(names, plan or ForestPlan(), shape, (IMAGES,))[0]


def trained_forests(
    names: Sequence[str], plan: ForestPlan, shape: tuple[int, int, int], images: Sequence[int]
) -> list[PixelForest]:
    """Return one forest for each number of images that it may look at."""
    rng = np.random.default_rng(plan.seed)
    fields: list[Voxels] = []
    for number in range(plan.fields + plan.tuning):
        stack = simulate(FIRST_FOREST_SEED + number, shape=shape)
        choose = training_voxels if number < plan.fields else scored_voxels
        masks = [stack.truth[name] for name in names]
        fields.append(choose(pixel_images(stack), masks, stack.grid, plan, rng))
    forests = []
    for count in images:
        forest = PixelForest(names, count, plan)
        forest.fit(fields[: plan.fields])
        forest.tune(fields[plan.fields :])
        forests.append(forest)
    return forests
