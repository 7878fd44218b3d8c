from __future__ import annotations

import numpy as np
import pytest

from livesr.simulator.anatomy.nucleus import Nucleus, between, draw_nucleus
from livesr.simulator.parameters import parameters

P = parameters()


def nuclei() -> list[Nucleus]:
    rng = np.random.default_rng(61_150)
    return [draw_nucleus(rng, P, (1.0, -2.0), rng.uniform(-3.0, 3.0), 750.0) for _ in range(8)]


def test_nuclei_have_the_literature_sizes() -> None:
    for nucleus in nuclei():
        assert nucleus.volume == pytest.approx(750.0, rel=1e-9)
        half, length, width = nucleus.semi_axes
        assert 4.5 < 2.0 * half < 7.0
        assert 14.0 < 2.0 * length < 20.0
        assert 11.0 < 2.0 * width < 15.0
        assert P.nuclear_membrane.folds[0] <= len(nucleus.folds) <= P.nuclear_membrane.folds[1]
        assert 2 <= len(nucleus.nucleoli) <= 4
        assert nucleus.center[0] - half > 0.5


def test_surfaces_hold_the_volume_but_for_the_folds() -> None:
    step = 0.1
    reach = np.arange(-12.0, 12.0, step)
    y, x = np.meshgrid(1.0 + reach, -2.0 + reach, indexing="ij")
    for nucleus in nuclei():
        low, high = nucleus.surfaces(y, x)
        assert (high >= low).all()
        held = (high - low).sum() * step**2
        assert 0.93 * nucleus.volume < held < 1.04 * nucleus.volume


def test_nucleoli_lie_inside() -> None:
    for nucleus in nuclei():
        z, y, x = (nucleus.nucleoli[:, :3] + np.array(nucleus.center)).T
        low, high = nucleus.surfaces(y, x)
        assert ((z > low) & (z < high)).all()


def test_rounding_keeps_the_volume_and_smooths() -> None:
    for nucleus in nuclei():
        for share in (0.3, 0.8, 1.0):
            ball = nucleus.rounded(share, (5.0, 5.0), 1.0, 16.0)
            assert ball.volume == pytest.approx(nucleus.volume, rel=0.03)
            assert ball.center[1:] == pytest.approx((5.0, 5.0))
            assert np.ptp(ball.semi_axes) < np.ptp(nucleus.semi_axes)
        assert np.ptp(ball.semi_axes) < 1e-9
        assert np.abs(ball.wobble).max() == 0.0
        assert ball.folds[:, 5].max(initial=0.0) == 0.0


def test_rounding_stays_below_the_roof() -> None:
    for nucleus in nuclei():
        ball = nucleus.rounded(1.0, (1.0, -2.0), 1.0, 9.0)
        assert ball.center[0] + ball.semi_axes[0] <= 9.0


def test_between_begins_and_ends_at_the_two() -> None:
    one, other = nuclei()[:2]
    turned = np.array([1.0, -2.0, 2.5]), np.array([4.0, 1.0, 0.2])
    for share, same in ((0.0, one), (1.0, other)):
        made = between(one, other, share)
        assert made.center == pytest.approx(same.center)
        assert made.semi_axes == pytest.approx(same.semi_axes)
        y, x = np.meshgrid(turned[0], turned[1])
        plain = between(same, same, 0.0)
        np.testing.assert_allclose(
            between(made, made, 0.0).surfaces(y, x), plain.surfaces(y, x), atol=1e-9
        )
