"""Tracks against the truth: MOTA, IDF1, HOTA and the Cell Tracking Challenge's TRA, on points.

MOTA after Bernardin and Stiefelhagen (2008), IDF1 after Ristani et al. (2016), HOTA after Luiten et
al. (2021) with similarity 1 − d / `ZERO_UM` and its nineteen thresholds, TRA after Matula et al.
(2015) with its weights (splits of detections do not arise with points).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from livesr.types import Float64

    Int64 = npt.NDArray[np.int64]

_ALPHAS = np.arange(0.05, 0.99, 0.05)
_MISSED, _SPURIOUS, _EDGE_EXTRA, _EDGE_MISSED, _EDGE_WRONG = 10.0, 1.0, 1.0, 1.5, 1.0
"""Weights of TRA."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """Points with their tracks.

    Attributes
    ----------
    frame : ndarray, (n,), int
    points : ndarray, (n, 3)
        µm, in which distances count alike along all axes.
    track : ndarray, (n,), int
    parent : mapping of int to int
    """

    frame: Int64
    points: Float64
    track: Int64
    parent: Mapping[int, int]


def score_tracks(found: Tracked, true: Tracked, gate_um: float, zero_um: float) -> dict[str, float]:
    """Return ``mota``, ``idf1``, ``hota``, ``deta``, ``assa`` and ``tra``.

    Parameters
    ----------
    found, true : Tracked
    gate_um : float
        Largest distance of a match (MOTA, IDF1, TRA).
    zero_um : float
        Distance at which HOTA's similarity is 0.
    """
    pairs, switches = _matched(found, true, gate_um)
    n_true, n_found, tp = len(true.frame), len(found.frame), len(pairs)
    misses, extra = n_true - tp, n_found - tp
    return {
        "mota": 1 - (misses + extra + switches) / max(n_true, 1),
        "idf1": _idf1(found, true, gate_um),
        **_hota(found, true, zero_um),
        "tra": _tra(found, true, pairs),
    }


def _distances(found: Tracked, true: Tracked, t: int) -> tuple[Int64, Int64, Float64]:
    """Return the points of a frame and their distances, (true, found)."""
    a, b = np.flatnonzero(true.frame == t), np.flatnonzero(found.frame == t)
    apart = true.points[a][:, None] - found.points[b][None]
    return a, b, np.asarray(np.sqrt((apart**2).sum(axis=2)))


def _matched(found: Tracked, true: Tracked, gate_um: float) -> tuple[list[tuple[int, int]], int]:
    """Return pairs (true, found) of points, those of the frame before kept, and ID switches."""
    last: dict[int, int] = {}
    pairs, switches = [], 0
    for t in np.unique(true.frame):
        a, b, d = _distances(found, true, int(t))
        cost = np.where(d <= gate_um, d, 1e6)
        kept = [[last.get(int(i)) == int(j) for j in found.track[b]] for i in true.track[a]]
        cost = np.where(np.array(kept, bool).reshape(d.shape) & (d <= gate_um), cost - 1e3, cost)
        for i, j in zip(*linear_sum_assignment(cost), strict=True):
            if d[i, j] > gate_um:
                continue
            one, other = int(true.track[a[i]]), int(found.track[b[j]])
            switches += last.get(one, other) != other
            last[one] = other
            pairs.append((int(a[i]), int(b[j])))
    return pairs, switches


def _idf1(found: Tracked, true: Tracked, gate_um: float) -> float:
    """Return the F1 of points under the one-to-one assignment of tracks that shares most."""
    shared: Counter[tuple[int, int]] = Counter()
    for t in np.unique(true.frame):
        a, b, d = _distances(found, true, int(t))
        for i, j in np.argwhere(d <= gate_um):
            shared[int(true.track[a[i]]), int(found.track[b[j]])] += 1
    if not shared:
        return 0.0
    rows = {track: k for k, track in enumerate(sorted({a for a, _ in shared}))}
    columns = {track: k for k, track in enumerate(sorted({b for _, b in shared}))}
    table = np.zeros((len(rows), len(columns)))
    for (one, other), n in shared.items():
        table[rows[one], columns[other]] = n
    best = table[linear_sum_assignment(-table)].sum()
    return float(2 * best / (len(true.frame) + len(found.frame)))


def _hota(found: Tracked, true: Tracked, zero_um: float) -> dict[str, float]:
    frames = [_distances(found, true, int(t)) for t in np.unique(true.frame)]
    alike = [(a, b, np.maximum(0.0, 1 - d / zero_um)) for a, b, d in frames]
    ids, where = np.unique(true.track, return_inverse=True)
    others, there = np.unique(found.track, return_inverse=True)
    potential = np.zeros((len(ids), len(others)))
    for a, b, s in alike:
        total = s.sum(axis=0)[None] + s.sum(axis=1)[:, None] - s
        share = np.divide(s, total, out=np.zeros_like(s), where=total > 1e-9)
        np.add.at(potential, (where[a][:, None], there[b][None]), share)
    long = np.bincount(where, minlength=len(ids))[:, None]
    wide = np.bincount(there, minlength=len(others))[None]
    prior = potential / np.maximum(long + wide - potential, 1e-9)
    scores = np.array(
        [_hota_at(alpha, alike, (where, there, prior, long, wide)) for alpha in _ALPHAS]
    )
    hota, deta, assa = scores.mean(axis=0)
    return {"hota": float(hota), "deta": float(deta), "assa": float(assa)}


def _hota_at(
    alpha: float,
    alike: list[tuple[Int64, Int64, Float64]],
    tracks: tuple[Int64, Int64, Float64, Int64, Int64],
) -> tuple[float, float, float]:
    where, there, prior, long, wide = tracks
    joint = np.zeros(prior.shape)
    for a, b, s in alike:
        weight = np.where(s >= alpha - 1e-9, prior[where[a]][:, there[b]] * s + 1e-9 * s, 0.0)
        for i, j in zip(*linear_sum_assignment(-weight), strict=True):
            if s[i, j] >= alpha - 1e-9:
                joint[where[a[i]], there[b[j]]] += 1
    tp = joint.sum()
    deta = tp / max(len(where) + len(there) - tp, 1)
    association = joint / np.maximum(long + wide - joint, 1)
    assa = float((joint * association).sum() / max(tp, 1))
    return float(np.sqrt(deta * assa)), float(deta), assa


def _tra(found: Tracked, true: Tracked, pairs: list[tuple[int, int]]) -> float:
    """Return 1 − AOGM / AOGM of an empty result."""
    match = dict(pairs)
    edges, wanted = _edges(found), _edges(true)
    made = {(match[a], match[b]): kind for (a, b), kind in wanted.items() if {a, b} <= match.keys()}
    missed = sum(1 for a, b in wanted if (match.get(a), match.get(b)) not in edges)
    matched = set(match.values())
    extra = sum(1 for edge in edges if set(edge) <= matched and edge not in made)
    wrong = sum(1 for edge, kind in edges.items() if edge in made and made[edge] != kind)
    cost = _MISSED * (len(true.frame) - len(pairs)) + _SPURIOUS * (len(found.frame) - len(pairs))
    cost += _EDGE_EXTRA * extra + _EDGE_MISSED * missed + _EDGE_WRONG * wrong
    empty = _MISSED * len(true.frame) + _EDGE_MISSED * len(wanted)
    return 1 - min(cost, empty) / empty if empty else 1.0


def _edges(tracked: Tracked) -> dict[tuple[int, int], str]:
    """Return the edges between points: along tracks, and from mothers to daughters."""
    order = np.lexsort((tracked.frame, tracked.track))
    edges: dict[tuple[int, int], str] = {}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for k in order:
        track = int(tracked.track[k])
        if track in last:
            edges[last[track], int(k)] = "track"
        else:
            first[track] = int(k)
        last[track] = int(k)
    for child, mother in tracked.parent.items():
        if child in first and mother in last:
            edges[last[mother], first[child]] = "division"
    return edges
