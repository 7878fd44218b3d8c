"""Endoplasmic reticulum: levels of tubular network joined by risers, and perinuclear sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import Voronoi, cKDTree

from livesr.simulator.cloud import SPACING_UM, Cloud, from_points, merge, sheet_masses, tube
from livesr.simulator.shape import FLOOR_UM, Waves

if TYPE_CHECKING:
    from livesr.simulator.dye import CellDye
    from livesr.simulator.shape import CellShape
    from livesr.types import Bool, Float64

STEP_UM = 0.07
LEVEL_UM = 0.85
FIRST_UM = 0.5
"""Height of the lowest level."""


def er(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return the network: one object a level, one for risers, one for sheets."""
    top = shape.nucleus.center[0] + shape.nucleus.semi_axes[0] + 0.6
    levels = np.arange(FIRST_UM, top, LEVEL_UM)
    bend = Waves.draw(rng, 6, (1.5, 4.0), 0.09), Waves.draw(rng, 6, (1.5, 4.0), 0.09)
    lift = Waves.draw(rng, 5, (2.0, 6.0), 0.18)
    pieces: list[tuple[Float64, Float64]] = []
    owners: list[int] = []
    before: Float64 | None = None
    for number, level in enumerate(levels):
        starts, ends = _network(shape, float(level), rng)
        segments = [(starts, ends)]
        if before is not None and len(before):
            segments.append(_risers(before, starts, float(level), rng))
        before = np.concatenate([np.full((len(starts), 1), level), starts], axis=1)
        for a, b in segments:
            points, steps = _walk(_lifted(a, level), _lifted(b, level))
            pieces.append((points, steps))
            owners.append(number)
    points = np.concatenate([p for p, _ in pieces])
    steps = np.concatenate([s for _, s in pieces])
    owner = np.repeat(owners, [len(p) for p, _ in pieces])
    points = _settle(shape, points, lift)
    points[:, 1] += bend[0](points[:, 1], points[:, 2])
    points[:, 2] += bend[1](points[:, 1], points[:, 2])
    keep = _cytoplasmic(shape, points)
    points, steps, owner = points[keep], steps[keep], owner[keep]
    lengths = np.linalg.norm(steps, axis=1)
    piece = tube(points, steps / lengths[:, None], lengths, np.full(len(points), 0.04))
    brightness, ratio = dye.objects("er", len(levels) + 1, rng)
    level_factor = brightness.mean() * (1 + 0.3 * (brightness / brightness.mean() - 1.0))
    tubes = from_points(
        "er",
        points,
        piece.emission * level_factor[owner],
        piece.truth,
        ratio.mean() * np.ones(len(points)),
        owner,
        len(levels),
    )
    return merge("er", [tubes, _sheets(shape, float(brightness[-1]), float(ratio.mean()), rng)])


def _lifted(points: Float64, level: float) -> Float64:
    """Return (n, 3) points: those of two columns get the level's height."""
    if points.shape[1] == 3:
        return points
    return np.concatenate([np.full((len(points), 1), level), points], axis=1)


def _network(shape: CellShape, level: float, rng: np.random.Generator) -> tuple[Float64, Float64]:
    """Return starts and ends (n, 2) of a level's tubes: edges between jittered seeds' cells."""
    outline_y, outline_x = shape.footprint.outline()
    mesh = rng.uniform(0.95, 1.25)
    row = mesh * np.sqrt(0.75)
    y = np.arange(outline_y.min() - 2, outline_y.max() + 2, row)
    x = np.arange(outline_x.min() - 2, outline_x.max() + 2, mesh)
    seeds_y, seeds_x = np.meshgrid(y, x, indexing="ij")
    seeds_x = seeds_x + 0.5 * mesh * (np.arange(len(y)) % 2)[:, None]
    seeds = np.stack([seeds_y.ravel(), seeds_x.ravel()], axis=1)
    seeds += rng.normal(0.0, 0.27 * mesh, seeds.shape)
    near = _fits(shape, level, seeds, margin=2.0)
    if near.sum() < 5:
        return np.zeros((0, 2)), np.zeros((0, 2))
    diagram = Voronoi(seeds[near])
    ridges = np.array([r for r in diagram.ridge_vertices if -1 not in r])
    starts, ends = diagram.vertices[ridges[:, 0]], diagram.vertices[ridges[:, 1]]
    middle = 0.5 * (starts + ends)
    keep = _fits(shape, level, middle, margin=0.0) & (rng.uniform(size=len(middle)) > 0.12)
    keep &= np.linalg.norm(ends - starts, axis=1) < 3.0
    return starts[keep], ends[keep]


def _fits(shape: CellShape, level: float, yx: Float64, margin: float) -> Bool:
    y, x = yx.T
    _, to_edge = shape.inward(y, x)
    fits = to_edge > 0.4 - margin
    if level > FIRST_UM:
        fits &= shape.top(y, x) + 0.5 * margin > level + 0.25
    return np.asarray(fits)


def _risers(
    below: Float64, above: Float64, level: float, rng: np.random.Generator
) -> tuple[Float64, Float64]:
    """Return tubes that join some junctions of a level with near ones of the level below."""
    if not len(above):
        return np.zeros((0, 3)), np.zeros((0, 3))
    chosen = above[rng.uniform(size=len(above)) < 0.25]
    if not len(chosen) or len(below) < 6:
        return np.zeros((0, 3)), np.zeros((0, 3))
    # The sixth nearest: joined at a slant, upright tubes would look like bright vesicles.
    distance, nearest = cKDTree(below[:, 1:]).query(chosen, k=[6])
    close = distance[:, 0] < 1.5
    return below[nearest[close, 0]], _lifted(chosen[close], level)


def _walk(starts: Float64, ends: Float64) -> tuple[Float64, Float64]:
    """Return points along straight segments and the step (vector) that each stands for."""
    if not len(starts):
        return np.zeros((0, 3)), np.zeros((0, 3))
    span = ends - starts
    counts = np.maximum(np.ceil(np.linalg.norm(span, axis=1) / STEP_UM).astype(np.int64), 1)
    which = np.repeat(np.arange(len(starts)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    t = (np.arange(counts.sum()) - first + 0.5) / counts[which]
    return starts[which] + t[:, None] * span[which], span[which] / counts[which][:, None]


def _settle(shape: CellShape, points: Float64, lift: Waves) -> Float64:
    """Return points moved in z: undulating, and squeezed where the cell is thin."""
    z, y, x = points.T
    height = shape.top(y, x) - FLOOR_UM
    lifted = z + lift(y, x)
    z = np.clip(lifted, FLOOR_UM + 0.35 * np.minimum(height, 0.6), None)
    z = np.minimum(z, FLOOR_UM + np.maximum(0.6 * height, height - 0.35))
    return np.stack([z, y, x], axis=1)


def _cytoplasmic(shape: CellShape, points: Float64, gap: float = 0.15) -> Bool:
    z, y, x = points.T
    bottom, top = shape.nucleus.surfaces(y, x)
    inside = (z > bottom - gap) & (z < top + gap) & (shape.nucleus.radial(y, x) < 1.0 + gap / 8)
    _, to_edge = shape.inward(y, x)
    return np.asarray(~inside & (to_edge > 0.25))


def _sheets(shape: CellShape, brightness: float, ratio: float, rng: np.random.Generator) -> Cloud:
    """Return fenestrated sheets around the nucleus, between the levels of tubes."""
    noise = Waves.draw(rng, 12, (1.2, 6.0), 1.0)
    _, ny, nx = shape.nucleus.center
    reach = 1.9 * shape.nucleus.semi_axes[1]
    steps = np.arange(-reach, reach, SPACING_UM)
    grid_y, grid_x = np.meshgrid(ny + steps, nx + steps, indexing="ij")
    y, x = grid_y.ravel(), grid_x.ravel()
    radial = shape.nucleus.radial(y, x)
    ring = radial < 1.9
    y, x, radial = y[ring], x[ring], radial[ring]
    top = shape.top(y, x)
    layers = []
    for level in np.arange(FIRST_UM + 0.5 * LEVEL_UM, float(top.max()), LEVEL_UM):
        shifted = noise(y + 7.3 * level, x - 5.1 * level)
        z = level + 0.08 * shifted
        keep = (shifted > 0.4 + 1.1 * (radial - 1.0)) & (z < top - 0.4)
        layers.append(np.stack([z[keep], y[keep], x[keep]], axis=1))
    points = np.concatenate(layers)
    points = points[_cytoplasmic(shape, points)]
    area = np.full(len(points), SPACING_UM**2)
    emission, truth = sheet_masses(np.full(len(points), 0.97), area)
    owner = np.zeros(len(points), np.int64)
    return from_points(
        "er", points, 2.2 * brightness * emission, truth, np.full(len(points), ratio), owner, 1
    )
