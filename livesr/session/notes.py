"""Takes notes that other processes left for a running session into its journal."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from livesr.errors import LivesrError
from livesr.flow import Ticker
from livesr.session.alone import only_one
from livesr.storage.folder import JOURNAL_FILE, NOTES_FOLDER
from livesr.storage.journal import Event, Journal
from livesr.storage.notes import waiting_notes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from livesr.storage.notes import Note

log = logging.getLogger(__name__)

EVERY_S = 0.5
"""Between two looks into the folder."""


class SessionTime:
    """The session's time at a moment of the computer's clock, from the frames that came.

    Parameters
    ----------
    stands_still : bool
        Whether the session's clock is not the computer's: a simulated microscope or a recording.
        Its time is then that of the last frame.
    """

    def __init__(self, *, stands_still: bool) -> None:
        self._stands_still = stands_still
        self._last: tuple[float, float] | None = None

    def frame(self, time_s: float) -> None:
        """Take note of a frame that began at ``time_s`` and came just now."""
        self._last = (time_s, time.time())

    def at(self, moment: datetime) -> float | None:
        """Return the session's time at a moment, not before 0; None before the first frame."""
        if self._last is None:
            return None
        time_s, came = self._last
        since = 0.0 if self._stands_still else moment.timestamp() - came
        return round(max(time_s + since, 0.0), 3)


class NoteTaker(Ticker):
    """Journals the notes that appear in a session's folder, while the block runs and at its end.

    Parameters
    ----------
    folder : Path
        Of the session.
    note : callable
        Journals.
    clock : SessionTime
    """

    def __init__(self, folder: Path, note: Callable[..., None], clock: SessionTime) -> None:
        super().__init__("notes", EVERY_S, self.take)
        self._folder, self._note, self._clock = folder, note, clock
        self._taken: set[Path] = set()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.take()
        remove_if_empty(self._folder / NOTES_FOLDER)

    def take(self) -> None:
        """Journal what waits; a folder that cannot be read is looked at again."""
        try:
            for note in waiting_notes(self._folder):
                if note.path not in self._taken:  # one that could not be removed
                    self._note(Event.NOTE, **journalled(note, self._clock.at(note.written)))
                    self._taken.add(note.path)
                note.path.unlink(missing_ok=True)
        except OSError as error:
            log.debug("notes wait: %s", error)
        except LivesrError as error:
            log.warning("a note could not be journalled: %s", error.what)


def journalled(note: Note, time_s: float | None) -> dict[str, object]:
    """Return what the journal keeps of a note."""
    written = note.written.isoformat(timespec="milliseconds")
    return {"text": note.text, "by": note.by, "written": written, "time_s": time_s}


def take_into_closed(folder: Path) -> int:
    """Journal the notes that wait for a session that nobody runs; return how many.

    Raises
    ------
    StorageError
        If another process runs it after all, or the journal cannot be written.
    """
    taken = 0
    with only_one(folder), Journal(folder / JOURNAL_FILE) as journal:
        for note in waiting_notes(folder):
            journal.append(Event.NOTE, None, **journalled(note, None))
            note.path.unlink(missing_ok=True)
            taken += 1
    remove_if_empty(folder / NOTES_FOLDER)
    return taken


def remove_if_empty(folder: Path) -> None:
    """Remove a folder of notes that were all taken in; one that is in use stays."""
    with suppress(OSError):
        folder.rmdir()
