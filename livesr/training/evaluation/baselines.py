"""What users have without a network: nothing at all, a threshold, a pixel classifier.

The forest is trained on simulated cells that nothing else is scored on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from livesr.analysis.scores import ThresholdBaseline
from livesr.training.evaluation.forest import (
    ForestPlan,
    PixelForest,
    scored_voxels,
    training_voxels,
)
from livesr.training.labelled import pixel_images, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.training.evaluation.forest import Voxels
    from livesr.training.labelled import LabelledStack
    from livesr.types import Features, Float32, Grid

FIRST_FOREST_SEED = 65_000
"""Cells for validation, which no network is trained on and no published score is of."""
RANGES = {"intensity": (-0.5, 5.0), "ratio": (0.0, 4.0)}
"""What the features can be; see `livesr.features`."""
HOW = ("plain", "smooth")
SMOOTH_VOXELS = 1.0
"""Gaussian σ in the plane of the baseline's smoothed images."""


class Baselines:
    """The best single threshold and, if there is one, a forest, on the stacks that are scored.

    Parameters
    ----------
    names : sequence of str
        Structures.
    looks : sequence of str
        Images that they may look at, of `RANGES`.
    forest : PixelForest, optional
        Trained and tuned (`trained_forest`).
    """

    def __init__(
        self,
        names: Sequence[str],
        looks: Sequence[str] = tuple(RANGES),
        forest: PixelForest | None = None,
    ) -> None:
        self._looks = looks
        self._threshold = ThresholdBaseline(names, ranges(looks))
        self._forest = forest

    def add(self, stack: LabelledStack, features: Features) -> None:
        """Score a stack; ``features`` are those that a network is shown."""
        images = baseline_images(features, stack.grid)
        offered = {key: images[key] for key in ranges(self._looks)}
        self._threshold.update(offered, stack.truth)
        if self._forest:
            seen = pixel_images(stack)[: len(self._looks)]
            self._forest.score(seen, stack.truth, stack.grid)

    def scores(self, name: str) -> dict[str, float]:
        """Return ``threshold_f1`` and, with a forest, ``forest_f1``."""
        found = {"threshold_f1": self._threshold.f1(name)}
        if self._forest:
            found["forest_f1"] = self._forest.f1(name)
        return found


def ranges(looks: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the range of every image that a threshold is tried on: plain and smoothed."""
    return {f"{key} {how}": RANGES[key] for key in looks for how in HOW}


def baseline_images(features: Features, grid: Grid) -> dict[str, Float32]:
    """Return intensity and ratio on the camera's grid, plain and smoothed, by the keys of scores.

    They are the networks' own input, resized as probabilities are.
    """
    images = {}
    for key, volume in zip(RANGES, features.data, strict=True):
        smooth = gaussian_filter1d(volume, SMOOTH_VOXELS, axis=1)
        smooth = gaussian_filter1d(smooth, SMOOTH_VOXELS, axis=2)
        for how, image in zip(HOW, (volume, smooth), strict=True):
            images[f"{key} {how}"] = _resized(image, features.grid, grid)
    return images


def _resized(volume: Float32, source: Grid, grid: Grid) -> Float32:
    at = np.arange(grid.shape[0]) * (grid.voxel_um[0] / source.voxel_um[0])
    nearest = np.minimum(np.rint(at).astype(int), source.shape[0] - 1)
    scale = [source.voxel_um[i] / grid.voxel_um[i] for i in (1, 2)]
    out = np.empty(grid.shape, np.float32)
    for target, k in zip(out, nearest, strict=True):
        large = cv2.resize(volume[k], None, fx=scale[1], fy=scale[0])
        target[:] = large[: grid.shape[1], : grid.shape[2]]
    return out


def trained_forest(
    names: Sequence[str],
    plan: ForestPlan | None = None,
    shape: tuple[int, int, int] = (24, 512, 512),
    *,
    images: int = len(RANGES),
) -> PixelForest:
    """Return a pixel forest for some structures, trained and tuned on simulated cells.

    Takes a minute and a half on two cores.

    Parameters
    ----------
    names : sequence of str
    plan : ForestPlan, optional
    shape : tuple of int
        Camera pixels (z, y, x) of each field.
    images : int
        2: intensity and ratio; 1: intensity alone.
    """
    return trained_forests(names, plan or ForestPlan(), shape, (images,))[0]


def trained_forests(
    names: Sequence[str], plan: ForestPlan, shape: tuple[int, int, int], images: Sequence[int]
) -> list[PixelForest]:
    """Return one forest for each number of images that it may look at."""
    # first of all: it says at once if scikit-learn is missing
    forests = [PixelForest(names, count, plan) for count in images]
    rng = np.random.default_rng(plan.seed)
    fields: list[Voxels] = []
    for number in range(plan.fields + plan.tuning):
        stack = simulate(FIRST_FOREST_SEED + number, shape=shape)
        choose = training_voxels if number < plan.fields else scored_voxels
        masks = [stack.truth[name] for name in names]
        fields.append(choose(pixel_images(stack), masks, stack.grid, plan, rng))
    for forest in forests:
        forest.fit(fields[: plan.fields])
        forest.tune(fields[plan.fields :])
    return forests
