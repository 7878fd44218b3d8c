"""The mitosis bench in a small form: a simulated division measured, recorded and scored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.analysis.mitosis.chain import NAMES
from livesr.analysis.mitosis.emissions import from_text
from livesr.bench import TOPICS, mitosis, mitosis_lives
from livesr.bench.mitosis_decoder import decoder_rows
from livesr.bench.mitosis_errors import KINDS, Mistakes, compared, errors, kind_of
from livesr.bench.mitosis_fit import class_of, errors_text, examples, fitted
from livesr.bench.mitosis_lives import LOW, TALL, Measured, measured, moments, prolonged
from livesr.bench.mitosis_recordings import Plan, between, recorded
from livesr.bench.mitosis_scene import Field, scene
from livesr.bench.mitosis_scores import (
    Score,
    legal,
    macro_f1,
    poisson,
    precision,
    recall,
    scored,
    wilson,
)

if TYPE_CHECKING:
    from livesr.simulator.anatomy.life import Life

SEED = 60_042


def few(life: Life) -> list[float]:
    """Return fewer moments than the bench measures."""
    every = moments(life)
    return [every[0], every[2], *every[4:-3:2], every[-1]]


@pytest.fixture(scope="module")
def division() -> Measured:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mitosis_lives, "moments", few)
        return measured(SEED, "divides")


def test_a_life_is_measured_from_one_cell_to_two(division: Measured) -> None:
    counts = [len(knot.seen[TALL]) for knot in division.knots]
    assert (counts[0], counts[-1]) == (1, 2)
    assert counts == sorted(counts)
    assert {kind_of(k.seen[TALL][0]) for k in division.knots} == set(KINDS)
    first, last = division.knots[0].seen, division.knots[-1].seen
    assert first[TALL][0].values["nucleus_um3"] > 550.0
    assert first[LOW][0].values["volume_um3"] == pytest.approx(
        first[TALL][0].values["volume_um3"], rel=0.1
    )
    away = np.subtract(*(cell.centre_um[1:] for cell in last[TALL]))
    assert np.hypot(*away) > 10.0


def test_a_scene_shows_a_cell_as_large_as_it_is() -> None:
    sample = mitosis_lives.alone(SEED, "divides")
    moment = sample.figures[0].moment(0.0)
    seen = scene(sample, 0.0, Field.around(moment, 30))
    voxel = float(np.prod(seen.grid.voxel_um))
    inside = sum(seen.shares[n].sum(dtype=float) for n in ("cytosol", "nucleus")) / 255
    assert inside * voxel == pytest.approx(sum(b.volume() for b in moment.bodies), rel=0.03)
    assert seen.shares["nucleus"].sum(dtype=float) / 255 * voxel == pytest.approx(
        moment.nuclei[0].volume, rel=0.1
    )


def test_recordings_lie_between_the_moments_measured(division: Measured) -> None:
    one, other = division.knots[:2]
    (half,) = between(division.knots, 0.5 * (one.time_s + other.time_s), TALL)
    a, b = (k.seen[TALL][0].values["footprint_um2"] for k in (one, other))
    assert half.values["footprint_um2"] == pytest.approx(0.5 * (a + b))
    times = [t for t, _ in recorded(division, Plan(60.0, TALL, 0.0, 3600.0), None, 1)]
    assert 50 <= len(times) <= 60  # some are missed
    assert max(times) < 3600.0
    again = [t for t, _ in recorded(division, Plan(60.0, TALL, 0.0, 3600.0), None, 1)]
    assert times == again


def test_a_division_is_scored_and_every_row_is_there(division: Measured) -> None:
    score = scored(division, Plan(120.0, TALL), errors(), 1)
    assert score.real == score.right == score.told
    assert score.illegal == score.triggers == 0
    assert macro_f1([score]) > 0.6
    rows = {row.name: row for row in decoder_rows([division])}
    assert set(rows) >= {
        "nebd_recall",
        "nebd_precision",
        "anaphase_recall",
        "anaphase_precision",
        "stage_macro_f1",
        "false_triggers_per_100_cell_hours",
        "illegal_transitions",
    }
    assert rows["illegal_transitions"].value == 0
    assert "95 % interval" in rows["nebd_recall"].detail


def test_a_held_up_metaphase_is_no_anaphase(division: Measured) -> None:
    held = prolonged(division, 3600.0)
    until = Plan(120.0, TALL, 0.0, held.life.anaphase - 300.0)
    score = scored(held, until, errors(), 1)
    assert score.told["anaphase onset"] == 0
    assert score.told["envelope breakdown"] == 1


def test_the_model_can_be_fitted_anew(division: Measured) -> None:
    rows = list(examples([division], errors()))
    model = from_text(fitted(rows, "a test"))
    right = [NAMES[int(np.argmax(model.likelihoods(v)))] == name for name, v in rows]
    assert np.mean(right) > 0.7
    life = division.life
    assert class_of(life, life.breakdown + 1.0) == "prophase"  # the masks cannot show it yet
    assert class_of(life, life.metaphase - 1.0) == "prometaphase"


def test_errors_are_measured_and_put_on_again(division: Measured) -> None:
    (cell,) = division.knots[0].seen[TALL]
    smaller = {name: 0.9 * v for name, v in cell.values.items() if name == "footprint_um2"}
    seen = replace(cell, values=dict(cell.values) | smaller)
    known = compared([(cell, seen)] * 3)
    kind = KINDS[0]
    assert known.spread[kind]["footprint_um2"] == pytest.approx((np.log(0.9), 0.0))
    wrong = Mistakes(np.random.default_rng(0), known).on(cell)
    assert wrong.values["footprint_um2"] == pytest.approx(seen.values["footprint_um2"])
    assert "large nucleus" in errors_text(known, "a test")


def test_scores_count_what_is_missed_and_what_is_made_up() -> None:
    kind = "anaphase onset"
    missed, false = Score(), Score()
    missed.real[kind] = 1
    false.real[kind] = false.right[kind] = 1
    false.told[kind] = 2
    assert recall([missed, false], kind) == 0.5
    assert precision([missed, false], kind) == 0.5
    assert legal("prophase", "metaphase")
    assert legal("telophase", "interphase")
    assert not legal("metaphase", "prophase")
    assert not legal("anaphase", "interphase")


def test_intervals_of_shares_are_not_empty_at_one() -> None:
    assert wilson(1.0, 60) == pytest.approx((0.9398, 1.0), abs=1e-3)
    assert wilson(0.5, 100) == pytest.approx((0.404, 0.596), abs=1e-3)
    assert np.isnan(wilson(1.0, 0)[0])
    assert poisson(0) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert poisson(7) == pytest.approx((2.814, 14.42), abs=1e-2)


def test_mitosis_is_a_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "mitosis" in TOPICS
    monkeypatch.setattr(mitosis, "PARTS", ())
    assert list(mitosis.rows()) == []
