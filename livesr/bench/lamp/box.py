"""A lamp that shines until it is told not to: a process of its own, as real hardware is a box.

Killing the program that switched it on leaves it on. It listens on a local port, serves one client
at a time, as a serial port belongs to one process, and writes down when it went on and off, on the
clock that all processes of a machine share (``time.monotonic``).

Run as ``python -m livesr.bench.lamp.box LOG``: it prints its port.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

_HOST = "127.0.0.1"


def main() -> None:
    """Shine."""
    with Path(sys.argv[1]).open("a", buffering=1, encoding="utf-8") as log:
        server = socket.create_server((_HOST, 0))
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            client, _ = server.accept()
            _serve(client, log)


def _serve(client: socket.socket, log: TextIO) -> None:
    """Obey one client until it goes."""
    with client, client.makefile("rwb", buffering=0) as lines:
        try:
            for line in lines:
                word = line.decode().strip()
                if word in ("on", "off"):
                    log.write(f"{time.monotonic():.6f} {word}\n")
                lines.write(b"ok\n")
        except OSError:
            return  # it died


@dataclass(frozen=True, slots=True)
class Lamp:
    """A running lamp.

    Attributes
    ----------
    port : int
        Local, TCP.
    log : Path
        A line a change: time.monotonic, ``on`` or ``off``.
    """

    port: int
    log: Path

    def changes(self) -> list[tuple[float, bool]]:
        """Return when it went on (True) and off, repeated words left out."""
        found: list[tuple[float, bool]] = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            at, word = line.split()
            if not found or found[-1][1] != (word == "on"):
                found.append((float(at), word == "on"))
        return found

    def shines(self, at: float | None = None) -> bool:
        """Return whether it shone at a time, by default now."""
        before = [on for when, on in self.changes() if at is None or when <= at]
        return bool(before and before[-1])

    def dark_after(self, at: float, until: float) -> float:
        """Return how long it still shone after a time, up to ``until``; 0 if it did not."""
        if not self.shines(at):
            return 0.0
        off = [when for when, on in self.changes() if not on and when > at]
        return min([*off, until]) - at

    def beside(self, frames: Sequence[tuple[float, float]], at: float, until: float) -> float:
        """Return the longest that it shone within a time while no frame was taken, s.

        Parameters
        ----------
        frames : sequence of tuple of float
            When each began to be taken, and when it ended, ascending.
        at, until : float
        """
        changes = [*self.changes(), (until, False)]
        longest = 0.0
        for (on, lit), (off, _) in pairwise(changes):
            begin, end = max(on, at), min(off, until)
            if not lit or begin >= end:
                continue
            for began, ended in frames:
                if ended > begin and began < end:
                    longest = max(longest, began - begin)
                    begin = ended
            longest = max(longest, end - begin)
        return longest


@contextmanager
def lamp(log: Path) -> Iterator[Lamp]:
    """Run a lamp."""
    log.touch()
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", __name__, str(log)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        yield Lamp(int(process.stdout.readline()), log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
