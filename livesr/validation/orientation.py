"""What the comparison gives on simulated cells, where the truth is known: for orientation only.

`livesr bench validation` measures it: masks of ALL beside probes as FG-net tells them, and beside
the truth of the same cells.
"""

from __future__ import annotations

SIMULATED: dict[str, tuple[float, float]] = {}
"""Structure to F1 against its probe, and against the truth."""


def orientation(name: str) -> str | None:
    """Return a line for people; None for a structure without a simulated probe."""
    if name not in SIMULATED:
        return None
    probe, truth = SIMULATED[name]
    return (
        f"for orientation: on simulated cells ALL's {name} has an F1 of {probe:.2f} by this "
        f"comparison, and {truth:.2f} against the truth"
    )
