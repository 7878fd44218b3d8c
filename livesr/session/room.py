"""Room on the session's disk: asked for before a stack begins, waited for where a write finds none.

Two things lack room. Below the floor (``storage.keep_free_gib``) no stack begins: the gate between
two stacks asks `Room.lacks`. On a full disk, within a write, the stack stays in the spool and
`Room.patiently` writes it again once there is room.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from livesr.errors import DiskFullError
from livesr.storage.disk import free_bytes
from livesr.storage.journal import Event
from livesr.storage.space import in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken

log = logging.getLogger(__name__)

T = TypeVar("T")
GIB = 2**30
_POLL_S = 0.2
_RETRY_S = 10.0
"""A quota that was raised does not show in the disk's free bytes."""


class Room:
    """Whether the disk takes what is to come.

    Parameters
    ----------
    folder : Path
        Of the session.
    floor : int
        Bytes that stay free.
    stack : int
        Bytes that a stack takes at most: raw, masks, rows.
    patience_s : float
        Longest wait for room.
    stop : StopToken
        Ends a wait.
    note : callable
        Journals, now or with the next line if the disk is too full for it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        floor: int,
        stack: int,
        patience_s: float,
        stop: StopToken,
        note: Callable[..., None],
    ) -> None:
        self.floor = floor
        self.stack = stack
        self.patience_s = patience_s
        self._folder = folder
        self._stop = stop
        self._note = note
        self._waiting = 0

    @property
    def waiting(self) -> bool:
        """True while a write waits for room."""
        return self._waiting > 0

    def free(self) -> int:
        """Return the bytes free on the disk; 0 where it does not answer (a network disk)."""
        try:
            return free_bytes(self._folder)
        except OSError as error:
            log.warning("the disk does not say what is free: %s", error)
            return 0

    def lacks(self, stacks: int) -> str:
        """Return why so many further stacks cannot be stored, empty if they can."""
        if self.waiting:
            return "the disk is full, a stack waits in the spool"
        free, needed = self.free(), stacks * self.stack + self.floor
        if free >= needed:
            return ""
        return (
            f"{in_words(free)} are left on the disk; {in_words(stacks * self.stack)} for the next "
            f"stacks and {in_words(self.floor)} to keep free are needed"
        )

    def patiently(self, write: Callable[[], T], what: str, /, *, holds: bool = True) -> T:
        """Do a write, again and again while the disk has no room for it.

        Parameters
        ----------
        write : callable
            Writes whole or not at all, so that it may be called again.
        what : str
            What waits meanwhile.
        holds : bool
            Whether no stack begins meanwhile.

        Raises
        ------
        DiskFullError
            If there was no room until the patience was over or the session was asked to stop.
        """
        began = 0.0
        try:
            while True:
                tried = time.monotonic()
                try:
                    done = write()
                except DiskFullError as error:
                    if not began:
                        began = time.monotonic()
                        self._waiting += holds
                        self._tell(what, error, began - tried)
                    if not self._may_try_again(began):
                        raise
                else:
                    break
        finally:
            self._waiting -= holds and bool(began)
        if began:
            waited = time.monotonic() - began
            log.warning("%s: there is room again after %.0f s", what, waited)
            self._note(Event.DISK, what=f"{what}: there is room again", waited_s=round(waited, 3))
        return done

    def _tell(self, what: str, error: DiskFullError, after_s: float) -> None:
        log.error(
            "%s: %s; it is tried again for %.0f min: make room",
            what,
            error.what,
            self.patience_s / 60,
        )
        self._note(
            Event.DISK,
            what=f"{what} waits: the disk is full",
            error=error.what,
            error_after_s=round(after_s, 4),
            free_bytes=self.free(),
        )

    def _may_try_again(self, began: float) -> bool:
        """Wait until there is more room than there was, or for a while; False: give up."""
        before, retry = self.free(), time.monotonic() + _RETRY_S
        while not self._stop.wait(_POLL_S):
            now = time.monotonic()
            if now - began > self.patience_s:
                return False
            if now > retry or self.free() > before:
                return True
        return False
