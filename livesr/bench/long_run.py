"""A session of thousands of time points: whether memory, handles and threads stay as they were."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import psutil
from scipy.stats import linregress

from livesr.bench.family import family
from livesr.bench.rows import Row
from livesr.config import plain_session, session_from
from livesr.session.demo import demo_session
from livesr.storage.folder import JOURNAL_FILE, SPOOL_FOLDER
from livesr.storage.journal import Event
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEPOINTS = 2_000
PLANES, FIELD = 5, 64
SPEEDUP = 200
STRUCTURES = ("er", "mitochondria")
SEED = 70_000
SETTLED = 0.25
"""Share of the run after which memory pools and caches have what they need."""
_EVERY_S = 0.5
_LONGEST_S = 7200.0
_MIB = 2.0**20
STORED = f'"{Event.STACK_STORED}"'.encode()


@dataclass(slots=True)
class Watched:
    """What one process held, sample after sample.

    Attributes
    ----------
    stacks : list of int
        Stored at each sample.
    mib : list of float
        Resident memory of its own: pages of files are the system's, which takes and gives them as
        it likes.
    handles : list of int
        Open files, pipes and sockets (Windows: all handles).
    threads : list of int
    """

    stacks: list[int] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def sample(self, process: psutil.Process, stacks: int) -> None:
        """Take a sample, unless the process has ended."""
        try:
            with process.oneshot():
                now = (_handles(process), process.num_threads(), _own_bytes(process) / _MIB)
        except psutil.Error:
            return
        self.stacks.append(stacks)
        self.handles.append(now[0])
        self.threads.append(now[1])
        self.mib.append(now[2])

    def growth(self, what: list[float] | list[int]) -> tuple[float, float]:
        """Return the growth per 1,000 stacks once settled, and half its 95 % interval.

        What comes after the last stack, as the tables are closed, is left out.

        Samples follow each other closely and are not independent: the interval is that of means
        of twenty equal parts.
        """
        stacks, values = np.asarray(self.stacks, float), np.asarray(what, float)
        late = (stacks >= SETTLED * stacks.max()) & (stacks < stacks.max())
        parts = np.array_split(np.flatnonzero(late), 20)
        x, y = (np.array([v[part].mean() for part in parts if part.size]) for v in (stacks, values))
        if len(x) < 3 or np.ptp(x) == 0:
            return 0.0, float("inf")
        if np.ptp(y) == 0:
            return 0.0, 0.0
        fit = linregress(x, y)
        return 1000 * float(fit.slope), 1000 * 1.96 * float(fit.stderr)


@dataclass(frozen=True, slots=True)
class LongRun:
    """What became of one long session: its processes by name, and what its journal lists."""

    processes: dict[str, Watched]
    stored: int
    masks: int
    exit_code: int
    seconds: float
    spool_bytes: int
    stacks: int


def run_long(timepoints: int = TIMEPOINTS, every_s: float = _EVERY_S) -> LongRun:
    """Run a small session of so many time points in processes of its own, and watch them."""
    with TemporaryDirectory(prefix="livesr-long-") as name:
        folder = Path(name) / "session"
        file = _session_file(Path(name), timepoints)
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "livesr", "run", str(file), "--out", str(folder), "--headless"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watched: dict[str, Watched] = {}
        try:
            while process.poll() is None:
                if time.monotonic() - began > _LONGEST_S:
                    raise TimeoutError(f"no end after {_LONGEST_S:.0f} s")
                _sample_tree(watched, process.pid, _stored(folder))
                time.sleep(every_s)
        finally:
            process.kill()
            process.wait()
        seconds = time.monotonic() - began
        ledger = open_session(folder).ledger
        spool = sum(path.stat().st_size for path in (folder / SPOOL_FOLDER).glob("*"))
        return LongRun(
            watched,
            len(ledger.stored),
            len(ledger.segmented),
            process.returncode,
            seconds,
            spool,
            timepoints,
        )


def long_rows(timepoints: int = TIMEPOINTS) -> Iterator[Row]:
    """Run and report: a row a process and thing that must not grow."""
    run = run_long(timepoints)
    whole, begun = min(run.stored, run.masks), SETTLED * run.stacks
    yield Row(
        f"stacks stored and segmented, of a session of {run.stacks} time points",
        whole,
        "stacks",
        bound=f"{run.stacks}",
        attained=whole / run.stacks,
        detail=f"exit code {run.exit_code}, {run.seconds:.0f} s, {run.spool_bytes} bytes left in "
        "the spool",
    )
    for name, watched in run.processes.items():
        for what, values, unit in (
            ("own memory", watched.mib, "MiB"),
            ("handles", watched.handles, "handles"),
            ("threads", watched.threads, "threads"),
        ):
            growth, interval = watched.growth(values)
            settled = [v for v, n in zip(values, watched.stacks, strict=True) if n >= begun]
            yield Row(
                f"{what} of the {name}: growth",
                growth,
                f"{unit} per 1,000 stacks",
                bound="0 within its interval, or less",
                attained=1.0 if growth <= max(interval, 1e-9) else 0.0,
                detail=f"± {interval:.3g} (95 %), over the last {1 - SETTLED:.0%} of {run.stacks} "
                f"stacks, in which it lay between {min(settled):.0f} and {max(settled):.0f}; "
                f"{len(values)} samples",
            )


def _session_file(folder: Path, timepoints: int) -> Path:
    data = plain_session(demo_session(timepoints=timepoints, field=FIELD, planes=PLANES, seed=SEED))
    data["microscope"]["properties"]["Clock"]["Speedup"] = SPEEDUP
    data["segmentation"] |= {"structures": list(STRUCTURES), "policy": "every", "threads": 1}
    session_from(data, where="bench")
    path = folder / "long.json"
    path.write_text(json.dumps(data, default=str), encoding="utf-8")
    return path


def _sample_tree(watched: dict[str, Watched], pid: int, stacks: int) -> None:
    """Sample the session's process and those that it started and still has."""
    if not stacks:
        return
    for name, process in family(pid).items():
        watched.setdefault(name, Watched()).sample(process, stacks)


def _own_bytes(process: psutil.Process) -> int:
    info = process.memory_info()
    return int(info.rss - getattr(info, "shared", 0))


def _handles(process: psutil.Process) -> int:
    return int(process.num_handles() if hasattr(process, "num_handles") else process.num_fds())


def _stored(folder: Path) -> int:
    """Return how many stacks the journal lists."""
    try:
        with (folder / JOURNAL_FILE).open("rb") as file:
            return sum(STORED in line for line in file)
    except OSError:
        return 0
