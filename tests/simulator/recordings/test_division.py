"""Which times show a division: every stage, and the cell before and after."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from livesr.errors import ConfigError
from livesr.simulator.parameters import parameters
from livesr.simulator.recordings.division import division, family_row, stage_times, stage_title
from livesr.simulator.sample import Sample

DIVIDING = parameters("standard", '{"sample.dividing": 1.0, "sample.most_cells": 2}')
STAGES = ["prophase", "prometaphase", "metaphase", "anaphase A", "anaphase B", "telophase"]


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(60_000, parameters=DIVIDING)


def test_a_division_is_its_stages_in_order_without_gaps(sample: Sample) -> None:
    history = division(sample)
    assert [stage_title(row) for row in history] == STAGES
    for row, following in pairwise(history):
        assert row.until_s == following.since_s


def test_the_nearest_division_is_taken(sample: Sample) -> None:
    way = {row.cell: np.hypot(row.y_um, row.x_um) for row in sample.stages(0.0)}
    assert division(sample)[0].cell == min(way, key=lambda cell: way[cell])


@pytest.mark.parametrize("count", [8, 10, 12])
def test_the_times_show_every_stage_before_and_after(sample: Sample, count: int) -> None:
    history = division(sample)
    times = stage_times(history, count)
    assert len(times) == count
    assert times == sorted(times)
    titles = [stage_title(family_row(sample.stages(time_s), history[0].cell)) for time_s in times]
    assert titles[0] == "interphase"
    assert titles[-1] == "spreading"
    assert set(STAGES) <= set(titles)


def test_too_few_time_points_are_refused(sample: Sample) -> None:
    with pytest.raises(ConfigError, match="cannot show all stages"):
        stage_times(division(sample), 7)


def test_a_sample_in_which_no_cell_divides_says_how_to_mend_it() -> None:
    quiet = parameters("standard", '{"sample.dividing": 0.0, "sample.most_cells": 1}')
    with pytest.raises(ConfigError) as error:
        division(Sample(60_000, parameters=quiet))
    assert "sample.dividing" in str(error.value)
