from __future__ import annotations

import numpy as np
import pytest

from livesr.simulator.anatomy.body import FLOOR_UM
from livesr.simulator.anatomy.rounded import Rounded

VOLUME = 3200.0
FORMS = [(1.0, 0.0), (1.4, 0.0), (1.4, 0.5), (1.5, 1.0), (1.8, 1.0)]
"""Stretch and furrow."""


def rounded(stretch: float = 1.0, furrow: float = 0.0) -> Rounded:
    return Rounded.of_volume((4.0, -7.0), 0.7, VOLUME, 15.0, stretch, furrow, 1.2)


def test_round_cell_is_as_high_as_asked_and_as_long_as_wide() -> None:
    one = rounded()
    assert one.body().height() == pytest.approx(15.0, abs=0.02)
    assert one.half_length == pytest.approx(one.half_width, rel=1e-3)
    assert 18.0 < 2.0 * one.half_width < 20.0


@pytest.mark.parametrize(("stretch", "furrow"), FORMS)
def test_halves_have_the_volume_together(stretch: float, furrow: float) -> None:
    one = rounded(stretch, furrow)
    ahead, behind = one.halves()
    assert ahead.volume() == pytest.approx(behind.volume(), rel=1e-6)
    assert ahead.volume() + behind.volume() == pytest.approx(VOLUME, rel=0.01)
    assert one.half_length == pytest.approx(stretch * rounded().half_length, rel=1e-9)
    if furrow == 0.0:
        # a pinched cell is not star-shaped about its centre
        assert one.body().volume() == pytest.approx(VOLUME, rel=0.01)


def test_furrow_leaves_the_neck() -> None:
    width = [2.0 * rounded(1.5, f).across(np.zeros(1))[0] for f in (0.0, 0.5, 1.0)]
    assert width[0] > 14.0
    assert width[2] == pytest.approx(1.2)
    assert width[0] > width[1] > width[2]


@pytest.mark.parametrize(("stretch", "furrow"), FORMS)
def test_places_lie_in_their_half(stretch: float, furrow: float) -> None:
    one = rounded(stretch, furrow)
    rng = np.random.default_rng(61_130)
    turn, reach = rng.uniform(0.0, 2.0 * np.pi, 2000), 0.95 * np.sqrt(rng.uniform(size=2000))
    along = rng.uniform(-0.97, 0.97, 2000)
    places = np.stack([along, reach * np.cos(turn), reach * np.sin(turn)], axis=1)
    points = one.points(places)
    assert points[:, 0].min() >= FLOOR_UM
    for sign, body in zip((1.0, -1.0), one.halves(), strict=True):
        z, y, x = points[sign * along > 0.01].T
        low, high, share = body.surfaces(y, x)
        assert share.max() < 1.02
        assert (z - low).min() > -0.1
        assert (high - z).min() > -0.1
