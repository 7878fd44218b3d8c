"""What every source promises."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from stamping import FILTER, HEIGHT, X

from livesr.acquisition.layout import split
from livesr.acquisition.sources import open_source
from livesr.config.layouts import side_by_side
from livesr.flow import StopToken
from livesr.types import StackIndex

if TYPE_CHECKING:
    from stamping import Taken

    from livesr.config import Session
    from livesr.types import Frame

TWO_CAMERAS = Path(__file__).parents[2] / "examples" / "demo-two-cameras.cfg"
POSITIONS = [{"x": 0, "y": 0, "z": 0}, {"x": 70, "y": 0, "z": 0}]
CASES: dict[str, tuple[str, dict[str, Any], int, int]] = {
    # name: fixture, arguments, images, frames a plane
    "splitter, triggered": ("stamped", {}, 1, 1),
    "splitter, software": ("stamped", {"triggered": False}, 1, 1),
    "splitter, positions": ("stamped", {"stage_positions": POSITIONS}, 2, 1),
    "presets, triggered": ("stamped", {"splitter": False}, 1, 2),
    "presets, channel inside": ("stamped", {"splitter": False, "axis_order": "tpzc"}, 1, 2),
    "presets, software": ("stamped", {"splitter": False, "triggered": False}, 1, 2),
    "demo": ("demo", {}, 1, 1),
    "demo, triggered": ("demo", {"triggered": True}, 1, 1),
    "two cameras": ("demo", {"config": str(TWO_CAMERAS), "layout": "two-prime95b"}, 1, 2),
    "two cameras, triggered": (
        "demo",
        {"config": str(TWO_CAMERAS), "layout": "two-prime95b", "triggered": True},
        1,
        2,
    ),
    "recording": ("recorded", {}, 1, 2),
    "recording, own speed": ("recorded", {"speed": "own"}, 1, 2),
    "recording of sensor images": (
        "recorded",
        {"channels": 1, "width": 48, "layout": side_by_side(24, 24).model_dump()},
        1,
        1,
    ),
}
TIMES, PLANES = 3, 5

each_source = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def session(name: str, request: pytest.FixtureRequest) -> Session:
    fixture, arguments, _, _ = CASES[name]
    return request.getfixturevalue(fixture)(**arguments)


def planned(name: str) -> list[tuple[int, int, int, int]]:
    _, _, images, per_plane = CASES[name]
    return [
        (t, image, z, c)
        for t in range(TIMES)
        for image in range(images)
        for z in range(PLANES)
        for c in range(per_plane)
    ]


def in_order_of_stacks(places: list[tuple[int, int, int, int]]) -> bool:
    stacks = [place[:2] for place in places]
    return stacks == sorted(stacks)


def check_stamp(frame: Frame) -> None:
    """Compare an image of the stamping camera or of the recording with what its frame says."""
    library = str(frame.device.get("camera", ""))
    if not frame.device:
        assert frame.image[0, 0] == 100 * frame.stack.t + 10 * frame.z + frame.c
    elif library == "Camera" and frame.image.shape[0] == 24:
        height = 0.3 + 0.3 * frame.z
        assert frame.image[0, HEIGHT] == round(height * 100) + 10_000
        assert frame.image[0, FILTER] == frame.c
        assert frame.image[0, X] == round(frame.position_um[0]) + 1_000
        assert frame.image[0, X] == 1_000 + 70 * frame.stack.image
        assert frame.position_um[2] == pytest.approx(height)


@each_source
def test_every_planned_frame_comes_once_and_is_what_it_says(
    name: str, session: Session, taken: Taken, stop: StopToken
) -> None:
    source = open_source(session)
    try:
        info = source.info
        source.run(taken, stop)
    finally:
        source.close()

    _, _, images, _ = CASES[name]
    assert (info.timepoints, info.positions, info.shape[1]) == (TIMES, images, PLANES)
    assert sorted(taken.places) == planned(name)
    assert in_order_of_stacks(taken.places)
    for frame in taken.frames:
        assert frame.image.dtype == "uint16"
        check_stamp(frame)
        for channel, view in split(frame, session.layout):
            assert view.shape == info.shape[2:]
            assert 0 <= channel < info.shape[0]
            assert view.base is not None or view is frame.image
    for channel in range(info.shape[0]):  # two cameras stamp one exposure a little differently
        times = [frame.time_s for frame in taken.frames if frame.c == channel]
        assert times == sorted(times)
    starts = {frame.stack.t: frame.time_s for frame in reversed(taken.frames)}
    assert all(start >= info.interval_s * t for t, start in starts.items())


@each_source
def test_stop_ends_after_the_present_stack(name: str, session: Session, taken: Taken) -> None:
    stop = StopToken()
    source = open_source(session)

    def deliver(frame: Frame) -> None:
        taken(frame)
        stop.stop()

    source.run(deliver, stop)
    source.close()
    whole = [place for place in planned(name) if place[:2] == (0, 0)]
    assert sorted(taken.places) == whole


@each_source
def test_stop_now_ends_at_once(name: str, session: Session, taken: Taken) -> None:
    stop = StopToken()
    source = open_source(session)

    def deliver(frame: Frame) -> None:
        taken(frame)
        if len(taken.frames) == 2:
            stop.stop_now()

    source.run(deliver, stop)
    source.close()
    assert len(taken.frames) == 2


@each_source
def test_a_pause_lies_between_two_stacks_and_costs_no_frame(
    name: str, session: Session, taken: Taken
) -> None:
    held: list[int] = []
    a_stack = sum(place[:2] == (0, 0) for place in planned(name))
    stop = StopToken()

    class Gate:
        """Closed once, from the first frame on."""

        def closed(self) -> bool:
            return bool(taken.frames) and not held

        def wait(self) -> None:
            held.append(len(taken.frames))

    stop.gate = Gate()
    source = open_source(session)
    source.run(taken, stop)
    source.close()
    assert held == [a_stack]
    assert sorted(taken.places) == sorted(planned(name))


@each_source
def test_an_error_of_the_consumer_comes_out_of_run(name: str, session: Session) -> None:
    source = open_source(session)

    def deliver(_: Frame) -> None:
        raise ZeroDivisionError("in the consumer")

    with pytest.raises(ZeroDivisionError, match="in the consumer"):
        source.run(deliver, StopToken())
    source.close()


@each_source
def test_a_resumed_session_takes_the_rest(
    name: str, session: Session, taken: Taken, stop: StopToken
) -> None:
    done = {StackIndex(image, t) for image in range(2) for t in range(2)}
    source = open_source(session)
    source.resume(done, 2 * source.info.interval_s)
    source.run(taken, stop)
    source.close()
    assert sorted(taken.places) == [place for place in planned(name) if place[0] == 2]
    assert min(frame.time_s for frame in taken.frames) >= 2 * source.info.interval_s - 1e-6


@each_source
def test_frames_come_in_the_calling_thread(name: str, session: Session) -> None:
    source = open_source(session)
    threads = set()
    stop = StopToken()

    def deliver(_: Frame) -> None:
        threads.add(threading.current_thread())
        stop.stop_now()

    source.run(deliver, stop)
    source.close()
    assert threads == {threading.current_thread()}
