from __future__ import annotations

import numpy as np
import pytest

from livesr.simulator.anatomy.sway import Sway

POINTS = np.random.default_rng(61_200).uniform(0.0, 40.0, (2000, 3))


def swaying(seed: int = 61_201) -> Sway:
    return Sway.draw(np.random.default_rng(seed), 0.25)


def test_cytoplasm_stands_still_at_time_zero_and_frozen() -> None:
    assert swaying().carry(POINTS, 0.0, 1.0) is POINTS
    assert swaying().carry(POINTS, 50.0, 0.0) is POINTS


def test_cytoplasm_sways_by_its_root_mean_square() -> None:
    # against time 0: the difference of two states
    square = [
        ((swaying(k).carry(POINTS, t, 1.0) - POINTS) ** 2).sum(axis=1).mean()
        for k in range(61_201, 61_213)
        for t in (1000.0, 9000.0)
    ]
    assert np.sqrt(np.mean(square)) == pytest.approx(0.25 * np.sqrt(2.0), rel=0.25)


def test_neighbours_sway_together_and_slowly() -> None:
    sway = swaying()
    moved = sway.carry(POINTS, 100.0, 1.0)
    apart = np.array([0.0, 0.1, 0.1])
    beside = sway.carry(POINTS + apart, 100.0, 1.0) - apart
    assert np.abs(beside - moved).max() < 0.15
    pace = np.linalg.norm(sway.carry(POINTS, 101.0, 1.0) - moved, axis=1)
    assert 1e-4 < pace.max() < 0.1
    np.testing.assert_array_equal(moved[:, 0], POINTS[:, 0])


def test_share_scales_the_swaying() -> None:
    whole, half = (swaying().carry(POINTS, 70.0, s) - POINTS for s in (1.0, 0.5))
    np.testing.assert_allclose(half, 0.5 * whole, atol=1e-9)
