"""Golgi apparatus: a juxtanuclear ribbon of stacked, curved cisternae."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.cloud import SPACING_UM, Cloud, from_points, sheet_masses

if TYPE_CHECKING:
    from livesr.simulator.dye import CellDye
    from livesr.simulator.shape import CellShape
    from livesr.types import Float64

LAYER_UM = 0.1
"""Distance between cisternae; three of them make a stack 0.3 µm thick."""


def golgi(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return 6 to 10 stacks along an arc beside the nucleus."""
    count = int(rng.integers(6, 11))
    centers, outward = _ribbon(shape, count, rng)
    level, ratio = dye.objects("golgi", count, rng)
    points, normals, owner = [], [], []
    for index in range(count):
        sheet, normal = _stack(centers[index], outward[index], rng)
        points.append(sheet)
        normals.append(normal)
        owner.append(np.full(len(sheet), index))
    where, which = np.concatenate(points), np.concatenate(owner)
    area = np.full(len(where), SPACING_UM**2 / 3.0)
    emission, truth = sheet_masses(np.concatenate(normals), area, LAYER_UM * np.sqrt(2.0 / 3.0))
    where = _inside(shape, where)
    emission = emission * level[which]
    return from_points("golgi", where, emission, truth, ratio[which], which, count)


def _ribbon(shape: CellShape, count: int, rng: np.random.Generator) -> tuple[Float64, Float64]:
    """Return centres (n, 3) of the stacks and the directions (angle) away from the nucleus."""
    nz, ny, nx = shape.nucleus.center
    my, mx = shape.organizer
    toward = np.arctan2(my - ny, mx - nx)
    distance = float(np.hypot(my - ny, mx - nx))
    arc = rng.uniform(6.0, 10.0) / distance
    angle = toward + np.linspace(-0.5, 0.5, count) * arc + rng.normal(0.0, 0.06, count)
    reach = distance + rng.normal(0.0, 0.5, count)
    y, x = ny + reach * np.sin(angle), nx + reach * np.cos(angle)
    z = 0.45 * nz + 0.25 * (shape.top(y, x)) + rng.normal(0.0, 0.3, count)
    middle = np.stack([z, y, x], axis=1)
    return shape.confine(middle, np.full(count, 0.6)), angle


def _stack(center: Float64, outward: float, rng: np.random.Generator) -> tuple[Float64, Float64]:
    """Return points of one bowl of three cisternae and the z part of their normals."""
    long, short = rng.uniform(1.3, 2.2), rng.uniform(0.8, 1.3)
    u = np.arange(-long, long, SPACING_UM)
    v = np.arange(-short, short, SPACING_UM)
    a, b = (g.ravel() for g in np.meshgrid(u, v, indexing="ij"))
    rim = (a / long) ** 2 + (b / short) ** 2 + 0.15 * np.sin(5 * np.arctan2(b, a)) < 1.0
    a, b = a[rim], b[rim]
    yaw, tilt = outward + rng.normal(0.0, 0.5), rng.uniform(-0.7, 0.7)
    normal = np.array([np.sin(tilt), np.cos(tilt) * np.sin(yaw), np.cos(tilt) * np.cos(yaw)])
    along = np.array([0.0, np.cos(yaw), -np.sin(yaw)])
    up = np.cross(normal, along)
    curve = rng.uniform(0.08, 0.2) * np.array([1.0, 1.4])
    bowl = curve[0] * a**2 + curve[1] * b**2
    slope_a, slope_b = 2 * curve[0] * a, 2 * curve[1] * b
    tilted = normal[0] - slope_a * along[0] - slope_b * up[0]
    normal_z = tilted / np.sqrt(1.0 + slope_a**2 + slope_b**2)
    layers = [
        center + along * a[:, None] + up * b[:, None] + normal * (bowl + offset)[:, None]
        for offset in (-LAYER_UM, 0.0, LAYER_UM)
    ]
    return np.concatenate(layers), np.tile(normal_z, 3)


def _inside(shape: CellShape, points: Float64) -> Float64:
    return shape.confine(points, np.full(len(points), 0.05))
