"""The body of a cell at one moment: a star-shaped outline with a lower and an upper surface.

One form serves spread, rounded, dividing and re-spreading cells, so that one becomes the other by
blending tables. Places in the cell have body coordinates (share of the way to the edge, angle,
share of the height), which stay with the cell while its shape changes. Lengths in µm, coordinates
(z, y, x), z up from the cover slip.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.ndimage import maximum_filter

if TYPE_CHECKING:
    from livesr.types import Float64

ANGLES = 512
RINGS = 80
FLOOR_UM = 0.1
"""Height of the ventral membrane of a spread cell above the cover slip."""
_V = np.linspace(0.0, 1.0, RINGS)
SHARES = 1.0 - (1.0 - _V) ** 2
"""Share of the way to the edge of each ring: dense there, where a round cell is steep."""
ANGLE_TABLE = np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)


@dataclass(frozen=True, slots=True)
class Body:
    """Outline and surfaces.

    Attributes
    ----------
    center : tuple of float
        (y, x) that the outline is seen from.
    radius : ndarray, (ANGLES,)
        Distance of the edge.
    low, high : ndarray, (RINGS, ANGLES)
        Heights of the surfaces.
    creep : ndarray, (ANGLES,)
        By what share the edge has moved outward; the inside follows with the cube of its share.
    open : ndarray, (ANGLES,)
        1 where the edge is a cut through the cell, 0 where it is its membrane.
    """

    center: tuple[float, float]
    radius: Float64
    low: Float64
    high: Float64
    creep: Float64
    open: Float64

    def surfaces(self, y: Float64, x: Float64) -> tuple[Float64, Float64, Float64]:
        """Return bottom, top and the share of the way to the edge (above 1: outside) at (y, x)."""
        flat_y, flat_x, shape = _flat(y, x)
        out = np.empty((3, flat_y.size))
        _surfaces(flat_y, flat_x, *self._tables(), out)
        low, high, share = out.reshape(3, *shape)
        return low, high, share

    def inward(self, y: Float64, x: Float64) -> Float64:
        """Return the distance to the edge along the ray from the centre; negative outside."""
        dy, dx = y - self.center[0], x - self.center[1]
        return np.asarray(self.edge(np.arctan2(dy, dx)) - np.hypot(dy, dx))

    def edge(self, angle: Float64) -> Float64:
        """Return the edge's distance from the centre."""
        radius = self.radius * (1.0 + self.creep)
        return np.asarray(np.interp(angle, ANGLE_TABLE, radius, period=2.0 * np.pi))

    def inner_edge(self, angle: Float64, margin_um: Float64) -> Float64:
        """Return how far from the centre things stay that keep a margin to the membrane."""
        cut = np.interp(angle, ANGLE_TABLE, self.open, period=2.0 * np.pi)
        return np.asarray(np.maximum(self.edge(angle) - (1.0 - cut) * margin_um, 0.3))

    def outline(self, points: int = 256) -> tuple[Float64, Float64]:
        """Return (y, x) of the edge."""
        angle = np.linspace(-np.pi, np.pi, points, endpoint=False)
        radius = self.edge(angle)
        return self.center[0] + radius * np.sin(angle), self.center[1] + radius * np.cos(angle)

    def to_body(self, points: Float64) -> Float64:
        """Return body coordinates (n, 3): share of the way to the edge, angle, share of height."""
        out = np.empty(points.shape)
        _to_body(np.ascontiguousarray(points), *self._tables(), out)
        return out

    def from_body(self, places: Float64) -> Float64:
        """Return the points (n, 3) of body coordinates."""
        out = np.empty(places.shape)
        _from_body(np.ascontiguousarray(places), *self._tables(), out)
        return out

    def reaches(self) -> Float64:
        """Return how far from the centre the tables' nodes lie, (RINGS, ANGLES)."""
        share = SHARES[:, None]
        return np.asarray(share * self.radius * (1.0 + self.creep * share**3))

    def volume(self) -> float:
        """Return the volume, µm³."""
        height = self.high - self.low
        ring = 0.5 * np.diff(self.reaches() ** 2, axis=0)
        mean = 0.5 * (height[1:] + height[:-1])
        return float((ring * mean).sum() * 2.0 * np.pi / ANGLES)

    def area(self) -> float:
        """Return the footprint's area, µm²."""
        radius = self.radius * (1.0 + self.creep)
        return float(0.5 * np.sum(radius**2) * 2.0 * np.pi / ANGLES)

    def height(self) -> float:
        """Return the height of its highest point above the cover slip."""
        return float(self.high.max())

    def moved(self, dy: float, dx: float) -> Body:
        """Return the body elsewhere on the cover slip."""
        return replace(self, center=(self.center[0] + dy, self.center[1] + dx))

    def _tables(self) -> tuple[Float64, Float64, Float64, Float64, Float64]:
        return np.array(self.center), self.radius, self.low, self.high, self.creep


def blend(one: Body, other: Body, share: float, volume_um3: float) -> Body:
    """Return the body between two: ``share`` 0 is the one, 1 the other.

    The outline goes straight from the one to the other; the surfaces go as far as the volume asks.
    """
    if share <= 0.0:
        return one
    if share >= 1.0:
        return other
    rest = 1.0 - share
    center = (
        rest * one.center[0] + share * other.center[0],
        rest * one.center[1] + share * other.center[1],
    )
    radius, creep = rest * one.radius + share * other.radius, rest * one.creep
    cut = rest * one.open + share * other.open
    flat, tall = (Body(center, radius, b.low, b.high, creep, cut) for b in (one, other))
    low, high = flat.volume(), tall.volume()
    far = float(np.clip((volume_um3 - low) / max(high - low, 1e-9), 0.0, 1.0))
    return Body(
        center,
        radius,
        (1.0 - far) * one.low + far * other.low,
        (1.0 - far) * one.high + far * other.high,
        creep,
        cut,
    )


def widened(table: Float64) -> Float64:
    """Return the highest of each node of a (RINGS, ANGLES) table and its neighbours."""
    return np.asarray(maximum_filter(table, size=(3, 3), mode=("nearest", "wrap")))


def _flat(y: Float64, x: Float64) -> tuple[Float64, Float64, tuple[int, ...]]:
    y, x = np.broadcast_arrays(np.asarray(y, np.float64), np.asarray(x, np.float64))
    return np.ascontiguousarray(y).ravel(), np.ascontiguousarray(x).ravel(), y.shape


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _ring(table: Float64, v: float, turn: float) -> float:
    """Return a (RINGS, ANGLES) table between its nodes; ``turn`` in units of the angle step."""
    rings, angles = table.shape
    v = min(max(v, 0.0), 1.0) * (rings - 1)
    i = min(int(v), rings - 2)
    v -= i
    j = int(turn)
    t = turn - j
    j %= angles
    k = (j + 1) % angles
    inner = (1.0 - t) * table[i, j] + t * table[i, k]
    outer = (1.0 - t) * table[i + 1, j] + t * table[i + 1, k]
    return float((1.0 - v) * inner + v * outer)


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _around(table: Float64, turn: float) -> float:
    j = int(turn)
    t = turn - j
    j %= table.size
    return float((1.0 - t) * table[j] + t * table[(j + 1) % table.size])


@njit(cache=True, nogil=True, fastmath=True, inline="always")  # type: ignore[untyped-decorator]
def _share(distance: float, radius: float, creep: float) -> float:
    """Return the share of the way to the edge: the inverse of u (1 + creep u³)."""
    full = distance / radius
    if creep == 0.0:
        return float(full)
    u = full / (1.0 + creep * min(full, 1.0) ** 3)
    if u < 1.0:
        for _ in range(2):
            u -= (u * (1.0 + creep * u**3) - full) / (1.0 + 4.0 * creep * u**3)
    return float(u)


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _surfaces(
    y: Float64,
    x: Float64,
    center: Float64,
    radius: Float64,
    low: Float64,
    high: Float64,
    creep: Float64,
    out: Float64,
) -> None:
    step = 2.0 * np.pi / radius.size
    for i in range(y.size):
        dy, dx = y[i] - center[0], x[i] - center[1]
        turn = (np.arctan2(dy, dx) + np.pi) / step
        u = _share(np.sqrt(dy * dy + dx * dx), _around(radius, turn), _around(creep, turn))
        v = 1.0 - np.sqrt(max(1.0 - u, 0.0))
        out[0, i] = _ring(low, v, turn)
        out[1, i] = _ring(high, v, turn)
        out[2, i] = u


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _to_body(
    points: Float64,
    center: Float64,
    radius: Float64,
    low: Float64,
    high: Float64,
    creep: Float64,
    out: Float64,
) -> None:
    step = 2.0 * np.pi / radius.size
    for i in range(points.shape[0]):
        dy, dx = points[i, 1] - center[0], points[i, 2] - center[1]
        angle = np.arctan2(dy, dx)
        turn = (angle + np.pi) / step
        u = _share(np.sqrt(dy * dy + dx * dx), _around(radius, turn), _around(creep, turn))
        v = 1.0 - np.sqrt(max(1.0 - u, 0.0))
        bottom, top = _ring(low, v, turn), _ring(high, v, turn)
        out[i, 0] = u
        out[i, 1] = angle
        out[i, 2] = (points[i, 0] - bottom) / max(top - bottom, 0.05)


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _from_body(
    places: Float64,
    center: Float64,
    radius: Float64,
    low: Float64,
    high: Float64,
    creep: Float64,
    out: Float64,
) -> None:
    step = 2.0 * np.pi / radius.size
    for i in range(places.shape[0]):
        u, angle = places[i, 0], places[i, 1]
        turn = (angle + np.pi) / step
        v = 1.0 - np.sqrt(max(1.0 - u, 0.0))
        bottom, top = _ring(low, v, turn), _ring(high, v, turn)
        reach = u * _around(radius, turn) * (1.0 + _around(creep, turn) * min(u, 1.0) ** 3)
        out[i, 0] = bottom + places[i, 2] * max(top - bottom, 0.05)
        out[i, 1] = center[0] + reach * np.sin(angle)
        out[i, 2] = center[1] + reach * np.cos(angle)
