"""The daemon's data folder: a folder a session, and its own books in ``.daemon``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from livesr.errors import ConfigError
from livesr.plain import NotPlainError, read_json
from livesr.storage.disk import disk_errors
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, is_plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOKS = ".daemon"
"""Begins with a dot, so that no session can be called so."""
_JOB, _OUT, _LOG = ".job.json", ".out.json", ".log"
JobState = Literal["queued", "started", "ended"]


@dataclass(frozen=True, slots=True)
class Job:
    """A session that the daemon was asked to run.

    Attributes
    ----------
    name : str
        Of the session and its folder.
    order : int
        The queue's: lower ones run first.
    state : {"queued", "started", "ended"}
    resume : bool
        Go on with the session in the folder.
    pid, born : int, float
        The process, and when it began (s since 1970), since numbers are used again; 0: none yet.
    """

    name: str
    order: int
    state: JobState = "queued"
    resume: bool = False
    pid: int = 0
    born: float = 0.0


class DataFolder:
    """Where the daemon keeps what it knows; nothing outside is read or written.

    Parameters
    ----------
    root : Path
        Made if it does not exist.

    Raises
    ------
    StorageError
        If it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.books = self.root / BOOKS
        with disk_errors("the data folder cannot be made", self.root):
            self.books.mkdir(parents=True, exist_ok=True)

    def session(self, name: str) -> Path:
        """Return a session's folder, which need not exist.

        Raises
        ------
        ConfigError
            If this is no name that a session can have.
        """
        folder = self.root / name
        if not is_plain_name(name) or folder.is_symlink():
            raise ConfigError(
                f"{name!r:.80} is no session's name",
                where="the daemon's data folder",
                fix="GET /api/sessions lists them",
            )
        return folder

    def sessions(self) -> list[str]:
        """Return the names of the sessions there are, the newest first."""
        found = []
        for entry in self._entries():
            settings = entry / SESSION_FILE
            if is_plain_name(entry.name) and not entry.is_symlink() and settings.is_file():
                found.append((settings.stat().st_mtime, entry.name))
        return [name for _, name in sorted(found, reverse=True)]

    def files(self) -> list[str]:
        """Return the names of the session files that lie in the folder."""
        return sorted(
            entry.name
            for entry in self._entries()
            if entry.suffix in {".yaml", ".yml", ".json"}
            and is_plain_name(entry.name)
            and entry.is_file()
            and not entry.is_symlink()
        )

    def _entries(self) -> list[Path]:
        with disk_errors("the data folder cannot be read", self.root):
            return list(self.root.iterdir())

    def has_journal(self, name: str) -> bool:
        """Return whether a session began to record."""
        return (self.session(name) / JOURNAL_FILE).is_file()

    # ------------------------------------------------------------ the daemon's books

    def asked_file(self, name: str) -> Path:
        """Return where the session file of a queued session stands."""
        return self.books / f"{name}.yaml"

    def out_file(self, name: str) -> Path:
        """Return where what a session's process prints on stdout goes: its result."""
        return self.books / f"{name}{_OUT}"

    def log_file(self, name: str) -> Path:
        """Return where what a session's process says on stderr goes."""
        return self.books / f"{name}{_LOG}"

    def write_job(self, job: Job) -> None:
        """Keep a job, whole or not at all."""
        path = self.books / f"{job.name}{_JOB}"
        draft = path.with_suffix(".draft")
        with disk_errors("the daemon's books cannot be written", path):
            with draft.open("w", encoding="utf-8", newline="\n") as file:
                json.dump(asdict(job), file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)

    def forget_job(self, name: str) -> None:
        """Remove a job that will not run."""
        with disk_errors("the daemon's books cannot be written", self.books):
            (self.books / f"{name}{_JOB}").unlink(missing_ok=True)
            self.asked_file(name).unlink(missing_ok=True)

    def jobs(self) -> Iterator[Job]:
        """Yield the jobs that were kept; what is no job is left alone."""
        for path in sorted(self.books.glob(f"*{_JOB}")):
            try:
                job = Job(**read_json(path))
            except (OSError, NotPlainError, TypeError):
                continue
            if is_plain_name(job.name) and path.name == f"{job.name}{_JOB}":
                yield job

    def result(self, name: str) -> dict[str, Any]:
        """Return what a session's process said at its end, empty if nothing."""
        try:
            said = read_json(self.out_file(name))
        except (OSError, NotPlainError):
            return {}
        return said if isinstance(said, dict) else {}
