"""A movie of the session, made by ``livesr movie`` in a process of its own. No Qt."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.viewer.state import View

VERB = "livesr.cli.movie"
"""The module of the verb; a livesr without it makes no movies."""


class Movie:
    """One movie after the other, beside the session.

    Parameters
    ----------
    folder : Path
        Of the session.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None

    def start(self, view: View) -> str:
        """Begin a movie of what a view shows; return what to tell people."""
        if find_spec(VERB) is None:
            return "this livesr has no movies: there is no verb livesr movie"
        if self._process is not None:
            return f"{self._file} is still being made"
        number = 1
        while (file := self._folder.parent / f"{self._folder.name}-{number:03d}.mp4").exists():
            number += 1
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process ended
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "livesr", *arguments(self._folder, view, file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
            )
        except OSError as error:
            self._said.close()
            return f"no movie: {error}"
        self._file = file
        return f"making {file} …"

    def poll(self) -> str:
        """Return what to tell people once a movie is done; empty before."""
        if self._process is None or self._said is None or self._process.poll() is None:
            return ""
        code, self._process = self._process.returncode, None
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        self._said.close()
        if code == 0:
            return f"saved {self._file}"
        told = [line for line in lines if not line.startswith("frame ")]
        return f"no movie: {told[0] if told else f'livesr movie ended with {code}'}"


def arguments(folder: Path, view: View, file: Path) -> list[str]:
    """Return the command line of a movie of what a view shows."""
    mode = "masked" if view.masked else "ratio" if view.channel == "ratio" else "overlay"
    shown = ",".join(sorted(view.structures)) if view.labels else ""
    structures = ["--structures", shown] if shown else []
    plane = ["-z", str(view.z)] if view.z is not None else []
    return ["movie", str(folder), "--mode", mode, *structures, *plane, "-o", str(file)]
