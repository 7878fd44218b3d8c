"""Where stacks are worked on: one shop a process, here or on another machine.

A stack comes twice. First it is taken: read, stored as raw, and asked what it says of normalisation
and channel offset. These values are followed elsewhere, in order; with them the stack comes back
for its masks. Both steps are pure, so that it does not matter where or when they are done.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from livesr.config import session_from
from livesr.errors import EngineError, LivesrError, ModelError
from livesr.flow import Stopwatch
from livesr.offline.linked import link_raw
from livesr.offline.sources import open_stacks
from livesr.ordered import Estimate, Estimator
from livesr.pipeline import measure, segment
from livesr.plain import yaml_of
from livesr.segmentation.engines import another
from livesr.session.findings import Findings
from livesr.session.job import Job
from livesr.session.planning import plan_on
from livesr.session.segmenter import Segmented, load_tools, tools_without_engines
from livesr.storage.folder import image_path
from livesr.storage.image import ImageWriter, display_windows
from livesr.types import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.offline.sources import Stacks
    from livesr.ordered import Followed
    from livesr.pipeline import Segmentation, SegmentTools
    from livesr.segmentation.engines import Choice
    from livesr.session.plan import Plan
    from livesr.types import StackIndex, UInt16

log = logging.getLogger(__name__)

T = TypeVar("T")

_OPEN = 8
"""Inputs that are held open."""
_KEPT = 4
"""Stacks that are kept between their two visits."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a process must know of one input to work on it: a few kilobytes.

    Attributes
    ----------
    session : str
        The session file's text.
    folder : str
        Where the masks go; every process that works on it must reach it by this name.
    """

    session: str
    folder: str

    def open(self) -> tuple[Plan, Stacks]:
        """Return the checked plan and the recording.

        Raises
        ------
        LivesrError
            If the recording, the calibration or a package cannot be used.
        """
        session = session_from(yaml_of(self.session)[1], where=self.folder)
        stacks = open_stacks(session)
        try:
            return plan_on(session, stacks.source), stacks
        except BaseException:
            stacks.close()
            raise


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a stack's first visit.

    Attributes
    ----------
    windows : list of tuple of float
        To show each channel in.
    where : str
        The process that has it in memory, as `livesr.offline.hands` knows it.
    """

    estimate: Estimate | None
    store_s: float
    stored_bytes: int
    windows: list[tuple[float, float]] = field(default_factory=list)
    where: str = ""


@dataclass(frozen=True, slots=True)
class Masked:
    """What came of a stack's second visit.

    Attributes
    ----------
    engine : mapping
        Which one, how precise, and what was passed over.
    """

    found: Segmented
    engine: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Bench:
    """One input, open."""

    plan: Plan
    stacks: Stacks
    job: Job
    estimator: Estimator
    images: Sequence[ImageWriter]
    tools: SegmentTools | None = None
    findings: Sequence[Findings] = ()
    loaded: tuple[Choice, ...] = ()
    kept: OrderedDict[StackIndex, UInt16] = field(default_factory=OrderedDict)
    lent: bool = False


class Shop:
    """Works on stacks; its networks are loaded once and serve every input that wants them.

    May be called from several threads: reading and writing go on side by side, the processor works
    on one stack at a time.

    Parameters
    ----------
    threads : int or None
        Of the engines, where the session does not say; None: all.
    where : str
        What this process is called.
    """

    def __init__(self, threads: int | None = None, where: str = "") -> None:
        self._threads, self._where = threads, where
        self._benches: OrderedDict[str, _Bench] = OrderedDict()
        self._engines: dict[object, tuple[Choice, ...]] = {}
        self._opening = threading.Lock()
        self._working = threading.Lock()
        self._without: tuple[str, ...] = ()

    def take(self, work: Work, index: StackIndex, *, estimate: bool) -> Taken | LivesrError:
        """Read and store a stack; return what it says, if that is asked for, or what went wrong."""
        return _safely(lambda: self._take(self._bench(work), index, estimate=estimate))

    def masks(
        self, work: Work, index: StackIndex, time_s: float, followed: Followed
    ) -> Masked | LivesrError:
        """Make, store and measure a stack's masks; return what was measured, or what went wrong."""
        return _safely(lambda: self._masks(self._bench(work), index, time_s, followed))

    def lend(self, work: Work, plan: Plan, stacks: Stacks) -> None:
        """Let an input be worked on that is open already; its owner closes it."""
        bench = _open(work, plan, stacks, self._threads)
        bench.lent = True
        self._benches[work.folder] = bench

    def forget(self, folder: str) -> None:
        """Close an input."""
        bench = self._benches.pop(folder, None)
        if bench is not None:
            _close(bench)

    def close(self) -> None:
        """Close what is open."""
        for choices in self._engines.values():
            for choice in choices:
                choice.engine.close()
        self._engines.clear()
        for folder in list(self._benches):
            self.forget(folder)

    def _take(self, bench: _Bench, index: StackIndex, *, estimate: bool) -> Taken:
        data = bench.stacks.read(index)
        watch, image = Stopwatch(), bench.images[index.image]
        if not link_raw(bench.stacks, index, image):
            image.write_raw(index.t, data)
        watch.lap("store")
        said = None
        if estimate:
            with self._working:
                said = bench.estimator(data)
        bench.kept[index] = data
        while len(bench.kept) > _KEPT:
            bench.kept.popitem(last=False)
        stored = image.stored_bytes(index.t)
        return Taken(said, watch.laps["store"], stored, display_windows(data), self._where)

    def _masks(self, bench: _Bench, index: StackIndex, time_s: float, followed: Followed) -> Masked:
        watch = Stopwatch()
        data = bench.kept.pop(index, None)
        if data is None:
            data = bench.stacks.read(index)
        watch.lap("read")
        stack = Stack(data, index, time_s)
        with self._working:
            self._make_ready(bench)
            watch.lap("wait")
            found = self._segment(bench, stack, followed)
        watch.lap("segment")
        bench.findings[index.image].write(index.t, found)
        watch.lap("store")
        rows = measure(found.masks, found.beside)
        watch.lap("measure")
        return Masked(Segmented(rows, watch.laps, found.strangeness), said_of(bench.loaded))

    def _segment(self, bench: _Bench, stack: Stack, followed: Followed) -> Segmentation:
        while True:
            assert bench.tools is not None  # noqa: S101 - `_make_ready` made them
            try:
                return segment(stack, followed.normalisation, bench.tools, followed.channel_offset)
            except EngineError as error:
                self._leave_engine(bench, error)

    def _bench(self, work: Work) -> _Bench:
        with self._opening:
            bench = self._benches.get(work.folder)
            if bench is None:
                bench = self._benches[work.folder] = _open(work, *work.open(), self._threads)
                while len(self._benches) > _OPEN:
                    _close(self._benches.popitem(last=False)[1])
            self._benches.move_to_end(work.folder)
            return bench

    def _make_ready(self, bench: _Bench) -> None:
        """Load engines, or take those that an earlier input left; open what masks go to."""
        if bench.tools is not None:
            return
        job = bench.job = replace(bench.job, without=self._without)
        key = (job.packages, job.structures, job.engine, job.precision, job.threads, job.without)
        tools, choices = load_tools(job, self._engines.get(key, ()))
        self._engines[key] = choices
        bench.tools, bench.loaded = replace(tools, early=None), choices
        bench.findings = findings_of(job, bench.tools, shared=True)

    def _leave_engine(self, bench: _Bench, error: EngineError) -> None:
        """Go on with the next best engine, or raise where there is none or one was named."""
        without = (*self._without, error.engine)
        if bench.job.engine != "auto" or error.engine in self._without or not another(without):
            raise error
        log.warning("engine %s failed (%s): the next best one takes over", error.engine, error.what)
        self._without = without
        self._engines.clear()
        for other in self._benches.values():
            other.tools = None
        self._make_ready(bench)


def _open(work: Work, plan: Plan, stacks: Stacks, threads: int | None) -> _Bench:
    folder = Path(work.folder)
    job = Job.of(plan, folder)
    if job.threads is None:
        job = replace(job, threads=threads)
    images = [
        ImageWriter.open(image_path(folder, number), shared=True)
        for number in range(plan.info.positions)
    ]
    estimator = Estimator(plan.info, plan.followed, plan.camera.correction)
    return _Bench(plan, stacks, job, estimator, images)


def _close(bench: _Bench) -> None:
    if not bench.lent:
        bench.stacks.close()


def make_findings(plan: Plan, folder: Path) -> None:
    """Create what masks go to, before anybody writes there."""
    job = Job.of(plan, folder)
    findings_of(job, tools_without_engines(job), shared=False)


def findings_of(job: Job, tools: SegmentTools, *, shared: bool) -> list[Findings]:
    """Return what each image's masks go to."""
    return [Findings(n, job, tools, shared=shared) for n in range(job.info.positions)]


def said_of(choices: Sequence[Choice]) -> dict[str, Any]:
    """Return what a journal keeps of the engines."""
    if not choices:
        return {}
    names = dict.fromkeys(choice.engine.name for choice in choices)
    return {**choices[0].as_dict(), "engine": "+".join(names)}


def _safely(work: Callable[[], T]) -> T | LivesrError:
    """Return what came of a stack, or its error, which costs that stack alone."""
    try:
        return work()
    except LivesrError as error:
        return error
    except MemoryError:
        return ModelError(
            "not enough memory for one stack",
            where="livesr process",
            fix="fewer workers on a machine, or segmentation.grid: network",
        )
    except Exception as error:
        log.exception("a stack could not be worked on")
        return ModelError(
            f"internal error: {type(error).__name__}: {error}",
            where="livesr process",
            fix="report it with the session's log",
        )
