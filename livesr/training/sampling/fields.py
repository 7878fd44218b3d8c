"""Simulated fields of view on disk: expected photons and truth, made once and cut many times.

Noise, exposure, background and the rest are drawn anew for every patch
(`livesr.training.sampling.patches`), so a field is kept without them. A folder a field;
``field.json`` is written last, and a folder without it is not a field, so that fields can be read
while more are made.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.warp import ChromaticModel, target_grid
from livesr.catalog import NAMES
from livesr.features import estimate_normalisation
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View
from livesr.training.sampling.variety import DIVISIONS_S, as_text, dividing, varied
from livesr.types import Grid, Normalisation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from livesr.simulator.parameters import Parameters
    from livesr.training.labelled import LabelledStack
    from livesr.training.plan import FieldPlan
    from livesr.types import Bool, UInt16

    Float16 = np.ndarray[tuple[int, ...], np.dtype[np.float16]]

LONGEST_S = 600.0
"""Latest time at which a sample that does not divide is looked at."""
Z_STEP_UM = 0.3
PLANES = 24
CENTRES = 400
"""Voxels of each structure that are noted as centres for patches."""
REGISTERED = 0.3
"""Share of fields whose red channel lies on the yellow already, as on two aligned cameras; in the
others the warp interpolates it between planes, which blurs it a little."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of view.

    Attributes
    ----------
    photons : ndarray, (2, z, y, x), float16
        Expected photons a pixel and frame, yellow and red, on the camera's grid.
    truth : ndarray, (z', y, x), uint16
        One bit a structure, in the catalog's order, overlap allowed: the camera's pixels at the
        networks' planes.
    grid : Grid
        Of the photons.
    chromatic : ChromaticModel
        Red against yellow.
    norm : Normalisation
        Estimated over the whole field as in a session, with intensity in photons.
    centres : mapping of str to list of (y, x)
        Pixels of each structure.
    known : tuple of str
        Structures that the truth is about; of the others nothing is known.
    measured : bool
        The photons are a recording's own, noise and all, not expected values.
    """

    photons: Float16
    truth: UInt16
    grid: Grid
    chromatic: ChromaticModel
    norm: Normalisation
    centres: dict[str, list[tuple[int, int]]]
    known: tuple[str, ...] = NAMES
    measured: bool = False


def simulate_field(seed: int, plan: FieldPlan, camera: CameraModel) -> Field:
    """Simulate one field: a cell of its own at a random time and place, with optics of its own.

    Parameters
    ----------
    seed : int
        Of cell, optics and everything else.
    plan : FieldPlan
    camera : CameraModel
        Only its counts a photon are used.
    """
    rng = np.random.default_rng([seed, 1])
    world = draw_world(plan, rng)
    p, pixel = world.parameters, world.parameters.sampling.pixel_um[0]
    sample = Sample(seed, parameters=p)
    registered = rng.random() < REGISTERED
    optics = (Optics.registered if registered else Optics.from_seed)(seed, p.optics)
    usual = rng.random() < plan.usual_z_step
    step = Z_STEP_UM if usual else float(rng.uniform(*plan.z_step_um))
    start = float(rng.uniform(*plan.start_um)) + world.above_um
    aside = rng.uniform(-10.0, 10.0, 2)
    view = View((float(aside[0]), float(aside[1])), pixel, plan.shape)
    planes = ceil((PLANES - 1) * Z_STEP_UM / step - 1e-6) + 1
    at = start + step * np.arange(planes)
    photons = sample.emission(world.time_s, at.tolist(), view, optics).astype(np.float16)
    grid = Grid((planes, *plan.shape), (step, pixel, pixel))
    target = target_grid(grid, (Z_STEP_UM, pixel, pixel))
    truth_z = start + target.voxel_um[0] * np.arange(target.shape[0])
    truth = sample.truth(world.time_s, truth_z.tolist(), view)
    return Field(
        photons,
        pack(truth),
        grid,
        optics.chromatic,
        _photon_norm(photons, grid, camera, rng),
        {name: _centres(truth[name], rng) for name in NAMES},
    )


@dataclass(frozen=True, slots=True)
class World:
    """What kind of sample a field is of, when it is looked at, and how much higher than usual."""

    parameters: Parameters
    time_s: float
    above_um: float


def draw_world(plan: FieldPlan, rng: np.random.Generator) -> World:
    """Return a world after the plan's shares: standard or other, flat or dividing cells."""
    changes = varied(rng) if rng.random() < plan.varied else {}
    if rng.random() >= plan.dividing:
        return World(
            parameters("standard", as_text(changes)), float(rng.uniform(0.0, LONGEST_S)), 0.0
        )
    # Half of the tall cells' stacks begin where those of flat cells do.
    above = max(0.0, float(rng.uniform(-plan.rounded_um, plan.rounded_um)))
    return World(
        parameters("standard", as_text(changes | dividing())),
        float(rng.uniform(*DIVISIONS_S)),
        above,
    )


def pack(truth: dict[str, Bool]) -> UInt16:
    """Return one word a voxel, bit k for the catalog's k-th structure."""
    words = np.zeros(truth[NAMES[0]].shape, np.uint16)
    for bit, name in enumerate(NAMES):
        words |= truth[name].astype(np.uint16) << np.uint16(bit)
    return words


def _photon_norm(
    photons: Float16, grid: Grid, camera: CameraModel, rng: np.random.Generator
) -> Normalisation:
    counts = camera.expose(photons.astype(np.float32), rng)
    norm = estimate_normalisation(counts, grid, camera.offset)
    return Normalisation(norm.intensity / counts_per_photon(camera), norm.ratio)


def counts_per_photon(camera: CameraModel) -> float:
    """Return the camera's ADU for one photon."""
    return float(camera.qe / camera.gain_e_per_adu)


def _centres(mask: Bool, rng: np.random.Generator) -> list[tuple[int, int]]:
    y, x = np.nonzero(mask.any(axis=0))
    chosen = rng.permutation(len(y))[:CENTRES]
    return [(int(y[i]), int(x[i])) for i in chosen]


def write_field(field: Field, folder: Path) -> None:
    """Write a field; its ``field.json`` comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "photons.npy", field.photons)
    np.save(folder / "truth.npy", field.truth)
    about = {
        "voxel_um": field.grid.voxel_um,
        "chromatic": asdict(field.chromatic),
        "norm": asdict(field.norm),
        "centres": field.centres,
        "known": field.known,
        "measured": field.measured,
    }
    (folder / "field.json").write_text(json.dumps(about), encoding="utf-8")


def read_field(folder: Path) -> Field:
    """Open a field; its arrays are mapped, not loaded."""
    about = json.loads((folder / "field.json").read_text(encoding="utf-8"))
    photons = np.load(folder / "photons.npy", mmap_mode="r")
    voxel = about["voxel_um"]
    return Field(
        photons,
        np.load(folder / "truth.npy", mmap_mode="r"),
        Grid(photons.shape[1:], (voxel[0], voxel[1], voxel[2])),
        chromatic_from(about["chromatic"]),
        Normalisation(**about["norm"]),
        about["centres"],
        tuple(about.get("known", NAMES)),
        about.get("measured", False),
    )


def chromatic_from(parts: dict[str, Any]) -> ChromaticModel:
    """Return the model that ``asdict`` made into plain values."""
    rows = [tuple(row) for row in parts.pop("affine")]
    polynomial = tuple(tuple(row) for row in parts.pop("polynomial"))
    return ChromaticModel(affine=(rows[0], rows[1], rows[2]), polynomial=polynomial, **parts)


def field_of(labelled: LabelledStack, camera: CameraModel, rng: np.random.Generator) -> Field:
    """Return a recording with masks as a field to train on.

    Parameters
    ----------
    labelled : LabelledStack
        Its truth holds the structures that are known.
    camera : CameraModel
        That patches are taken with: counts become its photons.
    rng : numpy.random.Generator
        Chooses centres.
    """
    counts = labelled.data[:2].astype(np.float32) - np.float32(labelled.offset)
    photons = np.maximum(counts, 0.0) / counts_per_photon(camera)
    norm = estimate_normalisation(labelled.data, labelled.grid, labelled.offset)
    target = target_grid(labelled.grid, (Z_STEP_UM, *labelled.grid.voxel_um[1:]))
    truth = {name: _on_planes(mask, labelled.grid, target) for name, mask in labelled.truth.items()}
    none = np.zeros(target.shape, bool)
    return Field(
        photons.astype(np.float16),
        pack({name: truth.get(name, none) for name in NAMES}),
        labelled.grid,
        labelled.chromatic,
        Normalisation(norm.intensity / counts_per_photon(camera), norm.ratio),
        {name: _centres(mask, rng) for name, mask in truth.items()},
        tuple(name for name in NAMES if name in truth),
        measured=True,
    )


def _on_planes(mask: Bool, grid: Grid, target: Grid) -> Bool:
    """Return a mask at other heights: of the planes around each, by their distance."""
    at = np.arange(target.shape[0]) * (target.voxel_um[0] / grid.voxel_um[0])
    at = np.minimum(at, len(mask) - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, len(mask) - 1)
    weight = (at - below)[:, None, None]
    share = (1 - weight) * mask[below] + weight * mask[above]
    inside: Bool = share >= 0.5
    return inside


def made_fields(folder: Path) -> list[Path]:
    """Return the fields that are complete, in the order of their names."""
    return sorted(path.parent for path in folder.glob("*/field.json"))


def make_fields(folder: Path, seeds: Iterable[int], plan: FieldPlan) -> None:
    """Simulate and write the fields of ``seeds`` that are not there yet."""
    camera = CameraModel()
    for seed in seeds:
        place = folder / f"field-{seed:05d}"
        if not (place / "field.json").exists():
            write_field(simulate_field(seed, plan, camera), place)


def field_seeds(plan: FieldPlan) -> tuple[Sequence[int], Sequence[int]]:
    """Return the seeds of training and of validation."""
    return (
        range(plan.seeds, plan.seeds + plan.count),
        range(plan.validation_seeds, plan.validation_seeds + plan.validation_count),
    )
