"""Is the acquisition ever slowed? Frame rate with segmentation and storage on against off."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from livesr.bench.rows import Row
from livesr.config import Session, plain_session, session_from
from livesr.flow import StopToken
from livesr.session import make_plan, run_session
from livesr.session.demo import demo_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.session import SessionResult
    from livesr.types import Frame


def rows(*, field: int = 1200, stacks: int = 12, rounds: int = 2) -> Iterator[Row]:
    """Measure on a splitter sensor of (field, 2·field) pixels at 20 fps.

    Parameters
    ----------
    field : int
        Pixels along each side of a channel.
    stacks : int
        Stacks of 24 planes a run; they follow at once.
    rounds : int
        Times that off and on are measured in turn.
    """
    off, on = [], []
    for _ in range(rounds):
        off.append(_rate_alone(_session(field, stacks)))
        on.append(_with_everything(_session(field, stacks)))
    alone, beside = median(off), median(result.fps for result in on)
    live = sum(len(result.outcome.live) for result in on)
    fit = sum(_fit(result) for result in on)
    yield Row(
        "frame rate with segmentation and storage on",
        beside,
        "fps",
        peer="livesr with both off",
        peer_value=alone,
        ratio=beside / alone,
        bound="camera, 50 ms exposure",
        attained=min(beside * 0.05, 1.0),
        detail=f"{stacks * rounds} stacks of 24 × {field} × {2 * field}; frames lost "
        f"{sum(result.frames_lost for result in on)}",
    )
    yield Row(
        "stacks segmented live",
        live,
        "stacks",
        peer="stacks that fit",
        peer_value=fit,
        ratio=live / fit if fit else None,
        bound="time of the recording over the time that one stack takes beside it",
        attained=min(live / fit, 1.0) if fit else None,
        detail=f"{sum(len(r.outcome.stored) for r in on)} recorded, the rest caught up after",
    )


def _session(field: int, stacks: int) -> Session:
    base = demo_session(timepoints=stacks, field=field, planes=24, seed=60_001)
    data = plain_session(base)
    data["sequence"]["time_plan"] = {"interval": 0, "loops": stacks}
    data["microscope"]["properties"]["Camera"]["Motion"] = 0
    data["microscope"]["properties"]["Clock"]["Speedup"] = 1
    return session_from(data, where="bench")


def _rate_alone(session: Session) -> float:
    """Return fps of the source alone: each frame is counted and forgotten."""
    plan = make_plan(session)
    times: list[float] = []

    def count(_frame: Frame) -> None:
        times.append(time.monotonic())

    try:
        plan.source.run(count, StopToken())
    finally:
        plan.source.close()
    return (len(times) - 1) / (times[-1] - times[0])


def _with_everything(session: Session) -> SessionResult:
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        return run_session(make_plan(session), Path(folder) / "session")


def _fit(result: SessionResult) -> int:
    """Return how many stacks fit into the recording, one after the other."""
    live = result.seconds[: len(result.outcome.live)]
    if not live or not result.fps:
        return 0
    recording_s = result.frames / result.fps
    stack_s = recording_s / len(result.outcome.stored)
    busy_s = median(sum(seconds.values()) for seconds in live)
    return min(len(result.outcome.stored), int((recording_s - stack_s) / busy_s))
