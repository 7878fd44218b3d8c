"""How far the session is, from its journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from livesr.storage.journal import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from livesr.storage.ledger import Status

RECENT = 10
"""Stacks over which speed and delay are taken."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the status line says.

    Attributes
    ----------
    planned, stored, waiting, failed : int
        Stacks of all images: as the session began with, on disk, still without masks, given up.
    frames_lost : int
        Planes that never arrived.
    fps : float or None
        Frames a second over the last stacks, waits between stacks included.
    delay_s : float or None
        From a stack's last plane to its masks on disk, the median of the last stacks that were
        segmented while recording.
    started, finished : bool
    paused : str
        Why no stack begins, empty while they do.
    """

    planned: int = 0
    stored: int = 0
    waiting: int = 0
    failed: int = 0
    frames_lost: int = 0
    fps: float | None = None
    delay_s: float | None = None
    started: bool = False
    finished: bool = False
    paused: str = ""


def progress_of(status: Status, journal: Sequence[Mapping[str, Any]]) -> Progress:
    """Return how far the journal says the session is."""
    begun = [e for e in journal if e["event"] in (Event.SESSION_STARTED, Event.SESSION_RESUMED)]
    planned = next((int(e["stacks"]) for e in reversed(begun) if "stacks" in e), 0)
    segments = any(e.get("package") for e in begun) or status.segmented_live > 0
    return Progress(
        planned=max(planned, status.stacks),
        stored=status.stacks,
        waiting=status.pending if segments else 0,
        failed=status.failed,
        frames_lost=status.frames_lost,
        fps=frames_per_second([e for e in journal if e["event"] == Event.STACK_STORED]),
        delay_s=recent_delay([e for e in journal if e["event"] == Event.STACK_SEGMENTED]),
        started=bool(begun),
        finished=status.finished,
        paused=status.paused,
    )


def frames_per_second(stored: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the camera's rate over the last stacks, or None if too few say it."""
    recent = [e for e in stored if "frames" in e][-RECENT - 1 :]
    if len(recent) < 2:
        return None
    took = (_wall(recent[-1]) - _wall(recent[0])).total_seconds()
    frames = sum(int(e["frames"]) for e in recent[1:])
    return frames / took if took > 0 else None


def recent_delay(segmented: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the median delay of the last stacks that were segmented live, s."""
    delays = [e["latency_s"] for e in segmented if e.get("live") and e.get("latency_s") is not None]
    return float(median(delays[-RECENT:])) if delays else None


def notes_of(journal: Sequence[Mapping[str, Any]], image: int) -> tuple[tuple[int, str], ...]:
    """Return what people noted, each with the first stack of an image that began after it.

    One that nothing followed yet is shown with the last stack.
    """
    stored = [e for e in journal if e["event"] == Event.STACK_STORED]
    times = sorted(
        (float(e.get("time_s") or 0.0), int(e["index"]["t"]))
        for e in stored
        if e["index"]["image"] == image
    )
    if not times:
        return ()
    found = []
    for entry in journal:
        if entry["event"] == Event.NOTE:
            said = entry.get("time_s")
            after = (t for time_s, t in times if said is not None and time_s >= said)
            found.append((next(after, times[-1][1]), str(entry.get("text", ""))))
    return tuple(found)


def describe(progress: Progress) -> list[str]:
    """Return the parts of the status line."""
    parts = [f"stack {progress.stored} of {progress.planned}"]
    if progress.fps is not None:
        parts.append(f"{progress.fps:.1f} frames/s")
    if progress.delay_s is not None:
        parts.append(f"masks {progress.delay_s:.2f} s after last plane")
    parts.append(f"{progress.waiting} stack{'' if progress.waiting == 1 else 's'} waiting")
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.frames_lost:
        parts.append(f"{progress.frames_lost} frames lost")
    return parts


def _wall(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(entry["time"]))
