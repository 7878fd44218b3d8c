"""A small process beside this one that outlives it: the two talk in JSON lines over pipes.

`Companion` is the owner's end, `Owner` the end within the process. When either dies, however it
dies, the other one's pipe ends at once. A companion belongs to no terminal and no process group of
its owner: Ctrl-C, a closed window and SIGTERM to the group do not reach it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 65_536
_GOODBYE_S = 5.0


class CompanionDiedError(Exception):
    """The companion ended."""


class Companion:
    """The owner's end.

    Parameters
    ----------
    module : str
        Run as ``python -m``; it makes an `Owner`.
    heard : callable
        Takes each message, in a thread of its own.
    ended : callable
        Called once in that thread when the process ended, wanted or not.
    """

    def __init__(
        self,
        module: str,
        *,
        heard: Callable[[dict[str, Any]], None],
        ended: Callable[[], None],
    ) -> None:
        self._heard, self._ended = heard, ended
        self._writing = threading.Lock()
        paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100 - '' is the working folder
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
            bufsize=0,
            **of_its_own(),
        )
        self._thread = threading.Thread(target=self._listen, name=f"hear-{module}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Process identifier."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it may still say something."""
        return self._thread.is_alive()

    def say(self, **message: object) -> None:
        """Send a message.

        Raises
        ------
        CompanionDiedError
            If nobody is there to hear it.
        """
        line = json.dumps(message).encode() + b"\n"
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        try:
            with self._writing:
                while line:  # a signal may cut a long write short
                    line = line[self._process.stdin.write(line) or 0 :]
        except (OSError, ValueError) as error:
            raise CompanionDiedError(str(error)) from error

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> None:
        """Let go of the pipe, and wait for the process to end; it is ended if it does not."""
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]  # it was asked for
        try:
            self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        with self._process.stdout as pipe:
            for message in _messages(pipe.fileno()):
                self._heard(message)
        self._ended()


class Owner:
    """The companion's end: what its owner says, and whether it is there."""

    def __init__(self) -> None:
        for number in _DEAF_TO:
            signal.signal(number, signal.SIG_IGN)
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, name="hear-owner", daemon=True).start()

    def hear(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next message, or None after the timeout.

        Raises
        ------
        EOFError
            If the owner let go of the pipe: it ended.
        """
        try:
            message = self._messages.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if message is None:
            raise EOFError
        return message

    def say(self, **message: object) -> None:
        """Send a message; an owner that is gone does not hear it."""
        with suppress(OSError):
            os.write(1, json.dumps(message).encode() + b"\n")

    def _listen(self) -> None:
        for message in _messages(0):
            self._messages.put(message)
        self._messages.put(None)


def _messages(pipe: int) -> Iterator[dict[str, Any]]:
    """Yield the messages of a pipe until it ends."""
    text = b""
    while True:
        try:
            block = os.read(pipe, _BLOCK)
        except OSError:
            return
        if not block:
            return
        *lines, text = (text + block).split(b"\n")
        for line in lines:
            with suppress(ValueError):  # somebody's print
                message = json.loads(line)
                if isinstance(message, dict):
                    yield message


_DEAF_TO = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]


def of_its_own() -> dict[str, Any]:
    """Return what keeps the terminal's signals away from a process (for `subprocess.Popen`)."""
    if os.name == "nt":
        flags = ("CREATE_NO_WINDOW", "CREATE_NEW_PROCESS_GROUP")
        return {"creationflags": sum(getattr(subprocess, name) for name in flags)}
    return {"start_new_session": True}
