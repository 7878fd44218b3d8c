"""The session's own way from a raw stack to masks on disk, without camera and processes."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from livesr.calibration.profile import load_profile
from livesr.calibration.warp import Warp
from livesr.features import estimate_normalisation, make_features
from livesr.memory import keep_memory
from livesr.pipeline import measure, segment
from livesr.segmentation.networks import choose_networks
from livesr.segmentation.segment import network_voxel
from livesr.session.findings import Findings
from livesr.session.job import Job
from livesr.session.segmenter import load_tools
from livesr.simulator.stack import simulate_stack
from livesr.storage.folder import image_path
from livesr.types import RecordingInfo, Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from livesr.segmentation.package import Package
    from livesr.types import Features, Normalisation, UInt16

T = TypeVar("T")

PIXEL_UM = 0.0668
STEP_UM = 0.3
OFFSET = 100.0
SEED = 70_000
TILE = 384
CHANNELS = ("yellow", "red")


@dataclass(frozen=True, slots=True)
class Raw:
    """A raw stack that looks like cells, (c, z, y, x), and its normalisation."""

    data: UInt16
    normalisation: Normalisation

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, rows and columns."""
        z, y, x = self.data.shape[1:]
        return z, y, x

    def part(self, planes: int, side: int) -> Raw:
        """Return the stack with fewer planes, rows and columns."""
        return Raw(self.data[:, :planes, :side, :side].copy(), self.normalisation)

    def registered(self, package: Package) -> Features:
        """Return a package's input, the channels taken as they lie: the simulation is registered.

        `Way.features` warps as a session does, which costs more and is no sight of cells.
        """
        grid = info_of(self.shape).grid
        warp = Warp(grid, network_voxel(package, grid))
        return make_features(self.data, warp, OFFSET, self.normalisation)


def raw_stack(shape: tuple[int, int, int], seed: int = SEED) -> Raw:
    """Return simulated counts; a field wider than `TILE` is one simulated part and its mirrors."""
    z, y, x = shape
    photons, _ = simulate_stack(seed, shape=(z, min(y, TILE), min(x, TILE)), pixel_um=PIXEL_UM)
    counts = np.random.default_rng(seed).poisson(photons) + OFFSET
    part = counts.clip(0, 65_535).astype(np.uint16)
    wide = ((0, 0), (0, 0), (0, max(y - TILE, 0)), (0, max(x - TILE, 0)))
    data = np.pad(part, wide, "symmetric")
    return Raw(data, estimate_normalisation(data, info_of(shape).grid, OFFSET))


def info_of(shape: tuple[int, int, int], timepoints: int = 1) -> RecordingInfo:
    """Return what a camera of such a field would say of itself."""
    return RecordingInfo(
        channels=CHANNELS,
        shape=(len(CHANNELS), *shape),
        timepoints=timepoints,
        positions=1,
        pixel_um=PIXEL_UM,
        z_step_um=STEP_UM,
        interval_s=0.0,
        camera_offset=OFFSET,
        microscope="",
        camera="",
        objective="",
        simulated=True,
    )


class Way:
    """Everything loaded that a segmenter process loads; made by `open_way`."""

    def __init__(self, job: Job) -> None:
        self.tools, choices = load_tools(job)
        self.engine = choices[0].engine.name
        self._findings = Findings(0, job, self.tools)

    @property
    def words(self) -> str:
        """Engine and precision, for people."""
        return f"{self.engine} {self.tools.engines[0].precision}"

    def features(self, raw: Raw) -> Features:
        """Return the networks' input of a stack."""
        tools = self.tools
        return make_features(raw.data, tools.warp, tools.offset, raw.normalisation)

    def estimate(self, raw: Raw) -> Normalisation:
        """Return a stack's own normalisation, as the recorder works it out for each."""
        return estimate_normalisation(raw.data, self.tools.camera, self.tools.offset)

    def run(self, raw: Raw) -> float:
        """Return the seconds from the raw stack to durable masks and measurements."""
        began = time.perf_counter()
        self.estimate(raw)
        stack = Stack(raw.data, StackIndex(0, 0), 0.0)
        found = segment(stack, raw.normalisation, self.tools)
        self._findings.write(0, found)
        measure(found.masks)
        return time.perf_counter() - began

    def times(self, raw: Raw, repeats: int) -> list[float]:
        """Return the seconds of each run after a first one that compiles."""
        self.run(raw)
        return [self.run(raw) for _ in range(repeats)]

    @property
    def findings(self) -> Findings:
        """What writes the masks."""
        return self._findings

    def close(self) -> None:
        """Let go of the engines."""
        for engine in self.tools.engines:
            engine.close()


def apart(task: Callable[..., T], *arguments: Any, keep: bool = True) -> T:
    """Return what a task gives in a process of its own, whose memory is as a segmenter's.

    Parameters
    ----------
    task : callable
        Of a module, with arguments and a result that can be pickled.
    keep : bool
        Whether the process keeps freed memory, as segmenters of one network do. Peers must not
        have it: their users do not.
    """
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=keep_memory if keep else None,
    ) as pool:
        return pool.submit(task, *arguments).result()


def timed(raw: Raw, repeats: int, packages: Sequence[str]) -> tuple[list[float], str]:
    """Return the seconds of each run, and engine and precision, for people."""
    with open_way(raw.shape, packages=packages) as way:
        return way.times(raw, repeats), way.words


@contextmanager
def open_way(
    shape: tuple[int, int, int],
    *,
    packages: Sequence[str] = ("ALL",),
    structures: Sequence[str] | None = None,
    engine: str = "auto",
    precision: str = "auto",
    on_camera_grid: bool = True,
) -> Iterator[Way]:
    """Load what segments stacks of a shape (z, y, x) into a temporary folder."""
    networks = choose_networks(packages, structures)
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        image_path(Path(folder), 0).mkdir()
        way = Way(
            Job(
                info=info_of(shape),
                packages=tuple(str(package.folder) for package in networks.packages),
                engine=engine,
                precision=precision,
                threads=None,
                calibration="simulated",
                models={1: load_profile("simulated").models()["red"]},
                structures=networks.structures,
                unreliable=(),
                on_camera_grid=on_camera_grid,
                folder=Path(folder),
            )
        )
        try:
            yield way
        finally:
            way.close()
