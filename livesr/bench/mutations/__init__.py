"""Spoil good files in thousands of ways, and see that livesr tells of each what is wrong.

`run_mutations` returns how many were read all the same, refused with an error that says what,
where and how to mend it, or went wrong: a traceback, a hang, memory without bounds, a crash of the
process, a write outside the folder.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livesr.bench.mutations.good import KINDS, make_good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OUTCOMES = ("read", "refused", "poor", "traceback", "memory", "hang", "crash", "escape")
"""In the order of how bad they are; the first two are as it must be."""
GOOD = OUTCOMES[:2]
SECONDS = 20.0
PATIENCE = 3
"""Times as long that a case gets which took too long: something else may have been at work."""
MEBIBYTES = 2048
CASES = 1000
"""That one process reads: engines keep a little of the memory that it may take."""


@dataclass(slots=True)
class Tally:
    """What became of the mutations.

    Attributes
    ----------
    counts : Counter
        By (kind of file, outcome).
    failures : list of dict
        Each mutation that went wrong: ``kind``, ``number``, ``outcome``, ``detail``, and
        ``spoil`` and ``file`` unless the process died.
    slowest : tuple of (float, str)
        Seconds of the slowest case, and which it was.
    largest : tuple of (float, str)
        MiB by which the memory grew most, and in which case.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[float, str] = (0.0, "")

    def add(self, kind: str, number: int, answer: dict[str, Any]) -> None:
        """Take in one case's outcome."""
        self.counts[kind, answer["outcome"]] += 1
        name = f"{kind} {number} ({answer.get('spoil', '')})"
        self.slowest = max(self.slowest, (answer.get("seconds", 0.0), name))
        self.largest = max(self.largest, (answer.get("grown_mib", 0.0), name))
        if answer["outcome"] not in GOOD:
            self.failures.append({"kind": kind, "number": number, **answer})

    def total(self, outcome: str) -> int:
        """Return how many had an outcome."""
        return sum(n for (_, found), n in self.counts.items() if found == outcome)


def run_mutations(
    count: int,
    *,
    seed: int = 60_000,
    first: int = 0,
    kinds: tuple[str, ...] = tuple(KINDS),
    progress: Callable[[str, int, dict[str, Any]], None] = lambda *_: None,
) -> Tally:
    """Spoil ``count`` files and read them, in a process of their own.

    Parameters
    ----------
    count : int
        Mutations of all kinds together.
    seed : int
        The same seed and numbers give the same mutations.
    first : int
        Number of the first mutation of each kind.
    kinds : tuple of str
        Of `livesr.bench.mutations.good.KINDS`.
    progress : callable
        Given kind, number and answer of each.
    """
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="livesr-mutations-") as temporary:
        home = Path(temporary)
        make_good(home / "good")
        reader = _Reader(home, seed)
        try:
            for kind, number in _cases(count, first, kinds):
                answer = reader.ask(kind, number)
                if answer["outcome"] == "hang":
                    answer = reader.ask(kind, number, patience=PATIENCE)
                tally.add(kind, number, answer)
                progress(kind, number, answer)
        finally:
            reader.close()
    return tally


def _cases(count: int, first: int, kinds: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Yield the cases: each kind as often as its weight says."""
    whole = sum(KINDS[kind].weight for kind in kinds)
    for kind in kinds:
        own = max(1, round(count * KINDS[kind].weight / whole))
        yield from ((kind, number) for number in range(first, first + own))


class _Reader:
    """The process that reads, begun again after each death."""

    def __init__(self, home: Path, seed: int) -> None:
        self._home = home
        self._seed = seed
        self._dump = home / "dump.txt"
        self._number = self._asked = 0
        self._process: subprocess.Popen[str] | None = None

    def ask(self, kind: str, number: int, *, patience: float = 1) -> dict[str, Any]:
        """Return what became of a case, which may take ``patience`` times as long as most."""
        if self._asked >= CASES:
            self.close()
        process = self._process or self._start()
        self._asked += 1
        assert process.stdin is not None  # noqa: S101 - asked for below
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(f"{kind}\t{number}\t{SECONDS * patience}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        code = process.wait()
        self.close()
        text = self._dump.read_text(encoding="utf-8", errors="replace")
        marks = ("Timeout (", "terminate called", "Fatal Python error")
        begin = max(text.find(mark) for mark in marks)  # libraries said much before
        outcome = "hang" if "Timeout (" in text else "crash"
        return {"outcome": outcome, "detail": f"exit {code}: {text[max(begin, 0) :][:3000]}"}

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        """Begin with fresh files: what a death left is not trusted."""
        self._number, self._asked = self._number + 1, 0
        root = self._home / f"files-{self._number}"
        shutil.copytree(self._home / "good", root)
        command = [sys.executable, "-X", "faulthandler", "-m", "livesr.bench.mutations.worker"]
        with self._dump.open("wb") as dump:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, str(root), str(self._seed), str(MEBIBYTES)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=dump,
                text=True,
                encoding="utf-8",
            )
        stdout = self._process.stdout
        ready = stdout.readline() if stdout is not None else ""
        if ready.strip() != "ready":
            raise RuntimeError(self._dump.read_text(encoding="utf-8", errors="replace")[-3000:])
        return self._process
