"""Touching vesicles are told apart where their neck is narrower than they are.

The distance to the rim has one summit a vesicle. Voxels are taken from the deepest to the
shallowest; where two summits meet that both stand out by more than `NECK_UM`, there is the border
between them, and a lower one is part of the other. That is the watershed of the distance from its
h-maxima, in one pass over the component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from livesr.analysis.objects.runs import Runs

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Float32, Float64

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

AXIAL = 3.0
"""The PSF is three times as long as it is wide: distances along z count a third."""
NECK_UM = 0.05
"""A component is split where its neck is narrower than the smaller part by this on each side."""
SINGLE_UM = 0.4
"""Components no wider than this are one vesicle."""
LARGEST_UM = 8.0
"""Wider ones are no clump of vesicles."""


def split_touching(
    runs: Runs, labels: Int32, count: int, voxel_um: tuple[float, float, float]
) -> tuple[Runs, Int32, int]:
    """Return runs, their objects and how many, with touching vesicles apart.

    Parameters
    ----------
    runs : Runs
    labels : ndarray, (runs,), int32
        Component of each run, from 1.
    count : int
    voxel_um : tuple of float
        (z, y, x), µm.
    """
    if not count:
        return runs, labels, count
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(1, count + 2))
    row = np.repeat(np.arange(len(runs.first) - 1), np.diff(runs.first))
    offset = np.concatenate([[0], np.cumsum(runs.stop - runs.start)])
    voxels = np.repeat(labels, runs.stop - runs.start)
    sampling = np.array([voxel_um[0] / AXIAL, *voxel_um[1:]])
    found = _split_each(
        runs.start, runs.stop, row, offset, order, edges, runs.shape[1], sampling, voxels
    )
    if found == count:
        return runs, labels, count
    start, stop, first, parts = _cut(runs.start, runs.stop, runs.first, offset, voxels)
    return Runs(start, stop, first, runs.shape), parts, int(found)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _split_each(
    start: Int32,
    stop: Int32,
    row: Int64,
    offset: Int64,
    order: Int64,
    edges: Int64,
    height: int,
    sampling: Float64,
    voxels: Int32,
) -> int:  # pragma: no cover - compiled
    """Return how many objects there are; ``voxels`` takes the number of each."""
    count = len(edges) - 1
    for k in range(len(edges) - 1):
        members = order[edges[k] : edges[k + 1]]
        z0 = y0 = x0 = 2**31 - 1
        z1 = y1 = x1 = 0
        for i in members:
            z0, z1 = min(z0, row[i] // height), max(z1, row[i] // height + 1)
            y0, y1 = min(y0, row[i] % height), max(y1, row[i] % height + 1)
            x0, x1 = min(x0, start[i]), max(x1, stop[i])
        wide = max((y1 - y0) * sampling[1], (x1 - x0) * sampling[2])
        if not SINGLE_UM < wide <= LARGEST_UM:
            continue
        box = np.zeros((z1 - z0 + 2, y1 - y0 + 2, x1 - x0 + 2), np.float32)
        for i in members:
            z, y = row[i] // height - z0 + 1, row[i] % height - y0 + 1
            box[z, y, start[i] - x0 + 1 : stop[i] - x0 + 1] = np.inf
        _depth(box, sampling)
        if box.max() <= 2 * NECK_UM:
            continue
        parts, many = _basins(box)
        if many < 2:
            continue
        for i in members:
            z, y = row[i] // height - z0 + 1, row[i] % height - y0 + 1
            for x in range(start[i], stop[i]):
                part = parts[z, y, x - x0 + 1]
                if part > 1:  # the first keeps the number, the others go on from the last
                    voxels[offset[i] + x - start[i]] = count + part - 1
        count += many - 1
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _nearer(line: Float32, step: float, out: Float32) -> None:  # pragma: no cover - compiled
    """Write the least of each squared distance and its neighbours' plus the way to them."""
    for i in range(len(line)):
        best = line[i]
        for apart in range(1, len(line)):
            far = np.float32((apart * step) ** 2)
            if far >= best:
                break
            if i >= apart:
                best = min(best, line[i - apart] + far)
            if i + apart < len(line):
                best = min(best, line[i + apart] + far)
        out[i] = best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _depth(box: Float32, sampling: Float64) -> None:  # pragma: no cover - compiled
    """Turn 0 and infinity into the Euclidean distance to the nearest 0, in place."""
    nz, ny, nx = box.shape
    for z in range(nz):
        for y in range(ny):
            _nearer(box[z, y].copy(), sampling[2], box[z, y])
    for z in range(nz):
        for x in range(nx):
            _nearer(box[z, :, x].copy(), sampling[1], box[z, :, x])
    for y in range(ny):
        for x in range(nx):
            _nearer(box[:, y, x].copy(), sampling[0], box[:, y, x])
    for z in range(nz):
        box[z] = np.sqrt(box[z])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _find(parent: Int32, i: int) -> int:  # pragma: no cover - compiled
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _basins(depth: Float32) -> tuple[Int32, int]:  # pragma: no cover - compiled
    """Return the basin of each voxel, from 1, and how many there are."""
    _, ny, nx = depth.shape
    flat = depth.ravel()
    around = np.arange(27)
    steps = ((around // 9 - 1) * ny + around // 3 % 3 - 1) * nx + around % 3 - 1
    inside = np.flatnonzero(flat)
    inside = inside[np.argsort(-flat[inside], kind="mergesort")]
    basin = np.zeros(len(flat), np.int32)
    parent = np.zeros(len(inside) + 1, np.int32)
    peak = np.zeros(len(inside) + 1, np.float32)
    made = 0
    for v in inside:
        highest = 0
        for step in steps:
            if basin[v + step] == 0:
                continue
            root = _find(parent, basin[v + step])
            if highest == 0 or root == highest:
                highest = root
                continue
            low = root
            if peak[root] > peak[highest]:
                low, highest = highest, root
            if peak[low] - flat[v] < NECK_UM:
                parent[low] = highest
        if highest == 0:
            made += 1
            highest = made
            parent[made] = made
            peak[made] = flat[v]
        basin[v] = highest
    number = np.zeros(made + 1, np.int32)
    many = 0
    for v in inside:
        root = _find(parent, basin[v])
        if number[root] == 0:
            many += 1
            number[root] = many
        basin[v] = number[root]
    return basin.reshape(depth.shape), many


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cut(
    start: Int32, stop: Int32, first: Int64, offset: Int64, voxels: Int32
) -> tuple[Int32, Int32, Int64, Int32]:  # pragma: no cover - compiled
    """Cut runs where the number of their voxels changes."""
    pieces = len(start)
    for i in range(len(start)):
        for k in range(offset[i] + 1, offset[i + 1]):
            pieces += voxels[k] != voxels[k - 1]
    new_start, new_stop = np.empty(pieces, np.int32), np.empty(pieces, np.int32)
    labels = np.empty(pieces, np.int32)
    new_first = np.empty(len(first), np.int64)
    n = 0
    for row in range(len(first) - 1):
        new_first[row] = n
        for i in range(first[row], first[row + 1]):
            begun = start[i]
            for x in range(start[i] + 1, stop[i] + 1):
                k = offset[i] + x - start[i]
                if x == stop[i] or voxels[k] != voxels[k - 1]:
                    new_start[n], new_stop[n], labels[n] = begun, x, voxels[k - 1]
                    begun = x
                    n += 1
    new_first[len(first) - 1] = n
    return new_start, new_stop, new_first, labels
