"""What a session is doing, in one word and in numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from livesr.storage.folder import JOURNAL_FILE
from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from livesr.daemon.folder import Job
    from livesr.viewer.progress import Progress

State = Literal[
    "queued",
    "starting",
    "recording",
    "paused",
    "finishing",
    "finished",
    "stopped",
    "failed",
    "interrupted",
]
STATES: tuple[State, ...] = State.__args__  # type: ignore[attr-defined]  # typing has no name for it
_END = 65_536
"""Bytes at a journal's end that are looked at."""
_HEAD = 65_536
_GATES = (
    Event.PAUSED,
    Event.CONTINUED,
    Event.SESSION_STARTED,
    Event.SESSION_RESUMED,
    Event.SESSION_FINISHED,
)
"""Lines after which a session is paused, or no longer."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the ends of a journal say.

    Attributes
    ----------
    begun : str
        When, empty if it has not.
    stored, planned : int or None
        Stacks; not known of a session that is under way.
    last : mapping
        Its last line.
    paused : bool
    """

    begun: str = ""
    stored: int | None = None
    planned: int | None = None
    last: Mapping[str, Any] | None = None
    paused: bool = False

    @property
    def finished(self) -> bool:
        """Whether the session came to its end."""
        return self.last is not None and self.last["event"] == Event.SESSION_FINISHED


def glance(folder: Path) -> Glance:
    """Return what a session's journal says at its ends; nothing if there is none to read."""
    path = folder / JOURNAL_FILE
    try:
        now = path.stat()
    except OSError:
        return Glance()
    return _glance(path, now.st_size, now.st_mtime_ns)


@lru_cache(maxsize=4096)
def _glance(path: Path, size: int, _changed: int) -> Glance:
    """Return it, read once for each state of the file."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).split(b"\n", 1)[0]
            file.seek(max(0, size - _END))
            tail = file.read(_END).split(b"\n")
    except OSError:
        return Glance()
    first = _entry(head)
    lines = [entry for entry in map(_entry, tail) if entry is not None]
    if first is None or not lines:
        return Glance()
    last = lines[-1]
    gates = [e["event"] for e in lines if e["event"] in _GATES]
    done = last["event"] == Event.SESSION_FINISHED
    return Glance(
        begun=str(first.get("time", "")),
        stored=_count(last.get("stacks")) if done else None,
        planned=_count(last.get("planned")) if done else _count(first.get("stacks")),
        last=last,
        paused=bool(gates) and gates[-1] == Event.PAUSED,
    )


def state_of(job: Job | None, seen: Glance, result: Mapping[str, Any], *, runs: bool) -> State:
    """Return what a session is doing.

    Parameters
    ----------
    job : Job or None
        The daemon's, if it was asked to run it.
    seen : Glance
    result : mapping
        What its process said at its end.
    runs : bool
        Whether some process records it.
    """
    if job is not None and job.state == "queued":
        return "queued"
    if runs:
        return _running(seen)
    if not seen.begun:
        return "failed"
    if not seen.finished:
        return "interrupted"
    last = seen.last or {}
    if last.get("error") or isinstance(result.get("error"), dict):
        return "failed"
    return "finished" if seen.stored == seen.planned else "stopped"


def _running(seen: Glance) -> State:
    if not seen.begun:
        return "starting"
    if seen.finished:
        return "finishing"
    return "paused" if seen.paused else "recording"


def progress_fields(progress: Progress, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how far a session is, from its journal."""
    engine: Mapping[str, Any] = next(
        (e for e in reversed(entries) if e["event"] == Event.SEGMENTER_STARTED), {}
    )
    return {
        "planned": progress.planned,
        "stored": progress.stored,
        "segmented": sum(e["event"] == Event.STACK_SEGMENTED for e in entries),
        "waiting": progress.waiting,
        "failed": progress.failed,
        "frames_lost": progress.frames_lost,
        "faults": sum(e["event"] == Event.FAULT for e in entries),
        "fps": progress.fps,
        "delay_s": progress.delay_s,
        "paused": progress.paused,
        "engine": str(engine.get("engine", "")),
        "lines": len(entries),
    }


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and "event" in entry else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None
