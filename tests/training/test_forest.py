from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from livesr.errors import ModelError
from livesr.training.evaluation.filters import FILTERS, FLAT, SIGMAS_PX, filtered_at, flat_filters
from livesr.training.evaluation.forest import (
    ForestPlan,
    PixelForest,
    scored_voxels,
    training_voxels,
)
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.types import Bool, Float32

GRID = Grid((6, 64, 64), (0.3, 0.0668, 0.0668))
STEP_PX = 0.3 / 0.0668
PLAN = ForestPlan(trees=12, positives=300, others=600, scored=8000)
NAMES = ("bright", "red", "both")


def blob(size: int, sigma: float) -> Float32:
    way = np.arange(size) - size // 2
    line = np.exp(-0.5 * (way / sigma) ** 2)
    return np.outer(line, line).astype(np.float32)


def spots(seed: int) -> tuple[list[Float32], list[Bool]]:
    """Two kinds of spots, equally bright: only the ratio tells them apart."""
    rng = np.random.default_rng([60_000, seed])
    masks = []
    for _ in range(2):
        seeds = np.zeros(GRID.shape)
        seeds.ravel()[rng.choice(seeds.size, 40, replace=False)] = 1.0
        masks.append(gaussian_filter(seeds, (0.7, 2.0, 2.0)) > 0.008)
    first, second = masks
    noise = rng.normal(0.0, 0.05, (2, *GRID.shape))
    intensity = 1.0 * (first | second) + noise[0]
    ratio = 1.0 + 1.0 * second + noise[1]
    images = [intensity.astype(np.float32), ratio.astype(np.float32)]
    return images, [first, second, first | second]


@pytest.mark.parametrize("sigma", [1.6, 3.5, 5.0])
def test_filters_of_a_gaussian_are_the_calculus(sigma: float) -> None:
    width = 4.0
    smooth, slope, laplacian, larger, smaller, *_ = flat_filters(blob(81, width), sigma)
    variance = width**2 + sigma**2
    peak = width**2 / variance
    assert smooth[40, 40] == pytest.approx(peak, rel=0.01)
    assert slope[40, 40] == pytest.approx(0.0, abs=1e-5)
    assert laplacian[40, 40] == pytest.approx(-2 * peak * sigma**2 / variance, rel=0.07)
    assert larger[40, 40] == pytest.approx(smaller[40, 40], rel=0.01)
    # a standard deviation off the centre the slope is steepest
    away = round(np.sqrt(variance))
    expected = peak * np.exp(-0.5 * away**2 / variance) * sigma * away / variance
    assert slope[40, 40 + away] == pytest.approx(expected, rel=0.05)


def test_filters_do_not_know_directions() -> None:
    plane = np.random.default_rng(60_001).normal(size=(40, 40)).astype(np.float32)
    for sigma in SIGMAS_PX[:4]:
        turned = flat_filters(np.ascontiguousarray(np.rot90(plane)), sigma)
        expected = np.rot90(flat_filters(plane, sigma), axes=(1, 2))
        np.testing.assert_allclose(turned, expected, atol=2e-5)


def test_a_ridge_bends_across_only() -> None:
    ridge = np.tile(blob(41, 2.0)[20], (41, 1))
    filters = flat_filters(ridge, 1.6)
    larger, smaller, across, along = filters[3:, 20, 20]
    assert abs(larger) < 0.01 < 0.2 < -smaller
    across, along = filters[5:, 20, 22]
    assert along < 0.01 * across


def test_values_are_those_of_the_voxels_asked_for() -> None:
    images, _ = spots(0)
    at = np.sort(np.random.default_rng(60_002).choice(images[0].size, 50, replace=False))
    values = filtered_at(images, at, STEP_PX)
    assert values.shape == (50, 2 * FILTERS)
    z, y, x = np.unravel_index(at, GRID.shape)
    for k, image in enumerate(images):
        for s, sigma in enumerate(SIGMAS_PX):
            flat = np.stack([flat_filters(plane, sigma) for plane in image])
            np.testing.assert_array_equal(
                values[:, k * FILTERS + s * FLAT :][:, :FLAT], flat[z, :, y, x]
            )


def test_planes_above_and_below_are_seen() -> None:
    flat = np.zeros(GRID.shape, np.float32)
    flat[3] = 1.0
    deep = flat.transpose(0, 2, 1).copy()
    at = np.array([3 * 64 * 64 + 32 * 64 + 32])
    for image in (flat, deep):
        *_, smooth, bend = filtered_at([image], at, STEP_PX)[0]
        assert 0.2 < smooth < 0.5
        assert bend < -0.1


def test_training_voxels_hold_rare_structures_and_scored_ones_are_fair() -> None:
    images, masks = spots(1)
    rng = np.random.default_rng(60_003)
    shares = [mask.mean() for mask in masks]
    train = training_voxels(images, masks, GRID, PLAN, rng)
    assert (train.truth.sum(axis=0) >= 300).all()
    assert train.truth[:, 0].mean() > 3 * shares[0]
    score = scored_voxels(images, masks, GRID, PLAN, rng)
    assert len(score.truth) == PLAN.scored
    np.testing.assert_allclose(score.truth.mean(axis=0), shares, rtol=0.25)


@pytest.fixture(scope="module")
def forests() -> list[PixelForest]:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(60_004)
    fields = [spots(seed) for seed in range(4)]
    train = [training_voxels(*field, GRID, PLAN, rng) for field in fields[:2]]
    tune = [scored_voxels(*field, GRID, PLAN, rng) for field in fields[2:3]]
    made = []
    for images in (1, 2):
        forest = PixelForest(NAMES, images, PLAN)
        forest.fit(train)
        forest.tune(tune)
        forest.score(fields[3][0], dict(zip(NAMES, fields[3][1], strict=True)), GRID)
        made.append(forest)
    return made


def test_a_forest_needs_the_ratio_where_only_the_ratio_tells(forests: list[PixelForest]) -> None:
    alone, both = forests
    assert alone.f1("both") > 0.9
    assert alone.f1("red") < 0.75
    assert both.f1("red") > 0.9
    assert both.f1("bright") > 0.9


def test_votes_are_shares_and_structures_may_overlap(forests: list[PixelForest]) -> None:
    images, masks = spots(5)
    voxels = scored_voxels(images, masks, GRID, PLAN, np.random.default_rng(60_005))
    votes = forests[1].votes(voxels.values)
    assert votes.shape == (PLAN.scored, 3)
    assert 0.0 <= votes.min() <= votes.max() <= 1.0
    first, _, both = (votes > 0.5).T
    assert (first & both).sum() > 0.9 * first.sum() > 0


def test_thresholds_chosen_are_better_than_one_half(forests: list[PixelForest]) -> None:
    rng = np.random.default_rng(60_006)
    voxels = scored_voxels(*spots(6), GRID, PLAN, rng)
    forest = PixelForest(NAMES, 2, PLAN)
    forest.fit([training_voxels(*spots(0), GRID, PLAN, rng)])
    plain = forest.votes(voxels.values)[:, 0] >= 0.5
    truth = voxels.truth[:, 0]
    half = 2 * (plain & truth).sum() / (plain.sum() + truth.sum())
    forest.tune([voxels])
    forest.update(voxels)
    assert forest.f1("bright") >= half


def test_missing_scikit_learn_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ModelError, match="scikit-learn") as caught:
        PixelForest(NAMES, 2, PLAN)
    assert "livesr[bench]" in caught.value.fix
