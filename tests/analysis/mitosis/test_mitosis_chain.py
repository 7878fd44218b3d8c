"""The chain goes one way, lasts as long as it should, and passes through every stage."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.analysis.mitosis.chain import (
    CLASS_OF,
    CLASSES,
    FIRST,
    NAMES,
    PHASES,
    STAGE_OF,
    STAGES,
    at_first,
    generator,
    step,
)


def test_steps_are_probabilities_and_add_up_over_irregular_intervals() -> None:
    for seconds in (0, 7, 180, 36_000):
        matrix = step(1000 * seconds)
        assert matrix.sum(axis=1) == pytest.approx(1.0)
        assert (matrix >= 0.0).all()
    assert step(20_000) @ step(200_000) == pytest.approx(step(220_000), abs=1e-9)
    assert step(0) == pytest.approx(np.eye(PHASES))
    assert at_first().sum() == pytest.approx(1.0)


def test_the_only_ways_on_are_those_of_the_cycle() -> None:
    rates = generator()
    for a in range(PHASES):
        for b in range(PHASES):
            if a == b or not rates[a, b]:
                continue
            one, other = (STAGES[STAGE_OF[k]] for k in (a, b))
            step_on = (STAGES.index(other) - STAGES.index(one)) % len(STAGES)
            assert step_on in (0, 1)


@pytest.mark.parametrize("name", NAMES)
def test_each_class_lasts_its_mean(name: str) -> None:
    one = CLASSES[NAMES.index(name)]
    phases = np.flatnonzero(NAMES.index(name) == CLASS_OF)
    rates = generator()[np.ix_(phases, phases)]
    start = (phases == FIRST[name]).astype(float)
    assert start @ np.linalg.solve(-rates, np.ones(len(phases))) == pytest.approx(60 * one.minutes)


def test_a_long_gap_may_hide_a_whole_stage() -> None:
    metaphase = np.zeros(PHASES)
    metaphase[FIRST["metaphase"]] = 1.0
    after = np.bincount(STAGE_OF, metaphase @ step(1000 * 1500), len(STAGES))
    assert after[STAGES.index("telophase")] > 0.2
    assert after[STAGES.index("prometaphase")] < 1e-6
    soon = np.bincount(STAGE_OF, metaphase @ step(1000 * 20), len(STAGES))
    assert soon[STAGES.index("telophase")] < 1e-6
