"""Which runs belong together: connected components, voxels touching by faces, edges or corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from livesr.analysis.objects.runs import kept_runs

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.analysis.objects.runs import Runs

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]


def components(runs: Runs) -> tuple[Int32, int]:
    """Return the component of each run, from 1 in the order of their first voxels, and how many."""
    labels, count = _join(runs.start, runs.stop, runs.first, runs.shape[1])
    return labels, int(count)


def without_specks(runs: Runs, labels: Int32, count: int, least: float) -> tuple[Runs, Int32, int]:
    """Return the components of at least so many voxels, numbered anew, and how many they are."""
    large = np.bincount(labels, runs.stop - runs.start, minlength=count + 1) >= least
    if large[1:].all():
        return runs, labels, count
    large[0] = False
    number = np.cumsum(large).astype(np.int32)
    keep = large[labels]
    return kept_runs(runs, keep), number[labels[keep]], int(large.sum())


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _root(parent: Int32, i: int) -> int:  # pragma: no cover - compiled
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _touching(
    start: Int32, stop: Int32, first: Int64, row: int, other: int, parent: Int32
) -> None:  # pragma: no cover - compiled
    """Join the runs of two neighbouring rows that touch; the smaller number becomes the root."""
    i, j = first[row], first[other]
    while i < first[row + 1] and j < first[other + 1]:
        if start[i] <= stop[j] and start[j] <= stop[i]:
            a, b = _root(parent, i), _root(parent, j)
            if a < b:
                parent[b] = a
            else:
                parent[a] = b
        if stop[i] < stop[j]:
            i += 1
        else:
            j += 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _join(
    start: Int32, stop: Int32, first: Int64, height: int
) -> tuple[Int32, int]:  # pragma: no cover - compiled
    parent = np.arange(len(start)).astype(np.int32)
    for row in range(len(first) - 1):
        if first[row] == first[row + 1]:
            continue
        y = row % height
        if y > 0:
            _touching(start, stop, first, row, row - 1, parent)
        below = row - height
        if below >= 0:
            _touching(start, stop, first, row, below, parent)
            if y > 0:
                _touching(start, stop, first, row, below - 1, parent)
            if y < height - 1:
                _touching(start, stop, first, row, below + 1, parent)
    count = 0
    labels = np.empty(len(start), np.int32)
    for i in range(len(start)):
        root = _root(parent, i)
        if root == i:
            count += 1
            labels[i] = count
        else:
            labels[i] = labels[root]
    return labels, count
