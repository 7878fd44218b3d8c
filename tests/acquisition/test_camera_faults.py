"""What the loop makes of a camera that stalls, loses, repeats, swaps or mangles its images.

Every image that is delivered is the one that its frame says, whatever the camera did; and every
one that is not is missed with a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stamping import FRAME, HEIGHT

from livesr.acquisition.sources import open_source
from livesr.errors import HardwareError
from livesr.flow import StopToken

if TYPE_CHECKING:
    from stamping import Make, Taken

    from livesr.acquisition.troubles import FaultReport
    from livesr.config import Session

PLANES, TIMES = 5, 3
STREAMED: dict[str, tuple[list[tuple[int, int]], str]] = {
    # fault at frame 7, the third of the second stack: missing (t, z), and the reason
    "stall 3 s": ([], ""),
    "drop": ([(1, 2)], "ended after 4 of 5 images"),
    "repeat": ([(1, 2)], "image 1 came again"),
    "duplicate": ([(1, 4)], "image 2 came again"),
    "out of order": ([], ""),
    "wrong shape": ([(1, 2)], "12×48 pixels (y, x), expected 24×48"),
    "noise burst 2 frames x20": ([], ""),
}
SNAPPED: dict[str, tuple[list[tuple[int, int]], str]] = {
    **STREAMED,
    "drop": ([(1, 2)], "delivered no image"),
    "repeat": ([], ""),
    "duplicate": ([], ""),
}


def run(session: Session, taken: Taken) -> list[FaultReport]:
    missed: list[FaultReport] = []
    source = open_source(session, on_fault=missed.append)
    try:
        source.run(taken, StopToken())
    finally:
        source.close()
    return [report for report in missed if report.outcome == "skipped"]


def with_fault(
    make: Make, fault: str, *, triggered: bool, frame: int = 7, **faults: object
) -> Session:
    skip = dict.fromkeys(("camera_stall", "frame_lost", "wrong_shape"), "skip")
    session = make(triggered=triggered, faults={**skip, "disconnect": "stop", **faults})
    session.microscope.properties["Camera"]["Faults"] = f"at frame {frame}: {fault}"
    return session


@pytest.mark.parametrize(
    ("fault", "triggered"),
    [(fault, True) for fault in STREAMED] + [(fault, False) for fault in SNAPPED],
)
def test_a_fault_costs_its_own_frames_only(
    stamped: Make, taken: Taken, fault: str, triggered: bool
) -> None:
    missing, reason = (STREAMED if triggered else SNAPPED)[fault]
    missed = run(with_fault(stamped, fault, triggered=triggered), taken)

    planned = [(t, z) for t in range(TIMES) for z in range(PLANES)]
    places = [(t, z) for t, _, z, _ in taken.places]
    assert sorted(places) == [place for place in planned if place not in missing]
    assert len(missed) == (1 if missing else 0)
    for report, (t, z) in zip(missed, missing, strict=True):
        assert report.index.t == t
        assert f"z {z} c 0" in report.missing
        assert reason in report.trouble.what
    for frame in taken.frames:
        number = PLANES * frame.stack.t + frame.z
        if triggered and fault == "duplicate" and frame.stack.t == 2:
            number -= 1  # the core counts to five images: the fifth exposure was not made
        if not triggered and fault == "repeat" and number == 7:
            assert frame.device["repeats"]
            number = 6
        assert frame.image[0, FRAME] == number
        if not frame.device.get("repeats"):
            assert frame.image[0, HEIGHT] == 10_030 + 30 * frame.z
    assert sum(bool(frame.device.get("repeats")) for frame in taken.frames) == (
        not triggered and fault == "repeat"
    )


@pytest.mark.parametrize("triggered", [True, False])
def test_a_camera_that_is_gone_ends_the_run_in_order(
    stamped: Make, taken: Taken, triggered: bool
) -> None:
    with pytest.raises(HardwareError, match="'Camera' is disconnected") as error:
        run(with_fault(stamped, "disconnect", triggered=triggered), taken)
    assert "cable" in error.value.fix
    assert taken.places == [(t, 0, z, 0) for t in range(2) for z in range(PLANES)][:7]


def test_an_image_of_an_earlier_stack_is_not_taken_for_one_of_this(
    stamped: Make, taken: Taken
) -> None:
    (missed,) = run(with_fault(stamped, "repeat", triggered=True, frame=5), taken)
    assert "z 0 c 0" in missed.missing
    assert "of an earlier stack" in missed.trouble.what
    assert [z for t, _, z, _ in taken.places if t == 1] == [1, 2, 3, 4]
    assert [int(f.image[0, FRAME]) for f in taken.frames if f.stack.t == 1] == [6, 7, 8, 9]


def test_a_stall_lets_the_same_time_pass_for_all(stamped: Make, taken: Taken) -> None:
    run(with_fault(stamped, "stall 3 s", triggered=True), taken)
    times = {(f.stack.t, f.z): f.time_s for f in taken.frames}
    assert times[1, 2] - times[1, 1] == pytest.approx(3.05)
    assert times[1, 3] - times[1, 2] == pytest.approx(0.05)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_stall_beyond_patience_is_a_fault(stamped: Make, taken: Taken, goes_on: bool) -> None:
    session = with_fault(stamped, "stall 0.8 s real", triggered=True, stall_after_s=0.2)
    if not goes_on:
        source = open_source(session)
        with pytest.raises(HardwareError, match="no frame came"):
            source.run(taken, StopToken())
        source.close()
        assert taken.places == [(t, 0, z, 0) for t in range(2) for z in range(PLANES)][:7]
        return
    (missed,) = run(session, taken)
    assert "z 2 c 0, z 3 c 0, z 4 c 0" in missed.missing
    # the stalled sequence ends: none of its images is taken for one of the next stack
    last = [frame.image for frame in taken.frames if frame.stack.t == 2]
    assert [int(image[0, FRAME]) - last[0][0, FRAME] for image in last] == list(range(PLANES))
    assert [image[0, HEIGHT] for image in last] == [10_030 + 30 * z for z in range(PLANES)]


def test_a_stop_ends_a_stall(stamped: Make, taken: Taken) -> None:
    stop = StopToken()
    source = open_source(with_fault(stamped, "stall 0.8 s real", triggered=True))

    def deliver(frame: object) -> None:
        taken(frame)  # type: ignore[arg-type] # the test's own frames
        if len(taken.frames) == 7:
            stop.stop_now()

    source.run(deliver, stop)
    source.close()
    assert len(taken.frames) == 7
