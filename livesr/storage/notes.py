"""Notes into a running session: files that any process may drop, and the acquisition takes in.

The journal has one writer. A note is a file of its own, written beside and renamed to a name that
nobody else has, so that it appears whole; whoever writes the journal reads it, journals it, and
then removes it. So nothing is locked, on Windows as on Linux, on a shared disk too, and a note
that a kill interrupts is journalled by whoever goes on.
"""

from __future__ import annotations

import getpass
import json
import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from livesr.errors import ConfigError
from livesr.plain import NotPlainError, read_json
from livesr.storage.disk import disk_errors
from livesr.storage.folder import NOTES_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST = 2000
"""Characters of a note."""
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Attributes
    ----------
    text, by : str
        What was said, and the user who said it.
    written : datetime
        When, by the clock of the computer where it was written.
    path : Path
        The file that it waits in.
    """

    text: str
    by: str
    written: datetime
    path: Path


def drop_note(session: Path, text: str) -> Path:
    """Leave a note for the process that records a session.

    Raises
    ------
    ConfigError
        If there is nothing in it, or too much.
    StorageError
        If the session's folder cannot be written.
    """
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise ConfigError(
            f"the note has {len(text)} characters, expected 1 to {LONGEST}",
            where="command line",
            fix='for example: livesr note FOLDER "drug added"',
        )
    now = datetime.now().astimezone()
    folder = session / NOTES_FOLDER
    name = f"{now:%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:12]}"
    path = folder / f"{name}{_SUFFIX}"
    said = {"text": text, "by": _user(), "written": now.isoformat(timespec="milliseconds")}
    with disk_errors("the note cannot be left", folder):
        folder.mkdir(exist_ok=True)
        draft = folder / f"{name}.draft"
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            json.dump(said, file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    return path


def waiting_notes(session: Path) -> Iterator[Note]:
    """Yield the notes that wait, oldest first; a file that is no note is left alone.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    for path in sorted((session / NOTES_FOLDER).glob(f"*{_SUFFIX}")):
        try:
            said = read_json(path)
            written = datetime.fromisoformat(said["written"])
            text = str(said["text"])[:LONGEST]
            yield Note(text, str(said.get("by", ""))[:100], written.astimezone(), path)
        except (NotPlainError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
            continue


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # nobody is logged in: a service
        return ""
