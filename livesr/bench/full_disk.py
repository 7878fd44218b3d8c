"""A disk that really fills, again and again, under a session that writes to it.

The disk is a small one in memory (tmpfs), mounted in a name space of its own: no administrator is
needed, and nobody else sees it. Linux only.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.paced import PacedSource, noise, paced_plan
from livesr.session import run_session
from livesr.stop import StopToken
from livesr.storage.folder import JOURNAL_FILE, PLANES_FILE
from livesr.storage.journal import Event, read_journal
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from livesr.session import SessionResult
    from livesr.storage.image_reader import ImageReader

SIZE_MIB = 512
SIDE, PLANES, FPS = 16, 32, 640.0
"""Small planes, and many: rows and journal lines meet the end of the disk too, not raw alone."""
_PAGE = 4096
_WITHIN_S = 20.0
_WRITES = {"raw": "stack of t", "rows": "the table", "journal": "the journal"}


@dataclass
class Filled:
    """What a session did on a disk that filled.

    Attributes
    ----------
    rounds : int
        Times that the disk was filled.
    met : dict of str to int
        Which write met it.
    told_s : list of float
        From the filling until the session said so, each time: until a write met it, and
    error_s : list of float
        … from that write's begin until its error was told.
    wrong : list of str
        What should not be.
    stacks : int
        Stored, each of them compared with what the camera gave.
    """

    rounds: int = 0
    met: dict[str, int] = field(default_factory=dict)
    told_s: list[float] = field(default_factory=list)
    error_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stacks: int = 0


def fill_again_and_again(rounds: int, seed: int = 0) -> Filled | None:
    """Run the session on a disk of its own in a process of its own.

    Returns
    -------
    Filled or None
        None where this system lets no user mount a disk.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    alone = [unshare, "--user", "--map-root-user", "--mount", "sh", "-c"]
    with tempfile.TemporaryDirectory(prefix="livesr-full-disk-") as place:
        mount = f'mount -t tmpfs -o size={SIZE_MIB}m none "{place}" && '
        if subprocess.run([*alone, mount + "exit 0"], capture_output=True, check=False).returncode:  # noqa: S603 - fixed words
            return None
        work = f'"{sys.executable}" -m livesr.bench.full_disk "{place}" {rounds} {seed}'
        done = subprocess.run([*alone, mount + work], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - fixed words
    return Filled(**json.loads(done.stdout))


class _Ears(logging.Handler):
    """Hears the session say that the disk is full, and that there is room again."""

    def __init__(self) -> None:
        super().__init__()
        self.full, self.room = threading.Event(), threading.Event()
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if "it is tried again" in words:
            self.words = words
            self.full.set()
        elif "there is room again" in words:
            self.room.set()


class _Filler:
    """Fills the disk and empties it, round after round, beside the session."""

    def __init__(self, disk: Path, rounds: int, seed: int, stop: StopToken) -> None:
        self._disk = disk
        self._folder = disk / "session"
        self._ballast = disk / "ballast"
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._stop = stop
        self._rounds = rounds
        self._ears = _Ears()
        self.filled = Filled(met=dict.fromkeys(_WRITES, 0))

    def run(self) -> None:
        """Do all rounds, then end the session."""
        logger = logging.getLogger("livesr.session.room")
        logger.addHandler(self._ears)
        try:
            while not (self._folder / JOURNAL_FILE).exists():
                time.sleep(0.01)
            for number in range(self._rounds):
                self._round(number)
        finally:
            logger.removeHandler(self._ears)
            self._stop.stop("all rounds are done")

    def _round(self, number: int) -> None:
        time.sleep(self._random.uniform(0.02, 0.3))
        self._ears.full.clear()
        self._ears.room.clear()
        self._fill()
        began = time.monotonic()
        if not self._ears.full.wait(_WITHIN_S):
            self.filled.wrong.append(f"round {number}: nobody said that the disk is full")
        self.filled.told_s.append(round(time.monotonic() - began, 4))
        met = next((name for name, words in _WRITES.items() if words in self._ears.words), "else")
        self.filled.met[met] = self.filled.met.get(met, 0) + 1
        self._check_last(number)
        time.sleep(self._random.uniform(0.0, 0.3))
        self._ballast.unlink()
        if not self._ears.room.wait(_WITHIN_S):
            self.filled.wrong.append(f"round {number}: it did not go on with room")
        self.filled.rounds += 1

    def _fill(self) -> None:
        """Leave up to some stacks' worth of pages: any write may meet the end."""
        leave = self._random.randrange(64) * _PAGE
        with self._ballast.open("wb") as file:
            free = shutil.disk_usage(self._disk).free
            while free > leave:  # the session writes meanwhile
                with suppress(OSError):
                    size = os.fstat(file.fileno()).st_size
                    os.posix_fallocate(file.fileno(), size, free - leave)
                free = shutil.disk_usage(self._disk).free

    def _check_last(self, number: int) -> None:
        """Read the journal, which is whole, and the last stack that it lists, which is there."""
        stored = [e for e in read_journal(self._folder / JOURNAL_FILE) if e["event"] == _STORED]
        if stored:
            t = stored[-1]["index"]["t"]
            if not _same(open_session(self._folder).images[0], t):
                self.filled.wrong.append(f"round {number}: t {t} is journalled and not there")


_STORED = Event.STACK_STORED
_POOL = noise(37, SIDE)


def _source(timepoints: int) -> PacedSource:
    return PacedSource(_POOL, planes=PLANES, timepoints=timepoints, fps=FPS, heedless=True)


def _same(image: ImageReader, t: int) -> bool:
    """Return whether a stored stack is what the camera gave."""
    source = _source(1)
    sent = np.stack([source.image(t, z) for z in range(PLANES)])
    return all(
        np.array_equal(image.raw(t, c), sent[:, :, c * SIDE : (c + 1) * SIDE]) for c in range(2)
    )


def _run(disk: Path, rounds: int, seed: int) -> Filled:
    stop = StopToken()
    filler = _Filler(disk, rounds, seed, stop)
    thread = threading.Thread(target=filler.run, name="filler", daemon=True)
    thread.start()
    plan = paced_plan(_source(100 * rounds), keep_free_gib=0)
    result = run_session(plan, disk / "session", stop=stop)
    thread.join()
    _check_all(result, filler.filled)
    return filler.filled


def _check_all(result: SessionResult, filled: Filled) -> None:
    folder, stored = result.folder, result.outcome.stored
    filled.stacks = len(stored)
    journal = read_journal(folder / JOURNAL_FILE)
    filled.error_s = [e["error_after_s"] for e in journal if "error_after_s" in e]
    if result.error or result.outcome.failed or result.frames_lost:
        filled.wrong.append(f"it ended with {result.journalled()}")
    if [index.t for index in stored] != list(range(len(stored))):
        filled.wrong.append("stacks are missing, or stored twice")
    image = open_session(folder).images[0]
    filled.wrong += [f"t {index.t} differs" for index in stored if not _same(image, index.t)]
    rows = [(row["t"], row["z"]) for row in read_table(folder / PLANES_FILE)]
    if rows != [(t, z) for t in range(len(stored)) for z in range(PLANES)]:
        filled.wrong.append("planes.parquet lacks rows, or has some twice")


if __name__ == "__main__":
    logging.getLogger("livesr").addHandler(logging.NullHandler())
    print(json.dumps(asdict(_run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))  # noqa: T201 - to the process that asked
