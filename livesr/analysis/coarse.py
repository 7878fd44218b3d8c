"""Masks on a coarse grid: how much of each voxel a structure fills, fast.

Cells and the features of mitosis are micrometres large: a grid of 0.4 µm shows them whole at a
thirtieth of the camera's voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from livesr.types import UInt8

COARSE_UM = 0.4
"""Wanted side of a pixel, µm."""
LEAST_STEP_UM = 0.25
"""Planes that are nearer to each other than this are not all looked at."""
FULL = 255


@dataclass(frozen=True, slots=True)
class Coarse:
    """Structures on a coarse grid.

    Attributes
    ----------
    shares : mapping of str to ndarray, (z, y, x), uint8
        How much of each voxel the structure fills, times 255.
    grid : Grid
        Of these; its first voxel begins where the masks' first voxel does.
    """

    shares: Mapping[str, UInt8]
    grid: Grid

    def has(self, *names: str) -> bool:
        """Return whether all of these structures are there."""
        return all(name in self.shares for name in names)

    def union(self, names: Iterable[str]) -> UInt8:
        """Return the largest share that any of these structures has of each voxel."""
        out = np.zeros(self.grid.shape, np.uint8)
        for name in names:
            if name in self.shares:
                np.maximum(out, self.shares[name], out=out)
        return out


def coarse_grid(grid: Grid) -> tuple[Grid, int, int, int]:
    """Return the coarse grid, and how many planes, rows and columns make one of its voxels."""
    dz, dy, dx = grid.voxel_um
    every = max(1, int(LEAST_STEP_UM / dz)) if grid.shape[0] > 1 else 1
    by, bx = (max(1, round(COARSE_UM / size)) for size in (dy, dx))
    shape = (len(range(0, grid.shape[0], every)), grid.shape[1] // by, grid.shape[2] // bx)
    return Grid(shape, (dz * every, dy * by, dx * bx)), every, by, bx


def coarsened(volumes: Mapping[str, UInt8], grid: Grid, names: Iterable[str]) -> Coarse:
    """Return the shares of some structures; those that are not there are left out.

    Parameters
    ----------
    volumes : mapping of str to ndarray, (z, y, x), uint8
        Masks, 0 or 1.
    grid : Grid
        Theirs.
    names : iterable of str
    """
    target, every, by, bx = coarse_grid(grid)
    wanted = [name for name in names if name in volumes]
    shares = {name: _shares(volumes[name][::every], target, by, bx) for name in wanted}
    return Coarse(shares, target)


def _shares(mask: UInt8, target: Grid, by: int, bx: int) -> UInt8:
    _, ny, nx = target.shape
    out = np.zeros(target.shape, np.uint8)
    if not (ny and nx):
        return out
    for plane, below in zip(mask, out, strict=True):
        part = plane[: ny * by, : nx * bx]
        if part.any():
            cv2.resize(part * np.uint8(FULL), (nx, ny), below, interpolation=cv2.INTER_AREA)
    return out
