"""The decoder: stages in order whatever the masks say, the same again when replayed."""

from __future__ import annotations

import json
from itertools import pairwise
from math import nan
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.analysis.mitosis import belief
from livesr.analysis.mitosis.chain import CLASSES
from livesr.analysis.mitosis.decoder import MitosisDecoder
from livesr.analysis.mitosis.emissions import Memory, emissions, plain
from livesr.analysis.mitosis.record import as_record, from_record
from livesr.bench.mitosis_scores import WITHDRAWN, legal
from livesr.config.rules import STAGES
from livesr.types import CellMeasures, CellState, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from livesr.types import Float64

SPREAD = {
    "footprint_um2": 1250.0,
    "circularity": 0.86,
    "elongation": 1.3,
    "waist": 1.4,
    "height_um": 7.2,
    "volume_um3": 2900.0,
    "steepness": 0.32,
    "nuclei": 1.0,
    "nucleus_um3": 710.0,
    "nucleus_tall": 0.41,
    "nuclei_um": 0.0,
    "membrane_um3": 170.0,
    "envelope": 1.0,
    "golgi_parts": 1.0,
    "golgi_largest": 1.0,
    "golgi_spread": 1.1,
    "mitochondria_parts": 2.0,
    "mitochondria_spread": 1.25,
    "void_um3": 570.0,
    "void_length": 3.9,
    "voids": 1.0,
    "plates_um": 0.0,
    "cut_above": 0.0,
    "cut_below": 0.0,
    "border_um": 0.0,
}
NO_NUCLEUS = {"nuclei": 0.0, "nucleus_um3": 0.0, "nucleus_tall": nan, "envelope": 0.0}
ROUND = (
    SPREAD
    | NO_NUCLEUS
    | {
        "footprint_um2": 300.0,
        "elongation": 1.0,
        "waist": 1.06,
        "height_um": 15.4,
        "volume_um3": 3280.0,
        "steepness": 0.7,
        "membrane_um3": 0.5,
        "mitochondria_spread": 1.15,
        "void_um3": 850.0,
        "void_length": 2.82,
    }
)
LOOKS = {
    "interphase": SPREAD,
    "prophase": SPREAD
    | {"footprint_um2": 1010.0, "nucleus_tall": 0.49, "void_length": 3.4, "steepness": 0.39},
    "prometaphase": ROUND
    | {
        "footprint_um2": 560.0,
        "height_um": 10.5,
        "volume_um3": 3150.0,
        "steepness": 0.54,
        "mitochondria_spread": 1.0,
        "void_um3": 560.0,
        "void_length": 3.2,
    },
    "metaphase": ROUND,
    "anaphase": ROUND
    | {
        "footprint_um2": 335.0,
        "elongation": 1.5,
        "height_um": 13.7,
        "void_um3": 540.0,
        "void_length": 4.0,
    },
    "telophase": SPREAD
    | {
        "footprint_um2": 175.0,
        "elongation": 1.2,
        "waist": 1.11,
        "height_um": 14.7,
        "volume_um3": 1640.0,
        "steepness": 0.63,
        "nucleus_um3": 140.0,
        "nucleus_tall": 0.9,
        "membrane_um3": 30.0,
        "envelope": 0.8,
        "mitochondria_spread": 1.09,
        "void_um3": 240.0,
        "void_length": 1.95,
    },
}
MINUTES = {"prophase": 12, "prometaphase": 15, "metaphase": 14, "anaphase": 6, "telophase": 15}


def cell(look: str, y: float = 30.0, x: float = 30.0, **changes: float) -> CellMeasures:
    values = LOOKS[look] | changes
    half = 0.5 * values["footprint_um2"] ** 0.5
    return CellMeasures(
        label=1,
        centre_um=(3.0, y, x),
        low_um=(0.0, y - half, x - half),
        high_um=(values["height_um"], y + half, x + half),
        on_border=False,
        cut=False,
        values=values,
    )


def course(interval_s: float, quiet_min: int = 40) -> list[tuple[float, str]]:
    """Return the times and true looks of a division, and of what is before and after it."""
    ends, at = [("interphase", 60.0 * quiet_min)], 60.0 * quiet_min
    for stage, minutes in MINUTES.items():
        at += 60.0 * minutes
        ends.append((stage, at))
    return [
        (float(t), next(stage for stage, end in ends if t < end))
        for t in np.arange(0.0, at, interval_s)
    ]


def seen(look: str) -> list[CellMeasures]:
    if look == "telophase":
        return [cell(look, x=23.0), cell(look, x=37.0)]
    return [cell(look)]


def run(
    stacks: Iterable[tuple[float, Sequence[CellMeasures]]],
) -> tuple[MitosisDecoder, list[list[CellState]]]:
    decoder = MitosisDecoder()
    states = [
        decoder.update(StackIndex(0, t), time_s, cells) for t, (time_s, cells) in enumerate(stacks)
    ]
    return decoder, states


@pytest.mark.parametrize("interval_s", [20.0, 180.0])
def test_a_division_is_followed_to_its_daughters(interval_s: float) -> None:
    truth = course(interval_s)
    decoder, states = run((t, seen(look)) for t, look in truth)
    right = [s[0].stage == look for s, (_, look) in zip(states, truth, strict=True)]
    assert np.mean(right) > 0.85
    assert [state.parent for state in states[-1]] == [1, 1]
    assert {state.cell for state in states[-1]} == {2, 3}
    kinds = [event.kind for event in decoder.events]
    assert kinds.count("envelope breakdown") == kinds.count("anaphase onset") == 1
    began = next(t for t, look in truth if look == "anaphase")
    told = next(e for e in decoder.events if e.kind == "anaphase onset")
    assert abs(told.time_s - began) <= max(120.0, interval_s)
    assert all(0.0 <= s.probability <= 1.0 for stack in states for s in stack)
    assert all(s.since_s <= t for stack, (t, _) in zip(states, truth, strict=True) for s in stack)


def test_missed_stacks_and_a_blind_one_change_nothing_lasting() -> None:
    truth = course(180.0)
    stacks = [(t, seen(look)) for k, (t, look) in enumerate(truth) if k % 5]
    lost = len(stacks) // 4
    stacks[lost] = (stacks[lost][0], [cell("interphase", **NO_NUCLEUS, void_um3=0.0)])
    decoder, states = run(stacks)
    assert states[lost][0].stage == "interphase"
    assert [e.kind for e in decoder.events if e.kind != "divided"] == [
        "envelope breakdown",
        "anaphase onset",
    ]


def test_no_order_of_looks_gives_an_illegal_transition() -> None:
    rng = np.random.default_rng(5)
    looks = [s for s in STAGES if s != "telophase"]
    for _ in range(5):
        jumbled = [str(rng.choice(looks)) for _ in range(60)]
        _, states = run((90.0 * k, seen(look)) for k, look in enumerate(jumbled))
        reported = [(stack[0].cell, stack[0].stage) for stack in states]
        for (one, was), (other, now) in pairwise(reported):
            allowed = was == now or legal(was, now) or (was, now) == WITHDRAWN
            assert allowed or one != other


def test_replaying_the_journalled_measures_gives_the_same() -> None:
    truth = course(60.0)
    _, live = run((t, seen(look)) for t, look in truth)

    def journalled(one: CellMeasures) -> CellMeasures:
        return from_record(json.loads(json.dumps(as_record(one), allow_nan=False)))

    _, again = run((t, [journalled(one) for one in seen(look)]) for t, look in truth)
    plain_again = [[(s.cell, s.stage, s.probability, s.since_s) for s in stack] for stack in again]
    assert plain_again == [[(s.cell, s.stage, s.probability, s.since_s) for s in k] for k in live]


def test_positions_have_cells_of_their_own_and_empty_fields_are_allowed() -> None:
    decoder = MitosisDecoder()
    assert decoder.update(StackIndex(0, 0), 0.0, []) == []
    (one,) = decoder.update(StackIndex(1, 0), 5.0, [cell("interphase")])
    (other,) = decoder.update(StackIndex(0, 1), 180.0, [cell("interphase")])
    assert (one.cell, other.cell) == (1, 1)
    assert one.stage == "interphase"


def test_a_metaphase_that_lasts_too_long_is_told_once() -> None:
    truth = [(t, look) for t, look in course(120.0) if look not in ("anaphase", "telophase")]
    last = truth[-1][0]
    truth += [(last + 120.0 * k, "metaphase") for k in range(1, 40)]
    decoder, _ = run((t, seen(look)) for t, look in truth)
    long = [event for event in decoder.events if event.kind == "long metaphase"]
    assert len(long) == 1
    assert "light" in long[0].note


class Certain:
    """Emissions that know the look from its footprint."""

    def likelihoods(self, values: Mapping[str, float]) -> Float64:
        areas = {name: np.log(look["footprint_um2"]) for name, look in LOOKS.items()}
        nearest = min(areas, key=lambda name: abs(areas[name] - values["footprint"]))
        wanted = "spread" if nearest == "interphase" else nearest
        return np.array([0.99 if one.name == wanted else 0.001 for one in CLASSES])


def test_stacks_that_cannot_follow_begin_another_cell_with_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(belief, "emissions", Certain)
    truth = [(t, look) for t, look in course(120.0) if look != "telophase"]
    last = truth[-1][0]
    truth += [(last + 120.0 * k, "prometaphase") for k in range(1, 20)]
    decoder, states = run((t, seen(look)) for t, look in truth)
    (told,) = [event for event in decoder.events if event.kind == "contradicted"]
    assert "cannot follow" in told.note
    assert (states[-1][0].cell, states[-1][0].stage) == (2, "prometaphase")


def test_a_cell_that_shows_interphase_at_once_is_let_go() -> None:
    truth = [(t, look) for t, look in course(120.0) if look not in ("anaphase", "telophase")]
    last = truth[-1][0]
    truth += [(last + 120.0 * k, "interphase") for k in range(1, 20)]
    _, states = run((t, seen(look)) for t, look in truth)
    assert states[-1][0].stage == "interphase"
    assert states[-15][0].stage == "interphase"


def test_a_cell_on_the_edge_tells_nothing() -> None:
    quiet = [(60.0 * k, [cell("interphase")]) for k in range(10)]
    half = [(60.0 * k, [cell("metaphase", border_um=9.0)]) for k in range(10, 14)]
    _, states = run(quiet + half)
    assert states[-1][0].stage == "interphase"


def test_the_data_file_is_whole_and_names_its_origin() -> None:
    model = emissions()
    assert model.weights.shape == (len(CLASSES), len(model.features))
    assert (model.scale > 0.0).all()
    shares = model.likelihoods(Memory().against(plain(cell("interphase"))))
    assert shares.sum() == pytest.approx(1.0)
    assert CLASSES[int(np.argmax(shares))].name == "spread"
    assert model.likelihoods({}).sum() == pytest.approx(1.0)  # nothing known
