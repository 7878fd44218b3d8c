"""Programs beside a session, whose end changes nothing: its viewer, the writer of its page."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from livesr.cli.output import say
from livesr.companion import of_its_own
from livesr.storage.folder import REPORT_FILE
from livesr.viewer.check import unavailable

if TYPE_CHECKING:
    from pathlib import Path


REPORT = "LIVESR_REPORT"
"""``off``: no session's end starts another process."""


def open_viewer(folder: Path) -> None:
    """Start the viewer on a session folder and leave it to itself."""
    try:
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "livesr.viewer", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        say(f"no viewer: {error}\nthe session goes on without it")


def leave_report(folder: Path, *, wanted: bool) -> None:
    """Have the session's page written at the lowest priority, and wait for nothing.

    Parameters
    ----------
    folder : Path
        Of a session that has ended.
    wanted : bool
        As its session file says; ``LIVESR_REPORT=off`` in the environment says no for all.
    """
    if not wanted or os.environ.get(REPORT) == "off":
        return
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100 - '' is the working folder
    try:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "livesr", "report", os.path.abspath(folder)],  # noqa: PTH100
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
            **of_its_own(),
        )
    except OSError as error:
        say(f'no report: {error}\nlivesr report "{folder}" writes it')
        return
    low = psutil.IDLE_PRIORITY_CLASS if sys.platform == "win32" else 19
    with suppress(psutil.Error):
        psutil.Process(process.pid).nice(low)
    process.returncode = 0  # it is left to itself: nobody asks how it ended
    say(f"its page, in a moment: {folder / REPORT_FILE}")


def viewer_wanted(headless: bool) -> bool:
    """Return whether to open the viewer; say why, and how to mend it, where it cannot open."""
    if headless:
        return False
    reason = unavailable()
    if reason is not None:
        say(f"no viewer: {reason}\nthe session goes on without it")
    return reason is None
