"""The outline of a cell: footprint, height field, nucleus and nucleoli.

Lengths in µm, coordinates (z, y, x), z up from the cover slip. Everything is a height field over
(y, x), so that a plane's blurred volumes follow from one column integral.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.fields import fold_depth, radial_share, wave_sum

if TYPE_CHECKING:
    from livesr.types import Bool, Float64

FLOOR_UM = 0.1
"""Height of the ventral membrane above the cover slip."""
_ANGLES = np.linspace(-np.pi, np.pi, 1025)


def _flat(y: Float64, x: Float64) -> tuple[Float64, Float64, Float64]:
    """Return (y, x) flattened, and an empty array of their shape."""
    y, x = np.broadcast_arrays(np.asarray(y, np.float64), np.asarray(x, np.float64))
    return np.ascontiguousarray(y).ravel(), np.ascontiguousarray(x).ravel(), np.empty(y.shape)


@dataclass(frozen=True, slots=True)
class Waves:
    """A smooth random field: a sum of plane waves in (y, x)."""

    ky: Float64
    kx: Float64
    phase: Float64
    amplitude: Float64

    @classmethod
    def draw(
        cls, rng: np.random.Generator, count: int, wavelength_um: tuple[float, float], rms: float
    ) -> Waves:
        """Return ``count`` waves of the given wavelengths and root mean square."""
        k = 2.0 * np.pi / rng.uniform(*wavelength_um, count)
        angle = rng.uniform(0.0, np.pi, count)
        amplitude = np.full(count, rms * np.sqrt(2.0 / count))
        phase = rng.uniform(0, 2 * np.pi, count)
        return cls(k * np.sin(angle), k * np.cos(angle), phase, amplitude)

    def __call__(self, y: Float64, x: Float64) -> Float64:
        """Return the field at (y, x)."""
        waves = np.stack([self.ky, self.kx, self.phase, self.amplitude], axis=1)
        flat_y, flat_x, out = _flat(y, x)
        wave_sum(flat_y, flat_x, waves, out.reshape(-1))
        return out


@dataclass(frozen=True, slots=True)
class Footprint:
    """A star-shaped outline around a centre, whose edge creeps slowly."""

    center: tuple[float, float]
    radius: Float64
    modes: Float64
    speeds: Float64
    phases: Float64
    amplitude: Float64

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        center: tuple[float, float],
        semi_axes_um: tuple[float, float],
        angle: float,
    ) -> Footprint:
        """Return an elliptic outline with a few lobes."""
        a, b = semi_axes_um
        turned = _ANGLES - angle
        radius = a * b / np.hypot(b * np.cos(turned), a * np.sin(turned))
        for mode in range(2, 9):
            strength = 0.09 / mode**0.8 * rng.standard_normal()
            radius = radius * (1.0 + strength * np.cos(mode * _ANGLES + rng.uniform(0, 2 * np.pi)))
        modes = np.arange(1.0, 6.0)
        period_s = rng.uniform(500.0, 1500.0, modes.size)
        return cls(
            center,
            radius,
            modes,
            2 * np.pi / period_s,
            rng.uniform(0, 2 * np.pi, modes.size),
            0.012 * rng.uniform(0.5, 1.0, modes.size),
        )

    def stretch(self, time_s: float) -> Float64:
        """Return the edge's radius relative to its radius at time 0, over the angle table."""
        factor = np.ones(_ANGLES.size)
        if time_s != 0.0:
            for m, w, p, a in zip(
                self.modes, self.speeds, self.phases, self.amplitude, strict=True
            ):
                there = m * _ANGLES + p
                factor += a * (np.sin(there + w * time_s) - np.sin(there))
        return factor

    def polar(self, y: Float64, x: Float64) -> tuple[Float64, Float64]:
        """Return distance from the centre and angle."""
        dy, dx = y - self.center[0], x - self.center[1]
        return np.hypot(dy, dx), np.arctan2(dy, dx)

    def edge(self, angle: Float64, time_s: float = 0.0) -> Float64:
        """Return the radius of the edge at ``angle``."""
        radius: Float64 = np.interp(angle, _ANGLES, self.radius * self.stretch(time_s))
        return radius

    def outline(self, points: int = 256) -> tuple[Float64, Float64]:
        """Return (y, x) of the edge at time 0."""
        angle = np.linspace(-np.pi, np.pi, points, endpoint=False)
        radius = self.edge(angle)
        return self.center[0] + radius * np.sin(angle), self.center[1] + radius * np.cos(angle)

    def contains(self, y: Float64, x: Float64) -> Bool:
        """Return where (y, x) lies inside at time 0."""
        distance, angle = self.polar(y, x)
        inside: Bool = distance < self.edge(angle)
        return inside


@dataclass(frozen=True, slots=True)
class Nucleus:
    """An ellipsoid with a wobbly outline and a few infolded grooves.

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
        Infoldings of the membrane: y, x, angle, half length, half width, depth, side (+1 top).
    nucleoli : ndarray, (nucleoli, 5)
        z, y, x, radius, half height.
    """

    center: tuple[float, float, float]
    semi_axes: tuple[float, float, float]
    angle: float
    wobble: Float64
    folds: Float64
    nucleoli: Float64

    def radial(self, y: Float64, x: Float64) -> Float64:
        """Return the distance from the axis relative to the outline: 1 at the equator."""
        axes = np.array([*self.semi_axes[1:], self.angle])
        flat_y, flat_x, out = _flat(y, x)
        radial_share(flat_y, flat_x, np.array(self.center[1:]), axes, self.wobble, out.reshape(-1))
        return out

    def _folded(self, y: Float64, x: Float64, side: float) -> Float64:
        flat_y, flat_x, out = _flat(y, x)
        fold_depth(flat_y, flat_x, self.folds, side, out.reshape(-1))
        return out

    def surfaces(self, y: Float64, x: Float64) -> tuple[Float64, Float64]:
        """Return bottom and top over (y, x); both are the mid plane outside the outline."""
        half = self.semi_axes[0] * np.sqrt(np.maximum(1.0 - self.radial(y, x) ** 2, 0.0))
        bottom = self.center[0] - half + np.minimum(self._folded(y, x, -1.0), 0.8 * half)
        top = self.center[0] + half - np.minimum(self._folded(y, x, 1.0), 0.8 * half)
        return bottom, top


@dataclass(frozen=True, slots=True)
class CellShape:
    """Footprint, height field and nucleus of one cell."""

    footprint: Footprint
    nucleus: Nucleus
    edge_height: float
    dome: float
    dome_width: float
    relief: Waves
    organizer: tuple[float, float]

    def inward(self, y: Float64, x: Float64, time_s: float = 0.0) -> tuple[Float64, Float64]:
        """Return the relative distance from the footprint's centre and the µm to the edge."""
        distance, angle = self.footprint.polar(y, x)
        edge = self.footprint.edge(angle, time_s)
        return distance / edge, edge - distance

    def top(self, y: Float64, x: Float64, time_s: float = 0.0) -> Float64:
        """Return the height of the dorsal membrane; `FLOOR_UM` outside the footprint."""
        _, to_edge = self.inward(y, x, time_s)
        rim = np.clip(to_edge / 1.2, 0.0, 1.0)
        rise = 1.0 - (1.0 - rim) ** 2
        dy, dx = y - self.nucleus.center[1], x - self.nucleus.center[2]
        c, s = np.cos(self.nucleus.angle), np.sin(self.nucleus.angle)
        length, width = self.nucleus.semi_axes[1:]
        q2 = ((dx * c + dy * s) / length) ** 2 + ((dy * c - dx * s) / width) ** 2
        hump = self.dome * np.exp(-0.5 * q2 / self.dome_width**2)
        relief = self.relief(y, x)
        height = self.edge_height * (1.0 + relief) + hump * (1.0 + 0.3 * relief)
        return np.asarray(FLOOR_UM + rise * height)

    def moved(self, dy: float, dx: float) -> CellShape:
        """Return the shape elsewhere on the cover slip."""
        nucleus, (cy, cx), (my, mx) = self.nucleus, self.footprint.center, self.organizer
        nz, ny, nx = nucleus.center
        folds = nucleus.folds + np.array([dy, dx, 0, 0, 0, 0, 0])
        nucleoli = nucleus.nucleoli + np.array([0, dy, dx, 0, 0])
        return replace(
            self,
            footprint=replace(self.footprint, center=(cy + dy, cx + dx)),
            nucleus=replace(nucleus, center=(nz, ny + dy, nx + dx), folds=folds, nucleoli=nucleoli),
            organizer=(my + dy, mx + dx),
        )

    def confine(self, points: Float64, radius: Float64, time_s: float = 0.0) -> Float64:
        """Return centres (n, 3) moved so that spheres of ``radius`` lie in the cytoplasm.

        Spheres too large for the height of the cell sit half way up.
        """
        z, y, x = points.T.copy()
        cy, cx = self.footprint.center
        distance, angle = self.footprint.polar(y, x)
        edge = self.footprint.edge(angle, time_s) - radius - 0.6
        pull = np.minimum(1.0, edge / np.maximum(distance, 1e-6))
        y, x = cy + (y - cy) * pull, cx + (x - cx) * pull
        y, x = self._out_of_nucleus(z, y, x, radius)
        low, high = FLOOR_UM + radius + 0.1, self.top(y, x, time_s) - radius - 0.1
        z = np.where(low < high, np.clip(z, low, np.maximum(low, high)), 0.5 * (low + high))
        return np.stack([z, y, x], axis=1)

    def _out_of_nucleus(
        self, z: Float64, y: Float64, x: Float64, radius: Float64
    ) -> tuple[Float64, Float64]:
        nz, ny, nx = self.nucleus.center
        half, _, width = self.nucleus.semi_axes
        q = self.nucleus.radial(y, x)
        level = np.clip(np.abs(z - nz) - radius, 0.0, half) / half
        needed = np.sqrt(1.0 - level**2) + (radius + 0.25) / width
        push = np.where((level < 1.0) & (q < needed), needed / np.maximum(q, 0.05), 1.0)
        return ny + (y - ny) * push, nx + (x - nx) * push


def draw_shape(rng: np.random.Generator, motion: float = 1.0) -> CellShape:
    """Return a spread interphase U2-OS cell with its nucleus at the origin.

    Sizes after the docs' science page: footprint about 1500 µm², nucleus 18 x 13 x 6 µm,
    6 to 8 µm high over the nucleus and 0.5 to 1.5 µm at the edge.
    """
    angle = rng.uniform(-np.pi, np.pi)
    semi = (rng.uniform(23.0, 27.0), rng.uniform(17.0, 20.0))
    aside = rng.uniform(2.5, 4.5) * rng.choice([-1.0, 1.0])
    along = rng.uniform(-3.0, 3.0)
    ny, nx = 0.0, 0.0
    center = (
        ny - aside * np.cos(angle) - along * np.sin(angle),
        nx + aside * np.sin(angle) - along * np.cos(angle),
    )
    footprint = Footprint.draw(rng, center, semi, angle)
    footprint = replace(footprint, amplitude=motion * footprint.amplitude)
    nucleus = _draw_nucleus(rng, (ny, nx), angle + rng.normal(0.0, 0.25))
    edge_height = rng.uniform(0.7, 1.2)
    top = nucleus.center[0] + nucleus.semi_axes[0] + rng.uniform(0.5, 0.9) - FLOOR_UM
    mtoc = rng.uniform(-np.pi, np.pi)
    length, width = nucleus.semi_axes[1:]
    c, s = np.cos(nucleus.angle), np.sin(nucleus.angle)
    u, v = 1.35 * length * np.cos(mtoc), 1.5 * width * np.sin(mtoc)
    return CellShape(
        footprint,
        nucleus,
        edge_height,
        top - edge_height,
        rng.uniform(1.0, 1.15),
        Waves.draw(rng, 8, (3.0, 9.0), 0.06),
        (ny + u * s + v * c, nx + u * c - v * s),
    )


def _draw_nucleus(rng: np.random.Generator, yx: tuple[float, float], angle: float) -> Nucleus:
    semi = (rng.uniform(2.8, 3.2), rng.uniform(8.8, 9.8), rng.uniform(6.4, 7.2))
    center = (semi[0] + rng.uniform(0.55, 0.75), *yx)
    wobble = 0.03 * rng.standard_normal((3, 2)) / np.arange(1, 4)[:, None]
    folds = []
    for _ in range(int(rng.integers(2, 6))):
        r, turn = 0.75 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        u, v = r * semi[1] * np.cos(turn), r * semi[2] * np.sin(turn)
        y = yx[0] + u * np.sin(angle) + v * np.cos(angle)
        x = yx[1] + u * np.cos(angle) - v * np.sin(angle)
        length, width = rng.uniform(0.4, 2.5), rng.uniform(0.25, 0.4)
        depth, side = rng.uniform(0.5, 1.6), rng.choice([-1.0, 1.0])
        folds.append([y, x, rng.uniform(0, np.pi), length, width, depth, side])
    nucleoli = []
    for _ in range(int(rng.integers(2, 5))):
        r, turn = 0.55 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        u, v = r * semi[1] * np.cos(turn), r * semi[2] * np.sin(turn)
        y = yx[0] + u * np.sin(angle) + v * np.cos(angle)
        x = yx[1] + u * np.cos(angle) - v * np.sin(angle)
        radius = rng.uniform(0.9, 1.7)
        nucleoli.append([center[0] + rng.uniform(-0.7, 0.7), y, x, radius, 0.8 * radius])
    return Nucleus(center, semi, angle, wobble, np.array(folds), np.array(nucleoli))
