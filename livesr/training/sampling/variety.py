"""Cells and microscopes unlike the standard ones, for training on light that nobody simulated.

Each draw changes the simulator's standard parameters at random: widths of the point-spread
function, spectra, brightness, counts, sizes and shapes. The ranges are wide and have nothing to do
with the presets that networks are tested on, which training never reads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from livesr.simulator.parameters import parameters

if TYPE_CHECKING:
    import numpy as np

    Draw = np.random.Generator

STAINS = (
    "lipid_droplet",
    "plasma_membrane",
    "filopodia",
    "early_endosome",
    "late_endosome",
    "lysosome",
    "golgi",
    "peroxisome",
    "mitochondria",
    "er",
    "nuclear_membrane",
    "nuclear_reticulum",
    "cytosol",
    "nucleoplasm",
)
VESICLES = ("early_endosome", "late_endosome", "lysosome", "peroxisome", "lipid_droplet")
FIRST_DIVISION_MIN = (0.2, 60.0)
"""When the cells of a dividing sample begin to, in minutes."""
DIVISIONS_S = (0.0, 8400.0)
"""Times at which a dividing sample is looked at."""


def dividing() -> dict[str, Any]:
    """Return the changes that let every cell divide within `DIVISIONS_S`."""
    return {"sample.dividing": 1.0, "sample.window_min": list(FIRST_DIVISION_MIN)}


def varied(rng: Draw) -> dict[str, Any]:
    """Return the changes to another microscope with other cells."""
    return {**_microscope(rng), **_dye(rng), **_cell(rng), **_organelles(rng)}


def as_text(changes: dict[str, Any]) -> str:
    """Return changes as `livesr.simulator.parameters.parameters` reads them."""
    return json.dumps(changes, sort_keys=True)


def _microscope(rng: Draw) -> dict[str, Any]:
    optics = parameters().optics
    wide, long = rng.uniform(0.85, 1.3), rng.uniform(0.85, 1.3)
    lateral, axial = optics.lateral_fwhm_nm, optics.axial_fwhm_nm
    bands = ("green", "yellow", "red")
    pixel = float(rng.uniform(0.05, min(0.088, 0.08 * wide)))
    return {
        "sampling.pixel_um": [pixel, pixel],
        "optics.lateral_fwhm_nm": {band: wide * getattr(lateral, band) for band in bands},
        "optics.axial_fwhm_nm": {band: long * getattr(axial, band) for band in bands},
        "optics.pedestal": float(rng.uniform(0.0, 0.08)),
        "optics.pedestal_sigma_um": float(rng.uniform(1.0, 2.5)),
        "optics.vignette": [0.1, 0.4],
        "light.background_ratio": [0.3, 0.9],
    }


def _dye(rng: Draw) -> dict[str, Any]:
    """Return spectra that move together, and a little each."""
    dye = parameters().dye
    medium = rng.uniform(-5.0, 5.0)
    changes: dict[str, Any] = {
        "dye.cell_jitter": float(rng.uniform(0.05, 0.18)),
        "dye.object_jitter": float(rng.uniform(0.04, 0.12)),
    }
    for name in STAINS:
        stain = dye.stain(name)
        factor = rng.uniform(0.75, 1.3)
        changes[f"dye.{name}.peak_nm"] = float(stain.peak_nm + medium + rng.uniform(-1.5, 1.5))
        changes[f"dye.{name}.brightness"] = [float(factor * b) for b in stain.brightness]
    return changes


def _cell(rng: Draw) -> dict[str, Any]:
    size, flat = rng.uniform(0.6, 1.3), rng.uniform(0.85, 1.2)
    elongation = float(rng.uniform(1.05, 2.4))
    nucleus = float(rng.uniform(0.17, 0.34))
    low, high = parameters().cell.volume_um3
    small, large = parameters().cell.footprint_um2
    return {
        "cell.volume_um3": [size * low, size * high],
        "cell.footprint_um2": [size * flat * small, size * flat * large],
        "cell.elongation": [elongation, elongation + 0.2],
        "cell.lobes": float(rng.uniform(0.03, 0.14)),
        "nucleus.share": [nucleus, nucleus + 0.02],
        "nucleus.least_um3": 350.0,
        "nucleus.nucleoli": [1, 6],
        "nucleus.nucleolus_radius_um": [0.6, 1.8],
        "sample.gap_um": float(rng.uniform(0.2, 1.5)),
    }


def _organelles(rng: Draw) -> dict[str, Any]:
    p = parameters()
    mesh, wide = rng.uniform(0.7, 1.3), rng.uniform(0.85, 1.3)
    length, reach = rng.uniform(0.15, 1.2), rng.uniform(0.6, 1.5)
    golgi = rng.uniform(0.5, 1.1)
    changes: dict[str, Any] = {
        "er.mesh_um": _scaled(p.er.mesh_um, mesh),
        "er.missing": float(rng.uniform(0.05, 0.25)),
        "er.volume_share": _scaled(p.er.volume_share, rng.uniform(0.8, 1.3)),
        "mitochondria.diameter_um": _scaled(p.mitochondria.diameter_um, wide),
        "mitochondria.median_length_um": float(p.mitochondria.median_length_um * length),
        "mitochondria.length_um": [0.5, 10.0],
        "mitochondria.branching": float(rng.uniform(0.0, 0.35)),
        "mitochondria.count": _counted(p.mitochondria.count, rng.uniform(0.5, 1.6)),
        "golgi.ribbon_um": _scaled(p.golgi.ribbon_um, golgi),
        "golgi.stacks": _counted(p.golgi.stacks, golgi),
        "late_endosome.reach_um": float(p.late_endosome.reach_um * reach),
        "lysosome.reach_um": float(p.lysosome.reach_um * reach),
        "nuclear_membrane.folds": [0, 6],
        "nuclear_reticulum.count": [1, 8],
        "plasma_membrane.ruffles": [0, 8],
        "filopodia.count": [5, 60],
    }
    for name in VESICLES:
        known = p.vesicle(name)
        median = float(known.median_um * rng.uniform(0.75, 1.2))
        changes[f"{name}.count"] = _counted(known.count, rng.uniform(0.3, 1.9))
        changes[f"{name}.median_um"] = median
    return changes


def _scaled(pair: tuple[float, float], factor: float) -> list[float]:
    return [float(factor * value) for value in pair]


def _counted(pair: tuple[int, int], factor: float) -> list[int]:
    return [max(1, round(factor * value)) for value in pair]
