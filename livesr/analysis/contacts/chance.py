"""How often objects would touch by chance: each at random places of its own cell's cytosol.

An object keeps its shape, is turned by a quarter or mirrored at random, and is moved to where as
much of it lies in the cytosol of its cell as does now: so neither the nucleus, nor the cell's edge,
nor the field's, nor the object's own size is mistaken for attraction. Everything else stays where
it is. As objects are placed one by one, the number of them that touch is a sum of independent
draws, whose distribution is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.analysis.objects.runs import Runs
    from livesr.types import Float64, UInt16

    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

LARGEST_UM3 = 20.0
"""Larger objects are networks: they fill the cell and cannot be elsewhere."""
LEAST_INSIDE = 0.5
"""Objects of which less lies in the cytosol are none of the cytosol's."""
PATIENCE = 40
"""Places tried for each one wanted."""
LEAST_PLACED = 0.5
"""Objects for which fewer of the wanted places are found cannot be moved."""
_STRUCTURES = 16
_CERTAIN = 1e-9


@dataclass(frozen=True, slots=True)
class Chance:
    """What random places of each object gave, for every structure B (by its bit) and distance.

    Attributes
    ----------
    placed : ndarray, (objects,), bool
        Objects that could be moved.
    touching : ndarray, (objects, distances, 16)
        Share of the places at which the object is in contact.
    voxels : ndarray, (objects, distances, 16)
        Mean number of its voxels in contact.
    """

    placed: npt.NDArray[np.bool_]
    touching: Float64
    voxels: Float64


def by_chance(
    runs: Runs,
    labels: Int32,
    cells: Int32,
    region: UInt16,
    bits: list[UInt16],
    *,
    places: int,
    seed: int,
    voxel_um: tuple[float, float, float],
) -> Chance:
    """Try each object at random places.

    Parameters
    ----------
    runs, labels
        The objects.
    cells : ndarray, (objects,), int32
        The cell of each.
    region : ndarray, (z, y, x), uint16
        Cell whose cytosol a voxel is, 0 elsewhere.
    bits : list of ndarray, (z, y, x), uint16
        What is within reach (`livesr.analysis.contacts.reach.within_reach`), one a distance.
    places : int
        Wanted for each object.
    seed : int
    voxel_um : tuple of float
        (z, y, x); pixels that are not square are only mirrored.
    """
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(1, len(cells) + 2))
    row = np.repeat(np.arange(len(runs.first) - 1), np.diff(runs.first))
    boxes = _boxes(region, int(cells.max(initial=0)))
    largest = int(LARGEST_UM3 / np.prod(voxel_um))
    square = abs(voxel_um[1] / voxel_um[2] - 1) < 1e-6
    found, touching, voxels = _place(
        runs.start, runs.stop, row, order, edges, cells, region, boxes, np.stack(bits),
        places, largest, square, np.random.default_rng(seed),
    )  # fmt: skip
    n = np.maximum(found, 1)[:, None, None]
    return Chance(found >= max(1, LEAST_PLACED * places), touching / n, voxels / n)


def z_score(observed: int, touching: Float64, places: int) -> float:
    """Return how far a number of objects in contact is from chance, in standard deviations.

    The quantile of the normal distribution at the mid-p-value of the exact (Poisson-binomial)
    distribution: where a handful of contacts is expected, a plain (n − mean) / sd calls one contact
    in twenty an attraction. Far out in the tails it is the plain one. NaN where chance leaves no
    choice.

    Parameters
    ----------
    observed : int
    touching : ndarray, (objects,)
        Probability of each.
    places : int
        That it was estimated from: what was never seen may still happen.
    """
    n = len(touching)
    if not n:
        return float("nan")
    p = np.clip(touching + 0.5 / (places * n), 0.0, 1.0)
    spread = float(np.sqrt(np.sum(p * (1 - p))))
    if spread < 0.05:
        return float("nan")
    mass = _poisson_binomial(np.ascontiguousarray(p))
    below = float(mass[:observed].sum() + mass[observed] / 2)
    above = float(mass[observed + 1 :].sum() + mass[observed] / 2)
    if min(below, above) < _CERTAIN:
        return (observed - float(p.sum())) / spread
    if below < above:
        return NormalDist().inv_cdf(below)
    return -NormalDist().inv_cdf(above)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _poisson_binomial(p: Float64) -> Float64:  # pragma: no cover - compiled
    mass = np.zeros(len(p) + 1)
    mass[0] = 1.0
    for i in range(len(p)):
        for k in range(i + 1, 0, -1):
            mass[k] = mass[k] * (1 - p[i]) + mass[k - 1] * p[i]
        mass[0] *= 1 - p[i]
    return mass


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _boxes(region: UInt16, cells: int) -> Int64:  # pragma: no cover - compiled
    """Return the bounding box of each cell's cytosol, (cells + 1, 6)."""
    boxes = np.zeros((cells + 1, 6), np.int64)
    boxes[:, :3] = 2**62
    nz, ny, nx = region.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                c = region[z, y, x]
                if 0 < c <= cells:
                    at = (z, y, x)
                    for k in range(3):
                        boxes[c, k] = min(boxes[c, k], at[k])
                        boxes[c, k + 3] = max(boxes[c, k + 3], at[k] + 1)
    return boxes


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _voxels(
    start: Int32, stop: Int32, row: Int64, members: Int64, height: int, rng: np.random.Generator
) -> Int64:  # pragma: no cover - compiled
    """Return an object's voxels in random order, (n, 3), and its middle as the last row."""
    n = 0
    for i in members:
        n += stop[i] - start[i]
    at = np.empty((n + 1, 3), np.int64)
    k = 0
    for i in members:
        for x in range(start[i], stop[i]):
            at[k, 0], at[k, 1], at[k, 2] = row[i] // height, row[i] % height, x
            k += 1
    for axis in range(3):
        at[n, axis] = int(np.round(at[:n, axis].mean()))
    for k in range(n - 1, 0, -1):
        other = rng.integers(0, k + 1)
        for axis in range(3):
            at[k, axis], at[other, axis] = at[other, axis], at[k, axis]
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _place(
    start: Int32,
    stop: Int32,
    row: Int64,
    order: Int64,
    edges: Int64,
    cells: Int32,
    region: UInt16,
    boxes: Int64,
    bits: UInt16,
    places: int,
    largest: int,
    square: bool,
    rng: np.random.Generator,
) -> tuple[Int64, Float64, Float64]:  # pragma: no cover - compiled
    objects, distances = len(cells), bits.shape[0]
    found = np.zeros(objects, np.int64)
    touching = np.zeros((objects, distances, _STRUCTURES))
    voxels = np.zeros((objects, distances, _STRUCTURES))
    for k in range(objects):
        cell = cells[k]
        members = order[edges[k] : edges[k + 1]]
        many = 0
        for i in members:
            many += stop[i] - start[i]
        if not 0 < cell < len(boxes) or boxes[cell, 3] == 0 or not 0 < many <= largest:
            continue
        at = _voxels(start, stop, row, members, region.shape[1], rng)
        middle = at[many].copy()
        inside = 0
        for v in range(many):
            inside += region[at[v, 0], at[v, 1], at[v, 2]] == cell
        if inside < LEAST_INSIDE * many:
            continue
        for v in range(many):
            at[v] -= middle
        for _ in range(PATIENCE * places):
            if found[k] == places:
                break
            if _fits(at[:many], boxes[cell], region, cell, many - inside, square, middle, rng):
                found[k] += 1
                _look(at[:many], middle, bits, touching[k], voxels[k])
    return found, touching, voxels


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _turn(at: Int64, turn: int) -> None:  # pragma: no cover - compiled
    """Mirror an object along z, y, x, and swap y and x, as the bits say."""
    for v in range(len(at)):
        for axis in range(3):
            if (turn >> axis) & 1:
                at[v, axis] = -at[v, axis]
        if turn & 8:
            at[v, 1], at[v, 2] = at[v, 2], at[v, 1]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fits(
    at: Int64,
    box: Int64,
    region: UInt16,
    cell: int,
    outside: int,
    square: bool,
    to: Int64,
    rng: np.random.Generator,
) -> bool:  # pragma: no cover - compiled
    """Turn an object at random, draw a place for it into ``to``, and say whether it fits there."""
    for axis in range(3):
        to[axis] = rng.integers(box[axis], box[axis + 3])
    if region[to[0], to[1], to[2]] != cell:
        return False
    _turn(at, rng.integers(0, 16 if square else 8))
    size = region.shape
    lost = 0
    for v in range(len(at)):
        z, y, x = to[0] + at[v, 0], to[1] + at[v, 1], to[2] + at[v, 2]
        if min(z, y, x) < 0 or z >= size[0] or y >= size[1] or x >= size[2]:
            return False
        lost += region[z, y, x] != cell
        if lost > outside:
            return False
    return True


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _look(
    at: Int64, to: Int64, bits: UInt16, touching: Float64, voxels: Float64
) -> None:  # pragma: no cover - compiled
    """Count what an object at a place is in contact with."""
    for d in range(bits.shape[0]):
        seen = 0
        for v in range(len(at)):
            here = int(bits[d, to[0] + at[v, 0], to[1] + at[v, 1], to[2] + at[v, 2]])
            seen |= here
            b = 0
            while here:
                if here & 1:
                    voxels[d, b] += 1
                here >>= 1
                b += 1
        for b in range(_STRUCTURES):
            touching[d, b] += (seen >> b) & 1
