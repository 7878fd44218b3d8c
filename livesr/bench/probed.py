"""Simulated cells with a probe as a session stores them: yellow, red and green, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.coloc import PROBES, make_probe
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View
from livesr.training.labelled import LabelledStack
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import UInt16

EXPRESSION = 2.0
"""Green photons at the structure in a cell of median expression, in those of an ER tube."""
PIXEL_UM, STEP_UM, PLANES = 0.0668, 0.3, 24
DROPLETS = "lipid_droplet"


@dataclass(frozen=True, slots=True)
class Probed:
    """One stack.

    Attributes
    ----------
    seen : LabelledStack
        Yellow and red, with the truth of the probe's structure and of lipid droplets.
    green : ndarray, (z, y, x), uint16
    chromatic_green : ChromaticModel
    structure : str
        The probe's; empty for Nile Red alone.
    """

    seen: LabelledStack
    green: UInt16
    chromatic_green: ChromaticModel
    structure: str


def probed_cells(
    seed: int, structures: Sequence[str], side: int, expression: float = EXPRESSION
) -> Iterator[Probed]:
    """Yield the same cells with one probe after the other; an empty name is Nile Red alone.

    Parameters
    ----------
    seed : int
        Of cells, optics and noise.
    structures : sequence of str
        Of `livesr.simulator.coloc.PROBES`, or empty.
    side : int
        Pixels of the field.
    expression : float
    """
    p = parameters("standard")
    grid = Grid((PLANES, side, side), (STEP_UM, PIXEL_UM, PIXEL_UM))
    optics, camera = (
        Optics.from_seed(seed, p.optics, PIXEL_UM),
        CameraModel.from_parameters(p.camera),
    )
    sample, view = Sample(seed, parameters=p), View((0.0, 0.0), PIXEL_UM, (side, side))
    heights = [optics.depth(STEP_UM * k) for k in range(PLANES)]
    for structure in structures:
        probe = make_probe(structure, p, expression=expression) if structure else None
        number = PROBES.index(structure) if structure else len(PROBES)
        photons = sample.emission(0.0, heights, view, optics, channels=(0, 1, 2), probe=probe)
        counts = camera.expose(photons, np.random.default_rng([seed, 8, number]))
        names = (*(probe.structures if probe else ()), DROPLETS)
        truth = sample.truth(0.0, heights, view, names=names)
        lit = np.any([truth[name] for name in names[:-1]], axis=0) if probe else truth[DROPLETS]
        own = {structure or DROPLETS: lit, DROPLETS: truth[DROPLETS]}
        seen = LabelledStack(
            counts[:2],
            grid,
            camera.offset,
            optics.chromatic,
            own,
            f"{structure or 'control'}-{seed}",
        )
        yield Probed(seen, counts[2], optics.chromatic_green, structure)
