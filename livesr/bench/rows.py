"""A row of a benchmark: a figure beside a peer's or a bound, measured in the same run."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes
    ----------
    name, value, unit
        What was measured.
    peer, peer_value
        The other program, or livesr without the part that is measured.
    ratio
        Above 1: livesr is better.
    bound, attained
        What limits the figure, and the share of it that is reached, 0–1.
    detail
        Counts and intervals behind the figure.
    curve, at
        What the figure is plotted against, if it is one of a curve, and where on it.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    bound: str | None = None
    attained: float | None = None
    detail: str = ""
    curve: str | None = None
    at: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the row as ``--json`` prints it."""
        return asdict(self)


def attained(error: float, asked: float) -> float:
    """Return the share of a bound on an error that is reached: 1 where it is as small as asked."""
    return min(asked / error, 1.0) if error > 0.0 else 1.0


def machine() -> dict[str, object]:
    """Return the machine that the rows were measured on."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - not a file of ours
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
