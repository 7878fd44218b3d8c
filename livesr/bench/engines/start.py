"""How long ``livesr run`` takes from its call to the first frame, and what takes the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import yaml

import livesr
from livesr.bench.engines.loop import demo_camera
from livesr.bench.engines.start_run import BEGAN
from livesr.bench.rows import Row, attained
from livesr.config import plain_session
from livesr.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED_S = 3.0
TIMEOUT_S = 600
EXPOSURE_MS = 50.0


def rows(*, field: int = 512, planes: int = 24, repeats: int = 3, warm: int = 1) -> Iterator[Row]:
    """Start sessions on Micro-Manager's demo camera, each in a fresh process.

    Parameters
    ----------
    field : int
        Pixels along each side of a channel.
    planes : int
    repeats : int
        Starts whose median counts.
    warm : int
        Starts before them, which may find nothing in the system's caches.
    """
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        session = demo_camera(field, planes, 1, EXPOSURE_MS)
        file = Path(folder) / "session.yaml"
        file.write_text(yaml.safe_dump(plain_session(session)), encoding="utf-8")
        starts = [_start(file, Path(folder) / str(k)) for k in range(warm + repeats)][warm:]
    middle = sorted(starts, key=lambda start: start["laps"]["first frame"])[len(starts) // 2]
    seconds = median(start["laps"]["first frame"] for start in starts)
    torch = sorted({name for start in starts for name in start["torch"]})
    yield Row(
        "livesr run, from its call to the first frame",
        seconds,
        "s",
        bound=f"{ASKED_S:g} s at most, asked",
        attained=attained(seconds, ASKED_S),
        detail=f"{_steps(middle['laps'])}; {planes}×{field}×{field}, Micro-Manager's demo camera",
    )
    yield Row(
        "livesr run, processes that loaded PyTorch on the way",
        len(torch),
        "processes",
        bound="0, asked",
        attained=1.0 if not torch else 0.0,
        detail=", ".join(torch) or "neither the program nor the segmenter",
    )


def _start(session: Path, out: Path) -> dict[str, Any]:
    """Return what `start_run` says of one start."""
    script = Path(__file__).with_name("start_run.py")
    # as a script and not as a module: packages above it would be imported first
    command = [sys.executable, "-P", str(script), str(session), str(out)]
    paths = [str(Path(livesr.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        BEGAN: str(time.time()),
    }
    done = subprocess.run(  # noqa: S603 - our own script in our own interpreter
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()
        raise ModelError(
            f"the session did not come to a frame: {said[-1]}",
            where="bench engines",
            fix="livesr doctor; livesr demo shows the same session",
        )
    answer: dict[str, Any] = json.loads(lines[0])
    return answer


def _steps(laps: dict[str, float]) -> str:
    """Return what passed between the steps, in words."""
    before, words = 0.0, []
    for name, at in laps.items():
        words.append(f"{name} {at - before:.2f} s")
        before = at
    return ", ".join(words)
