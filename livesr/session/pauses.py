"""What files in a session's folder ask for: its end, or a pause, as want of room does too."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from livesr.errors import DiskFullError
from livesr.flow import Ticker
from livesr.storage.folder import PAUSE_FILE, STOP_FILE
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken
    from livesr.session.room import Room

log = logging.getLogger(__name__)

_POLL_S = 0.2
_STOP_POLL_S = 0.3
_AT_ONCE = b"now"
_AHEAD = 4


class Reason(NamedTuple):
    """Why no stack begins: by whom (``user`` or ``disk``), and in words."""

    by: str
    words: str


class Pauses:
    """A session's `livesr.flow.Gate`: it works in the acquisition's thread.

    Parameters
    ----------
    folder : Path
        Of the session: as long as there is a file ``pause`` in it, no stack begins.
    stop : StopToken
        Also asks for pauses.
    room : Room
    unstored : callable
        How many stacks began and are not stored yet.
    left : callable
        How many stacks are still to begin.
    note : callable
        Journals.
    tell : callable
        Called when a pause begins and ends.
    give_up : callable
        Takes the error if there was no room for too long; it ends the session in order.
    """

    def __init__(
        self,
        folder: Path,
        *,
        stop: StopToken,
        room: Room,
        unstored: Callable[[], int],
        left: Callable[[], int],
        note: Callable[..., None],
        tell: Callable[[], None],
        give_up: Callable[[DiskFullError], None],
    ) -> None:
        self._folder = folder
        self._file = folder / PAUSE_FILE
        self._stop = stop
        self._room = room
        self._unstored = unstored
        self._left = left
        self._note = note
        self._tell = tell
        self._give_up = give_up
        self.count = 0
        self.seconds = 0.0
        self.words = ""

    def closed(self) -> bool:
        """Return whether no stack may begin now."""
        return self._reason(1) is not None

    def wait(self) -> None:
        """Wait until a stack may begin, the session shall stop, or the patience is over."""
        began = time.monotonic()
        short_s = 0.0
        known = ""
        # not to stop and go with each stack: room for some more than one is waited for
        while (reason := self._reason(min(self._left(), _AHEAD))) and not self._stop.stopping:
            if reason.by != known:
                known = reason.by
                self._begin(reason)
            last = time.monotonic()
            self._stop.wait(_POLL_S)
            short_s += time.monotonic() - last if reason.by == "disk" else 0.0
            if short_s > self._room.patience_s:
                self._end_session(reason)
        if known:
            self._end(time.monotonic() - began)

    def _reason(self, stacks: int) -> Reason | None:
        if self._stop.pause_asked:
            return Reason("user", self._stop.pause_asked)
        if self._file_is_there():
            return Reason("user", f"there is a file {PAUSE_FILE} in the session's folder")
        words = self._room.lacks(self._unstored() + max(stacks, 1))
        return Reason("disk", words) if words else None

    def _file_is_there(self) -> bool:
        try:
            return self._file.exists()
        except OSError:  # a network disk that does not answer: what it lacks is room
            return False

    def _begin(self, reason: Reason) -> None:
        fix = f"remove {self._file} to go on" if reason.by == "user" else "make room to go on"
        if reason.words == self._stop.pause_asked:
            fix = "it goes on when asked to"
        log.warning("paused between two stacks: %s (%s)", reason.words, fix)
        self._note(Event.PAUSED, by=reason.by, reason=reason.words, free_bytes=self._room.free())
        self.count += 1
        self.words = reason.words
        self._tell()

    def _end(self, seconds: float) -> None:
        self.seconds += seconds
        self.words = ""
        if self._stop.stopping:
            return
        log.warning("going on after a pause of %.0f s", seconds)
        self._note(Event.CONTINUED, paused_s=round(seconds, 3), free_bytes=self._room.free())
        self._tell()

    def _end_session(self, reason: Reason) -> None:
        error = DiskFullError(
            f"{reason.words}; there was none for {self._room.patience_s / 60:g} min "
            "(storage.wait_for_room_min)",
            where=str(self._folder),
            fix="make room; all stacks that the journal lists are safe",
        )
        self._give_up(error)
        self._stop.stop(error.what)


class StopFile(Ticker):
    """Ends a session once a file ``stop`` appears in its folder, while the block runs.

    The file is taken away, so that a session that goes on later is not ended again.

    Parameters
    ----------
    folder : Path
        Of the session.
    stop : StopToken
        Asked to end after the present stack; at once if the file says ``now``.
    """

    def __init__(self, folder: Path, stop: StopToken) -> None:
        super().__init__("stop-file", _STOP_POLL_S, self.look)
        self._file, self._stop = folder / STOP_FILE, stop

    def look(self) -> None:
        """Look once; a folder that cannot be read is looked at again."""
        words = f"there was a file {STOP_FILE} in the session's folder"
        try:
            at_once = self._file.read_bytes().strip() == _AT_ONCE
        except OSError:
            return
        if at_once:
            self._stop.stop_now(words)
        else:
            self._stop.stop(words)
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:  # Windows: somebody reads it
            log.debug("the file %s stays for now: %s", self._file, error)
