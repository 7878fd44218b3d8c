"""The order of positions in which the stage travels least: nearest neighbour, then 2-opt.

G. A. Croes, Operations Research 6, 791 (1958). The path is open: it begins at a given place and
ends at whichever position comes last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float64

_ROUNDS = 50
_GAIN_UM = 1e-6


def travel_um(points: Float64, start: Float64 | None = None) -> float:
    """Return the length of the way through points (n, 2) in their order, from ``start`` on."""
    path = points if start is None else np.vstack([start, points])
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def shortest(points: Float64, start: Float64 | None = None) -> list[int]:
    """Return an order of points in which the way is short; never longer than the given one.

    Parameters
    ----------
    points : ndarray, (n, 2), float64
        x and y, µm.
    start : ndarray, (2,), float64, optional
        Where the stage stands; by default the first point stays first.
    """
    if len(points) < 2:
        return list(range(len(points)))
    begin = points[0] if start is None else np.asarray(start, np.float64)
    place = np.vstack([begin, points[1:] if start is None else points])
    orders = [_untangled(place, order) for order in (_nearest(place), np.arange(len(place)))]
    best = min(orders, key=lambda order: travel_um(place[order]))
    shift = 0 if start is None else 1
    found = [int(n) - shift for n in best]
    return found if start is None else found[1:]


def _nearest(place: Float64) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the order that always goes on to the nearest point, from point 0."""
    left = np.ones(len(place), bool)
    order = np.zeros(len(place), np.int64)
    here = 0
    for step in range(1, len(place)):
        left[here] = False
        away = np.where(left, ((place - place[here]) ** 2).sum(1), np.inf)
        order[step] = here = int(away.argmin())
    return order


def _untangled(
    place: Float64, order: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return an order with parts of the way turned round for as long as that shortens it."""
    order = order.copy()
    for _ in range(_ROUNDS):
        turned = False
        for first in range(1, len(order) - 1):
            path = place[order]
            step = np.linalg.norm(np.diff(path[first - 1 :], axis=0), axis=1)
            ends = path[first:]
            entering = np.linalg.norm(ends - path[first - 1], axis=1)
            leaving = np.append(np.linalg.norm(ends[1:] - path[first], axis=1), 0.0)
            gain = step[0] + np.append(step[1:], 0.0) - entering - leaving
            last = int(gain.argmax())
            if gain[last] > _GAIN_UM:
                order[first : first + last + 1] = order[first : first + last + 1][::-1]
                turned = True
        if not turned:
            break
    return order
