"""Reliability of probabilities: histograms, curve and expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.analysis.reliability import Reliability
from livesr.segmentation.trust import table


def drawn(true_p: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=true_p.shape) < true_p


@pytest.fixture
def probability() -> np.ndarray:
    return np.random.default_rng(60_000).integers(0, 256, (4, 100, 200)).astype(np.uint8)


def test_probabilities_that_are_true_have_next_to_no_error(probability: np.ndarray) -> None:
    found = Reliability(["er"])
    found.update("er", probability, drawn(probability / 255, 60_001))
    assert found.error("er") < 0.01
    curve = found.curve("er")
    assert len(curve.given) == 15
    np.testing.assert_allclose(curve.given, curve.found, atol=0.03)


def test_the_error_is_the_mean_distance_from_the_share_found() -> None:
    probability = np.array([[[51] * 10 + [204] * 30]], np.uint8)  # 0.2 and 0.8
    truth = np.zeros(probability.shape, bool)
    truth[..., :5] = True  # half of the 0.2
    truth[..., 10:25] = True  # half of the 0.8
    found = Reliability(["er"])
    found.update("er", probability, truth)
    assert found.error("er") == pytest.approx((10 * 0.3 + 30 * 0.3) / 40)
    curve = found.curve("er")
    assert curve.given == pytest.approx([0.2, 0.8])
    assert curve.found == pytest.approx([0.5, 0.5])
    assert curve.voxels == pytest.approx([10, 30])


def test_certain_voxels_do_not_count() -> None:
    probability = np.array([[[0, 3, 5, 250, 255, 128]]], np.uint8)
    found = Reliability(["er"])
    found.update("er", probability, np.array([[[True, True, True, False, False, True]]]))
    assert found.curve("er").voxels.sum() == 1
    assert found.error("er") == pytest.approx(1 - 128 / 255)


def test_without_uncertain_voxels_there_is_no_error() -> None:
    found = Reliability(["er"])
    assert np.isnan(found.error("er"))


def test_stacks_pool_and_structures_do_not_mix(probability: np.ndarray) -> None:
    truth = drawn(probability / 255, 60_002)
    halves, whole = Reliability(["er", "golgi"]), Reliability(["er"])
    halves.update("er", probability[:2], truth[:2])
    halves.update("er", probability[2:], truth[2:])
    whole.update("er", probability, truth)
    np.testing.assert_array_equal(halves.histograms["er"], whole.histograms["er"])
    assert not halves.histograms["golgi"].any()


def test_shares_of_voxels_count_as_such(probability: np.ndarray) -> None:
    found = Reliability(["er"])
    found.update("er", probability, (probability / 255).astype(np.float32))
    assert found.error("er") < 1e-6


def test_a_table_is_judged_without_the_stacks(probability: np.ndarray) -> None:
    """A network whose logit is 1.5 times the true one, plus 1, is put right by the inverse."""
    p = np.clip(probability / 255, 0.5 / 255, 254.5 / 255)
    true_p = 1 / (1 + np.exp(-(np.log(p / (1 - p)) - 1) / 1.5))
    found = Reliability(["er"])
    found.update("er", probability, drawn(true_p, 60_003))
    assert found.error("er") > 0.1
    assert found.error("er", table(1 / 1.5, -1 / 1.5)) < 0.01


def test_shapes_must_agree(probability: np.ndarray) -> None:
    with pytest.raises(ValueError, match="differ"):
        Reliability(["er"]).update("er", probability, np.zeros((1, 2, 3), bool))
