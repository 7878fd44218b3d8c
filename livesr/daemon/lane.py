"""One microscope, one session at a time: those that wait, and the one that runs."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil

from livesr.config import dump_session
from livesr.daemon import children
from livesr.daemon.errors import BusyError, UnknownError
from livesr.daemon.folder import Job
from livesr.errors import ConfigError, LivesrError
from livesr.plain import NotPlainError, json_of
from livesr.session.naming import named
from livesr.storage.disk import disk_errors
from livesr.storage.folder import PAUSE_FILE, SESSION_FILE, STOP_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from livesr.config import Session
    from livesr.daemon.folder import DataFolder

log = logging.getLogger(__name__)

MOST_QUEUED = 100
_CHECK_S = 120.0
_PLAYED = frozenset({"simulated", "simulated-two-cameras", "demo"})
"""Microscopes of which there is one for everybody."""


class Lane:
    """The queue of a microscope.

    Parameters
    ----------
    data : DataFolder
        Jobs that another daemon left there are gone on with.
    run : sequence of str, optional
        Instead of ``livesr run …``, see `children.start`.
    """

    def __init__(self, data: DataFolder, run: Sequence[str] = ()) -> None:
        self._data, self._run = data, run
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {job.name: job for job in data.jobs()}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._checking = False
        self._trouble: dict[str, LivesrError] = {}

    def jobs(self) -> dict[str, Job]:
        """Return the jobs by session."""
        with self._lock:
            return dict(self._jobs)

    def queue(self) -> list[str]:
        """Return the sessions that wait, the next first."""
        waiting = [job for job in self.jobs().values() if job.state == "queued"]
        return [job.name for job in sorted(waiting, key=lambda job: job.order)]

    def running(self) -> str | None:
        """Return the session that the daemon runs."""
        for job in self.jobs().values():
            if job.state == "started" and children.lives(job):
                return job.name
        return None

    def runs(self, name: str) -> bool:
        """Return whether a session runs, whoever started it."""
        job = self.jobs().get(name)
        if job is not None and job.state == "started":
            return children.lives(job)
        return children.is_held(self._data.session(name))

    def trouble(self, name: str) -> LivesrError | None:
        """Return why a session's process could not be started."""
        return self._trouble.get(name)

    # ------------------------------------------------------------ what is asked for

    def submit(self, session: Session) -> str:
        """Queue a session and return its name.

        Raises
        ------
        BusyError
            If too many wait.
        ConfigError, StorageError
            If its name cannot be, or the books cannot be written.
        """
        with self._lock:
            if len(self.queue()) >= MOST_QUEUED:
                raise BusyError(f"{MOST_QUEUED} sessions wait already", fix="wait, or stop some")
            session, folder = named(session, self._data.root)
            name = self._free(folder.name)
            self._data.session(name)
            text = dump_session(session)
            with disk_errors("the session cannot be kept", self._data.books):
                self._data.asked_file(name).write_text(text, encoding="utf-8")
            self._keep(self._job(name))
        self.tick()
        return name

    def check(self, session: Session) -> dict[str, Any]:
        """Return what a session would do: ``livesr run --dry-run``, in a process of its own.

        Raises
        ------
        BusyError
            If its microscope is in use.
        LivesrError
            What is wrong with the session.
        """
        real = session.recording is None and session.microscope.config not in _PLAYED
        with self._lock:
            if self._checking or (real and self._occupied()):
                raise BusyError(
                    "the microscope is in use, so the session cannot be checked on it",
                    fix="wait for the end of the running session or check",
                )
            self._checking = True
        file = self._data.books / "check.yaml"
        try:
            file.write_text(dump_session(session), encoding="utf-8")
            call = children.command("run", str(file), "--dry-run", "--json")
            done = subprocess.run(  # noqa: S603 - our own program
                call,
                cwd=self._data.root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=children.environment(),
                timeout=_CHECK_S,
                check=False,
            )
            said = json_of(done.stdout)
        except subprocess.TimeoutExpired:
            raise ConfigError(f"the check took more than {_CHECK_S:g} s", where="check") from None
        except (OSError, NotPlainError, ValueError) as error:
            raise ConfigError(f"the check gave no answer: {error}", where="check") from None
        finally:
            self._checking = False
        if "error" in said:
            raise _as_error(said)
        return dict(said)

    def pause(self, name: str) -> None:
        """Begin no further stack until `go_on`.

        Raises
        ------
        BusyError
            If the session does not run.
        """
        self._must_run(name)
        with disk_errors("the pause cannot be asked for", self._data.session(name)):
            (self._data.session(name) / PAUSE_FILE).touch()

    def go_on(self, name: str) -> None:
        """End a pause, or queue the rest of a session that was interrupted.

        Raises
        ------
        BusyError
            If it is neither.
        UnknownError
            If there is no such session.
        """
        folder = self._data.session(name)
        with disk_errors("the pause cannot be ended", folder):
            (folder / PAUSE_FILE).unlink(missing_ok=True)
        if self.runs(name):
            return
        if not (folder / SESSION_FILE).is_file():
            raise UnknownError(f"there is no session {name!r:.80}")
        with self._lock:
            job = self._jobs.get(name)
            if job is not None and job.state == "queued":
                raise BusyError(f"{name} waits already", fix="wait for its turn")
            self._reap(name)
            with disk_errors("an old request cannot be removed", folder):
                (folder / STOP_FILE).unlink(missing_ok=True)
            self._keep(self._job(name, resume=True))
        self.tick()

    def stop(self, name: str, *, now: bool = False) -> str:
        """End a session after its present stack, or ``now``; take one that waits from the queue.

        Returns
        -------
        str
            ``"stopping"`` or ``"removed"``.

        Raises
        ------
        BusyError
            If it neither runs nor waits.
        """
        with self._lock:
            job = self._jobs.get(name)
            if job is not None and job.state == "queued":
                self._data.forget_job(name)
                del self._jobs[name]
                return "removed"
        self._must_run(name)
        folder = self._data.session(name)
        if job is not None and not self._data.has_journal(name):
            self._terminate(job)
            return "stopping"
        with disk_errors("the end cannot be asked for", folder):
            draft = folder / f"{STOP_FILE}.draft"
            draft.write_text("now" if now else "", encoding="utf-8")
            draft.replace(folder / STOP_FILE)
            (folder / PAUSE_FILE).unlink(missing_ok=True)
        return "stopping"

    # ------------------------------------------------------------ one after the other

    def tick(self) -> None:
        """Take note of what ended, and start the next session if the microscope is free."""
        with self._lock:
            for job in list(self._jobs.values()):
                if job.state == "started" and not self._lives(job):
                    self._reap(job.name)
                    self._keep(replace(job, state="ended"))
            waiting = self.queue()
            if waiting and not self._checking and not self._occupied():
                self._start(self._jobs[waiting[0]])

    def _start(self, job: Job) -> None:
        try:
            started, process = children.start(job, self._data, self._run)
        except LivesrError as error:
            log.error("%s does not start: %s", job.name, error)  # noqa: TRY400 - its text is the message
            self._trouble[job.name] = error
            self._keep(replace(job, state="ended"))
            return
        self._processes[job.name] = process
        self._keep(started)

    def _occupied(self) -> bool:
        """Return whether some session of the data folder runs."""
        if self.running() is not None:
            return True
        return any(children.is_held(self._data.session(name)) for name in self._data.sessions())

    def _lives(self, job: Job) -> bool:
        process = self._processes.get(job.name)
        return children.lives(job) if process is None else process.poll() is None

    def _reap(self, name: str) -> None:
        """Let go of a process that has ended."""
        process = self._processes.pop(name, None)
        if process is not None:
            process.wait()

    def _must_run(self, name: str) -> None:
        if self.runs(name):
            return
        if name not in self.jobs() and not (self._data.session(name) / SESSION_FILE).is_file():
            raise UnknownError(f"there is no session {name!r:.80}")
        raise BusyError(f"{name} does not run", fix="GET /api/sessions says what each does")

    def _terminate(self, job: Job) -> None:
        """End a process that has not begun to record."""
        try:
            process = psutil.Process(job.pid)
            if children.lives(job):
                process.terminate()
        except psutil.Error as error:
            log.debug("%s could not be ended: %s", job.name, error)

    def _free(self, name: str) -> str:
        """Return the name, or one that neither a session nor a job has."""
        number, wish = 1, name
        while name in self._jobs or self._data.session(name).exists():
            number += 1
            name = f"{wish}-{number}"
        return name

    def _job(self, name: str, *, resume: bool = False) -> Job:
        return Job(name, time.time_ns(), resume=resume)

    def _keep(self, job: Job) -> None:
        self._data.write_job(job)
        self._jobs[job.name] = job


def _as_error(said: dict[str, Any]) -> LivesrError:
    parts = (str(said.get(key, "")) for key in ("what", "where", "mend"))
    what, where, mend = parts
    return ConfigError(what, where=where, fix=mend)
