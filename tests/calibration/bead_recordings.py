"""Recordings of beads with Poisson and read noise, without the rest of the microscope."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.found import BeadStack
from livesr.simulator.imaging.beads import Beads
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.view import View
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.calibration.warp import ChromaticModel

PIXEL_UM, STEP_UM = 0.0668, 0.2
GAIN, READ, OFFSET = 0.7, 1.8, 100.0
BELOW_UM = 1.4


def optics_of(seed: int, model: ChromaticModel | None = None) -> Optics:
    optics = Optics.from_seed(seed)
    return optics if model is None else replace(optics, chromatic=model)


def record(
    optics: Optics,
    seed: int,
    *,
    count: int = 80,
    shape: tuple[int, int] = (320, 320),
    photons: tuple[float, float] = (2000.0, 6000.0),
    depth_um: float = 0.0,
    gap_um: float = 0.0,
    full: float = 65535.0,
    pixel_um: float = PIXEL_UM,
) -> tuple[BeadStack, list[np.ndarray]]:
    """Return a recording, and where each channel shows each bead (z, y, x), µm."""
    view = View((0.0, 0.0), pixel_um, shape)
    field = (shape[0] * pixel_um, shape[1] * pixel_um)
    beads = Beads(
        seed, count=count, photons=photons, z_um=(0.0, depth_um), field_um=field, gap_um=gap_um
    )
    planes = np.arange(-BELOW_UM, depth_um + BELOW_UM + 1e-6, STEP_UM)
    light = beads.emission(planes, view, optics) + 1.0
    rng = np.random.default_rng(seed)
    counts = rng.poisson(light) * GAIN + rng.normal(0.0, READ, light.shape) + OFFSET
    data = np.clip(np.rint(counts), 0, full).astype(np.uint16)
    grid = Grid((len(planes), *shape), (STEP_UM, pixel_um, pixel_um))
    middle = np.array([0.0, (shape[0] - 1) / 2, (shape[1] - 1) / 2])
    places = []
    for channel in range(2):
        at = beads.places(channel, view, optics)
        at[:, 0] += BELOW_UM
        places.append((at - middle) * [1.0, pixel_um, pixel_um])
    return BeadStack(f"beads {seed}", data, ("yellow", "red"), grid, OFFSET), places
