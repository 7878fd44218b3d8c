"""Programs that rules start: without a shell, beside the session, their end journalled."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from typing import TYPE_CHECKING

from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.types import Decision

log = logging.getLogger(__name__)

_LAST_S = 10.0
_MOST = 8
"""Programs that may run at once."""


class Scripts:
    """Starts the programs of rules.

    Parameters
    ----------
    session : str
        Its folder.
    note : callable
        Journals.
    """

    def __init__(self, session: str, note: Callable[..., None]) -> None:
        self._session = session
        self._note = note
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def run(self, decision: Decision) -> None:
        """Start a decision's program; one that cannot start is journalled, nothing ends."""
        arguments: Sequence[str] = decision.action["run"]  # type: ignore[assignment]  # of a rule
        self._look()
        if len(self._running) >= _MOST:
            self._failed(decision.rule, f"{_MOST} programs run already")
            return
        environment = {
            **os.environ,
            "LIVESR_RULE": decision.rule,
            "LIVESR_CELL": str(decision.cell),
            "LIVESR_CAUSE": decision.cause,
            "LIVESR_SESSION": self._session,
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own program, without a shell
                list(arguments),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, ValueError) as error:
            self._failed(decision.rule, str(error))
        else:
            self._running.append((decision.rule, process))

    def close(self) -> None:
        """Wait for programs that still run, for a while; none is ended."""
        until = time.monotonic() + _LAST_S
        while self._running and time.monotonic() < until:
            self._look()
            time.sleep(0.05)
        for rule, process in self._running:
            log.warning("the program of rule %s still runs (process %d)", rule, process.pid)
            process.returncode = 0  # it outlives the session, and is nobody's to wait for

    def _look(self) -> None:
        """Journal the programs that failed."""
        for rule, process in tuple(self._running):
            code = process.poll()
            if code is None:
                continue
            self._running.remove((rule, process))
            if code:
                self._failed(rule, f"it ended with exit code {code}")

    def _failed(self, rule: str, reason: str) -> None:
        what = f"the program of rule {rule} failed"
        log.error("%s: %s", what, reason)
        self._note(Event.FAULT, None, what=what, reason=reason)
