"""Run one session: open the folder, start segmentation beside the acquisition, close in order."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr import __version__
from livesr.config import dump_session
from livesr.errors import LivesrError, StorageError
from livesr.flow import StopToken, Waiting, Worker
from livesr.pipeline import AcquisitionStopped, OpenStack, Recorder, Task
from livesr.session.log import session_log
from livesr.session.result import Outcome, SessionResult
from livesr.session.segmenter import Feeder, Job
from livesr.storage.disk import free_bytes
from livesr.storage.folder import (
    JOURNAL_FILE,
    LOG_FILE,
    MEASUREMENT_ROWS,
    MEASUREMENTS_FILE,
    PLANE_ROWS,
    PLANES_FILE,
    SESSION_FILE,
    SPOOL_FOLDER,
    image_path,
)
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.labels import LabelWriter, label_names
from livesr.storage.space import check_space
from livesr.storage.spool import Spool
from livesr.storage.tables import RowLog, to_parquet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session.plan import Plan
    from livesr.types import Frame

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running session says of itself after each stack."""

    stacks: int
    planned: int
    segmented: int
    waiting: int
    fps: float
    latency_s: float | None


def run_session(
    plan: Plan,
    folder: Path,
    *,
    stop: StopToken | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    opened: Callable[[Path], None] | None = None,
) -> SessionResult:
    """Run a checked session into a new folder.

    Parameters
    ----------
    plan : Plan
        From `make_plan`; its source is closed at the end.
    folder : Path
        The session's folder; it must not exist yet.
    stop : StopToken, optional
        Ends the session in order from another thread or a signal handler.
    progress : callable, optional
        Called in the storing thread after each stack.
    opened : callable, optional
        Called with the folder once a viewer can open it.

    Returns
    -------
    SessionResult
        Also when the session was stopped or ended early by an error: ``result.error`` holds it.

    Raises
    ------
    StorageError
        If the folder exists or there is no room; nothing was written then.
    """
    stop = stop or StopToken()
    try:
        prepare_folder(plan, folder)
        with session_log(folder / LOG_FILE):
            return _Run(plan, folder, stop, progress, opened or (lambda _: None)).go()
    finally:
        plan.source.close()


def prepare_folder(plan: Plan, folder: Path) -> None:
    """Make the session's folder, or refuse."""
    if folder.exists():
        raise StorageError(
            "the session folder exists already; a recording is never written over",
            where=str(folder),
            fix="choose another --out",
        )
    check_space(folder, plan.disk_bytes())
    try:
        folder.mkdir(parents=True)
        (folder / SESSION_FILE).write_text(dump_session(plan.session), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"the session folder cannot be made: {error.strerror or error}",
            where=str(folder),
            fix="choose an --out that you may write to",
        ) from None


class _Run:
    """The parts of one run and the order in which they start and end."""

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        stop: StopToken,
        progress: Callable[[Progress], None],
        opened: Callable[[Path], None],
    ) -> None:
        self._plan, self._folder, self._stop = plan, folder, stop
        self._progress, self._opened = progress, opened
        self._error: LivesrError | None = None
        self._bug: Exception | None = None
        self._waiting: Waiting[Task] = Waiting(plan.session.segmentation.policy)

    def go(self) -> SessionResult:
        """Open everything, acquire, close everything; an error ends the run but not its books."""
        plan, folder = self._plan, self._folder
        with ExitStack() as parts:
            self._journal = parts.enter_context(Journal(folder / JOURNAL_FILE))
            self._planes = RowLog(folder / PLANE_ROWS)
            parts.callback(self._planes.close)
            self._measured = RowLog(folder / MEASUREMENT_ROWS)
            parts.callback(self._measured.close)
            slots = plan.session.storage.spool_slots
            self._spool = Spool(folder / SPOOL_FOLDER, plan.info.shape, slots)
            parts.callback(self._spool.close, remove=True)
            self._images = [self._image(number) for number in range(plan.info.positions)]
            self._journal.append(Event.SESSION_STARTED, None, **self._headline())
            self._opened(folder)
            self._acquire()
            result = self._close()
        self._tables()
        if self._bug is not None:
            raise self._bug
        return result

    def _headline(self) -> dict[str, object]:
        return {"livesr": __version__, **self._plan.summary()}

    def _image(self, number: int) -> ImageWriter:
        plan = self._plan
        path = image_path(self._folder, number)
        attributes = {
            "livesr": __version__,
            "session": plan.session.name,
            "position": number,
            "simulated": plan.info.simulated,
            "calibration": plan.calibration,
            "calibration_applies_to": "masks and displays; raw is never interpolated",
            "package": plan.package.name if plan.package else None,
            "unreliable_without_ratio": list(plan.unreliable),
        }
        return ImageWriter.create(
            path, plan.info, name=f"{plan.session.name} {number}", attributes=attributes
        )

    # -------------------------------------------------------------- acquisition

    def _acquire(self) -> None:
        """Run the source into the recorder, with storing and segmentation beside it."""
        plan = self._plan
        self._feeder = self._start_feeder() if plan.package is not None else None
        self._recorder = Recorder(
            plan.info,
            plan.session.layout,
            spool=self._spool,
            images=self._images,
            journal=self._journal,
            planes=self._planes,
            waiting=self._waiting if self._feeder is not None else None,
            stop=self._stop,
        )
        storing: Worker[OpenStack] = Worker(
            "store-raw", self._store, size=plan.session.storage.spool_slots, on_error=self._fail
        )

        def deliver(frame: Frame) -> None:
            for stack in self._recorder.on_frame(frame):
                storing.put(stack)

        try:
            plan.source.run(deliver, self._stop)
        except AcquisitionStopped:
            log.warning("stopped within a stack")
        except LivesrError as error:
            self._keep(error)
        finally:
            for stack in self._recorder.cut_open_stack():
                storing.put(stack)
            storing.close()
            self._waiting.close()
            if self._feeder is not None:
                self._feeder.join()

    def _start_feeder(self) -> Feeder:
        plan, asked = self._plan, self._plan.session.segmentation
        assert plan.package is not None  # noqa: S101 - the caller asked
        job = Job(
            info=plan.info,
            package=str(plan.package.folder),
            engine=asked.engine,
            precision=asked.precision,
            threads=asked.threads,
            calibration=plan.calibration,
            models=plan.models,
            structures=plan.structures,
            unreliable=plan.unreliable,
            on_camera_grid=asked.grid == "camera",
            folder=self._folder,
        )
        feeder = Feeder(
            job,
            spool=self._spool,
            waiting=self._waiting,
            journal=self._journal,
            measurements=self._measured,
            stop=self._stop,
            catch_up=asked.catch_up,
        )
        feeder.start()
        return feeder

    def _store(self, stack: OpenStack) -> None:
        """Store one stack (storing thread); refuse before the disk is full."""
        floor = self._plan.session.storage.keep_free_gib * 2**30
        free = free_bytes(self._folder)
        if free - stack.slot.data.nbytes < floor:
            raise StorageError(
                f"{free / 2**30:.2f} GiB are left on the disk, the session keeps "
                f"{floor / 2**30:.2f} GiB free",
                where=str(self._folder),
                fix="make room and start a new session; all stacks that the journal lists are safe",
            )
        self._recorder.on_stack(stack)
        self._progress(self.progress())

    def _fail(self, error: Exception) -> None:
        """End the acquisition because the storing thread met an error."""
        if not isinstance(error, LivesrError):
            self._bug = error
            self._stop.stop_now("internal error")
            return
        self._stop.stop_now(error.what)
        self._keep(error)

    def _keep(self, error: LivesrError) -> None:
        """Keep the first error and journal it, if the disk still takes it."""
        self._error = self._error or error
        try:
            self._journal.append(Event.FAULT, None, **error.as_dict())
        except StorageError as second:
            log.error("the journal could not take this error either: %s", second.what)  # noqa: TRY400 - its text is the message

    def progress(self) -> Progress:
        """Return how far the session is."""
        recorder, feeder = self._recorder, self._feeder
        elapsed = recorder.last_frame_at - recorder.first_frame_at
        return Progress(
            stacks=len(recorder.stored),
            planned=self._plan.info.timepoints * self._plan.info.positions,
            segmented=len(feeder.live) + len(feeder.later) if feeder else 0,
            waiting=len(self._waiting),
            fps=(recorder.frames - 1) / elapsed if elapsed > 0 else 0.0,
            latency_s=feeder.latencies_s[-1] if feeder and feeder.latencies_s else None,
        )

    # -------------------------------------------------------------------- close

    def _close(self) -> SessionResult:
        """Close the images at their true length and write down how the session ended."""
        recorder, feeder = self._recorder, self._feeder
        outcome = Outcome(
            stored=recorder.stored,
            live=feeder.live if feeder else [],
            later=feeder.later if feeder else [],
            failed=[*recorder.failed, *(feeder.failed if feeder else [])],
        )
        result = SessionResult(
            folder=self._folder,
            outcome=outcome,
            planned=self._plan.info.timepoints * self._plan.info.positions,
            frames=recorder.frames,
            frames_lost=recorder.frames_lost,
            fps=self.progress().fps,
            latencies_s=list(feeder.latencies_s) if feeder else [],
            seconds=list(feeder.seconds) if feeder else [],
            engine=feeder.engine if feeder else "",
            error=self._error or (feeder.error if feeder else None),
            stopped=self._stop.reason,
            signal=self._stop.signal,
        )
        try:
            self._trim(outcome)
            self._journal.append(Event.SESSION_FINISHED, None, **result.journalled())
        except StorageError as error:
            result = result.with_error(error)
        return result

    def _trim(self, outcome: Outcome) -> None:
        """Shorten arrays that were declared longer than the recording became."""
        for number, image in enumerate(self._images):
            length = outcome.length(number)
            if length < self._plan.info.timepoints:
                image.trim(length)
                if label_names(image.path):
                    LabelWriter.open(image.path).trim(length)
            image.close()

    def _tables(self) -> None:
        """Turn the rows into parquet; rows that cannot be turned stay as they are."""
        for rows, table in ((PLANE_ROWS, PLANES_FILE), (MEASUREMENT_ROWS, MEASUREMENTS_FILE)):
            try:
                to_parquet(self._folder / rows, self._folder / table)
            except StorageError as error:
                log.error("%s stays as it is: %s", rows, error.what)  # noqa: TRY400 - its text is the message
            else:
                (self._folder / rows).unlink()
