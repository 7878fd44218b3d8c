"""Beads as the simulated microscope records them, without files."""

from __future__ import annotations

import numpy as np

from livesr.calibration.found import BeadStack
from livesr.simulator.imaging.beads import Beads
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.view import View
from livesr.types import Grid

PIXEL_UM, STEP_UM, PLANES, SIDE = 0.0668, 0.2, 13, 256
BACKGROUND = (6.0, 3.0, 1.0)


def recorded(
    seed: int,
    *,
    optics: Optics | None = None,
    count: int = 50,
    photons: tuple[float, float] = (2000.0, 6000.0),
    diameter_um: float = 0.1,
    depth_um: float = 0.0,
    channels: tuple[str, ...] = ("yellow", "red"),
) -> tuple[BeadStack, Optics]:
    """Return beads at least 1.2 µm apart as yellow, red and green show them, and the optics."""
    optics = optics or Optics.from_seed(seed)
    view = View((0.0, 0.0), PIXEL_UM, (SIDE, SIDE))
    beads = Beads(
        seed,
        count=count,
        photons=photons,
        z_um=(0.0, depth_um),
        diameter_um=diameter_um,
        field_um=(SIDE * PIXEL_UM, SIDE * PIXEL_UM),
        gap_um=1.2,
        background=BACKGROUND,
    )
    planes = PLANES + round(depth_um / STEP_UM)
    heights = [(k - PLANES // 2) * STEP_UM for k in range(planes)]
    light = beads.emission(heights, view, optics, channels=tuple(range(len(channels))))
    camera, rng = CameraModel(seed=seed), np.random.default_rng(seed)
    counts = np.stack([camera.expose(np.ascontiguousarray(one), rng) for one in light])
    grid = Grid((planes, SIDE, SIDE), (STEP_UM, PIXEL_UM, PIXEL_UM))
    return BeadStack(f"beads-{seed}", counts, channels, grid, camera.offset), optics


def rescaled(stack: BeadStack, *, pixel: float = 1.0, step: float = 1.0) -> BeadStack:
    """Return the recording as a file with wrong scales gives it."""
    z, y, x = stack.grid.voxel_um
    grid = Grid(stack.grid.shape, (z * step, y * pixel, x * pixel))
    return BeadStack(stack.source, stack.data, stack.channels, grid, stack.offset)
