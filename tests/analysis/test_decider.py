"""Decisions from states of cells: hysteresis, limits, following, release; always with a cause."""

from __future__ import annotations

from typing import Any

import pytest

from livesr.analysis.rules import Decider, Sight
from livesr.analysis.rules.placing import Box, Stage, first_height, in_position, next_height
from livesr.config.rules import Dose, Pace, Rule
from livesr.types import CellMeasures, CellState, Decision

FOLLOW = {
    "name": "follow",
    "when": {"stage": "prometaphase"},
    "then": {"interval_s": 20, "z_range_um": 16, "center": "cell"},
    "until": {"stage": "telophase", "plus_min": 2},
}
FIELD_UM = (80.0, 80.0)


def cell(centre: tuple[float, float, float] = (5.0, 50.0, 30.0), tall: float = 8.0) -> CellMeasures:
    low = (centre[0] - tall / 2, centre[1] - 9, centre[2] - 9)
    high = (centre[0] + tall / 2, centre[1] + 9, centre[2] + 9)
    return CellMeasures(1, centre, low, high, False, False, {})


def state(
    stage: str, number: int = 1, *, p: float = 0.97, parent: int = 0, **more: Any
) -> CellState:
    return CellState(number, parent, stage, p, more.pop("since_s", 0.0), more.pop("at", cell()))


class Night:
    """Plays stacks to a decider."""

    def __init__(self, *rules: dict[str, Any], shadow: str = "", **changes: Any) -> None:
        self.decider = Decider(
            [Rule.model_validate(rule) for rule in rules or (FOLLOW,)],
            Pace(**{"stay_stacks": 1, **changes.pop("pace", {})}),
            Dose(**changes.pop("dose", {})),
            field_um=FIELD_UM,
            stage=Stage(),
            shadow=shadow,
        )
        self.now = 0.0

    def see(self, *states: CellState, after: float = 60.0, **sight: Any) -> list[Decision]:
        self.now += after
        return self.decider.update(Sight(sight.pop("position", 0), self.now, **sight), states)


def test_a_rule_waits_for_its_stacks_and_acts_once() -> None:
    night = Night()
    assert night.see(state("prometaphase")) == []
    assert night.see(state("interphase")) == []
    assert night.see(state("prometaphase", p=0.8)) == []
    assert night.see(state("prometaphase")) == []
    (made,) = night.see(state("prometaphase"))
    assert made.acted
    assert made.action == {
        "position": 0, "interval_s": 20.0, "z_range_um": 16.0, "center": "cell",
        "shift_um": [-10.0, 10.0, 0.0],
    }  # fmt: skip
    assert "probability 0.97, 2 stacks one after the other" in made.cause
    assert night.see(state("prometaphase")) == []


def test_it_ends_where_the_rule_says_and_daughters_count() -> None:
    night = Night()
    night.see(state("prometaphase"))
    assert night.see(state("prometaphase"))
    assert night.see(state("anaphase")) == []
    two = (state("telophase", 2, parent=1), state("telophase", 3, parent=1))
    assert night.see(*two) == []
    (made,) = night.see(*two, after=120.0)
    assert made.action == {"position": 0, "release": True}
    assert "cell 2 is in telophase, 2 min ago" in made.cause
    assert night.decider.following(0) is None


@pytest.mark.parametrize(
    ("seen", "more", "cause"),
    [
        (["interphase"] * 4, {}, "cell 1 is in interphase"),
        ([None] * 5, {}, "not seen in 5 stacks: it left the field or died"),
        (["metaphase"] * 121, {}, "the longest that the rule allows"),
        (["metaphase"] * 2, {"light_ms": 9e9}, "dose is spent"),
    ],
)
def test_it_ends_also_otherwise(seen: list[str | None], more: dict[str, Any], cause: str) -> None:
    night = Night(dose={"budget_ms": 1e6, "long_metaphase_min": 9000})
    night.see(state("prometaphase"))
    assert night.see(state("prometaphase"))
    made: list[Decision] = []
    for stage in seen:
        made += night.see(*([state(stage)] if stage else []), **more)
    (last,) = made
    assert last.action["release"]
    assert cause in last.cause


def test_a_late_stack_decides_nothing() -> None:
    night = Night()
    night.see(state("prometaphase"))
    assert night.see(state("prometaphase"), after=-30.0) == []
    assert not night.decider.in_order(Sight(0, 30.0))


def test_what_is_refused_is_said_once_and_done_once_it_may_be() -> None:
    night = Night()
    night.see(state("prometaphase"), obstacle="the disk is short")
    (refused,) = night.see(state("prometaphase"), obstacle="the disk is short")
    assert not refused.acted
    assert refused.cause.endswith("not done: the disk is short")
    assert night.see(state("prometaphase"), obstacle="the disk is short") == []
    (made,) = night.see(state("prometaphase"))
    assert made.acted


def test_one_cell_a_position_and_others_at_other_positions() -> None:
    night = Night()
    one, other = state("prometaphase", 1), state("prometaphase", 2)
    night.see(one, other)
    made = night.see(one, other)
    assert [(d.cell, d.acted) for d in made] == [(1, True), (2, False)]
    assert "the position follows cell 1 (follow)" in made[1].cause
    night.see(one, position=1)
    assert [d.acted for d in night.see(one, position=1)] == [True]


def test_changes_are_limited() -> None:
    night = Night(pace={"changes_per_hour": 1})
    night.see(state("prometaphase"))
    assert night.see(state("prometaphase"))[0].acted
    for _ in range(6):
        night.see(state("interphase"))
    night.see(state("prometaphase", 2))
    (refused,) = night.see(state("prometaphase", 2))
    assert "1 changes within an hour are the most" in refused.cause
    assert night.see(state("prometaphase", 2), after=3600.0)[0].acted


def test_a_later_rule_takes_over() -> None:
    slow = {"name": "look", "when": {"stage": "prophase"}, "then": {"interval_s": 60}}
    night = Night(slow, FOLLOW)
    night.see(state("prophase"))
    assert night.see(state("prophase"))[0].rule == "look"
    night.see(state("prometaphase"))
    (made,) = night.see(state("prometaphase"))
    assert (made.rule, made.acted) == ("follow", True)


def test_the_stage_follows_a_cell_that_moves() -> None:
    night = Night()
    night.see(state("prometaphase"))
    night.see(state("prometaphase"))
    assert night.see(state("metaphase", at=cell((5.0, 51.0, 31.0)))) == []
    (made,) = night.see(state("metaphase", at=cell((9.0, 60.0, 40.0), tall=14.0)))
    assert made.action["shift_um"] == [0.0, 20.0, 1.0]
    assert "the stage follows it by x +10.0, y +10.0, z +1.0 µm" in made.cause
    far = Night(pace={"farthest_um": 5.0})
    far.see(state("prometaphase"))
    (made,) = far.see(state("prometaphase"))
    assert made.action["shift_um"] == [0.0, 0.0, 0.0]
    assert "not centred: it is farther than 5 µm" in made.cause


def test_the_stage_stays_where_it_may_not_go() -> None:
    night = Night()
    night.decider = Decider(
        [Rule.model_validate(FOLLOW)], Pace(), Dose(), field_um=FIELD_UM, stage=Stage(),
        refuses=lambda position, shift: f"position {position}: {shift[0]:g} is beyond x_um",
    )  # fmt: skip
    night.see(state("prometaphase"))
    (made,) = night.see(state("prometaphase"))
    assert made.acted
    assert made.action["shift_um"] == [0.0, 0.0, 0.0]
    assert "the stage stays: position 0: -10 is beyond x_um" in made.cause


def test_the_height_holds_the_whole_cell() -> None:
    pace = Pace(margin_um=1.0)
    low = Box((0.0, 0, 0), (7.0, 9, 9), (3.0, 4, 4))
    assert first_height(low, 16.0, pace) == -1.0
    grown = Box((0.0, 0, 0), (14.8, 9, 9), (7.0, 4, 4))
    now = next_height(grown, -1.0, 16.0, pace)
    assert now <= 0.0
    assert now + 16.0 >= 14.8
    huge = Box((0.0, 0, 0), (20.0, 9, 9), (10.0, 4, 4))
    assert next_height(huge, -1.0, 16.0, pace) == 2.0


@pytest.mark.parametrize(
    ("right", "down", "shift"), [("+x", "+y", (3, 2)), ("-x", "+y", (-3, 2)), ("+y", "-x", (-2, 3))]
)
def test_the_stage_and_the_image(right: Any, down: Any, shift: tuple[float, float]) -> None:
    stage = Stage.of(right, down)
    assert stage.to_stage(2.0, 3.0) == shift
    assert stage.to_image(*shift) == (2.0, 3.0)
    there = in_position(cell((1.0, 40.0, 40.0)), (*shift, -1.0), stage)
    assert there.centre_um == (0.0, 42.0, 43.0)


def test_in_shadow_nothing_acts_and_all_is_said() -> None:
    night, shadow = Night(), Night(shadow="a recording")
    for one in (night, shadow):
        one.see(state("prometaphase"))
    (done,), (said,) = (one.see(state("prometaphase")) for one in (night, shadow))
    assert not said.acted
    assert said.cause == f"{done.cause}; not done: a recording"
    assert said.action == done.action
    tell = {"name": "tell", "when": {"stage": "anaphase", "stacks": 1}, "then": {"notify": True}}
    (told,) = Night(tell, shadow="a recording").see(state("anaphase"))
    assert told.acted


def test_light_that_may_harm_is_told_once() -> None:
    tell = {"name": "tell", "when": {"stage": "anaphase"}, "then": {"notify": True}}
    night = Night(tell)
    night.see(state("metaphase"), brightness=1000.0)
    (long,) = night.see(state("metaphase"), after=3600.0, brightness=900.0)
    assert "metaphase of cell 1 lasts 61 min" in long.cause
    (dim,) = night.see(state("metaphase"), brightness=450.0)
    assert "45% of the brightness" in dim.cause
    assert night.see(state("metaphase"), brightness=400.0) == []
