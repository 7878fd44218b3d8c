from __future__ import annotations

import numpy as np
import pytest

from livesr.simulator.anatomy.chance import Runs, Switches, Wander, draw_keys, smooth, uniform


def rng(seed: int = 61_100) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_numbers_are_even_and_not_correlated() -> None:
    keys, block = draw_keys(rng(), 20_000), np.zeros(20_000)
    here = uniform(keys, block, 0)
    assert 0.0 <= here.min() < here.max() < 1.0
    assert np.histogram(here, 10, (0.0, 1.0))[0].std() < 4 * np.sqrt(2000 * 0.9)
    others = (uniform(keys, block + 1.0, 0), uniform(keys, block, 1), uniform(keys + 1, block, 0))
    for other in others:
        assert abs(np.corrcoef(here, other)[0, 1]) < 0.03


def test_numbers_depend_on_nothing_but_key_block_and_stream() -> None:
    keys, block = draw_keys(rng(), 100), np.arange(-50.0, 50.0)
    together = uniform(keys, block, 3)
    np.testing.assert_array_equal(uniform(keys[7:9], block[7:9], 3), together[7:9])
    np.testing.assert_array_equal(uniform(keys, block, 3), together)


def test_smooth_step_is_flat_at_its_ends() -> None:
    np.testing.assert_allclose(smooth(np.array([-1.0, 0.0, 0.5, 1.0, 9.0])), [0, 0, 0.5, 1, 1])
    assert np.diff(smooth(np.array([0.0, 1e-3]))) < 1e-5


@pytest.mark.parametrize("lag_s", [1.0, 3.0, 10.0, 30.0, 100.0, 180.0])
@pytest.mark.parametrize("diffusion", [0.002, 0.02])
def test_wander_is_diffusion_from_a_second_to_three_minutes(lag_s: float, diffusion: float) -> None:
    wander = Wander.draw(rng(), np.full(3000, diffusion))
    starts = (0.0, 1000.0, 20_000.0)
    square = np.mean([(wander.at(t + lag_s) - wander.at(t)) ** 2 for t in starts])
    assert square == pytest.approx(2.0 * diffusion * lag_s, rel=0.2)


def test_wander_is_confined_beyond() -> None:
    wander = Wander.draw(rng(), np.full(500, 0.01))
    late = [np.sqrt((wander.at(t) ** 2).mean()) for t in (20_000.0, 200_000.0)]
    assert late[1] == pytest.approx(late[0], rel=0.1)


def test_wander_and_runs_begin_at_zero_and_repeat() -> None:
    wander = Wander.draw(rng(), np.full(20, 0.01))
    runs = Runs.draw(rng(), 20, 0.5, (0.2, 1.0))
    for motion in (wander, runs):
        assert np.abs(motion.at(0.0)).max() < 1e-12
        before = motion.at(77.0)
        motion.at(5.0)
        np.testing.assert_array_equal(motion.at(77.0), before)


def test_runs_keep_their_speed_and_pause() -> None:
    runs = Runs.draw(rng(), 400, 0.25, (0.5, 1.0))
    step = 0.25
    way = np.array([runs.along(t) for t in np.arange(0.0, 300.0, step)])
    pace = np.abs(np.diff(way, axis=0)) / step
    assert (pace <= runs.speed * (1.0 + 1e-9)).all()
    assert (np.abs(way) <= runs.reach + 1e-9).all()
    runner = runs.reach > 0.0
    assert runner.mean() == pytest.approx(0.25, abs=0.07)
    assert (pace[:, ~runner] == 0.0).all()
    moving = pace[:, runner] > 1e-6
    share = np.broadcast_to(runs.speed, pace.shape)[:, runner][moving]
    assert np.median(pace[:, runner][moving] / share) == pytest.approx(1.0, abs=1e-6)
    assert 0.02 < moving.mean() < 0.5
    assert (runs.at(100.0)[:, 0] == 0.0).all()


@pytest.mark.parametrize(
    ("share", "mean_s", "ramp_s"), [(0.92, 3000.0, 15.0), (0.5, 120.0, 20.0), (0.85, 1200.0, 60.0)]
)
def test_switches_change_as_often_as_set(share: float, mean_s: float, ramp_s: float) -> None:
    count = 400
    switches = Switches.draw(
        rng(), count, mean_s=mean_s, share=share, ramp_s=np.full(count, ramp_s)
    )
    step = 0.45 * ramp_s
    states = np.array([switches.at(t) for t in np.arange(0.0, 12.0 * mean_s, step)])
    on = states > 0.5
    changes = int((on[1:] != on[:-1]).sum())
    assert changes == pytest.approx(12.0 * count, rel=0.1)
    assert on.mean() == pytest.approx(share, abs=0.02)
    assert np.abs(np.diff(states, axis=0)).max() <= step / ramp_s + 1e-9
    begin, change = switches.changes(500.0)
    some = change != 0.0
    rising = np.array([switches.at(float(b + 0.5 * ramp_s))[k] for k, b in enumerate(begin)])
    np.testing.assert_allclose(rising[some], 0.5, atol=1e-6)
