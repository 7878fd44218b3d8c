"""Simulated colocalisation images: cells with a green probe in one structure, and their truth.

FG-net learns from these what of a probe's image is foreground. Fields are kept as expected photons
and cut many times (`livesr.training.sampling.colocalisation_patches`), as those of the cells are.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import Warp
from livesr.simulator.coloc import NILE_RED_SHARE, PROBES, make_probe
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View
from livesr.training.labels.probe import ProbedStack, brightness, empty_light, without_nile_red
from livesr.training.sampling.fields import (
    CENTRES,
    PLANES,
    REGISTERED,
    Z_STEP_UM,
    chromatic_from,
    counts_per_photon,
    draw_world,
)
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from livesr.calibration.warp import ChromaticModel
    from livesr.simulator.coloc import Probe
    from livesr.training.plan import FieldPlan
    from livesr.types import Bool, Float32, UInt8

    Float16 = np.ndarray[tuple[int, ...], np.dtype[np.float16]]

FIELD_FILE = "field.json"
CHANNELS = (0, 2)
"""Yellow and green, by the simulator's numbers."""
EXPRESSION = (0.6, 5.0)
"""Green photons at the structure in a cell of median expression, in those of an ER tube."""
USUAL_EXPRESSION = (1.0, 4.0)
"""The same for cells that scores are of: a probe that nobody sees would not be recorded."""
SPREAD = (0.1, 0.7)
"""Of the logarithm of the expression from cell to cell."""
FOREGROUND_BIT, DROPLET_BIT = 1, 2


@dataclass(frozen=True, slots=True)
class ColocField:
    """One simulated field of view with a probe.

    Attributes
    ----------
    photons : ndarray, (2, z, y, x), float16
        Expected photons a pixel and frame, yellow and green.
    truth : ndarray, (z, y, x), uint8
        `FOREGROUND_BIT` and `DROPLET_BIT`, on the yellow channel's voxels.
    grid : Grid
    chromatic : ChromaticModel
        Green against yellow.
    empty : tuple of float
        Photons of the empty field in yellow and green, as labels estimate them.
    bright : float
        Photons that become 1 in FG-net's input, as labels estimate them.
    centres : list of (y, x)
        Pixels of the foreground.
    structure : str
        The probe's.
    """

    photons: Float16
    truth: UInt8
    grid: Grid
    chromatic: ChromaticModel
    empty: tuple[float, float]
    bright: float
    centres: list[tuple[int, int]]
    structure: str


def simulate_coloc_field(seed: int, plan: FieldPlan, camera: CameraModel) -> ColocField:
    """Simulate one field; its seed decides the probe: one structure after the other.

    Parameters
    ----------
    seed : int
        Of cell, optics, expression and everything else.
    plan : FieldPlan
    camera : CameraModel
        Of the exposure from which empty field and brightness are estimated.
    """
    rng = np.random.default_rng([seed, 6])
    world = draw_world(plan, rng)
    p, pixel = world.parameters, world.parameters.sampling.pixel_um[0]
    probe = make_probe(
        PROBES[seed % len(PROBES)],
        p,
        expression=float(np.exp(rng.uniform(*np.log(EXPRESSION)))),
        spread=float(rng.uniform(*SPREAD)),
    )
    sample = Sample(seed, parameters=p)
    registered = rng.random() < REGISTERED
    optics = (Optics.registered if registered else Optics.from_seed)(seed, p.optics)
    step = Z_STEP_UM if rng.random() < plan.usual_z_step else float(rng.uniform(*plan.z_step_um))
    start = float(rng.uniform(*plan.start_um)) + world.above_um
    aside = rng.uniform(-10.0, 10.0, 2)
    view = View((float(aside[0]), float(aside[1])), pixel, plan.shape)
    planes = ceil((PLANES - 1) * Z_STEP_UM / step - 1e-6) + 1
    at = (start + step * np.arange(planes)).tolist()
    photons = sample.emission(world.time_s, at, view, optics, channels=CHANNELS, probe=probe)
    truth = _truth(sample, world.time_s, at, view, probe)
    grid = Grid((planes, *plan.shape), (step, pixel, pixel))
    empty, bright = _light(photons, truth, grid, optics.chromatic_green, camera, rng)
    y, x = np.nonzero((truth & FOREGROUND_BIT).any(axis=0))
    chosen = rng.permutation(len(y))[:CENTRES]
    return ColocField(
        photons.astype(np.float16),
        truth,
        grid,
        optics.chromatic_green,
        empty,
        bright,
        [(int(y[i]), int(x[i])) for i in chosen],
        probe.structure,
    )


def _truth(sample: Sample, time_s: float, z_um: Sequence[float], view: View, probe: Probe) -> UInt8:
    masks = sample.truth(time_s, z_um, view, names=(*probe.structures, "lipid_droplet"))
    words: UInt8 = masks["lipid_droplet"] * np.uint8(DROPLET_BIT)
    for name in probe.structures:
        words |= masks[name] * np.uint8(FOREGROUND_BIT)
    return words


def _light(
    photons: Float32,
    truth: UInt8,
    grid: Grid,
    chromatic: ChromaticModel,
    camera: CameraModel,
    rng: np.random.Generator,
) -> tuple[tuple[float, float], float]:
    """Return the empty field's light and the probe's brightness over the whole field, photons."""
    counts = camera.expose(photons, rng)
    warp = Warp(grid, grid.voxel_um, {1: chromatic})
    yellow, green = warp.apply(counts, camera.offset)
    empty = empty_light(yellow, grid), empty_light(green, grid)
    image = without_nile_red(yellow, green, empty, NILE_RED_SHARE, (truth & DROPLET_BIT) > 0)
    unit = counts_per_photon(camera)
    return (empty[0] / unit, empty[1] / unit), brightness(image, grid) / unit


def write_coloc_field(field: ColocField, folder: Path) -> None:
    """Write a field; its ``field.json`` comes last, and makes it whole."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "photons.npy", field.photons)
    np.save(folder / "truth.npy", field.truth)
    about = {
        "voxel_um": field.grid.voxel_um,
        "chromatic": asdict(field.chromatic),
        "empty": field.empty,
        "bright": field.bright,
        "centres": field.centres,
        "structure": field.structure,
    }
    (folder / FIELD_FILE).write_text(json.dumps(about), encoding="utf-8")


def read_coloc_field(folder: Path) -> ColocField:
    """Open a field; its arrays are mapped, not loaded."""
    about = json.loads((folder / FIELD_FILE).read_text(encoding="utf-8"))
    photons = np.load(folder / "photons.npy", mmap_mode="r")
    z, y, x = about["voxel_um"]
    return ColocField(
        photons,
        np.load(folder / "truth.npy", mmap_mode="r"),
        Grid(photons.shape[1:], (z, y, x)),
        chromatic_from(about["chromatic"]),
        (about["empty"][0], about["empty"][1]),
        about["bright"],
        about["centres"],
        about["structure"],
    )


def make_coloc_fields(folder: Path, seeds: Iterable[int], plan: FieldPlan) -> None:
    """Simulate and write the fields of ``seeds`` that are not there yet."""
    camera = CameraModel()
    for seed in seeds:
        place = folder / f"field-{seed:05d}"
        if not (place / FIELD_FILE).exists():
            write_coloc_field(simulate_coloc_field(seed, plan, camera), place)


@dataclass(frozen=True, slots=True)
class ProbedCell:
    """A stack of an unseen cell with a probe, and what is true.

    Attributes
    ----------
    stack : ProbedStack
        With the true lipid droplets.
    truth : ndarray, (z, y, x), bool
        What carries the probe.
    structure : str
        The probe's.
    """

    stack: ProbedStack
    truth: Bool
    structure: str


def simulate_probes(
    seed: int,
    structures: Sequence[str] = PROBES,
    preset: str = "standard",
    *,
    shape: tuple[int, int, int] = (24, 512, 512),
) -> Iterator[ProbedCell]:
    """Yield the same cells with one probe after the other, each as a session would record it.

    Parameters
    ----------
    seed : int
    structures : sequence of str
        Of `livesr.simulator.coloc.PROBES`.
    preset : str
        Of the simulated microscope.
    shape : tuple of int
        Planes at steps of 0.3 µm, rows, columns; another step gives as many planes as reach as far.
    """
    p = parameters(preset)
    rng = np.random.default_rng([seed, 5])
    pixel, step = (float(rng.uniform(*r)) for r in (p.sampling.pixel_um, p.sampling.z_step_um))
    grid = Grid((max(round(shape[0] * Z_STEP_UM / step), 1), *shape[1:]), (step, pixel, pixel))
    optics = Optics.from_seed(seed, p.optics, pixel)
    camera = CameraModel.from_parameters(p.camera)
    sample, view = Sample(seed, parameters=p), View((0.0, 0.0), pixel, shape[1:])
    heights = [optics.depth(step * k) for k in range(grid.shape[0])]
    for structure in structures:
        draw = np.random.default_rng([seed, 7, PROBES.index(structure)])
        expression = float(np.exp(draw.uniform(*np.log(USUAL_EXPRESSION))))
        probe = make_probe(structure, p, expression=expression)
        photons = sample.emission(0.0, heights, view, optics, channels=CHANNELS, probe=probe)
        words = _truth(sample, 0.0, heights, view, probe)
        stack = ProbedStack(
            camera.expose(photons, draw),
            grid,
            camera.offset,
            optics.chromatic_green,
            (words & DROPLET_BIT) > 0,
        )
        yield ProbedCell(stack, (words & FOREGROUND_BIT) > 0, structure)
