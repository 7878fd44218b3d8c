"""What is added up over the voxels of each object, a run at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.analysis.objects.runs import Runs
    from livesr.types import Float32, Float64

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

BESIDE = np.array([[0, -1], [-1, -1], [-1, 0], [-1, 1]])
"""Rows (dz, dy) that come before a row and touch it."""
DIRECTIONS = np.array(
    [(0, 0, 1), *((z, y, x) for z, y in BESIDE.tolist() for x in (-1, 0, 1))], np.float64
)
"""From a voxel to its neighbours, (13, 3): one of each opposite two."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the voxels of objects; axes z, y, x.

    Attributes
    ----------
    moments : ndarray, (n, 10)
        Of 1, z, y, x, zz, yy, xx, zy, zx, yx, in voxels.
    low, high : ndarray, (n, 3), int32
        Bounding box; ``high`` is the first voxel beyond it.
    pairs : ndarray, (n, 13), int64
        Pairs of neighbouring voxels, both of the object, along each of `DIRECTIONS`.
    light : ndarray, (n, channels)
        Of each channel's counts.
    """

    moments: Float64
    low: Int32
    high: Int32
    pairs: Int64
    light: Float64

    def __len__(self) -> int:
        return len(self.moments)


def add_up(runs: Runs, labels: Int32, count: int, channels: list[Float32]) -> Sums:
    """Return the sums of each object.

    Parameters
    ----------
    runs : Runs
    labels : ndarray, (runs,), int32
        Object of each run, from 1.
    count : int
        Objects.
    channels : list of ndarray, (z, y, x)
        Whose counts are added up, on the runs' grid.
    """
    height = runs.shape[1]
    moments, low, high = _moments(runs.start, runs.stop, runs.first, labels, count, height)
    pairs = _pairs(runs.start, runs.stop, runs.first, labels, count, height)
    light = np.zeros((count, len(channels)))
    for column, channel in enumerate(channels):
        rows = channel.reshape(-1, runs.shape[2])
        light[:, column] = _light(runs.start, runs.stop, runs.first, labels, count, rows)
    return Sums(moments, low, high, pairs, light)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _moments(
    start: Int32, stop: Int32, first: Int64, labels: Int32, count: int, height: int
) -> tuple[Float64, Int32, Int32]:  # pragma: no cover - compiled
    sums = np.zeros((count, 10))
    low = np.full((count, 3), 2**31 - 1, np.int32)
    high = np.zeros((count, 3), np.int32)
    for row in range(len(first) - 1):
        z, y = float(row // height), float(row % height)
        for i in range(first[row], first[row + 1]):
            k = labels[i] - 1
            a, b = float(start[i]), float(stop[i])
            n = b - a
            sum_x = 0.5 * n * (a + b - 1.0)
            sum_xx = ((b - 1.0) * b * (2.0 * b - 1.0) - (a - 1.0) * a * (2.0 * a - 1.0)) / 6.0
            sums[k, 0] += n
            sums[k, 1] += n * z
            sums[k, 2] += n * y
            sums[k, 3] += sum_x
            sums[k, 4] += n * z * z
            sums[k, 5] += n * y * y
            sums[k, 6] += sum_xx
            sums[k, 7] += n * z * y
            sums[k, 8] += z * sum_x
            sums[k, 9] += y * sum_x
            low[k, 0] = min(low[k, 0], row // height)
            low[k, 1] = min(low[k, 1], row % height)
            low[k, 2] = min(low[k, 2], start[i])
            high[k, 0] = max(high[k, 0], row // height + 1)
            high[k, 1] = max(high[k, 1], row % height + 1)
            high[k, 2] = max(high[k, 2], stop[i])
    return sums, low, high


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _between(
    start: Int32,
    stop: Int32,
    labels: Int32,
    mine: tuple[int, int],
    theirs: tuple[int, int],
    pairs: Int64,
    middle: int,
) -> None:  # pragma: no cover - compiled
    """Count pairs of voxels of two neighbouring rows, straight and to both sides."""
    j_low = theirs[0]
    for i in range(mine[0], mine[1]):
        while j_low < theirs[1] and stop[j_low] + 1 <= start[i]:
            j_low += 1
        j = j_low
        while j < theirs[1] and start[j] - 1 < stop[i]:
            if labels[i] == labels[j]:
                for shift in range(-1, 2):  # the neighbour at x + shift
                    low, high = max(start[i], start[j] - shift), min(stop[i], stop[j] - shift)
                    pairs[labels[i] - 1, middle + shift] += max(high - low, 0)
            j += 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _pairs(
    start: Int32, stop: Int32, first: Int64, labels: Int32, count: int, height: int
) -> Int64:  # pragma: no cover - compiled
    pairs = np.zeros((count, 13), np.int64)
    for row in range(len(first) - 1):
        mine = (first[row], first[row + 1])
        for i in range(mine[0], mine[1]):
            pairs[labels[i] - 1, 0] += stop[i] - start[i] - 1
            if i > mine[0] and stop[i - 1] == start[i] and labels[i - 1] == labels[i]:
                pairs[labels[i] - 1, 0] += 1  # a run that was cut
        for beside in range(4):
            dz, dy = BESIDE[beside]
            other = row + dz * height + dy
            if mine[0] < mine[1] and other >= 0 and 0 <= row % height + dy < height:
                theirs = (first[other], first[other + 1])
                _between(start, stop, labels, mine, theirs, pairs, 2 + 3 * beside)
    return pairs


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _light(
    start: Int32, stop: Int32, first: Int64, labels: Int32, count: int, rows: Float32
) -> Float64:  # pragma: no cover - compiled
    sums = np.zeros(count)
    for row in range(len(first) - 1):
        for i in range(first[row], first[row + 1]):
            total = 0.0
            for x in range(start[i], stop[i]):
                total += rows[row, x]
            sums[labels[i] - 1] += total
    return sums
