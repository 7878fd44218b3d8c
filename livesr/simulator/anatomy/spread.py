"""Spread cells: their outline and the height of their dorsal surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.body import ANGLE_TABLE, FLOOR_UM, SHARES, Body, widened
from livesr.simulator.anatomy.fields import wave_sum

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.simulator.anatomy.nucleus import Nucleus
    from livesr.simulator.parameters import CellParameters
    from livesr.types import Float64

_RIM_UM = 1.2
"""Width over which the height rises from the edge."""


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
        y, x = np.broadcast_arrays(np.asarray(y, np.float64), np.asarray(x, np.float64))
        waves = np.stack([self.ky, self.kx, self.phase, self.amplitude], axis=1)
        out = np.empty(y.size)
        wave_sum(np.ascontiguousarray(y).ravel(), np.ascontiguousarray(x).ravel(), waves, out)
        return out.reshape(y.shape)


def draw_outline(rng: np.random.Generator, p: CellParameters, area_um2: float) -> Float64:
    """Return the distances (ANGLES,) of a lobed, elongated outline with an area."""
    ratio = float(rng.uniform(*p.elongation))
    a, b = np.sqrt(ratio), 1.0 / np.sqrt(ratio)
    angle = rng.uniform(-np.pi, np.pi)
    turned = ANGLE_TABLE - angle
    radius = a * b / np.hypot(b * np.cos(turned), a * np.sin(turned))
    for mode in range(2, 9):
        strength = p.lobes / mode**0.8 * rng.standard_normal()
        radius = radius * (1.0 + strength * np.cos(mode * ANGLE_TABLE + rng.uniform(0, 2 * np.pi)))
    area = 0.5 * np.sum(radius**2) * 2.0 * np.pi / ANGLE_TABLE.size
    return np.asarray(radius * np.sqrt(area_um2 / area))


def long_axis(radius: Float64) -> float:
    """Return the direction in which an outline is longest."""
    second = np.sum(radius**4 * np.exp(2j * ANGLE_TABLE))
    return float(0.5 * np.angle(second))


@dataclass(frozen=True, slots=True)
class Creep:
    """The slow to and fro of an edge: a few standing modes, still at time 0."""

    modes: Float64
    speeds: Float64
    phases: Float64
    amplitude: Float64

    @classmethod
    def draw(cls, rng: np.random.Generator, p: CellParameters, radius_um: float) -> Creep:
        """Return the motion of an edge of a mean radius."""
        modes = np.arange(1.0, 6.0)
        speeds = 2 * np.pi / rng.uniform(500.0, 1500.0, modes.size)
        pace = float(rng.uniform(*p.creep_um_min)) / 60.0
        amplitude = pace * np.sqrt(2.0 / modes.size) / speeds / radius_um
        return cls(modes, speeds, rng.uniform(0, 2 * np.pi, modes.size), amplitude)

    def at(self, time_s: float) -> Float64:
        """Return the relative motion of the edge (ANGLES,)."""
        there = self.modes[:, None] * ANGLE_TABLE + self.phases[:, None]
        swing = np.sin(there + self.speeds[:, None] * time_s) - np.sin(there)
        return np.asarray((self.amplitude[:, None] * swing).sum(axis=0))


def spread_body(
    rng: np.random.Generator,
    p: CellParameters,
    center: tuple[float, float],
    radius: Float64,
    nucleus: Nucleus,
    volume_um3: float,
) -> Body:
    """Return a spread body of a volume: a lamella with a dome over the nucleus.

    The dome is as high as the nucleus and a roof above it need; its width takes up the volume, and
    what is still missing or too much the height of the lamella.
    """
    edge_height = float(rng.uniform(*p.edge_height_um))
    roof = float(rng.uniform(*p.roof_um))
    relief = Waves.draw(rng, 8, (3.0, 9.0), p.relief)
    reach = SHARES[:, None] * radius
    y, x = center[0] + reach * np.sin(ANGLE_TABLE), center[1] + reach * np.cos(ANGLE_TABLE)
    waves = relief(y, x)
    rim = np.clip((radius - reach) / _RIM_UM, 0.0, 1.0)
    rise = 1.0 - (1.0 - rim) ** 2
    dy, dx = y - nucleus.center[1], x - nucleus.center[2]
    c, s = np.cos(nucleus.angle), np.sin(nucleus.angle)
    length, width = nucleus.semi_axes[1:]
    q2 = ((dx * c + dy * s) / length) ** 2 + ((dy * c - dx * s) / width) ** 2
    top = nucleus.center[0] + nucleus.semi_axes[0] + roof - FLOOR_UM
    bottom, over = nucleus.surfaces(y, x)
    needed = widened(np.where(over > bottom, over + 0.6 * roof - FLOOR_UM, 0.0))

    def body(lamella: float, wide: float) -> Body:
        hump = (top - lamella) * np.exp(-0.5 * np.maximum(q2 - 0.35, 0.0) / wide**2)
        height = lamella * (1.0 + waves) + hump * (1.0 + 0.15 * waves)
        height = np.maximum(rise * height, needed)
        low = np.full(height.shape, FLOOR_UM)
        none = np.zeros(radius.size)
        return Body(center, radius, low, FLOOR_UM + height, none, none)

    wide = _solve(lambda w: body(edge_height, w).volume(), volume_um3, 0.25, 1.6)
    lamella = _solve(lambda h: body(h, wide).volume(), volume_um3, 0.5, 2.2)
    return body(lamella, wide)


def _solve(function: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Return where an increasing function comes nearest to a value, by bisection."""
    for _ in range(24):
        middle = 0.5 * (low + high)
        if function(middle) < wanted:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
