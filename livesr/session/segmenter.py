"""Segmentation as a guest: a process of its own that owns the engine and writes what it finds.

It reads stacks from the spool while they are there and answers over a pipe, at whose other end is
`livesr.session.feeder`. What it writes, `livesr.session.findings` knows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.analysis.beside import Beside
from livesr.calibration.early import EarlyPlanes
from livesr.calibration.warp import Warp
from livesr.errors import EngineError, LivesrError, ModelError
from livesr.flow import Reply, Stopwatch, requests
from livesr.memory import give_back_memory, keep_memory
from livesr.pipeline import SegmentTools, measure, segment
from livesr.segmentation.engines import Options, load_engine
from livesr.segmentation.networks import choose_networks
from livesr.segmentation.segment import network_voxel
from livesr.session.alone import only_segmenter
from livesr.session.analyser import Analyser
from livesr.session.arrivals import Arrivals
from livesr.session.findings import FindingsOf
from livesr.storage.folder import SPOOL_FOLDER, image_path
from livesr.storage.image_reader import ImageReader
from livesr.storage.ledger import Ledger
from livesr.storage.spool import Spool, SpoolReader
from livesr.types import Normalisation, Stack, StackIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from livesr.resident import Flight
    from livesr.segmentation.engines import Choice, Engine
    from livesr.segmentation.trust import Strangeness
    from livesr.session.arrivals import Early
    from livesr.session.job import Job
    from livesr.stacks import Task
    from livesr.types import CellMeasures, UInt16

log = logging.getLogger(__name__)

GIVE_BACK_EVERY = 200
"""Stacks between two times that freed memory is returned to the system: it comes back slowly."""


@dataclass(frozen=True, slots=True)
class Segmented:
    """What came of one stack: its measurements and the seconds that each step took.

    Attributes
    ----------
    strangeness : Strangeness or None
        How unlike the training it is; None where the package does not say.
    cells : list of CellMeasures
        The cells that its masks show.
    trouble : str
        Why its objects were not measured; empty if they were.
    """

    rows: list[dict[str, object]]
    seconds: dict[str, float]
    strangeness: Strangeness | None
    cells: list[CellMeasures] = field(default_factory=list)
    trouble: str = ""


def segmenter(pipe: Connection, job: Job) -> None:
    """Run in the segmenter process: load once, then a stack a request."""
    loaded = _loaded(pipe, job)
    if loaded is not None:
        tools, choices = loaded
        _serve(pipe, job, tools, choices)
        for engine in tools.engines:
            engine.close()


def standby(pipe: Connection, job: Job) -> None:
    """Run in a segmenter process that is loaded before there is a session, and outlives it.

    It says ``ready``, and then serves each `Job` that it is sent as `segmenter` would, until it is
    sent None.
    """
    loaded = _loaded(pipe, job)
    if loaded is None:
        return
    tools, choices = loaded
    pipe.send(Reply("ready", _said(choices)))
    for session_job in requests(pipe):
        if session_job is not None:
            _serve(pipe, session_job, tools, choices)
    for engine in tools.engines:
        engine.close()


def _loaded(pipe: Connection, job: Job) -> tuple[SegmentTools, tuple[Choice, ...]] | None:
    """Load everything; tell why it could not be and return None."""
    if len(job.packages) == 1:
        keep_memory()  # each stack takes the same gigabytes again; of several networks each its own
    try:
        return load_tools(job)
    except LivesrError as error:
        pipe.send(Reply("error", error))
        return None


def _serve(pipe: Connection, job: Job, tools: SegmentTools, choices: Sequence[Choice]) -> None:
    """Segment the stacks of one session, until there are no more or it says None."""
    try:
        with only_segmenter(job.folder) as wanted:
            if wanted:
                _segment_all(pipe, job, tools, choices)
    except LivesrError as error:
        pipe.send(Reply("error", error))


def _segment_all(
    pipe: Connection, job: Job, tools: SegmentTools, choices: Sequence[Choice]
) -> None:
    heights = for_each_height(tools, job)
    findings = FindingsOf(job, heights)
    raw = RawReader(job.folder)
    analyser = Analyser(job)
    pipe.send(Reply("ready", _said(choices)))
    early = {planes: early for planes, one in heights.items() if (early := early_of(one))}
    for one in early.values():
        one.clear()  # of the session before, whose stacks had the same indices
    idle = partial(Arrivals(raw.spool, early).look, until=pipe.poll) if early else None
    for number, task in enumerate(requests(pipe, idle), start=1):
        if task is None:
            break
        _one(pipe, task, heights, findings, raw, analyser)
        if number % GIVE_BACK_EVERY == 0:
            give_back_memory()
    raw.close()


def load_tools(
    job: Job, loaded: tuple[Choice, ...] = ()
) -> tuple[SegmentTools, tuple[Choice, ...]]:
    """Load packages and engines, build the warp, and segment a dark stack with each.

    An engine that fails at that, for want of memory or of its device, is passed over like one that
    cannot load the package. Engines that were ``loaded`` for another job of the same packages,
    structures and settings serve again.
    """
    tools = tools_without_engines(job)
    warp, networks = tools.warp, tools.networks
    alone = len(networks.parts) == 1
    choices = loaded or tuple(
        _chosen(replace(tools, networks=one), job, alone=alone) for one in networks.each()
    )
    tools = replace(tools, engines=tuple(choice.engine for choice in choices))
    resident = _resident(tools, job)
    early = None if resident else EarlyPlanes(warp, job.info.seen)
    return replace(tools, resident=resident, early=early), choices


def tools_without_engines(job: Job) -> SegmentTools:
    """Return packages and warp: what can be said and made before anything is segmented."""
    networks = choose_networks(job.packages, job.structures)
    source = job.info.grid
    warp = Warp(source, network_voxel(networks.first, source), job.models, job.correction)
    return SegmentTools(
        warp=warp,
        networks=networks,
        engines=(),
        offset=job.offset,
        camera=source,
        on_camera_grid=job.on_camera_grid,
        seen=networks.seen(),
        matching=job.matching,
        probabilities=job.probabilities,
        masked=_to_masks_grid(job, warp) if job.masked_images else None,
        channels_seen=job.info.seen,
        beside=_beside(job, warp),
    )


def _chosen(tools: SegmentTools, job: Job, *, alone: bool) -> Choice:
    """Return the engine for one network; one of several rests until its turn comes."""
    structures = tools.networks.structures
    options = Options(job.threads, job.precision, structures, log.info, job.remote)

    def first_run(engine: Engine) -> None:
        warm_up(replace(tools, engines=(engine,)), job)

    choice = load_engine(
        job.engine, tools.networks.first, options, accept=first_run, without=job.without
    )
    if not alone:
        choice.engine.rest()
    return choice


def _said(choices: Sequence[Choice]) -> dict[str, object]:
    """Return what the journal keeps of the engines; those of several networks are mostly one."""
    engines = dict.fromkeys(choice.engine.name for choice in choices)
    return {**choices[0].as_dict(), "engine": "+".join(engines)}


def _resident(tools: SegmentTools, job: Job) -> Flight | None:
    """Return the way on the graphics card, if the one network can be called there."""
    engine: Any = tools.engines[0]
    alone = len(tools.engines) == 1 and tools.matching is None
    if not (alone and hasattr(engine, "run_on_device") and engine.device.type == "cuda"):
        return None
    from livesr.resident import SLOTS, Flight, Resident  # PyTorch: the engine has it already

    try:
        resident = Resident(
            tools.warp,
            tools.networks.first,
            engine,
            channels=job.info.seen,
            offset=tools.offset,
            grid=tools.camera if tools.on_camera_grid else tools.warp.target,
            structures=tools.networks.structures,
            trust=tools.seen is not None,
            probabilities=tools.probabilities,
        )
    except ModelError as problem:
        log.warning("only the networks run on the graphics card: %s", problem.what)
        return None
    return Flight(resident, SLOTS)


def _to_masks_grid(job: Job, to_network: Warp) -> Warp:
    if not job.on_camera_grid:
        return to_network
    return Warp(job.info.grid, job.info.grid.voxel_um, job.models, job.correction)


def _beside(job: Job, to_network: Warp) -> Beside | None:
    names = job.info.beside
    return Beside.of(names, _to_masks_grid(job, to_network), job.models) if names else None


def for_each_height(tools: SegmentTools, job: Job) -> dict[int, SegmentTools]:
    """Return the tools for stacks of each number of planes: grids differ, engines are the same.

    Stacks of the session's own height alone take the whole way on a graphics card.
    """
    found = {job.info.shape[1]: tools}
    for number, mode in enumerate(job.info.modes, start=1):
        if mode.planes in found:
            continue
        other = replace(job, info=job.info.in_mode(number))
        grid = other.info.grid
        warp = Warp(grid, network_voxel(tools.networks.first, grid), job.models, job.correction)
        own = replace(
            tools,
            warp=warp,
            camera=grid,
            masked=_to_masks_grid(other, warp) if job.masked_images else None,
            resident=None,
            early=EarlyPlanes(warp, other.info.seen),
            beside=_beside(other, warp),
        )
        warm_up(own, other)
        found[mode.planes] = own
    return found


def early_of(tools: SegmentTools) -> Early | None:
    """Return what takes planes before their stack is whole."""
    return tools.resident or tools.early


def warm_up(tools: SegmentTools, job: Job) -> None:
    """Segment a dark stack, so that the first real one need not wait for compilers."""
    dark = np.full(job.info.shape, round(tools.offset), np.uint16)
    segment(Stack(dark, StackIndex(0, 0), 0.0), Normalisation(100.0, 1.0), tools)


class RawReader:
    """Reads stacks from the spool while they are there, and from OME-Zarr once they are not."""

    def __init__(self, folder: Path) -> None:
        self.spool: SpoolReader = Spool.attach(folder / SPOOL_FOLDER)
        self._folder = folder
        self._ledger = Ledger()
        self._images: dict[int, ImageReader] = {}

    def read(self, task: Task) -> UInt16:
        """Return a private copy of the stack, (c, z, y, x), uint16."""
        if task.slot is not None:
            return self.spool.read(task.slot, task.index)
        self._ledger.stored = {task.index}  # only stored stacks are asked for
        image = self._image(task.index.image)
        channels = range(image.shape[1])
        return np.stack([image.raw(task.index.t, c) for c in channels])

    def close(self) -> None:
        """Unmap the spool."""
        self.spool.close()

    def _image(self, number: int) -> ImageReader:
        if number not in self._images:
            path = image_path(self._folder, number)
            self._images[number] = ImageReader(path, number, self._ledger)
        return self._images[number]


def _one(
    pipe: Connection,
    task: Task,
    heights: Mapping[int, SegmentTools],
    findings: FindingsOf,
    raw: RawReader,
    analyser: Analyser,
) -> None:
    """Segment one stack, store its masks, and say how long it took, or what went wrong."""
    watch = Stopwatch()
    try:
        data = raw.read(task)
        pipe.send(Reply("taken"))
        watch.lap("read")
        stack, followed = Stack(data, task.index, task.time_s), task.followed
        tools = heights[data.shape[1]]
        if task.retaken and (early := early_of(tools)):
            early.forget(task.index)  # planes of the first try may be among them
        found = segment(stack, followed.normalisation, tools, followed.channel_offset)
        watch.lap("segment")
        findings.of(task.index.image, data.shape[1]).write(task.index.t, found)
        watch.lap("store")
        pipe.send(Reply("stored"))
        rows = measure(found.masks, found.beside)
        analysed = analyser.analyse(task, found.masks, data)
        watch.lap("measure")
    except EngineError as error:
        pipe.send(Reply("engine failed", (error.engine, error)))
    except (LivesrError, MemoryError) as error:
        pipe.send(Reply("failed", error if isinstance(error, LivesrError) else _memory(error)))
    except Exception as error:
        log.exception("%s", task.index)
        pipe.send(Reply("failed", _bug(error)))
    else:
        pipe.send(Reply("done", Segmented(rows, watch.laps, found.strangeness, *analysed)))


def _memory(error: MemoryError) -> ModelError:
    return ModelError(
        f"not enough memory for one stack ({error})",
        where="segmenter",
        fix="choose a smaller field, or masks on the networks' grid (segmentation.grid: network)",
    )


def _bug(error: Exception) -> ModelError:
    """Return what is booked for a stack whose error nobody expected: it costs that stack alone."""
    return ModelError(
        f"internal error: {type(error).__name__}: {error}",
        where="segmenter",
        fix="report it with the traceback on stderr",
    )
