"""A vesicle that two structures claim is no contact: it is left to the one that claims more of it.

Networks that are unsure of a vesicle's kind mark it twice, as late endosome and as lysosome; left
so, the two would seem to touch wherever it happens.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from livesr.analysis.objects.measure import VESICLES, Found
from livesr.analysis.objects.runs import kept_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from livesr.types import Masks, UInt8

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

SAME = 0.5
"""Two objects are one if they have more than this share of the smaller in common."""


def without_twins(masks: Masks, found: Mapping[str, Found]) -> tuple[Masks, dict[str, Found]]:
    """Return masks and objects without the smaller of each two vesicles that are one.

    Objects keep their numbers; those that are left out have no runs any more.
    """
    kinds = {name: one for name, one in found.items() if name in VESICLES}
    keep = _kept(kinds)
    volumes, left = dict(masks.volumes), dict(found)
    for name, one in kinds.items():
        if keep[name].all():
            continue
        mine = keep[name][one.labels - 1]
        runs = kept_runs(one.runs, mine)
        left[name] = Found(runs, one.labels[mine], one.cells)
        volumes[name] = masks.volumes[name].copy()
        gone = kept_runs(one.runs, ~mine)
        _erase(gone.start, gone.stop, gone.first, volumes[name].reshape(-1, runs.shape[2]))
    return replace(masks, volumes=volumes), left


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _erase(
    start: Int32, stop: Int32, first: Int64, rows: UInt8
) -> None:  # pragma: no cover - compiled
    for row in range(len(first) - 1):
        for i in range(first[row], first[row + 1]):
            rows[row, start[i] : stop[i]] = 0


def _kept(found: Mapping[str, Found]) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which objects of each kind are kept."""
    sizes = {
        name: np.bincount(one.labels, one.runs.stop - one.runs.start, minlength=one.count + 1)[1:]
        for name, one in found.items()
    }
    keep = {name: np.ones(len(size), bool) for name, size in sizes.items()}
    claims = [claim for a, b in combinations(found, 2) for claim in _claims(found, sizes, a, b)]
    for _, a, first, b, second in sorted(claims, key=lambda claim: -claim[0]):
        if keep[a][first] and keep[b][second]:
            loser = (a, first) if sizes[a][first] < sizes[b][second] else (b, second)
            keep[loser[0]][loser[1]] = False
    return keep


def _claims(
    found: Mapping[str, Found], sizes: Mapping[str, npt.NDArray[Any]], a: str, b: str
) -> Iterator[tuple[float, str, int, str, int]]:
    """Yield the objects of two kinds that are one, by the size of the larger."""
    one, other = found[a].runs, found[b].runs
    if not (found[a].count and found[b].count):
        return
    i, j, common = _common(
        one.start, one.stop, one.first, found[a].labels,
        other.start, other.stop, other.first, found[b].labels,
    )  # fmt: skip
    more = found[b].count + 1
    pair, where = np.unique(i.astype(np.int64) * more + j, return_inverse=True)
    shared = np.bincount(where, common, minlength=len(pair))
    for key, voxels in zip(pair.tolist(), shared.tolist(), strict=True):
        first, second = key // more - 1, key % more - 1
        both = (float(sizes[a][first]), float(sizes[b][second]))
        if voxels > SAME * min(both):
            yield max(both), a, first, b, second


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _common(
    start: Int32,
    stop: Int32,
    first: Int64,
    labels: Int32,
    start_b: Int32,
    stop_b: Int32,
    first_b: Int64,
    labels_b: Int32,
) -> tuple[Int32, Int32, Int64]:  # pragma: no cover - compiled
    """Return the objects of two structures that share voxels, row by row, and how many."""
    room = len(start) + len(start_b)
    mine, theirs = np.empty(room, np.int32), np.empty(room, np.int32)
    common = np.empty(room, np.int64)
    n = 0
    for row in range(len(first) - 1):
        i, j = first[row], first_b[row]
        while i < first[row + 1] and j < first_b[row + 1]:
            low, high = max(start[i], start_b[j]), min(stop[i], stop_b[j])
            if high > low:
                mine[n], theirs[n], common[n] = labels[i], labels_b[j], high - low
                n += 1
            if stop[i] < stop_b[j]:
                i += 1
            else:
                j += 1
    return mine[:n].copy(), theirs[:n].copy(), common[:n].copy()
