from __future__ import annotations

import math

import numpy as np
import pytest

from livesr.simulator.imaging.light import Bleaching, LightRecord, overlap
from livesr.simulator.parameters import parameters
from livesr.simulator.view import View

HERE = View((0.0, 0.0), 0.1, (100, 200))  # 10 x 20 µm
FRAME_S = 0.05
BLEACHING = Bleaching(rate_per_s=0.02, exchange_s=80.0)


def lit(frames: int, *, gap_s: float = 0.0, power: float = 1.0, view: View = HERE) -> LightRecord:
    record = LightRecord(BLEACHING)
    for k in range(frames):
        record.add(k * (FRAME_S + gap_s), FRAME_S, power, view)
    return record


def test_without_light_nothing_changes() -> None:
    record = LightRecord(BLEACHING)
    assert record.remaining(1e6, HERE) == 1.0
    assert record.dose().ms == 0.0
    record.add(10.0, FRAME_S, 0.0, HERE)
    assert record.remaining(1e6, HERE) == 1.0
    assert record.remaining(5.0, HERE) == 1.0


def test_steady_light_leads_to_the_analytic_steady_state() -> None:
    record = lit(20_000)
    expected = 1.0 / (1.0 + 0.02 * 80.0)
    assert record.remaining(20_000 * FRAME_S, HERE) == pytest.approx(expected, rel=1e-6)
    assert BLEACHING.steady(1.0) == pytest.approx(expected)
    # on the way there, one exponential, in the middle of an exposure too
    rate = 1.0 / 80.0 + 0.02
    for time_s in (0.31, 7.777, 60.0):
        way = expected + (1.0 - expected) * math.exp(-rate * time_s)
        assert record.remaining(time_s, HERE) == pytest.approx(way, rel=1e-9)


def test_without_exchange_stacks_bleach_exponentially() -> None:
    p = parameters(changes='{"light.exchange_min": [1.0e+12, 1.0e+12]}').light
    bleaching = Bleaching.draw(60_100, p)
    stacks = 1.0 / (bleaching.rate_per_s * 24 * FRAME_S)
    assert p.bleaching_stacks[0] <= stacks <= p.bleaching_stacks[1]
    record = LightRecord(bleaching)
    for stack in range(round(stacks)):
        record.add(stack * 10.0, 24 * FRAME_S, 1.0, HERE)
    left = record.remaining(round(stacks) * 10.0, HERE)
    assert left == pytest.approx(math.exp(-round(stacks) / stacks), rel=1e-6)


def test_dye_recovers_in_the_dark() -> None:
    record = lit(2000)
    end = 2000 * FRAME_S
    low = record.remaining(end, HERE)
    for wait in (1.0, 80.0, 400.0):
        back = 1.0 - (1.0 - low) * math.exp(-wait / 80.0)
        assert record.remaining(end + wait, HERE) == pytest.approx(back, rel=1e-9)
    assert record.remaining(end + 1e5, HERE) == pytest.approx(1.0)


def test_half_the_power_for_twice_the_time_is_the_same_dose() -> None:
    slow = Bleaching(0.02, 1e15)
    strong, weak = LightRecord(slow), LightRecord(slow)
    strong.add(0.0, 10.0, 2.0, HERE)
    weak.add(0.0, 20.0, 1.0, HERE)
    assert strong.remaining(20.0, HERE) == pytest.approx(weak.remaining(20.0, HERE))
    assert strong.dose().ms == weak.dose().ms == pytest.approx(20_000.0)


def test_answer_does_not_depend_on_when_and_in_which_order_it_is_asked_for() -> None:
    times = [k * 0.037 for k in range(400)]
    views = [HERE, View((2.0, 3.0), 0.1, (100, 200))]
    whole = lit(100, gap_s=0.1)
    asked = [(t, v) for t in times for v in views]
    expected = [whole.remaining(t, v) for t, v in asked]
    order = np.random.default_rng(60_101).permutation(len(asked)).tolist()
    other = lit(100, gap_s=0.1)
    found = {k: other.remaining(*asked[k]) for k in order}
    assert [found[k] for k in range(len(asked))] == expected
    growing = LightRecord(BLEACHING)
    for k in range(100):
        began = k * (FRAME_S + 0.1)
        before = growing.remaining(began, HERE)
        growing.add(began, FRAME_S, 1.0, HERE)
        assert growing.remaining(began, HERE) == before == whole.remaining(began, HERE)
    assert all(0.0 < share <= 1.0 for share in expected)


def test_light_elsewhere_counts_by_its_overlap() -> None:
    beside = View((0.0, 10.0), 0.1, (100, 200))  # shares half of HERE
    far = View((0.0, 20.0), 0.1, (100, 200))
    record = LightRecord(BLEACHING)
    record.add(0.0, 10.0, 1.0, beside)
    half = LightRecord(BLEACHING)
    half.add(0.0, 10.0, 0.5, HERE)
    assert record.remaining(30.0, HERE) == half.remaining(30.0, HERE)
    assert record.dose(HERE).ms == pytest.approx(5000.0)
    assert record.dose().ms == pytest.approx(10_000.0)
    assert LightRecord(BLEACHING).remaining(30.0, far) == 1.0
    assert overlap(HERE, far) == 0.0
    assert overlap(HERE, View((1.0, 1.0), 0.1, (20, 20))) == 1.0
    assert overlap(View((1.0, 1.0), 0.1, (20, 20)), HERE) == pytest.approx(4.0 / 200.0)
    assert overlap(beside, HERE) == pytest.approx(0.5)


def test_dose_in_joules_needs_the_irradiance() -> None:
    assert lit(100).dose().j_cm2 is None
    known = LightRecord(BLEACHING, irradiance_w_cm2=3.0)
    known.add(0.0, 2.0, 0.5, HERE)
    assert known.dose().j_cm2 == pytest.approx(3.0)
    assert len(known) == 1


def test_exposures_come_in_the_order_of_time() -> None:
    record = lit(2)
    with pytest.raises(ValueError, match="is added after"):
        record.add(0.0, FRAME_S, 1.0, HERE)
    for duration, power in ((-1.0, 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="exposure of"):
            record.add(5.0, duration, power, HERE)
    assert len(record) == 2


def test_bleaching_belongs_to_the_sample() -> None:
    p = parameters().light
    drawn = [Bleaching.draw(seed, p) for seed in range(60_100, 60_120)]
    assert drawn[0] == Bleaching.draw(60_100, p)
    assert len({d.rate_per_s for d in drawn}) == 20
    for d in drawn:
        assert p.exchange_min[0] <= d.exchange_s / 60.0 <= p.exchange_min[1]
