"""Seams: lines across which a picture does not go on, where two channels' images meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.types import Float32

_NEAR, _BESIDE = 8, 60
"""Pixels from a seam, between which its sides are looked at."""
_ACROSS = 3
"""Pixels of either side, between which the picture is compared."""
_CLEAREST = 2.0
"""Seams that are clearer than that are as good."""


def seam(light: Float32, rows: Iterable[int]) -> float:
    """Return how clear the clearest seam is.

    It is the natural logarithm of how much more the picture changes across a line than it does
    nearby, 0 to 2.

    Parameters
    ----------
    light : ndarray, (y, x), float32
        Counts above the offset.
    rows : iterable of int
        First row behind each line where channels might meet.
    """
    root = cv2.GaussianBlur(np.sqrt(np.maximum(light, 0) + 4.0), (0, 0), 1.0)
    inside = (row for row in rows if _BESIDE < row < len(root) - _BESIDE)
    return max((_clear(root, row) for row in inside), default=0.0)


def _clear(lines: Float32, row: int) -> float:
    nearby = [*range(row - _BESIDE, row - _NEAR), *range(row + _NEAR + 1, row + _BESIDE + 1)]
    usual = float(np.median([_change(lines, k) for k in nearby]))
    return float(np.clip(np.log(_change(lines, row) / usual), 0.0, _CLEAREST))


def _change(lines: Float32, row: int) -> float:
    """Return the mean squared change across a line, without the steps between a camera's ports."""
    change = lines[min(row + _ACROSS - 1, len(lines) - 1)] - lines[row - _ACROSS]
    halves = np.array_split(change, 2)
    return float(np.mean([np.mean((half - np.median(half)) ** 2) for half in halves])) + 1e-9
