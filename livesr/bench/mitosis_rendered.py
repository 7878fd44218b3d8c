"""Rendered and segmented stacks of dividing cells: what the networks make of what is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.coarse import Coarse, coarsened
from livesr.analysis.mitosis.measures import STRUCTURES
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.view import View
from livesr.training.evaluation.prediction import predicted
from livesr.training.labelled import LabelledStack
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.bench.mitosis_scene import Field
    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.simulator.sample import Sample

PIXEL_UM = 0.0668


def segmented(
    sample: Sample, time_s: float, field: Field, package: Package, engine: Engine
) -> Coarse:
    """Return what a package makes of a stack of the field, on the coarse grid.

    Parameters
    ----------
    sample : Sample
    time_s : float
    field : Field
    package : Package
    engine : Engine
        With the package loaded.
    """
    pixels = round(field.side_um / PIXEL_UM)
    view = View(field.centre_um, PIXEL_UM, (pixels, pixels))
    heights = [field.first_um + field.step_um * k for k in range(field.planes)]
    optics = Optics.from_seed(sample.seed, sample.parameters.optics, PIXEL_UM)
    photons = sample.emission(time_s, heights, view, optics)
    camera = CameraModel.from_parameters(sample.parameters.camera)
    noise = np.random.default_rng([sample.seed, round(time_s), 3])
    grid = Grid((field.planes, pixels, pixels), (field.step_um, PIXEL_UM, PIXEL_UM))
    stack = LabelledStack(
        camera.expose(photons, noise), grid, camera.offset, optics.chromatic, {}, "mitosis"
    )
    masks = predicted(stack, package, engine).masks
    return coarsened({name: mask.view(np.uint8) for name, mask in masks.items()}, grid, STRUCTURES)
