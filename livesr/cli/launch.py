"""Open the viewer beside a session: a program of its own, whose end changes nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from livesr.cli.output import say
from livesr.viewer.check import unavailable

if TYPE_CHECKING:
    from pathlib import Path


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


def viewer_wanted(headless: bool) -> bool:
    """Return whether to open the viewer; say why, and how to mend it, where it cannot open."""
    if headless:
        return False
    reason = unavailable()
    if reason is not None:
        say(f"no viewer: {reason}\nthe session goes on without it")
    return reason is None
