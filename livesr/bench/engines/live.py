"""Live factor: seconds that a stack's masks take, over those that its recording takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.bench.rows import Row
from livesr.config.layouts import PRESETS, SequentialLayout

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPOSURE_S = 0.05
"""Of a plane: at Prime 95B levels of Nile Red."""


@dataclass(frozen=True, slots=True)
class Optical:
    """How a channel layout spends time.

    Attributes
    ----------
    pixels : int
        Of one channel.
    exposures : int
        For all channels of one plane.
    """

    pixels: int
    exposures: int


def layouts() -> dict[str, Optical]:
    """Return the presets of two channels at their full fields."""
    pixels = {
        "prime95b-sequential": 1200 * 1200,
        "two-prime95b": 1200 * 1200,
        "prime95b-quadrants": 600 * 600,
        "wide-split": 1152 * 2304,
    }
    found = {name: Optical(n, _exposures(name)) for name, n in pixels.items()}
    # quadrants whose resolution Live-SR has doubled: as many pixels as the paper's stacks
    return {**found, "splitter, 1200×1200 a channel": Optical(1200 * 1200, 1)}


def _exposures(preset: str) -> int:
    """Return 1 where splitters or two cameras see all channels at once."""
    layout = PRESETS[preset]
    return len(layout.channels) if isinstance(layout, SequentialLayout) else 1


def live_factors(seconds: float, shape: tuple[int, int, int]) -> Iterator[Row]:
    """Divide a stack's time by that of its recording, in each layout.

    Parameters
    ----------
    seconds : float
        From a raw stack to its masks on disk.
    shape : tuple of int
        Planes, rows and columns of that stack; time is taken as proportional to rows × columns.
    """
    planes, measured = shape[0], shape[1] * shape[2]
    for name, optical in layouts().items():
        recording_s = planes * optical.exposures * EXPOSURE_S
        stack_s = seconds * optical.pixels / measured
        factor = stack_s / recording_s
        scaled = f", from {seconds:.2f} s by the field's area" if stack_s != seconds else ""
        yield Row(
            f"live factor: {name}",
            factor,
            "s/s",
            bound="1: as fast as the camera",
            attained=min(1 / factor, 1.0),
            detail=f"{stack_s:.2f} s{scaled}, for a recording of {recording_s:.2f} s "
            f"({planes} planes, {optical.exposures} exposure(s) of {EXPOSURE_S * 1e3:g} ms)",
        )
