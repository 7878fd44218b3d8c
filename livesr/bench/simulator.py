"""The simulated microscope: is it fast enough for a camera, is it true, and how hard is it.

Speed stands here; against microsim in `livesr.bench.simulator_peer`; truth in
`livesr.bench.simulator_points`, `livesr.bench.simulator_truth` and `livesr.bench.simulator_ranges`;
difficulty in `livesr.bench.difficulty`.
"""

from __future__ import annotations

import time
from itertools import count
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench import (
    difficulty,
    simulator_peer,
    simulator_points,
    simulator_ranges,
    simulator_truth,
)
from livesr.bench.rows import Row
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import PIXEL_UM, Optics
from livesr.simulator.sample import Sample
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_SEED = 70_000
CELLS = 3
"""Cells of the field that is timed."""
Z_STEP_UM = 0.3
STACK_S = 1.4
"""From one time point to the next: a stack's 24 planes."""
FRAME_MS = 24.0
"""The camera's shortest frame time at 1200 rows and 16 bit, 41 frames a second."""
TIMEPOINT_S = 1.0


def rows(
    *, field: int = 1200, planes: int = 24, repeats: int = 7, small: bool = False
) -> Iterator[Row]:
    """Measure all of it.

    Parameters
    ----------
    field : int
        Pixels along each side of the field that is timed.
    planes : int
        Planes of its stack.
    repeats : int
        Times that each step is timed; the median counts.
    small : bool
        Few cells, fields and trees, and without microsim.
    """
    speed = list(speed_rows(field, planes, repeats))
    yield from speed
    yield from simulator_points.rows(small=small)
    yield from simulator_truth.rows(small=small)
    yield from simulator_ranges.rows(seeds=1 if small else 8)
    yield from difficulty.rows(small=small)
    if not small:
        yield from simulator_peer.rows(field, planes, speed[-1].value)


def speed_rows(field: int, planes: int, repeats: int) -> Iterator[Row]:
    """Time frames and stacks of a field with three cells."""
    sample = field_of_cells(CELLS)
    optics, camera = Optics.from_seed(sample.seed), CameraModel()
    view = View((0.0, 0.0), PIXEL_UM, (field, field))
    z_um = (Z_STEP_UM * np.arange(planes)).tolist()
    size = f"2 channels × {field} × {field}"
    rng = np.random.default_rng(sample.seed)
    counts = np.empty((2, 1, field, field), np.uint16)
    photons = np.empty((2, planes, field, field), np.float32)
    plane = photons[:, :1]
    sample.emission(0.0, [z_um[planes // 2]], view, optics, out=plane)
    yield _frame(
        "frame_ms",
        timed(lambda: camera.expose(plane, rng, counts), repeats),
        f"the stack's planes were rendered before: the camera alone, {size}",
    )
    heights = (0.5 + 0.1 * number for number in count())

    def from_scene() -> None:
        sample.emission(0.0, [next(heights)], view, optics, out=plane)
        camera.expose(plane, rng, counts)

    yield _frame(
        "frame_from_scene_ms",
        timed(from_scene, repeats),
        f"the scene stood at that time: one new plane rendered, and the camera, {size}",
    )
    times = (STACK_S * number for number in count(1))
    seconds = timed(lambda: sample.emission(next(times), z_um, view, optics, out=photons), repeats)
    yield Row(
        "timepoint_s",
        seconds,
        "s",
        bound=f"{TIMEPOINT_S:g} s",
        attained=min(TIMEPOINT_S / seconds, 1.0),
        detail=f"nothing was rendered before: {CELLS} cells (seed {sample.seed}) moved to a new "
        f"time, {planes} planes × {size}, into an array used before, as from stack to stack",
    )


def _frame(name: str, seconds: float, text: str) -> Row:
    return Row(
        name,
        1e3 * seconds,
        "ms",
        bound=f"camera's frame time, {FRAME_MS:g} ms at 1200 rows",
        attained=min(FRAME_MS / (1e3 * seconds), 1.0),
        detail=text,
    )


def timed(work: Callable[[], object], repeats: int) -> float:
    """Return the median of the seconds that some work takes, a first time not counted."""
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def field_of_cells(cells: int) -> Sample:
    """Return the first sample of the published seeds that has so many cells."""
    for seed in count(FIRST_SEED):
        sample = Sample(seed)
        if len({row.cell for row in sample.stages(0.0)}) == cells:
            return sample
    raise AssertionError
