"""The pipeline's own limits: what its grids cost a perfect network, and whether memory grows."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
from scipy import stats

from livesr.analysis.scores import Counts
from livesr.bench.rows import Row
from livesr.catalog import NAMES
from livesr.config import plain_session, session_from
from livesr.segmentation.segment import roundtrip
from livesr.session import make_plan, run_session
from livesr.session.demo import demo_session
from livesr.simulator.stack import simulate_stack
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

VOXEL_UM = (0.3, 0.0668, 0.0668)
NETWORK_VOXEL_UM = (0.3, 0.1, 0.1)


def rows(*, cells: int = 4, timepoints: int = 320) -> Iterator[Row]:
    """Measure both.

    Parameters
    ----------
    cells : int
        Simulated fields (seeds from 70,000) whose truth goes to the networks' grid and back.
    timepoints : int
        Stacks of the session whose memory is watched.
    """
    yield from _grids(cells)
    yield from _memory(timepoints)


def _grids(cells: int) -> Iterator[Row]:
    counts = dict.fromkeys(NAMES, Counts())
    for seed in range(70_000, 70_000 + cells):
        _, truth = simulate_stack(seed, shape=(24, 512, 512))
        grid = Grid((24, 512, 512), VOXEL_UM)
        for name in NAMES:
            back = roundtrip(truth[name].view(np.uint8), grid, NETWORK_VOXEL_UM)
            counts[name] = counts[name] + Counts.of(back, truth[name])
    for name in NAMES:
        yield Row(f"perfect mask through the grids: {name}", counts[name].f1, "F1", bound="1")


def _memory(timepoints: int) -> Iterator[Row]:
    """Watch the resident memory of the whole process tree after each stack."""
    base = demo_session(timepoints=timepoints, field=128, planes=8, seed=60_002)
    data = plain_session(base)
    data["sequence"]["time_plan"] = {"interval": 1, "loops": timepoints}
    data["microscope"]["properties"]["Clock"]["Speedup"] = 1000
    data["segmentation"]["policy"] = "every"
    samples: list[tuple[int, float]] = []
    lock = threading.Lock()
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        plan = make_plan(session_from(data, where="bench"))

        def watch(_progress: object) -> None:
            with lock:
                samples.append((len(samples), _resident_mib()))

        run_session(plan, Path(folder) / "session", progress=watch)
    settled = np.array(samples[len(samples) // 4 :])
    fit = stats.linregress(settled[:, 0], settled[:, 1])
    half_width = fit.stderr * stats.t.ppf(0.975, len(settled) - 2)
    yield Row(
        "memory against time points",
        float(fit.slope) * 1024,
        "KiB/stack",
        bound="0",
        detail=f"95 % interval ± {half_width * 1024:.2f}, {timepoints} time points, "
        f"{settled[:, 1].mean():.0f} MiB resident in all processes",
    )


def _resident_mib() -> float:
    own = psutil.Process()
    total = float(own.memory_info().rss)
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20
