"""The first day at the instrument: layouts found, preview, one stack tried, promises kept."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from livesr.acquisition.finding import find_layout
from livesr.bench.rows import Row
from livesr.bench.setup_layouts import draw, error_px, hopeless
from livesr.config import plain_session, session_from
from livesr.errors import CalibrationError
from livesr.session import make_plan, run_session
from livesr.session.demo import demo_session
from livesr.session.stand import Stand
from livesr.storage.folder import PLANES_FILE
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.config import Session
    from livesr.session.trial import Trial
    from livesr.types import UInt16

_WITHIN_PX = 1.0
_ASKED_FPS, _ASKED_S = 25.0, 10.0
_PROMISES = {"time": 0.02, "disk": 0.05, "dose": 0.01}
_SEED = 70_300


def rows(
    *, seeds: Sequence[int] = range(70_300, 70_325), each: int = 8, field: int = 1200
) -> Iterator[Row]:
    """Measure.

    Parameters
    ----------
    seeds : sequence of int
        Of the samples that layouts are drawn with.
    each : int
        Layouts a seed.
    field : int
        Pixels along each side of a channel, for preview and stack.
    """
    yield from layout_rows(seeds, each)
    yield from preview_rows(field=field)
    yield from trial_rows(field=field)


# --------------------------------------------------------------------------------- layouts


def layout_rows(seeds: Sequence[int], each: int) -> Iterator[Row]:
    """Find drawn layouts, and what is none."""
    drawn = [draw(seed, number) for seed in seeds for number in range(each)]
    right = wrong = refused = 0
    took = []
    for one in drawn:
        began = time.monotonic()
        try:
            names = [channel.name for channel in one.layout.channels]
            found = find_layout(one.frames, names, present=one.roughly)
        except CalibrationError:
            refused += 1
        else:
            within = error_px(found.layout, one.layout) <= _WITHIN_PX
            right, wrong = right + within, wrong + (not within)
        took.append(time.monotonic() - began)
    yield Row(
        "splitter rectangles found within 1 px",
        100.0 * right / len(drawn),
        "%",
        bound="99 %",
        attained=min(right / len(drawn) / 0.99, 1.0),
        detail=f"{len(drawn)} drawn layouts ({sum(one.beads for one in drawn)} of beads, "
        f"{sum(len(one.layout.channels) > 2 for one in drawn)} of three channels): {right} right, "
        f"{wrong} wrong, {refused} refused; {median(took):.2f} s each",
    )
    cases = [hopeless(kind, _SEED + k) for k in range(3) for kind in HOPELESS]
    said = sum(_refuses(frames) for frames in cases)
    yield Row(
        "pictures without a layout refused",
        100.0 * said / len(cases),
        "%",
        bound="all of them",
        attained=said / len(cases),
        detail=f"{', '.join(HOPELESS)}: {said} of {len(cases)}",
    )


HOPELESS = ("flat", "one black", "few features", "grid", "saturated")


def _refuses(frames: UInt16) -> bool:
    try:
        find_layout(frames)
    except CalibrationError:
        return True
    return False


# --------------------------------------------------------------------------------- preview


def preview_rows(*, field: int = 1200, seconds: float = 4.0) -> Iterator[Row]:
    """Compose pictures of a camera that is never waited for, in a process of their own."""
    command = [sys.executable, "-m", "livesr.viewer.live.pace", str(field), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter, our own module
    modes = json.loads(done.stdout)
    slowest = min(modes, key=lambda mode: float(modes[mode]["fps"]))
    fps = float(modes[slowest]["fps"])
    yield Row(
        "preview_fps",
        fps,
        "fps",
        bound=f"{_ASKED_FPS:g} fps asked for",
        attained=min(fps / _ASKED_FPS, 1.0),
        detail=f"{field} × {2 * field} splitter sensor, both channels, slowest view ({slowest});"
        f" {', '.join(_of_mode(name, said) for name, said in modes.items())}",
    )


def _of_mode(name: str, said: dict[str, float]) -> str:
    return f"{name} {said['fps']:.0f} fps, {said['compose_ms']:.1f} ms of CPU a picture"


# ----------------------------------------------------------------------------- one stack


def trial_rows(
    *, field: int = 1200, planes: int = 24, promised: int = 384, seed: int = _SEED
) -> Iterator[Row]:
    """Try one stack, and keep what it promises."""
    session = _session(field, planes, timepoints=20, seed=seed)
    trial, took = tried(session)
    yield Row(
        "try_one_stack_s",
        took,
        "s",
        bound=f"{_ASKED_S:g} s asked for",
        attained=min(_ASKED_S / took, 1.0),
        detail=f"2 × {planes} × {field} × {field}, from the click to masks, the networks loaded "
        f"before: {trial.tried.stack_s:.2f} s of exposure, {trial.tried.segment_s or 0:.2f} s of "
        f"segmentation with {trial.engine}; the simulator computes the stack in it as well",
    )
    yield from promise_rows(_session(promised, planes, timepoints=12, seed=seed))


def tried(session: Session) -> tuple[Trial, float]:
    """Return a stack that was tried, and the seconds from the click to its masks."""
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder, Stand(session) as stand:
        stand.warm_up()
        stand.look(2)
        if stand.warm is not None:
            stand.warm.wait()
        began = time.monotonic()
        trial = stand.try_one(Path(folder) / "try")
        return trial, time.monotonic() - began


def promise_rows(session: Session) -> Iterator[Row]:
    """Compare what one stack promises with what the session takes."""
    trial, _ = tried(session)
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        took = taken(session, Path(folder) / "session")
    promise = trial.promise
    said = {"time": promise.recording_s, "disk": promise.disk_bytes, "dose": promise.light_ms}
    for name, unit in (("time", "s"), ("disk", "bytes"), ("dose", "ms")):
        off = abs(said[name] / took[name] - 1.0)
        yield Row(
            f"promised session {name}, relative error",
            100.0 * off,
            "%",
            bound=f"{100 * _PROMISES[name]:g} %",
            attained=min(_PROMISES[name] / off, 1.0) if off > 0 else 1.0,
            detail=f"promised {said[name]:.6g} {unit}, taken {took[name]:.6g} {unit}; "
            f"{promise.stacks} stacks",
        )


def taken(session: Session, folder: Path) -> dict[str, float]:
    """Run a session and return the time, disk and dose that it took."""
    run_session(make_plan(session), folder)
    planes = read_table(folder / PLANES_FILE)
    return {
        "time": max(row["time_s"] + row["exposure_ms"] / 1000.0 for row in planes),
        "disk": float(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())),
        "dose": max(row["light_total_ms"] for row in map(_dosed, planes)),
    }


def _dosed(row: dict[str, object]) -> dict[str, float]:
    return {"light_total_ms": float(json.loads(str(row["device"])).get("dose_ms", 0.0))}


def _session(field: int, planes: int, *, timepoints: int, seed: int) -> Session:
    data = plain_session(demo_session(timepoints=timepoints, field=field, planes=planes, seed=seed))
    data["microscope"]["properties"]["Camera"]["TimeStep-s"] = 10
    return session_from(data, where="bench")
