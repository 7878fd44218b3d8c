"""Run one session: start segmentation beside the acquisition, store, and close in order."""

from __future__ import annotations

import logging
import time
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from livesr import __version__
from livesr.acquisition.layout import exposures
from livesr.acquisition.sources import LightSource
from livesr.books import Books
from livesr.errors import LivesrError, StorageError
from livesr.flow import StopToken, Waiting, Worker
from livesr.focus.of_session import focus_follower
from livesr.memory import give_back_memory
from livesr.ordered import Followers, offset_by_name
from livesr.pipeline import AcquisitionStopped, Recorder
from livesr.session.alone import only_one
from livesr.session.camera import check_same_camera
from livesr.session.course import Course
from livesr.session.disk_watch import DiskWatch
from livesr.session.feeder import Feeder
from livesr.session.files import open_files, past_of, prepare_folder
from livesr.session.job import Job
from livesr.session.log import session_log
from livesr.session.notes import NoteTaker, SessionTime
from livesr.session.past import Past, check_same
from livesr.session.pauses import Pauses, StopFile
from livesr.session.progress import Progress
from livesr.session.restore import take_light_reports, take_up, without_masks
from livesr.session.result import Outcome, SessionResult
from livesr.session.room import GIB, Room
from livesr.session.service import Service
from livesr.session.steered import steering_of
from livesr.session.summary import summary_of
from livesr.storage.folder import LOG_FILE
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.session.files import SessionFiles
    from livesr.session.plan import Plan
    from livesr.session.warm import Warm
    from livesr.stacks import OpenStack, Task
    from livesr.types import Frame

log = logging.getLogger(__name__)


def run_session(
    plan: Plan,
    folder: Path,
    *,
    stop: StopToken | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    opened: Callable[[Path], None] | None = None,
    resume: bool = False,
    warm: Warm | None = None,
) -> SessionResult:
    """Run a checked session into a new folder, or go on with one that was interrupted.

    Parameters
    ----------
    plan : Plan
        From `make_plan`; its source is closed at the end.
    folder : Path
        The session's folder; it must not exist yet, unless ``resume``.
    stop : StopToken, optional
        Ends the session in order from another thread or a signal handler.
    progress : callable, optional
        Called after each stack that was stored, or segmented once the camera has stopped.
    opened : callable, optional
        Called with the folder once a viewer can open it.
    resume : bool
        Go on with the session in the folder: what its journal lists is left out, whole stacks in
        its spool are stored, and stacks without masks get theirs.
    warm : Warm, optional
        A segmenter that is loaded already; it is used if it fits, and outlives the session.

    Returns
    -------
    SessionResult
        Also when the session was stopped or ended early by an error: ``result.error`` holds it.

    Raises
    ------
    StorageError
        If the folder exists (or, to go on, is no session's or in use) or there is no room; nothing
        was written then.
    ConfigError
        If the session to go on with was another one.
    """
    try:
        if resume:
            check_same(plan.session, folder)
        else:
            prepare_folder(plan, folder)
        supervisor = plan.source.watch(folder) if isinstance(plan.source, LightSource) else None
        with only_one(folder), session_log(folder / LOG_FILE):
            past = past_of(plan, folder) if resume else None
            if past is not None:
                check_same_camera(plan.camera, past.camera, folder)
            with open_files(plan, folder, past) as files:
                service = Service.of_environment()
                run = _Run(
                    plan, files, stop or StopToken(), progress, service, past or Past(), warm
                )
                run.begin(resumed=resume)
                if supervisor is not None:
                    supervisor.listen(run.note)
                if opened is not None:
                    opened(folder)
                service.ready(f"{plan.session.name}: {plan.info.stacks} stacks planned")
                with service.watched(run.alive):
                    with run.notes, run.stop_file:
                        run.acquire()
                    service.stopping()
                    return run.close()
    finally:
        plan.source.close()


class _Run:
    """The threads of one run, and the order in which they start and end."""

    def __init__(
        self,
        plan: Plan,
        files: SessionFiles,
        stop: StopToken,
        progress: Callable[[Progress], None],
        service: Service,
        past: Past,
        warm: Warm | None,
    ) -> None:
        self._warm = warm
        self._plan, self._files, self._stop, self._progress = plan, files, stop, progress
        self._service, self._past = service, past
        self._storing: Worker[OpenStack] | None = None
        self._error: LivesrError | None = None
        self._bug: Exception | None = None
        self._source_ended = False
        self._watched = True
        self._waiting: Waiting[Task] = Waiting(plan.session.segmentation.policy)
        self._images = files.images
        self._books = Books(files.journal, files.stored, self._frames_of)
        files.images.on_begin = self._image_begins
        plan.reports.listen(self._books.fault)
        self._time = SessionTime(stands_still=plan.played)
        self.notes = NoteTaker(files.folder, self._books.note, self._time)
        self.stop_file = StopFile(files.folder, stop)
        self._books.frames_lost = past.frames_lost
        self._books.failed += sorted(past.holes)
        self._room = self._make_room()
        recording = plan.session.recording
        self._disk = DiskWatch(
            self._room,
            self._raw_bytes,
            self._books.note,
            slots=plan.session.storage.spool_slots,
            paced=recording is None or recording.speed == "own",
        )
        images = files.images
        latest = past.latest(images.position)
        correction = plan.camera.correction
        self._followers = Followers(plan.info, images, plan.followed, latest, correction)
        focus = focus_follower(plan.session, plan.info, past.drift_um)
        if focus is not None:
            plan.next_stack.ask_z_offset(focus.offset_um)
        self._recorder = Recorder(
            plan.info,
            plan.session.layout,
            spool=files.spool,
            images=images,
            writers=files.writers,
            books=self._books,
            planes=files.planes,
            followers=self._followers,
            waiting=self._waiting if plan.networks is not None else None,
            stop=stop,
            patiently=self._room.patiently,
            focus=focus,
        )
        for image, light_ms in past.light_ms.items():
            self._recorder.light_ms[images.position(image)] += light_ms
        self._steering = steering_of(
            plan,
            files,
            self._room,
            note=self._books.note,
            stop=stop,
            light_ms=self._recorder.light_ms.__getitem__,
        )
        self._course = Course(plan, files, self._books, self._recorder, past)
        self._feeder = self._make_feeder()
        self._pauses = stop.gate = Pauses(
            files.folder,
            stop=stop,
            room=self._room,
            unstored=lambda: self._recorder.unstored,
            left=self._course.left,
            note=self._books.note,
            tell=self._tell_progress,
            give_up=self._keep,
        )

    def begin(self, *, resumed: bool) -> None:
        """Journal the beginning; of a resumed session first store what its spool kept."""
        plan, journal = self._plan, self._files.journal
        what = {"livesr": __version__, **summary_of(plan)}
        journal.append(Event.SESSION_RESUMED if resumed else Event.SESSION_STARTED, None, **what)
        for warning in plan.warnings:
            log.warning("%s", warning)
        if resumed:
            for said in take_light_reports(self._files.folder):
                self.note(Event.LIGHT_OFF, **said)
            if self._feeder is not None:
                for task in without_masks(self._past):
                    self._waiting.put(task)
            files = self._files
            take_up(plan, self._past, files.spool, files.images, self._recorder, self._books)
        self._course.steer(self._steering, self._is_pending)

    def _is_pending(self) -> bool:
        """Return whether stacks are on their way to a decision."""
        feeder = self._feeder
        decided = feeder is None or feeder.ended >= self._waiting.received
        return self._recorder.unstored > 0 or not decided

    def note(self, event: str, **fields: object) -> None:
        """Journal what is not about one stack; from any thread."""
        self._books.note(event, None, **fields)

    def acquire(self) -> None:
        """Run the source into the recorder, with storing and segmentation beside it."""
        try:
            if self._feeder is not None:
                self._feeder.start()
            self._record()
        finally:
            self._waiting.close()
            if self._feeder is not None:
                self._feeder.join()
            if self._steering is not None:
                self._steering.close()

    def _record(self) -> None:
        """Run the source to its end and store what it delivered."""
        slots = self._plan.session.storage.spool_slots
        storing: Worker[OpenStack] = Worker(
            "store-raw", self._store, size=slots, on_error=self._fail
        )
        self._storing = storing
        self._stop.attend()

        def deliver(frame: Frame) -> None:
            self._time.frame(frame.time_s)
            for stack in self._recorder.on_frame(frame):
                storing.put(stack)

        try:
            self._plan.source.run(deliver, self._stop)
            self._source_ended = not self._stop.stopping
        except AcquisitionStopped:
            log.warning("stopped within a stack")
        except LivesrError as error:
            self._keep(error)
        finally:
            for stack in self._recorder.cut_open_stack():
                storing.put(stack)
            storing.close()
            self._storing = None

    def alive(self, within_s: float) -> bool:
        """Return whether camera and disk gave a sign of life within so many seconds.

        A disk that is waited for, because it is full, is no hang; the segmenter has its own
        deadlines.
        """
        storing = self._storing
        if storing is None:
            return True
        stuck = storing.busy_s > within_s and not self._room.waiting
        waits = storing.busy_s > 0 or self._room.waiting  # the camera, for a slot of the spool
        return not stuck and (waits or self._stop.silence_s < within_s)

    def close(self) -> SessionResult:
        """Close the images at their true length and write down how the session ended."""
        if self._bug is not None:
            raise self._bug
        try:
            planned = self._course.planned() if self._source_ended else []
            self._books.absent(self._files.spool, planned)
        except StorageError as error:
            self._error = self._error or error
        result = self._result()
        try:
            self._files.trim(result.outcome)
            self._files.journal.append(Event.SESSION_FINISHED, None, **result.journalled())
        except StorageError as error:
            result = result.with_error(error)
        return result

    def _frames_of(self, image: int) -> int:
        """Return how many frames a stack of an image has."""
        info = self._images.info(image)
        return info.shape[1] * exposures(self._plan.session.layout, info)

    def _image_begins(self, number: int, position: int, mode: int) -> None:
        name = self._plan.info.modes[mode - 1].name
        said = {"image": number, "position": position, "mode": mode, "name": name}
        self._books.note(Event.IMAGE_BEGUN, None, **said)

    @property
    def _raw_bytes(self) -> int:
        return prod(self._plan.info.tallest) * 2

    def _make_room(self) -> Room:
        storage = self._plan.session.storage
        return Room(
            self._files.folder,
            floor=int(storage.keep_free_gib * GIB),
            stack=max(self._plan.stack_bytes()),
            patience_s=storage.wait_for_room_min * 60,
            stop=self._stop,
            note=self._books.note,
        )

    def _make_feeder(self) -> Feeder | None:
        plan, asked = self._plan, self._plan.session.segmentation
        if plan.networks is None:
            return None
        return Feeder(
            Job.of(plan, self._files.folder),
            spool=self._files.spool,
            waiting=self._waiting,
            journal=self._files.journal,
            measurements=self._files.measurements,
            stop=self._stop,
            past=self._past.segmented,
            catch_up=asked.catch_up,
            caught_up=self._tell_progress,
            steering=self._steering,
            patiently=partial(self._room.patiently, holds=False),
            warm=self._warm,
        )

    def _store(self, stack: OpenStack) -> None:
        """Store one stack (storing thread)."""
        began = time.monotonic()
        self._recorder.on_stack(stack)
        left = self._course.left()
        took_s, behind = time.monotonic() - began, self._recorder.unstored
        self._disk.stored(stack, took_s, left=left, behind=behind)
        self._tell_progress()
        give_back_memory()

    def _tell_progress(self) -> None:
        """Say how far the session is; a listener that fails is not told again and ends nothing."""
        now = self._now()
        self._service.status(now.words())
        if not self._watched:
            return
        try:
            self._progress(now)
        except Exception:
            self._watched = False
            log.exception("the progress can no longer be shown; the session goes on")

    def _fail(self, error: Exception) -> None:
        """End the acquisition because the storing thread met an error."""
        if isinstance(error, LivesrError):
            self._keep(error)
            self._stop.stop_now(error.what)
        else:
            self._bug = error
            self._stop.stop_now("internal error")

    def _keep(self, error: LivesrError) -> None:
        """Keep the first error and journal it, if the disk still takes it."""
        self._error = self._error or error
        try:
            self._files.journal.append(Event.FAULT, None, **error.as_dict())
        except StorageError as second:
            log.error("the journal could not take this error either: %s", second.what)  # noqa: TRY400 - its text is the message

    def _now(self) -> Progress:
        recorder, feeder = self._recorder, self._feeder
        return Progress(
            stacks=len(self._books.stored),
            planned=len(self._books.stored) + self._course.left(),
            segmented=len(feeder.live) + len(feeder.later) if feeder else 0,
            waiting=len(self._waiting),
            fps=recorder.fps,
            latency_s=feeder.latencies_s[-1] if feeder and feeder.latencies_s else None,
            paused=self._pauses.words,
        )

    def _result(self) -> SessionResult:
        recorder, feeder = self._recorder, self._feeder
        outcome = Outcome(
            stored=self._books.stored,
            live=feeder.live if feeder else [],
            later=feeder.later if feeder else [],
            failed=[*self._books.failed, *(feeder.failed if feeder else [])],
        )
        return SessionResult(
            folder=self._files.folder,
            outcome=outcome,
            planned=self._course.count,
            frames=recorder.frames,
            frames_lost=self._books.frames_lost,
            faults=self._books.faults,
            fps=recorder.fps,
            latencies_s=feeder.latencies_s if feeder else [],
            seconds=feeder.seconds if feeder else [],
            flagged=feeder.flagged if feeder and self._plan.judged else None,
            engine=feeder.engine if feeder else "",
            error=self._error or (feeder.error if feeder else None),
            channel_offset_nm=offset_by_name(
                self._followers.offset.value, self._plan.info.channels
            ),
            misfits=self._books.misfit,
            stopped=self._stop.reason,
            signal=self._stop.signal,
            disk={
                **self._disk.summary(),
                "pauses": self._pauses.count,
                "paused_s": round(self._pauses.seconds, 3),
            },
        )
