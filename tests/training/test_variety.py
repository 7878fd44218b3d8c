from __future__ import annotations

import numpy as np

from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.training.plan import FieldPlan
from livesr.training.sampling.fields import draw_world
from livesr.training.sampling.variety import DIVISIONS_S, as_text, dividing, varied


def test_every_world_is_one_that_the_simulator_takes() -> None:
    hashes = set()
    for seed in range(60_000, 60_030):
        text = as_text(varied(np.random.default_rng(seed)))
        hashes.add(parameters("standard", text).hash())
        assert text == as_text(varied(np.random.default_rng(seed)))
    assert len(hashes) == 30


def test_worlds_lie_around_the_standard_one() -> None:
    usual = parameters()
    drawn = [
        parameters("standard", as_text(varied(np.random.default_rng(seed))))
        for seed in range(60_000, 60_060)
    ]
    widths = [p.optics.lateral_fwhm_nm.yellow / usual.optics.lateral_fwhm_nm.yellow for p in drawn]
    assert min(widths) < 1.0 < max(widths)
    peaks = [p.dye.er.peak_nm - usual.dye.er.peak_nm for p in drawn]
    assert min(peaks) < -2.0
    assert max(peaks) > 2.0


def test_dividing_samples_show_every_stage() -> None:
    stages = set()
    for seed in (60_000, 60_001, 60_002):
        sample = Sample(seed, parameters=parameters("standard", as_text(dividing())))
        for time_s in np.linspace(*DIVISIONS_S, 40):
            stages |= {row.stage for row in sample.stages(float(time_s))}
    assert {"prophase", "prometaphase", "metaphase", "anaphase", "telophase"} <= stages


def test_a_plan_says_how_many_worlds_are_other_ones() -> None:
    plain = FieldPlan(varied=0.0, dividing=0.0)
    rng = np.random.default_rng(60_000)
    assert draw_world(plain, rng).parameters == parameters()
    tall = [draw_world(FieldPlan(dividing=1.0), rng) for _ in range(20)]
    assert max(world.above_um for world in tall) > 4.0
    assert all(world.parameters.sample.dividing == 1.0 for world in tall)
