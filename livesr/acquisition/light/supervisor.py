"""The acquisition's end of the supervisor: it starts it, tells it what goes on, and replaces it."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from livesr.companion import Companion, CompanionDiedError
from livesr.errors import HardwareError
from livesr.flow import Ticker
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.acquisition.light.path import LightPath

log = logging.getLogger(__name__)

BEAT_S = 0.2
"""Between two heartbeats."""
UNHEARD = 25
"""Heartbeats without an answer, after which the supervisor itself counts as hung."""
DEATHS = 3
"""Deaths in a row after which the session ends: something ends every supervisor."""
WELL_S = 60.0
"""Life after which earlier deaths are forgotten."""
_START_S = 60.0
_WATCHER = "livesr.acquisition.light.watcher"


class Supervisor:
    """A process that switches the light off when this one dies, or hangs while it may be on.

    Parameters
    ----------
    path : LightPath
    folder : Path
        Where it leaves word of what it did: a session's folder.
    hang_after_s : float
        So long without a sign of life, while the light may be on, and it ends this process.

    Notes
    -----
    It starts at once, in parallel with whatever its owner does next; `expect_ready` waits for it.
    Any owner of a core may use it: a session, a preview, a daemon.
    """

    def __init__(self, path: LightPath, *, folder: Path, hang_after_s: float) -> None:
        self._job: dict[str, Any] = {
            "owner": os.getpid(),
            "path": path.as_dict(),
            "folder": str(folder.absolute()),
            "hang_after_s": hang_after_s,
        }
        self._lights = [*path.within, *path.shutters, *path.off]
        self._said: dict[str, object] = {"doing": "waiting", "lit": False}
        self._silence: Callable[[], float] = lambda: 0.0
        self._patience_s = hang_after_s
        self._up = threading.Event()
        self._given_up = False
        self._deaths = self._unheard = 0
        self._since = 0.0
        self._reason = ""
        self._news: list[tuple[str, dict[str, object]]] = []
        self._tell: Callable[..., None] | None = None
        self._companion = self._start()
        self._running = ExitStack()
        self._running.enter_context(Ticker("heartbeats", BEAT_S, self._beat, daemon=True))

    @property
    def alive(self) -> bool:
        """Whether a supervisor watches now."""
        return self._up.is_set()

    @property
    def pid(self) -> int:
        """Process identifier of the present one."""
        return self._companion.pid

    def listen(self, tell: Callable[..., None]) -> None:
        """Tell of supervisors that start and die: ``tell(event, **fields)``, as journals take it.

        It is called from another thread.
        """
        self._tell = tell
        self._spread()

    def attend(self, silence: Callable[[], float], patience_s: float) -> None:
        """Stop the heartbeats when the thread that exposes is silent for too long.

        Parameters
        ----------
        silence : callable
            Returns for how long it gave no sign of life, s.
        patience_s : float
        """
        self._silence, self._patience_s = silence, patience_s

    def expect_ready(self) -> None:
        """Wait until a supervisor watches: nothing is exposed without one.

        Raises
        ------
        HardwareError
            If several died one after the other, or none starts.
        """
        until = time.monotonic() + _START_S
        while not self._up.wait(BEAT_S / 4):
            if self._given_up or time.monotonic() > until:
                how = f"died {self._deaths} times" if self._given_up else "does not start"
                raise HardwareError(
                    f"the light's supervisor {how}{self._reason and ': '}{self._reason}; nothing "
                    "is exposed without it",
                    where=_WATCHER,
                    fix="see what ends this process (memory, a virus scanner, a task manager); "
                    "then go on with: livesr run FOLDER/session.yaml --resume",
                )

    def says(self, doing: str, *, lit: bool) -> None:
        """Tell what goes on: at once, before the light is switched on and after it is off."""
        self._said = {"doing": doing, "lit": lit}
        if self.alive:
            self._send(self._said)

    def close(self) -> None:
        """Let the supervisor end: the light is off, and nobody needs it any more."""
        self._running.close()
        self._send({"end": True})
        self._companion.close()
        self._up.clear()

    def _start(self) -> Companion:
        self._unheard, self._since = 0, time.monotonic()
        try:
            companion = Companion(_WATCHER, heard=self._heard, ended=self._up.clear)
        except OSError as error:
            raise HardwareError(
                f"the light's supervisor cannot be started: {error}",
                where=_WATCHER,
                fix="end other programs: the system has no room for another process",
            ) from error
        with suppress(CompanionDiedError):  # the next beat sees it
            companion.say(**self._job)
        return companion

    def _heard(self, message: dict[str, Any]) -> None:
        self._unheard = 0
        if "ready" in message:
            self._send(self._said)
            self._up.set()
            self._note(Event.SUPERVISOR_STARTED, pid=message["ready"], light=self._lights)
        elif "failed" in message:
            self._reason = str(message["failed"])

    def _beat(self) -> None:
        """Send a sign of life; replace a supervisor that is dead or hangs itself."""
        if self._given_up:
            return
        if not self._companion.alive:
            self._replace()
            return
        if self._unheard > UNHEARD:
            log.error("the light's supervisor does not answer, and is ended")
            self._companion.kill()
        elif self.alive:
            self._unheard += 1
            if time.monotonic() - self._since > WELL_S:
                self._deaths = 0
            if not (self._said["lit"] and self._silence() > self._patience_s):
                self._send(self._said)

    def _replace(self) -> None:
        self._up.clear()
        self._companion.close()
        self._deaths += 1
        what = "the light's supervisor died; the light is off until another one watches"
        log.error("%s", what)
        self._note(Event.FAULT, what=what, reason=self._reason, deaths=self._deaths)
        self._given_up = self._deaths >= DEATHS
        if not self._given_up:
            try:
                self._companion = self._start()
            except HardwareError as error:
                self._given_up, self._reason = True, error.what

    def _send(self, message: dict[str, object]) -> None:
        with suppress(CompanionDiedError):  # the next beat sees it
            self._companion.say(**message)

    def _note(self, event: str, **fields: object) -> None:
        self._news.append((event, fields))
        self._spread()

    def _spread(self) -> None:
        while self._tell is not None and self._news:
            event, fields = self._news.pop(0)
            self._tell(event, **fields)
