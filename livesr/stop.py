"""How a session is asked to end or to pause: by another thread, a signal, or its own gate."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

log = logging.getLogger(__name__)

_HOLD_S = 0.1
_SLICE_S = 1.0


class Gate(Protocol):
    """Decides whether the next stack may begin."""

    def closed(self) -> bool:
        """Return whether no stack may begin now."""

    def wait(self) -> None:
        """Wait until one may, or the session shall stop."""


class StopToken:
    """Asks a source to end: after the present stack, or at once; or to pause between two stacks.

    Attributes
    ----------
    pause_asked : str
        Why `pause` was called; empty if the session may go on.
    gate : Gate or None
        The session's, which knows of further reasons to pause.
    """

    def __init__(self) -> None:
        self._soon = threading.Event()
        self._now = threading.Event()
        self._asker = 0
        self._asked_at = time.monotonic()
        self.reason = ""
        self.signal = 0
        self.pause_asked = ""
        self.gate: Gate | None = None

    def stop(self, reason: str = "asked to stop") -> None:
        """Ask to end after the present stack."""
        self.reason = self.reason or reason
        self._soon.set()

    def stop_now(self, reason: str = "asked to stop now") -> None:
        """Ask to end at once, within a stack."""
        self.reason = self.reason or reason
        self._soon.set()
        self._now.set()

    def pause(self, reason: str = "asked to pause") -> None:
        """Ask to begin no further stack until `go_on`; the present one is finished."""
        self.pause_asked = reason

    def go_on(self) -> None:
        """End a pause."""
        self.pause_asked = ""

    @property
    def pausing(self) -> bool:
        """True if no stack may begin now. A source asks before each one, and then calls `hold`."""
        if self.stopping:
            return False
        return self.gate.closed() if self.gate else bool(self.pause_asked)

    def hold(self) -> None:
        """Wait, between two stacks, until the session goes on or shall stop."""
        if self.gate is not None:
            self.gate.wait()
            return
        while self.pausing:
            self.wait(_HOLD_S)

    @property
    def stopping(self) -> bool:
        """True once the session shall end after the present stack."""
        self._note_asker()
        return self._soon.is_set()

    @property
    def now(self) -> bool:
        """True once the session shall end at once."""
        self._note_asker()
        return self._now.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep until asked to stop or ``seconds`` have passed; return `stopping`."""
        until = time.monotonic() + seconds
        while not self.stopping and (left := until - time.monotonic()) > 0:
            self._soon.wait(min(left, _SLICE_S))
        return self._soon.is_set()

    def attend(self) -> None:
        """Let `silence_s` speak of this thread, from now on."""
        self._asker = threading.get_ident()
        self._note_asker()

    @property
    def silence_s(self) -> float:
        """How long the thread that called `attend` has asked nothing: one that lives asks often."""
        return time.monotonic() - self._asked_at

    def _note_asker(self) -> None:
        if threading.get_ident() == self._asker:
            self._asked_at = time.monotonic()


@contextmanager
def stop_on_signals(stop: StopToken) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM stop in order: once after the present stack, twice at once.

    Outside the main thread, where Python allows no handlers, this does nothing.
    """

    def handler(number: int, _frame: FrameType | None) -> None:
        if stop.signal:
            stop.stop_now()
        else:
            stop.signal = number
            stop.stop(signal.Signals(number).name)
            log.warning("ending after the present stack; once more ends at once")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)
