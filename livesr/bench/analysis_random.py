"""Cells whose vesicles were placed at random: nothing there attracts anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.objects.measure import VESICLES
from livesr.types import Grid, Masks, StackIndex

if TYPE_CHECKING:
    from livesr.types import Bool, Float64

VOXEL_UM = (0.3, 0.0668, 0.0668)
_FIXED = ("er", "mitochondria", "golgi", "nuclear_membrane", "plasma_membrane")


def random_cell(
    seed: int, *, counts: int = 120, shape: tuple[int, int, int] = (20, 300, 300)
) -> Masks:
    """Return a cell with membranes that are anywhere, and balls strewn evenly over its cytosol.

    The cell is a dome, its nucleus an ellipsoid. A ball's centre is anywhere in the cytosol where
    the ball touches neither nucleus nor edge; balls may lie in other organelles. It shares nothing
    with the simulated microscope, whose vesicles have places that they prefer.

    Parameters
    ----------
    seed : int
    counts : int
        Balls of each of the five kinds.
    shape : tuple of int
        (z, y, x).
    """
    rng = np.random.default_rng(seed)
    grid = Grid(shape, VOXEL_UM)
    z, y, x = (
        (np.arange(n) * v).reshape([-1 if k == axis else 1 for k in range(3)])
        for axis, (n, v) in enumerate(zip(shape, VOXEL_UM, strict=True))
    )
    height, wide, long = (n * v for n, v in zip(shape, VOXEL_UM, strict=True))
    from_middle = np.hypot((y - wide / 2) / (0.46 * wide), (x - long / 2) / (0.46 * long))
    roof = 0.9 * height * np.sqrt(np.maximum(1 - from_middle**2, 0))
    cell = np.asarray((z < roof) & (z >= 0.3))
    nucleus = ((z - 2.2) / 1.6) ** 2 + ((y - wide / 2) / 3.4) ** 2 + ((x - long / 2) / 4.2) ** 2 < 1
    nucleus &= cell
    cytosol = cell & ~nucleus
    volumes: dict[str, Bool] = {"nucleus": nucleus, "cytosol": cytosol, "extracellular": ~cell}
    volumes |= _membranes(rng, cell, nucleus, cytosol)
    for name in VESICLES:
        volumes[name] = _balls(rng, cytosol, counts)
    return Masks({k: v.astype(np.uint8) for k, v in volumes.items()}, grid, StackIndex(0, seed))


def _membranes(
    rng: np.random.Generator, cell: Bool, nucleus: Bool, cytosol: Bool
) -> dict[str, Bool]:
    """Return shells around cell and nucleus, and sheets and worms of smoothed noise."""
    from scipy.ndimage import binary_erosion, gaussian_filter

    out = {
        "plasma_membrane": cell & ~binary_erosion(cell, iterations=2),
        "nuclear_membrane": nucleus & ~binary_erosion(nucleus, iterations=2),
    }
    for name, size, share in (("er", 5.0, 0.15), ("mitochondria", 7.0, 0.1), ("golgi", 9.0, 0.02)):
        noise = gaussian_filter(
            rng.normal(size=cell.shape), [size * 0.0668 / 0.3 + 0.5, size, size]
        )
        out[name] = cytosol & (noise > np.quantile(noise[cytosol], 1 - share))
    return out


def _balls(rng: np.random.Generator, cytosol: Bool, count: int) -> Bool:
    out = np.zeros_like(cytosol)
    places = np.argwhere(cytosol)
    done = 0
    while done < count:
        at = (places[rng.integers(len(places))] + rng.uniform(-0.5, 0.5, 3)) * VOXEL_UM
        radius = float(rng.uniform(0.12, 0.35))
        box, inside = _ball(at, radius, cytosol.shape)
        if inside.any() and cytosol[box][inside].all():
            out[box] |= inside
            done += 1
    return out


def _ball(
    at: Float64, radius: float, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice, slice], Bool]:
    """Return a ball as the microscope shows it, three times as long as wide: box and voxels."""
    reach = np.array([max(3 * radius, 0.3), radius, radius])
    low = np.maximum(np.floor((at - reach) / VOXEL_UM), 0).astype(int)
    high = np.minimum(np.ceil((at + reach) / VOXEL_UM).astype(int) + 1, shape)
    z, y, x = np.ogrid[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    vz, vy, vx = VOXEL_UM
    apart = ((z * vz - at[0]) / 3) ** 2 + (y * vy - at[1]) ** 2 + (x * vx - at[2]) ** 2
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return (box[0], box[1], box[2]), np.asarray(apart < radius**2)
