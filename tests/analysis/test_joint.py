from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import pearsonr

from livesr.analysis.joint import counts_at, joint_histogram, pearson
from livesr.analysis.scores import Counts

probabilities = hnp.arrays(np.uint8, (2, 4, 5))
volumes = hnp.arrays(bool, (2, 4, 5))


@given(probabilities, volumes, st.integers(0, 255))
def test_counts_are_those_of_the_mask(p: np.ndarray, truth: np.ndarray, threshold: int) -> None:
    assert counts_at(joint_histogram(p, truth), threshold) == Counts.of(p >= threshold, truth)


@given(probabilities, volumes)
def test_pearson_is_scipys(p: np.ndarray, truth: np.ndarray) -> None:
    found = pearson(joint_histogram(p, truth))
    if np.ptp(p) == 0 or truth.all() or not truth.any():
        assert found == 0.0
    else:
        expected = pearsonr(p.ravel() / 255, truth.ravel().astype(float)).statistic
        assert found == pytest.approx(expected, abs=1e-6)


@given(probabilities, volumes, probabilities, volumes)
def test_histograms_pool(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> None:
    together = joint_histogram(np.concatenate([a, c]), np.concatenate([b, d]))
    np.testing.assert_array_equal(joint_histogram(a, b) + joint_histogram(c, d), together)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ"):
        joint_histogram(np.zeros((1, 2, 3), np.uint8), np.zeros((1, 3, 2), bool))
