"""Masks as runs: stretches of voxels within a row, all that counting objects needs.

A stack has 35 million voxels and fifteen masks, but only some hundred thousand runs: voxels are
looked at once, eight at a time, and everything afterwards costs by the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Bool, UInt8

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

_WORD = 8
_ONES = np.uint64(0x0101010101010101)
_NO_WORDS = np.zeros((0, 0), np.uint64)
_FEW = 1 << 14


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one volume, row after row.

    Attributes
    ----------
    start, stop : ndarray, (n,), int32
        First voxel along x, and the first beyond it.
    first : ndarray, (rows + 1,), int64
        The first run of each row, plane after plane; the last entry is n.
    shape : tuple of int
        Of the volume, (z, y, x).
    """

    start: Int32
    stop: Int32
    first: Int64
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.start)


def kept_runs(runs: Runs, keep: Bool) -> Runs:
    """Return some of the runs."""
    before = np.concatenate([[0], np.cumsum(keep)])
    return Runs(runs.start[keep], runs.stop[keep], before[runs.first], runs.shape)


def find_runs(volume: UInt8 | Bool) -> Runs:
    """Return the runs of a volume, (z, y, x), of 0 and 1."""
    z, y, x = volume.shape
    rows = np.ascontiguousarray(volume).view(np.uint8).reshape(z * y, x)
    words = rows.view(np.uint64) if x and x % _WORD == 0 else _NO_WORDS
    start, stop, first = _scan(rows, words)
    return Runs(start, stop, first, (z, y, x))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _scan(
    rows: UInt8, words: npt.NDArray[np.uint64]
) -> tuple[Int32, Int32, Int64]:  # pragma: no cover - compiled
    height, width = rows.shape
    by_words = words.shape[0] == height
    steps = words.shape[1] if by_words else 1
    step = _WORD if by_words else width
    start, stop = np.empty(_FEW, np.int32), np.empty(_FEW, np.int32)
    first = np.empty(height + 1, np.int64)
    n = 0
    for row in range(height):
        first[row] = n
        if n + width > len(start):  # room for whatever the row holds
            room = 2 * len(start) + width
            more_start, more_stop = np.empty(room, np.int32), np.empty(room, np.int32)
            more_start[:n], more_stop[:n] = start[:n], stop[:n]
            start, stop = more_start, more_stop
        inside = False
        for k in range(steps):
            if by_words and words[row, k] == (_ONES if inside else np.uint64(0)):
                continue
            for x in range(k * step, k * step + step):
                if (rows[row, x] != 0) != inside:
                    inside = not inside
                    if inside:
                        start[n] = x
                    else:
                        stop[n] = x
                        n += 1
        if inside:
            stop[n] = width
            n += 1
    first[height] = n
    return start[:n].copy(), stop[:n].copy(), first
