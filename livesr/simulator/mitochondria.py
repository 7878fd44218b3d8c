"""Mitochondria: worm-like tubes with a few branches, walked in lockstep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.cloud import Cloud, from_points, tube
from livesr.simulator.shape import FLOOR_UM

if TYPE_CHECKING:
    from livesr.simulator.dye import CellDye
    from livesr.simulator.shape import CellShape
    from livesr.types import Bool, Float64

STEP_UM = 0.08


def mitochondria(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return 240 to 300 tubes, 0.3 to 0.5 µm wide and 1 to 10 µm long; one in five branches."""
    count = int(rng.integers(240, 301))
    starts = _starts(shape, count, rng)
    _, ny, nx = shape.nucleus.center
    away = np.arctan2(starts[:, 1] - ny, starts[:, 2] - nx)
    heading = away + rng.normal(0.0, 0.9, count) + np.pi * (rng.uniform(size=count) < 0.5)
    lengths = np.clip(rng.lognormal(np.log(5.8), 0.5, count), 1.0, 10.0)
    paths = _walk(shape, starts, heading, lengths, rng)
    parents = np.flatnonzero((lengths > 2.5) & (rng.uniform(size=count) < 0.25))
    forks = np.array([paths[p][len(paths[p]) // 2, :3] for p in parents]).reshape(-1, 3)
    turned = np.array([paths[p][len(paths[p]) // 2, 3] for p in parents])
    turned = turned + rng.choice([-1.0, 1.0], len(parents)) * rng.uniform(0.6, 1.2, len(parents))
    branches = _walk(shape, forks, turned, rng.uniform(1.0, 3.0, len(parents)), rng)
    owners = [*range(count), *parents.tolist()]
    radius = rng.uniform(0.16, 0.25, count)
    return _assemble(shape, [*paths, *branches], owners, radius, dye, rng)


def _starts(shape: CellShape, count: int, rng: np.random.Generator) -> Float64:
    """Return (n, 3): relative height, y, x; denser around the nucleus."""
    outline_y, outline_x = shape.footprint.outline()
    y = rng.uniform(outline_y.min(), outline_y.max(), 40 * count)
    x = rng.uniform(outline_x.min(), outline_x.max(), 40 * count)
    _, to_edge = shape.inward(y, x)
    radial = shape.nucleus.radial(y, x)
    wanted = np.exp(-0.9 * np.maximum(radial - 1.1, 0.0)) * (to_edge > 1.5) * (radial > 1.05)
    chosen = np.flatnonzero(rng.uniform(size=y.size) < wanted)[:count]
    while chosen.size < count:
        chosen = np.concatenate([chosen, chosen])[:count]
    return np.stack([rng.uniform(0.1, 0.9, count), y[chosen], x[chosen]], axis=1)


def _walk(
    shape: CellShape, starts: Float64, heading: Float64, lengths: Float64, rng: np.random.Generator
) -> list[Float64]:
    """Return each walker's path (n, 4): relative height, y, x, heading."""
    if not len(starts):
        return []
    level, y, x = starts.T.copy()
    heading, turn = heading.copy(), np.zeros(len(y))
    done = np.zeros(len(y), np.int64)
    wanted = np.maximum((lengths / STEP_UM).astype(np.int64), 8)
    side = rng.choice([-1.0, 1.0], len(y))
    history = []
    for _ in range(int(1.6 * wanted.max())):
        turn = 0.95 * turn + rng.normal(0.0, 0.014, len(y))
        level = np.clip(level + rng.normal(0.0, 0.012, len(y)), 0.05, 0.95)
        ahead_y, ahead_x = y + STEP_UM * np.sin(heading), x + STEP_UM * np.cos(heading)
        free = _free(shape, level, ahead_y, ahead_x)
        heading = heading + np.where(free, turn, 0.15 * side)
        moved = free & (done < wanted)
        y, x = np.where(moved, ahead_y, y), np.where(moved, ahead_x, x)
        done = done + moved
        history.append((np.stack([level, y, x, heading], axis=1), moved))
    states = np.stack([h for h, _ in history])
    moves = np.stack([m for _, m in history])
    return [
        states[moves[:, i], i] if moves[:, i].sum() > 3 else np.repeat(states[:1, i], 4, axis=0)
        for i in range(len(y))
    ]


def _height(shape: CellShape, level: Float64, y: Float64, x: Float64) -> Float64:
    tall = shape.top(y, x) - FLOOR_UM
    margin = np.minimum(0.35, 0.45 * tall)
    return np.asarray(FLOOR_UM + margin + level * (tall - 2 * margin))


def _free(shape: CellShape, level: Float64, y: Float64, x: Float64) -> Bool:
    _, to_edge = shape.inward(y, x)
    z = _height(shape, level, y, x)
    half, _, width = shape.nucleus.semi_axes
    off = np.clip((np.abs(z - shape.nucleus.center[0]) - 0.3) / half, 0.0, 1.0)
    blocked = shape.nucleus.radial(y, x) < np.sqrt(1.0 - off**2) + 0.4 / width * (off < 1.0)
    return np.asarray((to_edge > 1.0) & ~blocked)


def _assemble(
    shape: CellShape,
    paths: list[Float64],
    owners: list[int],
    radius: Float64,
    dye: CellDye,
    rng: np.random.Generator,
) -> Cloud:
    points, steps = [], []
    for path in paths:
        curve = np.stack([_height(shape, *path[:, :3].T), path[:, 1], path[:, 2]], axis=1)
        points.append(curve)
        steps.append(np.gradient(curve, axis=0))
    curve, step = np.concatenate(points), np.concatenate(steps)
    owner = np.repeat(owners, [len(p) for p in points])
    length = np.maximum(np.linalg.norm(step, axis=1), 1e-6)
    swell = 1.0 + 0.12 * np.sin(np.arange(len(curve)) * STEP_UM * 2 * np.pi / 1.7)
    piece = tube(curve, step / length[:, None], length, radius[owner] * swell)
    owner = owner[piece.owner]
    level, ratio = dye.objects("mitochondria", len(radius), rng)
    return from_points(
        "mitochondria",
        piece.points,
        piece.emission * level[owner],
        piece.truth,
        ratio[owner],
        owner,
        len(radius),
    )
