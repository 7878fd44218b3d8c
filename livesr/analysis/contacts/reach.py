"""Where each structure is within reach: one image whose bits are the structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from livesr.analysis.objects.runs import Runs
from livesr.analysis.surface import near
from livesr.catalog import NAMES

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Masks, UInt16

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

BITS = {name: k for k, name in enumerate(NAMES)}


def within_reach(masks: Masks, distance_um: float) -> UInt16:
    """Return which structures have a voxel within a distance of each voxel, as bits, (z, y, x).

    Between centres of voxels, Euclidean, in µm; 0 is the structure itself.
    """
    bits = np.zeros(masks.grid.shape, np.uint16)
    for name, volume in masks.volumes.items():
        grown = near(volume, masks.grid.voxel_um, distance_um) if distance_um else volume
        _set_bit(bits.ravel(), np.ascontiguousarray(grown).ravel(), np.uint16(1 << BITS[name]))
    return bits


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _set_bit(
    bits: UInt16, volume: npt.NDArray[np.uint8], value: np.uint16
) -> None:  # pragma: no cover - compiled
    for i in range(len(bits)):
        if volume[i]:
            bits[i] |= value


def runs_within(runs: Runs, labels: Int32, bits: UInt16, bit: int) -> tuple[Runs, Int32]:
    """Return the parts of runs where a bit is set, and their labels."""
    rows = bits.reshape(-1, bits.shape[2])
    start, stop, first, kept = _within(
        runs.start, runs.stop, runs.first, labels, rows, np.uint16(1 << bit)
    )
    return Runs(start, stop, first, runs.shape), kept


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _within(
    start: Int32, stop: Int32, first: Int64, labels: Int32, rows: UInt16, value: np.uint16
) -> tuple[Int32, Int32, Int64, Int32]:  # pragma: no cover - compiled
    room = len(start) + 1024
    out = np.empty((3, room), np.int32)
    new_first = np.empty(len(first), np.int64)
    n = 0
    for row in range(len(first) - 1):
        new_first[row] = n
        for i in range(first[row], first[row + 1]):
            if n + (stop[i] - start[i]) // 2 + 1 > room:
                room = 2 * room + stop[i]
                more = np.empty((3, room), np.int32)
                more[:, :n] = out[:, :n]
                out = more
            inside = False
            for x in range(start[i], stop[i]):
                if ((rows[row, x] & value) != 0) != inside:
                    inside = not inside
                    if inside:
                        out[0, n] = x
                    else:
                        out[1, n], out[2, n] = x, labels[i]
                        n += 1
            if inside:
                out[1, n], out[2, n] = stop[i], labels[i]
                n += 1
    new_first[len(first) - 1] = n
    return out[0, :n].copy(), out[1, :n].copy(), new_first, out[2, :n].copy()
