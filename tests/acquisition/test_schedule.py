"""Which stack is next when rules change the recording while it runs."""

from __future__ import annotations

import pytest
import useq

from livesr.acquisition.images import Images
from livesr.acquisition.plan import StackPlan
from livesr.acquisition.schedule import WATCHED, Left, Manner, SteeredSchedule
from livesr.config.layouts import SingleLayout
from livesr.errors import ConfigError
from livesr.types import Mode, RecordingInfo, StackIndex

LAYOUT = SingleLayout(kind="single")
FAST = Manner(mode=1, interval_s=20.0, shift_um=(5.0, -3.0, -1.0))


def plan(positions: int = 2, **changes: object) -> StackPlan:
    given = {
        "axis_order": "tpcz",
        "time_plan": {"interval": 180, "loops": 10},
        "stage_positions": [(100.0 * k, 0.0, 2.0) for k in range(positions)],
        "z_plan": {"bottom": 0.0, "top": 6.9, "step": 0.3},
        **changes,
    }
    return StackPlan(useq.MDASequence(**given), LAYOUT)


def schedule(positions: int = 2, **changes: object) -> SteeredSchedule:
    own = plan(positions, **changes)
    tall = own.of_height(16.0)
    info = RecordingInfo(
        channels=("yellow",), shape=(1, own.planes, 8, 8), timepoints=10, positions=positions,
        pixel_um=0.1, z_step_um=0.3, interval_s=180.0, camera_offset=100.0, microscope="",
        camera="", objective="", simulated=True, modes=(Mode("fast", tall.planes, 99),),
        steered=True,
    )  # fmt: skip
    return SteeredSchedule([own, tall], Images(info))


def taken(one: SteeredSchedule, until_s: float, now: float = 0.0) -> list[tuple[float, int, int]]:
    """Take what is due before a time; return start, image and time point of each."""
    found = []
    while (due := one.due(now)) and max(due.start_s, now) < until_s:
        now = max(due.start_s, now)
        stack = one.take(now)
        found.append((now, stack.index.image, stack.index.t))
    return found


def test_what_nobody_changes_is_the_sequence() -> None:
    every = taken(schedule(), 1e9)
    assert every == [(180.0 * t, p, t) for t in range(10) for p in range(2)]


def test_a_taller_stack_has_its_planes_above_the_same_lowest_one() -> None:
    own = plan()
    tall = own.of_height(16.0)
    assert (own.planes, tall.planes) == (24, 54)
    low, high = (next(iter(one.stacks())) for one in (own, tall))
    assert low.events[0].z_pos == high.events[0].z_pos == 0.0
    assert high.events[-1].z_pos == pytest.approx(15.9)
    relative = plan(z_plan={"range": 6.9, "step": 0.3, "go_up": False}).of_height(16.0)
    (stack, *_) = relative.stacks()
    heights = [event.z_pos for event in stack.events]
    assert min(heights) == pytest.approx(2.0 - 3.45)
    assert heights == sorted(heights, reverse=True)
    assert stack.plane(stack.events[0]) == 53
    with pytest.raises(ConfigError, match="single planes"):
        plan(z_plan=None).of_height(16.0)


def test_a_change_holds_from_the_next_stack_on_and_the_others_go_on() -> None:
    one = schedule()
    seen: list[tuple[int, StackIndex]] = []
    one.on_change = lambda *said: seen.append(said)
    taken(one, 200.0)
    one.change(1, FAST)
    due = one.due(203.0)
    assert due is not None
    assert due.start_s == 203.0
    stack = one.take(203.0)
    assert stack.index == StackIndex(2, 0)
    assert seen == [(1, StackIndex(2, 0))]
    assert len(stack.events) == stack.planes == 54
    assert {(e.x_pos, e.y_pos) for e in stack.events} == {(105.0, -3.0)}
    assert stack.events[0].z_pos == -1.0
    later = taken(one, 420.0, 203.0)
    assert [at for at, image, _ in later if image == 2] == [223.0 + 20 * k for k in range(10)]
    assert [(at, t) for at, image, t in later if image == 0] == [(360.0, 2)]
    one.change(1, WATCHED)
    after = taken(one, 1000.0, 420.0)
    assert [(at, t) for at, image, t in after if image == 1] == [
        (540.0, 2), (720.0, 3), (900.0, 4),
    ]  # fmt: skip
    assert seen[-1] == (1, StackIndex(1, 2))


def test_the_others_may_wait() -> None:
    one = schedule()
    taken(one, 200.0)
    one.change(1, Manner(mode=1, interval_s=20.0, alone=True))
    during = taken(one, 600.0, 203.0)
    assert {image for _, image, _ in during} == {2}
    one.change(1, WATCHED)
    after = taken(one, 800.0, 600.0)
    assert [(at, image) for at, image, _ in after] == [(600.0, 0), (720.0, 0), (720.0, 1)]


def test_the_rhythm_of_a_fast_recording_does_not_drift_and_stays_when_it_moves() -> None:
    one = schedule(1)
    one.due(0.0)
    one.take(0.0)
    one.change(0, FAST)
    starts = []
    now = 10.0
    for _ in range(5):
        due = one.due(now)
        assert due is not None
        now = max(now, due.start_s) + 1.5  # the stage is late
        starts.append(due.start_s)
        one.take(now)
        one.change(0, Manner(mode=1, interval_s=20.0, shift_um=(float(now), 0.0, 0.0)))
    assert starts == pytest.approx([10.0, 30.0, 50.0, 70.0, 90.0])


def test_the_session_ends_when_its_sequence_would() -> None:
    one = schedule(1)
    one.due(0.0)
    one.take(0.0)
    one.change(0, FAST)
    starts = [at for at, _, _ in taken(one, 1e9, 1.0)]
    assert starts[-1] < 1800.0 <= starts[-1] + 20.0


def test_an_interrupted_one_goes_on() -> None:
    one = schedule()
    left = Left(counts={0: 3, 1: 2, 2: 7}, last_s={0: 360.0, 1: 420.0}, manners={1: FAST})
    one.go_on(left, 460.0)
    stacks = taken(one, 560.0, 460.0)
    assert stacks[0] == (460.0, 2, 7)
    assert [(at, t) for at, image, t in stacks if image == 0] == [(540.0, 3)]
