"""What the comparison gives on simulated cells, where the truth is known: for orientation only.

`livesr bench validation` measures it: masks of ALL beside probes as FG-net tells them, and beside
the truth of the same cells.
"""

from __future__ import annotations

SIMULATED: dict[str, tuple[float, float]] = {
    "lipid_droplet": (0.83, 0.92),
    "mitochondria": (0.81, 0.82),
    "golgi": (0.86, 0.84),
    "er": (0.54, 0.56),
    "early_endosome": (0.47, 0.50),
    "late_endosome": (0.40, 0.42),
    "lysosome": (0.62, 0.63),
    "peroxisome": (0.21, 0.23),
}
"""Structure to F1 against its probe, and against the truth: seeds 70100–70103, 24 × 320 × 320."""


def orientation(name: str) -> str | None:
    """Return a line for people; None for a structure without a simulated probe."""
    if name not in SIMULATED:
        return None
    probe, truth = SIMULATED[name]
    return (
        f"for orientation: on simulated cells ALL's {name} has an F1 of {probe:.2f} by this "
        f"comparison, and {truth:.2f} against the truth"
    )
