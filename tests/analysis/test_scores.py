from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from livesr.analysis.scores import (
    Counts,
    ThresholdBaseline,
    Thresholds,
    confusion,
)

volumes = hnp.arrays(bool, (2, 4, 5))


def test_counts_of_a_known_pair() -> None:
    mask = np.array([[[1, 1, 1, 0, 0, 0, 0, 0]]], np.uint8)
    truth = np.array([[[1, 1, 0, 1, 1, 0, 0, 0]]], np.uint8)
    counts = Counts.of(mask, truth)
    assert counts == Counts(tp=2, fp=1, fn=2, tn=3)
    assert counts.precision == pytest.approx(2 / 3)
    assert counts.recall == pytest.approx(1 / 2)
    assert counts.f1 == pytest.approx(4 / 7)
    assert counts.iou == pytest.approx(2 / 5)
    assert counts.moc == pytest.approx(sqrt(1 / 3))
    assert counts.pixel_accuracy == pytest.approx(5 / 8)
    assert counts.balanced_accuracy == pytest.approx((1 / 2 + 3 / 4) / 2)


def test_empty_mask_scores_nothing_though_its_pixel_accuracy_is_high() -> None:
    truth = np.zeros((4, 50, 50), bool)
    truth[0, 0, 0] = True
    counts = Counts.of(np.zeros_like(truth), truth)
    assert counts.pixel_accuracy > 0.99
    assert (counts.f1, counts.moc, counts.balanced_accuracy) == (0.0, 0.0, 0.5)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        Counts.of(np.zeros((1, 2, 3), bool), np.zeros((1, 3, 2), bool))


@given(volumes, volumes)
def test_manders_is_the_printed_definition_for_binary_volumes(
    mask: np.ndarray, truth: np.ndarray
) -> None:
    x, y = mask.astype(float), truth.astype(float)
    norm = sqrt((x**2).sum() * (y**2).sum())
    assert Counts.of(mask, truth).moc == pytest.approx((x * y).sum() / norm if norm else 0.0)


@given(volumes, volumes, volumes, volumes)
def test_counts_pool(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> None:
    together = Counts.of(np.concatenate([a, c]), np.concatenate([b, d]))
    assert Counts.of(a, b) + Counts.of(c, d) == together


@given(volumes)
def test_a_perfect_mask_has_the_highest_f1_and_f1_bounds_iou(truth: np.ndarray) -> None:
    counts = Counts.of(truth, truth)
    assert counts.f1 == (1.0 if truth.any() else 0.0)
    assert counts.iou <= counts.f1


@pytest.mark.parametrize("below", [False, True])
def test_best_threshold_equals_trying_every_one(below: bool) -> None:
    rng = np.random.default_rng(60_000)
    image = rng.integers(0, 32, (3, 20, 20)).astype(np.float32)
    truth = (image + rng.normal(0, 8, image.shape) > 18) ^ below
    thresholds = Thresholds(["a"], 0, 32, bins=32)
    thresholds.update(image[:1], {"a": truth[:1]})
    thresholds.update(image[1:], {"a": truth[1:]})

    def f1_at(t: float) -> float:
        return Counts.of(image < t if below else image >= t, truth).f1

    f1, at = thresholds.best("a", below=below)
    assert f1 == pytest.approx(max(f1_at(t) for t in range(33)))
    assert f1_at(at) == pytest.approx(f1)


def test_baseline_takes_the_best_image_and_sign() -> None:
    rng = np.random.default_rng(60_001)
    truth = rng.random((2, 30, 30)) < 0.1
    noise = rng.random(truth.shape).astype(np.float32)
    telling = np.where(truth, np.float32(0.2), np.float32(0.8))
    baseline = ThresholdBaseline(["dark"], {"noise": (0, 1), "telling": (0, 1)})
    baseline.update({"noise": noise, "telling": telling}, {"dark": truth})
    assert baseline.f1("dark") == 1.0
    weak = ThresholdBaseline(["dark"], {"noise": (0, 1)})
    weak.update({"noise": noise}, {"dark": truth})
    assert weak.f1("dark") < 0.3


def test_values_beyond_the_range_stay_on_their_side() -> None:
    thresholds = Thresholds(["a"], 0, 1, bins=4)
    image = np.array([[[-5.0, 0.1, 7.0]]], np.float32)
    thresholds.update(image, {"a": image > 1})
    assert thresholds.best("a")[0] == 1.0


def test_confusion_has_the_truth_in_rows_and_nothing_last() -> None:
    truth = {"a": np.array([[[1, 1, 0, 0]]], bool), "b": np.array([[[0, 1, 1, 0]]], bool)}
    masks = {"a": np.array([[[1, 0, 0, 0]]], bool), "b": np.array([[[0, 1, 0, 1]]], bool)}
    assert confusion(masks, truth, ["a", "b"]).tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]
