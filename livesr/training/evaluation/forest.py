"""A pixel random forest: what a user would train today without a network.

One forest gives all structures, which may overlap, from the filters of
`livesr.training.evaluation.filters` at each voxel. It is trained on sparse voxels of other cells,
as scribbles are, balanced so that rare structures are among them; the threshold of each structure
is chosen on still other cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.analysis.scores import Counts, Thresholds
from livesr.errors import ModelError
from livesr.training.evaluation.filters import FILTERS, filtered_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from livesr.training.evaluation.filters import Indices
    from livesr.types import Bool, Float32, Grid

BINS = 200
"""Thresholds on the votes that are tried."""


@dataclass(frozen=True, slots=True)
class ForestPlan:
    """How large a forest is and what it is shown.

    Attributes
    ----------
    trees : int
    fields, tuning : int
        Simulated fields for training, and for the choice of thresholds.
    positives : int
        Voxels of each structure that a field gives to training, at most.
    others : int
        Voxels from anywhere that a field gives to training.
    scored : int
        Voxels from anywhere that a field gives to the choice of thresholds or to the scores.
    seed : int
        Of the voxels and the trees.
    """

    trees: int = 100
    fields: int = 6
    tuning: int = 2
    positives: int = 400
    others: int = 3000
    scored: int = 150_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Voxels:
    """Some voxels of a field.

    Attributes
    ----------
    values : ndarray, (n, filters), float32
        Those of the first image, then those of the second.
    truth : ndarray, (n, structures), bool
    """

    values: Float32
    truth: Bool


def training_voxels(
    images: Sequence[Float32],
    truth: Sequence[Bool],
    grid: Grid,
    plan: ForestPlan,
    rng: np.random.Generator,
) -> Voxels:
    """Return voxels of every structure, alike in number where it has enough, and others."""
    chosen = [rng.integers(0, images[0].size, plan.others)]
    for mask in truth:
        inside = np.flatnonzero(mask)
        chosen.append(rng.choice(inside, min(plan.positives, len(inside)), replace=False))
    return _voxels(images, truth, grid, np.unique(np.concatenate(chosen)))


def scored_voxels(
    images: Sequence[Float32],
    truth: Sequence[Bool],
    grid: Grid,
    plan: ForestPlan,
    rng: np.random.Generator,
) -> Voxels:
    """Return voxels from anywhere, each as likely: their pooled scores are those of the field."""
    size = images[0].size
    at = rng.choice(size, min(plan.scored, size), replace=False)
    return _voxels(images, truth, grid, np.sort(at))


def _voxels(images: Sequence[Float32], truth: Sequence[Bool], grid: Grid, at: Indices) -> Voxels:
    values = filtered_at(images, at, grid.voxel_um[0] / grid.voxel_um[2])
    return Voxels(values, np.stack([mask.ravel()[at] for mask in truth], axis=1))


class PixelForest:
    """A forest, its thresholds, and its scores gathered field by field.

    Parameters
    ----------
    names : sequence of str
        Structures, in the order of `Voxels.truth`.
    images : int
        How many of the images it may look at, from the first on.
    plan : ForestPlan, optional
    """

    def __init__(self, names: Sequence[str], images: int, plan: ForestPlan | None = None) -> None:
        self.names = tuple(names)
        self._plan = plan or ForestPlan()
        self._columns = slice(0, FILTERS * images)
        self._forest = _empty_forest(self._plan)
        self._rng = np.random.default_rng(self._plan.seed)
        self._thresholds = np.full(len(self.names), 0.5)
        self._counts = [Counts() for _ in self.names]

    def fit(self, fields: Iterable[Voxels]) -> None:
        """Grow the trees on all fields together."""
        parts = list(fields)
        values = np.concatenate([part.values[:, self._columns] for part in parts])
        self._forest.fit(values, np.concatenate([part.truth for part in parts]).astype(np.float32))

    def votes(self, values: Float32) -> Float32:
        """Return the trees' mean vote for each structure at each voxel, (n, structures), 0–1."""
        votes = self._forest.predict(values[:, self._columns])
        return np.asarray(votes, np.float32).reshape(len(values), len(self.names))

    def tune(self, fields: Iterable[Voxels]) -> None:
        """Choose for each structure the threshold of the highest F1, pooled over fields."""
        each = [Thresholds((name,), 0.0, 1.0 + 1e-6, BINS) for name in self.names]
        for field in fields:
            votes = self.votes(field.values)
            for k, name in enumerate(self.names):
                each[k].update(votes[:, k], {name: field.truth[:, k]})
        self._thresholds = np.array(
            [one.best(name)[1] for one, name in zip(each, self.names, strict=True)]
        )

    def update(self, field: Voxels, known: Sequence[str] | None = None) -> None:
        """Score a field, of which ``known`` structures are the truth's; by default all."""
        votes = self.votes(field.values)
        for k, name in enumerate(self.names if known is None else known):
            column = self.names.index(name)
            mask = votes[:, column] >= self._thresholds[column]
            self._counts[column] += Counts.of(mask, field.truth[:, k])

    def score(self, images: Sequence[Float32], truth: Mapping[str, Bool], grid: Grid) -> None:
        """Score a field, on some of its voxels.

        Parameters
        ----------
        images : sequence of ndarray, (z, y, x), float32
            Intensity and ratio on ``grid`` (`livesr.training.labelled.pixel_images`).
        truth : mapping of str to ndarray, (z, y, x), bool
            Of some or all structures.
        grid : Grid
        """
        known = [name for name in self.names if name in truth]
        if known:
            masks = [truth[name] for name in known]
            self.update(scored_voxels(images, masks, grid, self._plan, self._rng), known)

    def f1(self, name: str) -> float:
        """Return the F1 of a structure, pooled over the fields that were scored."""
        return self._counts[self.names.index(name)].f1


def _empty_forest(plan: ForestPlan) -> Any:
    """Return a forest without trees.

    A regression of zeros and ones: its variance is half the Gini impurity, so its splits are those
    of a classifier, and its mean is the share of votes, for all structures at once.
    """
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError:
        raise ModelError(
            "the pixel forest needs scikit-learn",
            where="livesr.training.evaluation.forest",
            fix='python -m pip install "livesr[bench]"',
        ) from None
    return RandomForestRegressor(plan.trees, max_features="sqrt", n_jobs=-1, random_state=plan.seed)
