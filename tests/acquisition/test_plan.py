from __future__ import annotations

from typing import Any

import pytest
import useq

from livesr.acquisition.plan import StackPlan
from livesr.config.layouts import PRESETS
from livesr.errors import ConfigError
from livesr.types import StackIndex

Z = {"bottom": 0, "top": 0.9, "step": 0.3}
HERE = {"x": 1, "y": 2, "z": 10}
THERE = {"x": 3, "y": 4, "z": 20}


def plan(layout: str = "single", **sequence: object) -> StackPlan:
    return StackPlan(useq.MDASequence(**sequence), PRESETS[layout])


def heights(plan: StackPlan, reference_um: float = 0.0) -> list[list[float | None]]:
    return [[e.z_pos for e in s.events] for s in plan.stacks(reference_um=reference_um)]


def test_an_empty_sequence_is_one_image() -> None:
    empty = plan()
    assert (empty.timepoints, empty.positions, empty.planes, empty.frames_per_stack) == (1, 1, 1, 1)
    assert [(s.index, len(s.events)) for s in empty.stacks()] == [(StackIndex(0, 0), 1)]


def test_sizes_and_times() -> None:
    found = plan(time_plan={"interval": 30, "loops": 4}, z_plan=Z, stage_positions=[HERE, THERE])
    assert (found.timepoints, found.positions, found.planes) == (4, 2, 4)
    assert (found.z_step_um, found.interval_s) == (0.3, 30.0)
    stacks = list(found.stacks())
    assert [s.index for s in stacks] == [StackIndex(p, t) for t in range(4) for p in range(2)]
    assert [s.start_s for s in stacks] == [0, 0, 30, 30, 60, 60, 90, 90]
    assert all(e.min_start_time is None for s in stacks for e in s.events)


def test_an_interval_of_zero_follows_at_once() -> None:
    assert plan(time_plan={"interval": 0, "loops": 3}).interval_s == 0.0


def test_changes_of_interval_stay_in_one_series() -> None:
    found = plan(time_plan=[{"interval": 1, "loops": 3}, {"interval": 5, "loops": 3}])
    assert [s.start_s for s in found.stacks()] == [0, 1, 2, 7, 12]
    assert (found.timepoints, found.interval_s) == (5, 1.0)


def test_each_position_may_have_its_own_time() -> None:
    found = plan(
        axis_order="ptz", time_plan={"interval": 2, "loops": 2}, stage_positions=[HERE, THERE]
    )
    assert [(s.index.image, s.start_s, s.restarts) for s in found.stacks()] == [
        (0, 0, True),
        (0, 2, False),
        (1, 0, True),
        (1, 2, False),
    ]


def test_grid_points_are_images() -> None:
    grid = {"rows": 1, "columns": 2, "fov_width": 10, "fov_height": 10}
    found = plan(stage_positions=[HERE, THERE], grid_plan=grid)
    assert [s.index.image for s in found.stacks()] == [0, 1, 2, 3]


def test_planes_are_stored_upwards_whichever_way_z_goes() -> None:
    for up in (True, False):
        found = plan(z_plan={**Z, "go_up": up})
        (stack,) = found.stacks()
        stored = {stack.plane(event): event.z_pos for event in stack.events}
        assert [stored[k] for k in range(4)] == pytest.approx([0, 0.3, 0.6, 0.9])
        assert found.z_step_um == 0.3


def test_relative_heights_count_from_the_position_or_from_where_the_stage_is() -> None:
    around = {"range": 1, "step": 0.5}
    assert heights(plan(z_plan=around), 7.0) == [[6.5, 7.0, 7.5]]
    mixed = plan(z_plan=around, stage_positions=[HERE, {"x": 3, "y": 4}])
    assert heights(mixed, 7.0) == [[9.5, 10.0, 10.5], [6.5, 7.0, 7.5]]
    assert not plan(z_plan=Z).needs_reference()
    assert heights(plan(z_plan=Z), 7.0)[0][0] == 0.0


def test_done_stacks_are_left_out() -> None:
    found = plan(time_plan={"interval": 1, "loops": 3})
    rest = list(found.stacks(done={StackIndex(0, 0), StackIndex(0, 1)}))
    assert [(s.index.t, s.start_s) for s in rest] == [(2, 2.0)]


def test_sequential_channels_come_from_the_layout() -> None:
    found = plan("prime95b-sequential", z_plan=Z)
    (stack,) = found.stacks()
    assert [e.channel.config for e in stack.events if e.channel] == ["Yellow"] * 4 + ["Red"] * 4
    assert found.frames_per_stack == 8


def test_autofocus_goes_with_its_stack() -> None:
    found = plan(
        axis_order="tpz",
        autofocus_plan={"axes": ("p",)},
        stage_positions=[HERE, THERE],
        z_plan={"range": 1, "step": 1},
    )
    kinds = [[e.action.type for e in s.events] for s in found.stacks()]
    assert kinds == [["hardware_autofocus", "acquire_image", "acquire_image"]] * 2


@pytest.mark.parametrize(
    ("layout", "sequence", "message"),
    [
        ("single", {"axis_order": "tzc", "stage_positions": [HERE]}, "lacks 'p'"),
        ("single", {"axis_order": "tc", "z_plan": Z}, "lacks 'z'"),
        (
            "single",
            {"axis_order": "ztc", "z_plan": Z, "time_plan": {"interval": 1, "loops": 2}},
            "before it is whole",
        ),
        ("simulated", {"channels": ["Yellow", "Red"]}, "one after the other"),
        ("prime95b-sequential", {"channels": ["Red", "Yellow"]}, "expects Yellow, Red"),
        (
            "single",
            {"channels": [{"config": "A", "do_stack": False}], "z_plan": Z},
            "skips planes",
        ),
        ("single", {"channels": [{"config": "A", "acquire_every": 2}]}, "skips planes"),
        ("single", {"channels": [{"config": "A", "camera": "B"}]}, "names the camera"),
        ("single", {"z_plan": {"absolute": [0, 1, 5]}}, "equally far"),
        (
            "single",
            {"stage_positions": [{"x": 0, "y": 0, "sequence": {"z_plan": Z}}]},
            "sequence of its own",
        ),
    ],
)
def test_what_is_not_a_series_of_whole_stacks_is_refused(
    layout: str, sequence: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        plan(layout, **sequence)
    assert error.value.where.startswith("sequence")
    assert error.value.fix
