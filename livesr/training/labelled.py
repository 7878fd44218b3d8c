"""A stack with the truth of some or all structures, simulated or from a data set.

What training, tuning and scores have in common: a stack as the camera gives it, what a session
would know of it, and what is known to be true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import Warp
from livesr.catalog import structure
from livesr.errors import ConfigError
from livesr.features import estimate_normalisation, make_features
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.calibration.warp import ChromaticModel
    from livesr.segmentation.package import Package
    from livesr.types import Bool, Features, Float32, UInt16

Z_STEP_UM = 0.3
"""Step for which planes are counted."""
VOXEL_LIMIT = 5.0
"""Voxels that differ from the networks' by more than this factor have another unit, or resolve
nothing that the networks know."""


@dataclass(frozen=True, slots=True)
class LabelledStack:
    """A stack as the camera gives it, with everything a session would know and the truth.

    Attributes
    ----------
    data : ndarray, (c, z, y, x), uint16
        Yellow, and red if there is one.
    grid : Grid
        The camera's.
    offset : float
        Counts without light.
    chromatic : ChromaticModel
        Red against yellow.
    truth : mapping of str to ndarray, (z, y, x), bool
        Of the structures that are known, on ``grid``; overlap allowed.
    name : str
        For reports.
    """

    data: UInt16
    grid: Grid
    offset: float
    chromatic: ChromaticModel
    truth: Mapping[str, Bool]
    name: str = ""


def simulate(
    seed: int,
    preset: str = "standard",
    *,
    shape: tuple[int, int, int] = (24, 512, 512),
    changes: str = "{}",
) -> LabelledStack:
    """Return a stack of an unseen cell with optics of its own, as a session would record it.

    Parameters
    ----------
    seed : int
    preset : str
        Of the simulated microscope.
    shape : tuple of int
        Planes at steps of 0.3 µm, rows, columns; another step gives as many planes as reach as far.
    changes : str
        To the preset's numbers: JSON, as `livesr.simulator.parameters.parameters` takes it.
    """
    return simulate_exposures(seed, preset, shape=shape, changes=changes)[0]


def simulate_exposures(
    seed: int,
    preset: str = "standard",
    count: int = 1,
    *,
    shape: tuple[int, int, int] = (24, 512, 512),
    changes: str = "{}",
) -> list[LabelledStack]:
    """Return ``count`` stacks of one cell in one state that differ in noise alone.

    The first is that of `simulate`, which explains the other parameters.
    """
    p = parameters(preset, changes)
    rng = np.random.default_rng([seed, 4])
    pixel, step = (float(rng.uniform(*r)) for r in (p.sampling.pixel_um, p.sampling.z_step_um))
    planes = max(round(shape[0] * Z_STEP_UM / step), 1)
    grid = Grid((planes, *shape[1:]), (step, pixel, pixel))
    optics = Optics.from_seed(seed, p.optics, pixel)
    camera = CameraModel.from_parameters(p.camera)
    sample, view = Sample(seed, parameters=p), View((0.0, 0.0), pixel, shape[1:])
    heights = [optics.depth(step * k) for k in range(planes)]
    photons = sample.emission(0.0, heights, view, optics)
    truth = sample.truth(0.0, heights, view)
    noise = np.random.default_rng([seed, 3])
    exposed = (camera.expose(photons, noise) for _ in range(count))
    name = f"{preset} {seed}"
    return [
        LabelledStack(data, grid, camera.offset, optics.chromatic, truth, name) for data in exposed
    ]


def check(stack: LabelledStack, voxel_um: tuple[float, float, float]) -> None:
    """Refuse a stack whose parts do not fit each other, or that no network can see.

    Parameters
    ----------
    stack : LabelledStack
    voxel_um : tuple of float
        The networks' voxel (z, y, x), µm.

    Raises
    ------
    ConfigError
        It says which sample, and the numbers.
    """
    where = f"sample {stack.name}" if stack.name else "a sample"
    if stack.data.ndim != 4 or stack.data.shape[1:] != stack.grid.shape:
        raise ConfigError(
            f"the image is {_times(stack.data.shape)}, its voxels say {_times(stack.grid.shape)}",
            where=where,
            fix="an image has channels, planes, rows and columns, in this order",
        )
    for name, mask in stack.truth.items():
        structure(name)
        if mask.shape != stack.grid.shape:
            raise ConfigError(
                f"the mask of {name} is {_times(mask.shape)}, its image {_times(stack.grid.shape)}",
                where=where,
                fix="masks have the planes, rows and columns of their image",
            )
    for axis, size, usual in zip("zyx", stack.grid.voxel_um, voxel_um, strict=True):
        if not usual / VOXEL_LIMIT <= size <= usual * VOXEL_LIMIT:
            raise ConfigError(
                f"voxels of {size:g} µm along {axis} are too far from the networks' {usual:g} µm",
                where=where,
                fix="are its voxels in micrometres? a network cannot see what they do not resolve",
            )
    if not isfinite(stack.offset):
        raise ConfigError(f"the camera's offset is {stack.offset}", where=where, fix="say a number")


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def features_of(stack: LabelledStack, package: Package, *, without_ratio: bool = False) -> Features:
    """Return what a session would show the network.

    Parameters
    ----------
    stack : LabelledStack
    package : Package
    without_ratio : bool
        Leave the ratio out, as it is where there is one channel alone: the ablation.
    """
    # reads packages, which needs pydantic: training alone does without
    from livesr.segmentation.segment import network_voxel

    features = _features(stack, network_voxel(package, stack.grid))
    if not (without_ratio and features.has_ratio):
        return features
    data = features.data.copy()
    data[1] = 0
    return replace(features, data=data, has_ratio=False)


def pixel_images(stack: LabelledStack) -> list[Float32]:
    """Return intensity and ratio registered on the camera's own pixels, for pixel classifiers."""
    return list(_features(stack, stack.grid.voxel_um).data)


def _features(stack: LabelledStack, voxel_um: tuple[float, float, float]) -> Features:
    warp = Warp(stack.grid, voxel_um, {1: stack.chromatic})
    norm = estimate_normalisation(stack.data, stack.grid, stack.offset)
    return make_features(stack.data, warp, stack.offset, norm)
