"""Which cell each object belongs to; what spans several cells is cut between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from livesr.analysis.objects.runs import Runs

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Grid

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

REACH_UM = 3.0
"""What lies outside every cell belongs to the nearest one within this distance: filopodia …"""
SHARE = 0.1
"""… and of an object that lies in several cells each gets a part if it has this share of it …"""
LEAST_UM3 = 1.0
"""… and so much: two cells' ER that touch are two, a lysosome at the border is one."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cell stands on each pixel.

    Attributes
    ----------
    cells : ndarray, (y, x), int32
        From 1; 0 where none is within `REACH_UM`.
    rows, columns : ndarray, int32
        Index into ``cells`` of each row and column of the masks.
    """

    cells: Int32
    rows: Int32
    columns: Int32

    @classmethod
    def of(cls, cells: Int32, pixel_um: tuple[float, float], grid: Grid) -> Columns:
        """Return the columns of cells on coarse pixels (µm) for masks on a grid.

        Outer edges of both lie together.
        """
        from scipy.ndimage import distance_transform_edt

        distance, nearest = distance_transform_edt(
            cells == 0, sampling=pixel_um, return_indices=True
        )
        filled = np.where(distance <= REACH_UM, cells[tuple(nearest)], 0).astype(np.int32)
        index = [
            np.minimum((np.arange(n) + 0.5) * fine / coarse, len_ - 1).astype(np.int32)
            for n, fine, coarse, len_ in zip(
                grid.shape[1:], grid.voxel_um[1:], pixel_um, cells.shape, strict=True
            )
        ]
        return cls(filled, index[0], index[1])


def divide(
    runs: Runs, labels: Int32, count: int, columns: Columns, voxel_um3: float
) -> tuple[Runs, Int32, Int32]:
    """Return runs and objects with each cell's part apart, and the cell of each object.

    Parameters
    ----------
    runs : Runs
    labels : ndarray, (runs,), int32
        Object of each run, from 1.
    count : int
    columns : Columns
    voxel_um3 : float

    Returns
    -------
    runs : Runs
    labels : ndarray, (runs,), int32
    cells : ndarray, (objects,), int32
        0 for objects beside every cell.
    """
    many = int(columns.cells.max(initial=0)) + 1
    start, stop, first, source, cell = _cut_between(
        runs.start, runs.stop, runs.first, columns.cells, columns.rows, columns.columns
    )
    owner = labels[source].astype(np.int64) - 1
    sizes = np.bincount(owner * many + cell, stop - start, minlength=count * many)
    sizes = sizes.reshape(count, many)
    main = np.argmax(sizes[:, 1:], axis=1) + 1 if many > 1 else np.zeros(count, np.int64)
    main[sizes[:, 1:].sum(axis=1) == 0] = 0
    apart = (sizes >= SHARE * sizes.sum(axis=1, keepdims=True)) & (sizes * voxel_um3 >= LEAST_UM3)
    apart[:, 0] = False
    chosen = np.where(apart, np.arange(many), main[:, None])
    if not (chosen != main[:, None]).any():
        return runs, labels, main.astype(np.int32)
    keys, new = np.unique(owner * many + chosen[owner, cell], return_inverse=True)
    cut = Runs(start, stop, first, runs.shape)
    return cut, (new + 1).astype(np.int32), (keys % many).astype(np.int32)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cut_between(
    start: Int32, stop: Int32, first: Int64, cells: Int32, rows: Int32, columns: Int32
) -> tuple[Int32, Int32, Int64, Int32, Int32]:  # pragma: no cover - compiled
    """Cut runs where another cell begins; return also their source and the cell of each."""
    height = len(rows)
    room = len(start) + 1024
    new_start, new_stop = np.empty(room, np.int32), np.empty(room, np.int32)
    source, cell = np.empty(room, np.int32), np.empty(room, np.int32)
    new_first = np.empty(len(first), np.int64)
    n = 0
    for row in range(len(first) - 1):
        new_first[row] = n
        line = cells[rows[row % height]]
        for i in range(first[row], first[row + 1]):
            if n + stop[i] - start[i] > room:
                more = np.empty((4, 2 * room + stop[i]), np.int32)
                more[0, :n], more[1, :n] = new_start[:n], new_stop[:n]
                more[2, :n], more[3, :n] = source[:n], cell[:n]
                new_start, new_stop, source, cell = more[0], more[1], more[2], more[3]
                room = len(new_start)
            begun, here = start[i], line[columns[start[i]]]
            for x in range(start[i] + 1, stop[i]):
                there = line[columns[x]]
                if there != here:
                    new_start[n], new_stop[n], source[n], cell[n] = begun, x, i, here
                    begun, here = x, there
                    n += 1
            new_start[n], new_stop[n], source[n], cell[n] = begun, stop[i], i, here
            n += 1
    new_first[len(first) - 1] = n
    return new_start[:n].copy(), new_stop[:n].copy(), new_first, source[:n].copy(), cell[:n].copy()
