from __future__ import annotations

from dataclasses import replace

import pytest

from livesr.catalog import NAMES
from livesr.errors import ConfigError
from livesr.viewer import state
from livesr.viewer.state import Scene, View

SCENE = Scene(
    "image 0", (9, 2, 12, 64, 64), (0.3, 0.1, 0.1), ("yellow", "red"), NAMES,
    stored=(0, 1, 2, 4), segmented=(0, 1, 2),
)  # fmt: skip


def test_two_channels_can_be_shown_as_mean_and_ratio_and_one_cannot() -> None:
    assert SCENE.pictures == ("yellow", "red", "intensity", "ratio")
    assert replace(SCENE, channels=("yellow",)).pictures == ("yellow",)


def test_newest_is_the_newest_with_masks() -> None:
    assert state.time_of(View(), SCENE) == 2


def test_newest_is_the_newest_raw_stack_where_no_masks_are_shown() -> None:
    assert state.time_of(View(labels=False), SCENE) == 4
    assert state.time_of(View(), replace(SCENE, segmented=())) == 4


def test_newest_does_not_wait_for_masks_that_trail_far_behind() -> None:
    behind = replace(SCENE, stored=tuple(range(20)))
    assert state.time_of(View(), behind) == 19


def test_nothing_stored_is_no_time_point() -> None:
    assert state.time_of(View(t=3), replace(SCENE, stored=(), segmented=())) is None


def test_a_frozen_view_stays_and_a_missing_stack_gives_its_neighbour() -> None:
    assert state.time_of(View(t=1), SCENE) == 1
    assert state.time_of(View(t=3), SCENE) == 2


@pytest.mark.parametrize(
    ("view", "steps", "expected"),
    [(View(), 1, 4), (View(t=2), -1, 1), (View(t=0), -1, 0), (View(t=4), 1, 4), (View(t=2), 1, 4)],
)
def test_time_steps_over_stored_stacks_and_stops_at_the_ends(
    view: View, steps: int, expected: int
) -> None:
    assert state.step_time(view, SCENE, steps).t == expected


def test_time_does_not_step_where_there_is_none() -> None:
    assert state.step_time(View(), replace(SCENE, stored=()), 1) == View()


@pytest.mark.parametrize(
    ("z", "steps", "expected"),
    [(None, 1, 4), (None, -1, 2), (0, -1, 0), (11, 1, 11), ("max", 1, 3), (99, 0, 11)],
)
def test_planes_step_within_the_stack(z: state.Plane | None, steps: int, expected: int) -> None:
    stepped = state.step_plane(View(z=z), SCENE, steps)
    assert state.plane_of(stepped, SCENE) == expected


def test_space_freezes_the_stack_shown_and_then_follows_again() -> None:
    frozen = state.freeze_or_follow(View(), SCENE)
    assert frozen.t == 2
    assert state.freeze_or_follow(frozen, SCENE).t is None


def test_structures_are_switched_alone_or_together() -> None:
    off = state.switch(View(), ("er",), on=False)
    assert View().structures - off.structures == {"er"}
    assert state.switch(off, NAMES, on=True).structures == frozenset(NAMES)


def test_structures_that_fill_the_field_are_off_at_first() -> None:
    assert not {"cytosol", "extracellular"} & View().structures


def test_an_unknown_channel_falls_back_to_the_first() -> None:
    assert state.channel_of(View(channel="blue"), SCENE) == "yellow"


@pytest.mark.parametrize(
    "view",
    [View(channel="ratoi"), View(z=12), View(z=-1), View(t=3)],
    ids=["channel", "above", "below", "time"],
)
def test_a_view_of_what_is_not_there_is_refused_with_what_is(view: View) -> None:
    with pytest.raises(ConfigError) as caught:
        state.check(view, SCENE)
    assert caught.value.fix
    state.check(View(), SCENE)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="opacity"):
        state.initial(opacity=1.5)
    with pytest.raises(ConfigError) as caught:
        state.initial(structures=["golgy"])
    assert "golgi" in caught.value.fix
    assert state.initial(structures=["er"]).structures == {"er"}
