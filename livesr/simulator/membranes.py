"""Surfaces of the cell and the nucleus: plasma membrane, filopodia, nuclear membrane, reticulum."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.cloud import SPACING_UM, Cloud, from_points, merge, sheet_masses, tube
from livesr.simulator.shape import FLOOR_UM

if TYPE_CHECKING:
    from livesr.simulator.dye import CellDye
    from livesr.simulator.shape import CellShape
    from livesr.types import Float64


def plasma_membrane(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return the ventral and dorsal membrane and a few ruffles."""
    y, x = _lattice(shape)
    inside = shape.footprint.contains(y, x)
    top = shape.top(y, x)
    slope = np.hypot(*np.gradient(top, SPACING_UM))[inside]
    y, x, top = y[inside], x[inside], top[inside]
    area = np.full(y.size, SPACING_UM**2)
    flat = np.ones(y.size)
    tilt = np.sqrt(1.0 + slope**2)
    ruffles = [_ruffle(shape, rng) for _ in range(int(rng.integers(2, 6)))]
    points = np.concatenate(
        [
            np.stack([np.full_like(y, FLOOR_UM), y, x], axis=1),
            np.stack([top, y, x], axis=1),
            *(r[0] for r in ruffles),
        ]
    )
    normal_z = np.concatenate([flat, 1.0 / tilt, *(np.zeros(len(r[0])) for r in ruffles)])
    areas = np.concatenate([area, area * tilt, *(r[1] for r in ruffles)])
    emission, truth = sheet_masses(normal_z, areas)
    owner = np.zeros(len(points), np.int64)
    level, ratio = dye.objects("plasma_membrane", 1, rng)
    return from_points(
        "plasma_membrane", points, emission * level[0], truth, ratio[owner], owner, 1
    )


def _lattice(shape: CellShape) -> tuple[Float64, Float64]:
    outline_y, outline_x = shape.footprint.outline()
    y = np.arange(outline_y.min(), outline_y.max(), SPACING_UM)
    x = np.arange(outline_x.min(), outline_x.max(), SPACING_UM)
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    return grid_y, grid_x


def _ruffle(shape: CellShape, rng: np.random.Generator) -> tuple[Float64, Float64]:
    """Return points and areas of a wavy wall standing on the dorsal side near the edge."""
    start, arc = rng.uniform(-np.pi, np.pi), rng.uniform(2.5, 7.0)
    edge = float(shape.footprint.edge(np.array([start]))[0])
    inset, height = rng.uniform(0.3, 1.5), rng.uniform(0.5, 1.3)
    along = np.arange(0.0, arc, SPACING_UM)
    up = np.arange(0.0, height, 2 * SPACING_UM)
    s, h = (a.ravel() for a in np.meshgrid(along, up, indexing="ij"))
    angle = start + s / edge
    wave = 0.25 * np.sin(2 * np.pi * s / rng.uniform(1.5, 3.0) + rng.uniform(0, 6.0))
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    radius = shape.footprint.edge(angle) - inset + wave - 0.2 * h
    y = shape.footprint.center[0] + radius * np.sin(angle)
    x = shape.footprint.center[1] + radius * np.cos(angle)
    arch = np.sqrt(np.sin(np.pi * np.clip(s / arc, 0.0, 1.0)))
    z = shape.top(y, x) + h * arch
    return np.stack([z, y, x], axis=1), np.full(z.size, 2 * SPACING_UM**2) * arch


def filopodia(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return 20 to 60 thin tubes that leave the ventral edge."""
    count = int(rng.integers(20, 61))
    level, ratio = dye.objects("filopodia", count, rng)
    clouds = []
    for index in range(count):
        length = np.clip(rng.lognormal(1.0, 0.5), 1.0, 8.0)
        steps = np.arange(-0.3, length, 0.06)
        angle = rng.uniform(-np.pi, np.pi)
        base = float(shape.footprint.edge(np.array([angle]))[0])
        heading = angle + rng.normal(0.0, 0.35) + np.cumsum(rng.normal(0, 0.02, steps.size))
        y0 = shape.footprint.center[0] + base * np.sin(angle)
        x0 = shape.footprint.center[1] + base * np.cos(angle)
        rise = rng.uniform(0.0, 0.08) * np.ones(steps.size)
        path = np.stack([rise, np.sin(heading), np.cos(heading)], axis=1)
        points = np.array([0.2, y0, x0]) + np.cumsum(path, axis=0) * 0.06
        points[:, 1:] -= 0.3 * path[0, 1:]
        thickness = np.linspace(1.0, 0.7, steps.size) * rng.uniform(0.05, 0.15)
        tangents = path / np.linalg.norm(path, axis=1, keepdims=True)
        piece = tube(points, tangents, np.full(steps.size, 0.06), thickness)
        clouds.append(
            replace(
                piece,
                emission=piece.emission * level[index],
                ratio=np.full(len(piece.points), ratio[index]),
                owner=np.zeros(len(piece.points), np.int64),
                centers=np.array([[0.2, y0, x0]]),
                radii=np.zeros(1),
            )
        )
    return merge("filopodia", clouds)


def nuclear_membrane(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return the envelope, sampled evenly with its infoldings."""
    nucleus = shape.nucleus
    half, length, width = nucleus.semi_axes
    area = 2.2 * np.pi * length * width * 1.3
    count = int(area / SPACING_UM**2 * 1.6)
    index = np.arange(count) + 0.5
    uz = 1.0 - 2.0 * index / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * index
    rim = np.sqrt(1.0 - uz**2)
    a, b = length * rim * np.cos(turn), width * rim * np.sin(turn)
    outline = np.ones(count)
    for mode, (even, odd) in enumerate(nucleus.wobble, start=2):
        angle = np.arctan2(np.sin(turn), np.cos(turn))
        outline += even * np.cos(mode * angle) + odd * np.sin(mode * angle)
    c, s = np.cos(nucleus.angle), np.sin(nucleus.angle)
    y = nucleus.center[1] + outline * (a * s + b * c)
    x = nucleus.center[2] + outline * (a * c - b * s)
    bottom, top = nucleus.surfaces(y, x)
    z = np.where(uz > 0, top, bottom)
    # Steps of 0.02 µm see the slope of a fold; near the equator the ellipsoid's own is used.
    step = 0.02
    up = uz > 0

    def height(py: Float64, px: Float64) -> Float64:
        low, high = nucleus.surfaces(py, px)
        return np.where(up, high, low)

    gy = (height(y + step, x) - height(y - step, x)) / (2 * step)
    gx = (height(y, x + step) - height(y, x - step)) / (2 * step)
    slope = np.hypot(gy, gx)
    # Element of area of the mapping from the unit sphere, times the extra slope of folds.
    element = (
        half
        * length
        * width
        * np.sqrt(
            (uz / half) ** 2
            + (rim * np.cos(turn) / length) ** 2
            + (rim * np.sin(turn) / width) ** 2
        )
    )
    smooth = half / np.sqrt(length * width) * rim / np.maximum(np.abs(uz), 1e-3)
    steep = np.sqrt(1.0 + np.minimum(slope, 8.0) ** 2) / np.sqrt(1.0 + np.minimum(smooth, 8.0) ** 2)
    areas = element * outline**2 * 4.0 * np.pi / count * np.clip(steep, 1.0, 4.0)
    normal_z = 1.0 / np.sqrt(1.0 + np.maximum(slope, smooth) ** 2)
    emission, truth = sheet_masses(normal_z, areas)
    owner = np.zeros(count, np.int64)
    level, ratio = dye.objects("nuclear_membrane", 1, rng)
    points = np.stack([z, y, x], axis=1)
    return from_points(
        "nuclear_membrane", points, 1.3 * level[0] * emission, truth, ratio[owner], owner, 1
    )


def nuclear_reticulum(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return 2 to 8 tubes that run from the envelope into the nucleus."""
    nucleus = shape.nucleus
    half, length, width = nucleus.semi_axes
    count = int(rng.integers(2, 9))
    level, ratio = dye.objects("nuclear_reticulum", count, rng)
    c, s = np.cos(nucleus.angle), np.sin(nucleus.angle)
    clouds = []
    for index in range(count):
        turn, rise = rng.uniform(-np.pi, np.pi), rng.uniform(-0.6, 0.6)
        rim = np.sqrt(1.0 - rise**2)
        start = np.array([half * rise, length * rim * np.cos(turn), width * rim * np.sin(turn)])
        target = 0.45 * rng.uniform(-1.0, 1.0, 3) * np.array([half, length, width])
        reach = np.linalg.norm(target - start)
        span = min(rng.uniform(2.0, 6.0), float(reach))
        t = np.arange(0.0, span, 0.06)
        heading = (target - start) / reach
        bend = rng.normal(0.0, 0.25, 3)[:, None] * np.sin(np.pi * t / span)
        local = (start[:, None] + heading[:, None] * t + bend).T
        points = np.stack(
            [
                nucleus.center[0] + local[:, 0],
                nucleus.center[1] + local[:, 1] * s + local[:, 2] * c,
                nucleus.center[2] + local[:, 1] * c - local[:, 2] * s,
            ],
            axis=1,
        )
        tangents = np.gradient(points, axis=0)
        tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
        radius = np.full(t.size, rng.uniform(0.05, 0.25))
        piece = tube(points, tangents, np.full(t.size, 0.06), radius)
        clouds.append(
            replace(
                piece,
                emission=piece.emission * level[index],
                ratio=np.full(len(piece.points), ratio[index]),
                owner=np.zeros(len(piece.points), np.int64),
                centers=points[:1],
                radii=np.zeros(1),
            )
        )
    return merge("nuclear_reticulum", clouds)
