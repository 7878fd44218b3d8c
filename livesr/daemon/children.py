"""The process of one session: started apart from the daemon, and found again by the next one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
from filelock import FileLock, Timeout

from livesr.companion import of_its_own
from livesr.errors import StorageError
from livesr.storage.folder import LOCK_FILE, SESSION_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from livesr.daemon.folder import DataFolder, Job

_SAME_S = 2.0
"""Between what two looks at a process' beginning may say."""
_OF_THE_DAEMON = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LIVESR_TOKEN")


def command(*arguments: str) -> list[str]:
    """Return a call of livesr, the one that runs here."""
    return [sys.executable, "-P", "-m", "livesr", *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a call: this program, and nothing that is the daemon's own."""
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100 - '' is the working folder
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_DAEMON}
    return {**kept, "PYTHONPATH": paths}


def start(
    job: Job, data: DataFolder, run: Sequence[str] = ()
) -> tuple[Job, subprocess.Popen[bytes]]:
    """Start a session's process, which belongs to no terminal and outlives the daemon.

    Parameters
    ----------
    job : Job
    data : DataFolder
    run : sequence of str, optional
        Instead of ``livesr run …``; ``{folder}`` stands for the session's folder.

    Returns
    -------
    Job
        With its process.
    Popen
        Of the process, which must be waited for.

    Raises
    ------
    StorageError
        If it cannot be started.
    """
    folder = data.session(job.name)
    settings = folder / SESSION_FILE if job.resume else data.asked_file(job.name)
    rest = ["--resume"] if job.resume else ["--out", str(folder)]
    asked = [part.format(folder=folder) for part in run] or command(
        "run", str(settings), *rest, "--headless", "--json"
    )
    try:
        with data.out_file(job.name).open("wb") as out, data.log_file(job.name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                asked,
                cwd=data.root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=environment(),
                **of_its_own(),
            )
    except OSError as error:
        raise StorageError(
            f"the session's process cannot be started: {error}",
            where=str(data.books),
            fix="check the disk, and that the computer has memory left",
        ) from None
    born = 0.0
    with suppress(psutil.Error):
        born = psutil.Process(process.pid).create_time()
    return replace(job, state="started", pid=process.pid, born=born), process


def lives(job: Job) -> bool:
    """Return whether the process of a job still runs, whoever started it."""
    try:
        process = psutil.Process(job.pid)
        same = abs(process.create_time() - job.born) < _SAME_S
        return job.pid > 0 and same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def is_held(folder: Path) -> bool:
    """Return whether some process records into a session's folder."""
    path = folder / LOCK_FILE
    if not path.is_file():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def ended_with(result: Mapping[str, object]) -> int | None:
    """Return the exit code that a process said, None if it said nothing: it was killed."""
    code = result.get("exit_code")
    return code if isinstance(code, int) else None
