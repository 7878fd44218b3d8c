from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, ROUNDING

from livesr.simulator.anatomy.life import STAGES, Life
from livesr.simulator.parameters import parameters

DURATIONS_MIN = {
    ("prophase", "breakdown"): (10, 15),
    ("breakdown", "metaphase"): (10, 20),
    ("metaphase", "anaphase"): (8, 20),
    ("anaphase", "anaphase_b"): (2, 3),
    ("anaphase_b", "telophase"): (3, 5),
    ("telophase", "spreading"): (10, 20),
    ("spreading", "rest"): (20, 60),
}
"""The docs' science page; likewise below."""
FIGURES = {
    "dissolving": (120, 360),
    "reformed": (240, 600),
    "furrowing": (300, 480),
    "golgi_return": (900, 1800),
    "swelling": (0.1, 0.3),
    "height_um": (12, 16),
    "stretch": (1.3, 1.5),
    "neck_um": (1.0, 1.5),
    "plate_um": (3, 4),
    "spindle_um": (10, 12),
    "distance_um": (14, 18),
}


def lives(changes: str, count: int = 300) -> list[Life]:
    p = parameters("standard", changes)
    return [Life.draw(np.random.default_rng([61_140, k]), p) for k in range(count)]


@pytest.fixture(scope="module")
def dividing() -> list[Life]:
    return lives(DIVIDING)


@pytest.mark.parametrize("stage", DURATIONS_MIN)
def test_stages_last_as_long_as_the_literature_says(
    dividing: list[Life], stage: tuple[str, str]
) -> None:
    begin, end = stage
    low, high = DURATIONS_MIN[stage]
    minutes = [(getattr(life, end) - getattr(life, begin)) / 60.0 for life in dividing]
    assert low <= min(minutes) < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < max(minutes) <= high


@pytest.mark.parametrize("name", FIGURES)
def test_figures_lie_in_the_literature_ranges(dividing: list[Life], name: str) -> None:
    values = [getattr(life, name) for life in dividing]
    low, high = FIGURES[name]
    assert low <= min(values) < max(values) <= high


def test_stages_follow_each_other_in_order(dividing: list[Life]) -> None:
    for life in dividing[:40]:
        seen, time_s = [], 0.0
        while np.isfinite(time_s):
            stage, detail, since, until = life.stage(time_s)
            assert since <= time_s < until
            assert life.stage(0.5 * (time_s + min(until, time_s + 1e4)))[:2] == (stage, detail)
            seen.append((stage, detail))
            time_s = until
        assert seen == [
            ("interphase", "spread"),
            ("prophase", ""),
            ("prometaphase", ""),
            ("metaphase", ""),
            ("anaphase", "A"),
            ("anaphase", "B"),
            ("telophase", ""),
            ("interphase", "spreading"),
            ("interphase", "spread"),
        ]
        assert {stage for stage, _ in seen} == set(STAGES)


WEIGHTS = ("loosened", "gathered", "golgi_loosened", "golgi_gathered", "furrow", "nucleus_rounding")
"""Those that only rise."""


@pytest.mark.parametrize("name", [*WEIGHTS, "congressed"])
def test_weights_rise_from_0_to_1_without_jumps(dividing: list[Life], name: str) -> None:
    for life in dividing[:15]:
        times = np.linspace(life.prophase - 600.0, life.rest + 600.0, 1500)
        values = np.array([getattr(life, name)(float(t)) for t in times])
        assert values[0] == 0.0
        assert values[-1] == 1.0
        assert (np.diff(values) >= 0.0).all()
        assert np.diff(values).max() < 0.1


def test_cell_and_envelope_go_and_come_back(dividing: list[Life]) -> None:
    for life in dividing[:15]:
        times = np.linspace(life.prophase - 600.0, life.rest + 600.0, 1500)
        ways = (
            np.array([life.roundness(float(t), 0.2) for t in times]),
            1.0 - np.array([life.envelope(float(t)) for t in times]),
        )
        for way in ways:
            top = int(np.argmax(way))
            assert way[0] == way[-1] == 0.0
            assert way.max() == 1.0
            assert (np.diff(way[: top + 1]) >= 0.0).all()
            last = len(way) - 1 - int(np.argmax(way[::-1]))
            assert (way[top:last] == 1.0).all()
            assert (np.diff(way[last:]) <= 0.0).all()
            assert np.abs(np.diff(way)).max() < 0.1


def test_envelope_dissolves_and_closes_when_the_literature_says(dividing: list[Life]) -> None:
    for life in dividing[:100]:
        assert life.envelope(life.breakdown) == 1.0
        assert life.envelope(life.breakdown + 119.0) > 0.0
        assert life.envelope(life.breakdown + 361.0) == 0.0
        assert life.envelope(life.anaphase) == 0.0
        assert life.envelope(life.anaphase + 239.0) < 1.0
        assert life.envelope(life.anaphase + 601.0) == 1.0


def test_plates_part_to_8_then_14_to_18(dividing: list[Life]) -> None:
    for life in dividing[:100]:
        assert life.plate_distance(life.anaphase) == 0.0
        assert life.plate_distance(life.anaphase_b) == pytest.approx(8.0)
        assert 14.0 <= life.plate_distance(life.telophase) <= 18.0
        times = np.linspace(life.anaphase, life.telophase, 50)
        # each of the two at 1-2 µm a minute in anaphase A
        pace = np.diff([life.plate_distance(float(t)) for t in times]) / np.diff(times) * 60.0
        assert pace.min() > 0.0
        assert 2.0 <= pace[1] <= 4.0


def test_furrow_has_closed_before_the_cells_part(dividing: list[Life]) -> None:
    for life in dividing:
        assert life.furrow(life.anaphase_b) == 0.0
        assert life.furrow(life.spreading) == 1.0
        assert not life.separate(life.spreading - 1.0)
        assert life.separate(life.spreading)


def test_shares_of_lives_are_those_set() -> None:
    changes = '{"sample.dividing": 0.3, "sample.rounding": 0.2}'
    kinds = Counter(life.kind for life in lives(changes, 1500))
    assert kinds["divides"] / 1500 == pytest.approx(0.3, abs=0.05)
    assert kinds["rounds"] / 1500 == pytest.approx(0.2, abs=0.05)


def test_quiet_cells_do_nothing() -> None:
    for life in lives(QUIET, 20):
        assert life.kind == "quiet"
        for time_s in (0.0, 1e4, 1e6):
            assert life.stage(time_s) == ("interphase", "spread", -np.inf, np.inf)
            assert life.roundness(time_s, 0.2) == 0.0
            assert life.envelope(time_s) == 1.0
            assert not life.divided(time_s)


def test_rounding_cells_spread_again_in_interphase() -> None:
    for life in lives(ROUNDING, 40):
        times = np.linspace(life.prophase, life.rest, 200)[1:-1]
        assert {life.stage(float(t))[:2] for t in times} == {("interphase", "rounded")}
        assert life.stage(life.rest + 1.0)[:2] == ("interphase", "spread")
        assert life.stage(life.prophase - 1.0)[:2] == ("interphase", "spread")
        roundness = np.array([life.roundness(float(t), 0.0) for t in times])
        assert roundness.max() == 1.0
        assert np.abs(np.diff(roundness)).max() < 0.1
        assert life.roundness(life.rest, 0.0) == 0.0
        assert life.spreading - life.prophase >= 20.0 * 60
        assert {life.envelope(float(t)) for t in times} == {1.0}
        assert life.loosened(1e6) == life.gathered(1e6) == 0.0


def test_begins_lie_in_the_window() -> None:
    begins = [life.prophase / 60.0 for life in lives(DIVIDING)]
    assert 10.0 <= min(begins) < max(begins) <= 480.0
    assert all(a != b for a, b in pairwise(sorted(begins)))
