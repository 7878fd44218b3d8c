"""Seams: lines across which a picture does not go on, where two channels' images meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.types import Float32

_ACROSS = 4
"""Pixels between the two lines that are compared."""
_BROKEN = 0.6
"""Share of the agreement beside it that a seam has at most."""
_WHOLE = 0.5
"""Agreement beside it, at least, or nothing can be said."""
_NEAR, _BESIDE = 6, 56
"""Pixels from a seam, between which its sides are looked at."""


def goes_on(light: Float32, rows: Iterable[int], columns: Iterable[int]) -> bool:
    """Return whether a picture goes on across the lines where channels might meet.

    Parameters
    ----------
    light : ndarray, (y, x), float32
    rows, columns : iterable of int
        First row, or column, behind each such line.
    """
    root = cv2.GaussianBlur(np.sqrt(np.maximum(light, 0) + 4.0), (0, 0), 1.0)
    return not (
        any(_is_seam(root, at) for at in rows) or any(_is_seam(root.T, at) for at in columns)
    )


def _is_seam(lines: Float32, at: int) -> bool:
    if not _BESIDE < at < len(lines) - _BESIDE:
        return False
    here = _alike(lines, at - _ACROSS // 2)
    before = [_alike(lines, k) for k in range(at - _BESIDE, at - _NEAR - _ACROSS)]
    behind = [_alike(lines, k) for k in range(at + _NEAR, at + _BESIDE - _ACROSS)]
    sides = min(float(np.quantile(side, 0.7)) for side in (before, behind))  # a gap may be dark
    return sides > _WHOLE and here < _BROKEN * sides


def _alike(lines: Float32, first: int) -> float:
    """Return the correlation of a line with the one `_ACROSS` further."""
    return float(np.corrcoef(lines[first], lines[first + _ACROSS])[0, 1])
