"""How a session ended, in numbers: what ``--json`` prints and what the exit code says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from livesr.errors import LivesrError
    from livesr.types import StackIndex

INCOMPLETE = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of every stack: stored, and then exactly one of live, later, failed."""

    stored: Sequence[StackIndex]
    live: Sequence[StackIndex]
    later: Sequence[StackIndex]
    failed: Sequence[StackIndex]

    def length(self, image: int) -> int:
        """Return the number of time points that the image's arrays must hold (at least one)."""
        return max((index.t + 1 for index in self.stored if index.image == image), default=1)


@dataclass(frozen=True, slots=True)
class SessionResult:
    """How a session ended.

    Attributes
    ----------
    latencies_s : sequence of float
        From a stack's last plane to its masks on disk.
    seconds : sequence of mapping
        What each segmented stack spent on read, segment, store, measure.
    flagged : sequence of StackIndex
        Stacks that are unlike what the package was trained on; None if it does not say.
    channel_offset_nm : mapping
        Latest translation (z, y, x) by channel beyond the stored calibration, where it is followed.
    misfits : sequence of str
        What said that the calibration no longer fits.
    disk : mapping
        How fast raw was stored, how far it was compressed, and how long the session paused.
    error : LivesrError or None
        What ended the session early.
    signal : int
        Number of the signal that ended it, 0 if none.
    faults : mapping
        Of the hardware: {kind: {outcome: how often}}.
    structures : mapping
        F1 a structure against the truth, for simulated sessions that were scored.
    simulator : mapping
        Version and hash of the simulator's parameters that the scores are of.
    """

    folder: Path
    outcome: Outcome
    planned: int
    frames: int
    frames_lost: int
    fps: float
    latencies_s: Sequence[float]
    seconds: Sequence[Mapping[str, float]]
    engine: str
    error: LivesrError | None
    stopped: str
    signal: int
    structures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    simulator: Mapping[str, object] = field(default_factory=dict)
    flagged: Sequence[StackIndex] | None = None
    channel_offset_nm: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    misfits: Sequence[str] = ()
    disk: Mapping[str, object] = field(default_factory=dict)
    faults: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """Exit code of the command line."""
        if self.error is not None:
            return self.error.exit_code
        if self.signal:
            return 128 + self.signal
        complete = len(self.outcome.stored) == self.planned and not self.outcome.failed
        return 0 if complete and not self.frames_lost else INCOMPLETE

    def latency(self) -> dict[str, float | None]:
        """Return median and 95th percentile of the delay from last plane to masks on disk, s."""
        if not self.latencies_s:
            return {"p50": None, "p95": None}
        p50, p95 = np.percentile(self.latencies_s, (50, 95))
        return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}

    def journalled(self) -> dict[str, object]:
        """Return the books of the session as its last journal line keeps them."""
        return {
            "planned": self.planned,
            "stacks": len(self.outcome.stored),
            "segmented_live": len(self.outcome.live),
            "segmented_later": len(self.outcome.later),
            "failed": len(self.outcome.failed),
            "failed_stacks": [str(index) for index in sorted(set(self.outcome.failed))],
            "frames": self.frames,
            "frames_lost": self.frames_lost,
            "faults": {kind: dict(outcomes) for kind, outcomes in self.faults.items()},
            "fps": round(self.fps, 3),
            "flagged": None if self.flagged is None else len(self.flagged),
            "channel_offset_nm": self.channel_offset_nm,
            "calibration_misfits": list(self.misfits),
            "latency_s": self.latency(),
            "engine": self.engine,
            "disk": dict(self.disk),
            "stopped": self.stopped,
            "error": self.error.as_dict() if self.error else None,
        }

    def as_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        data = {"session": str(self.folder), **self.journalled(), "exit_code": self.exit_code}
        if self.structures:
            data["structures"] = self.structures
            data["simulator"] = self.simulator
        return data

    def with_error(self, error: LivesrError) -> SessionResult:
        """Return the result with an error, unless it has one already."""
        return self if self.error else replace(self, error=error)
