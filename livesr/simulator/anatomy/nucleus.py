"""The nucleus: an ellipsoid with a wobbly outline, infolded grooves and nucleoli."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.fields import fold_depth, radial_share

if TYPE_CHECKING:
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64

ELLIPSOID = 4.0 / 3.0 * np.pi


@dataclass(frozen=True, slots=True)
class Nucleus:
    """A nucleus at one moment.

    Attributes
    ----------
    center : tuple of float
        (z, y, x).
    semi_axes : tuple of float
        Half height, half length, half width.
    angle : float
        Direction of the length in (y, x).
    wobble : ndarray, (modes, 2)
        Cosine and sine parts of the outline's relative deviation.
    folds : ndarray, (folds, 7)
        Infoldings of the membrane: y, x from the centre, angle, half length, half width, depth,
        side (+1 top).
    nucleoli : ndarray, (nucleoli, 5)
        z, y, x from the centre, radius, half height.
    """

    center: tuple[float, float, float]
    semi_axes: tuple[float, float, float]
    angle: float
    wobble: Float64
    folds: Float64
    nucleoli: Float64

    @property
    def volume(self) -> float:
        """Volume of the ellipsoid, µm³."""
        half, length, width = self.semi_axes
        return float(ELLIPSOID * half * length * width)

    def radial(self, y: Float64, x: Float64) -> Float64:
        """Return the distance from the axis relative to the outline: 1 at the equator."""
        axes = np.array([*self.semi_axes[1:], self.angle])
        flat_y, flat_x, out = _flat(y, x)
        radial_share(flat_y, flat_x, np.array(self.center[1:]), axes, self.wobble, out.reshape(-1))
        return out

    def surfaces(self, y: Float64, x: Float64) -> tuple[Float64, Float64]:
        """Return bottom and top over (y, x); both are the mid plane outside the outline."""
        half = self.semi_axes[0] * np.sqrt(np.maximum(1.0 - self.radial(y, x) ** 2, 0.0))
        bottom = self.center[0] - half + np.minimum(self._folded(y, x, -1.0), 0.8 * half)
        top = self.center[0] + half - np.minimum(self._folded(y, x, 1.0), 0.8 * half)
        return bottom, top

    def _folded(self, y: Float64, x: Float64, side: float) -> Float64:
        flat_y, flat_x, out = _flat(y - self.center[1], x - self.center[2])
        fold_depth(flat_y, flat_x, self.folds, side, out.reshape(-1))
        return out

    def shrunk(self, by_um: float) -> Nucleus:
        """Return the nucleus with shorter half axes."""
        half, length, width = (max(a - by_um, 0.5 * a) for a in self.semi_axes)
        return replace(self, semi_axes=(half, length, width))

    def moved(self, dz: float, dy: float, dx: float) -> Nucleus:
        """Return the nucleus elsewhere."""
        z, y, x = self.center
        return replace(self, center=(z + dz, y + dy, x + dx))

    def rounded(
        self, share: float, center: tuple[float, float], centered: float, roof_um: float
    ) -> Nucleus:
        """Return the nucleus on its way to a smooth ball below ``roof_um`` and to ``center``."""
        half, length, width = self.semi_axes
        ball = (half * length * width) ** (1.0 / 3.0)
        floor = self.center[0] - half
        tall = min(ball, 0.5 * (roof_um - 0.4 - floor))
        wide = float(np.sqrt(half * length * width / tall))
        semi = tuple(
            a + share * (b - a) for a, b in zip(self.semi_axes, (tall, wide, wide), strict=True)
        )
        (y, x), (to_y, to_x) = self.center[1:], center
        kept = float((half * length * width / np.prod(semi)) ** (1.0 / 3.0))
        semi = tuple(kept * a for a in semi)
        folds = self.folds.copy()
        folds[:, 5] *= 1.0 - share
        nucleoli = self.nucleoli.copy()
        nucleoli[:, 3:] *= max(1.0 - 1.2 * share, 0.0)
        return Nucleus(
            (floor + semi[0], y + centered * (to_y - y), x + centered * (to_x - x)),
            (semi[0], semi[1], semi[2]),
            self.angle,
            self.wobble * (1.0 - share),
            folds,
            nucleoli,
        )


def between(one: Nucleus, other: Nucleus, share: float) -> Nucleus:
    """Return the nucleus between two; folds, wobble and nucleoli are the other's, grown in."""
    rest = 1.0 - share
    center = tuple(rest * a + share * b for a, b in zip(one.center, other.center, strict=True))
    semi = tuple(rest * a + share * b for a, b in zip(one.semi_axes, other.semi_axes, strict=True))
    turn = (other.angle - one.angle + np.pi / 2) % np.pi - np.pi / 2
    folds, nucleoli = other.folds.copy(), other.nucleoli.copy()
    folds[:, 5] *= share
    nucleoli[:, 3:] *= share
    return Nucleus(
        (center[0], center[1], center[2]),
        (semi[0], semi[1], semi[2]),
        one.angle + share * turn,
        other.wobble * share,
        folds,
        nucleoli,
    )


def draw_nucleus(
    rng: np.random.Generator,
    p: Parameters,
    center: tuple[float, float],
    angle: float,
    volume_um3: float,
) -> Nucleus:
    """Return a spread cell's nucleus of a volume over ``center`` (y, x)."""
    n = p.nucleus
    ranges = (n.half_height_um, n.half_length_um, n.half_width_um)
    semi = [float(rng.uniform(*r)) for r in ranges]
    factor = (volume_um3 / (ELLIPSOID * np.prod(semi))) ** (1.0 / 3.0)
    half, length, width = (float(a * factor) for a in semi)
    wobble = n.wobble * rng.standard_normal((3, 2)) / np.arange(1, 4)[:, None]
    m = p.nuclear_membrane
    folds = [
        [
            *_inside(rng, 0.75, length, width, angle),
            rng.uniform(0, np.pi),
            rng.uniform(*m.fold_length_um),
            rng.uniform(*m.fold_width_um),
            min(rng.uniform(*m.fold_depth_um), half),
            rng.choice([-1.0, 1.0]),
        ]
        for _ in range(int(rng.integers(m.folds[0], m.folds[1] + 1)))
    ]
    shrink = float(np.minimum(factor, 1.0))
    nucleoli = []
    for _ in range(int(rng.integers(n.nucleoli[0], n.nucleoli[1] + 1))):
        y, x = _inside(rng, 0.55, length, width, angle)
        radius = float(rng.uniform(*n.nucleolus_radius_um)) * shrink
        nucleoli.append([rng.uniform(-0.25, 0.25) * half, y, x, radius, 0.8 * radius])
    return Nucleus(
        (half + float(rng.uniform(*n.floor_um)) + 0.1, *center),
        (half, length, width),
        angle,
        wobble,
        np.array(folds).reshape(-1, 7),
        np.array(nucleoli).reshape(-1, 5),
    )


def _inside(
    rng: np.random.Generator, reach: float, length: float, width: float, angle: float
) -> tuple[float, float]:
    """Return (y, x) from the centre within a share of the outline."""
    r, turn = reach * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
    u, v = r * length * np.cos(turn), r * width * np.sin(turn)
    c, s = np.cos(angle), np.sin(angle)
    return float(u * s + v * c), float(u * c - v * s)


def _flat(y: Float64, x: Float64) -> tuple[Float64, Float64, Float64]:
    """Return (y, x) flattened, and an empty array of their shape."""
    y, x = np.broadcast_arrays(np.asarray(y, np.float64), np.asarray(x, np.float64))
    return np.ascontiguousarray(y).ravel(), np.ascontiguousarray(x).ravel(), np.empty(y.shape)
