from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from livesr.analysis.bootstrap import drawn_f1, interval95, mean_drawn
from livesr.analysis.scores import Counts

cells = st.lists(st.builds(Counts, *(st.integers(0, 50) for _ in range(4))), min_size=1, max_size=6)


def test_cells_that_are_alike_leave_no_doubt() -> None:
    low, high = interval95(drawn_f1([Counts(tp=80, fp=20, fn=20)] * 6))
    assert low == high == pytest.approx(0.8)


def test_cells_that_differ_widen_the_interval() -> None:
    low, high = interval95(drawn_f1([Counts(80, 20, 20), Counts(10, 50, 50)] * 3))
    assert low < 0.5 < high


def test_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    rng = np.random.default_rng(60_000)
    table = rng.integers(50, 150, (12, 3)) * rng.integers(1, 4, (12, 1))

    def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, axis: int) -> np.ndarray:
        both = 2 * tp.sum(axis=axis)
        return both / (both + fp.sum(axis=axis) + fn.sum(axis=axis))

    peer = bootstrap(
        tuple(table.T), f1, paired=True, method="percentile", n_resamples=4000, rng=rng
    ).confidence_interval
    ours = interval95(drawn_f1([Counts(*row) for row in table.tolist()], 4000))
    assert ours == pytest.approx((peer.low, peer.high), abs=0.01)


@given(cells)
def test_intervals_lie_between_the_worst_and_the_best_cell(each: list[Counts]) -> None:
    low, high = interval95(drawn_f1(each, 50))
    f1 = [one.f1 for one in each if one.tp + one.fp + one.fn]
    if f1:
        assert min(f1) - 1e-9 <= low <= high <= max(f1) + 1e-9
    else:
        assert np.isnan(low) and np.isnan(high)  # noqa: PT018


def test_the_mean_leaves_out_what_a_draw_does_not_have() -> None:
    nowhere = np.array([np.nan, 0.5, np.nan])
    found = mean_drawn([np.array([0.2, 0.1, np.nan]), nowhere])
    np.testing.assert_allclose(found, [0.2, 0.3, np.nan])


def test_structures_are_drawn_from_the_same_cells() -> None:
    """One that is good where the other is bad: the mean is the same whichever cells are drawn."""
    good, bad = Counts(tp=90, fp=10, fn=10), Counts(tp=10, fp=90, fn=90)
    each = [drawn_f1([good, bad] * 4), drawn_f1([bad, good] * 4)]
    assert np.ptp(each[0]) > 0.1
    assert np.ptp(mean_drawn(each)) < 1e-9
