"""Vesicles: lipid droplets, peroxisomes, early and late endosomes, lysosomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.cloud import SIGMA_XY, SIGMA_Z, Cloud, balls

if TYPE_CHECKING:
    from livesr.simulator.dye import CellDye
    from livesr.simulator.shape import CellShape
    from livesr.types import Float64


def lipid_droplets(
    shape: CellShape, dye: CellDye, rng: np.random.Generator, network: Cloud
) -> Cloud:
    """Return 50 to 120 droplets, 0.2 to 1.0 µm, in loose groups on the ER."""
    count = int(rng.integers(50, 121))
    diameter = _diameters(0.48, 0.4, (0.2, 1.0), count, rng)
    seeds = network.points[rng.integers(0, len(network.points), max(count // 4, 1))]
    places = seeds[rng.integers(0, len(seeds), count)]
    places = places + rng.normal(0.0, 1.0, (count, 3)) * np.array([0.5, 1.3, 1.3])
    return _place("lipid_droplet", places, diameter, shape, dye, rng)


def peroxisomes(shape: CellShape, dye: CellDye, rng: np.random.Generator, network: Cloud) -> Cloud:
    """Return 200 to 400 peroxisomes, 0.15 to 0.35 µm, along the ER."""
    count = int(rng.integers(200, 401))
    diameter = _diameters(0.27, 0.2, (0.15, 0.35), count, rng)
    places = network.points[rng.integers(0, len(network.points), count)]
    places = places + rng.normal(0.0, 0.1, (count, 3))
    return _place("peroxisome", places, diameter, shape, dye, rng)


def early_endosomes(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return 150 to 300 early endosomes, 0.15 to 0.4 µm, in the periphery."""
    count = int(rng.integers(150, 301))
    diameter = _diameters(0.30, 0.25, (0.15, 0.4), count, rng)
    angle, reach = rng.uniform(-np.pi, np.pi, count), np.sqrt(rng.uniform(0.12, 0.95, count))
    radius = shape.footprint.edge(angle) * reach
    y = shape.footprint.center[0] + radius * np.sin(angle)
    x = shape.footprint.center[1] + radius * np.cos(angle)
    z = rng.uniform(0.1, 0.9, count) * shape.top(y, x)
    return _place("early_endosome", np.stack([z, y, x], axis=1), diameter, shape, dye, rng)


def late_endosomes(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return 80 to 150 late endosomes, 0.3 to 0.6 µm, beside the nucleus; the wide are hollow."""
    count = int(rng.integers(80, 151))
    diameter = _diameters(0.46, 0.2, (0.3, 0.6), count, rng)
    places = _around_organizer(shape, count, 4.0, rng)
    return _place("late_endosome", places, diameter, shape, dye, rng, hollow=0.6)


def lysosomes(shape: CellShape, dye: CellDye, rng: np.random.Generator) -> Cloud:
    """Return 150 to 300 lysosomes, 0.2 to 0.8 µm log-normal, beside the nucleus and outwards."""
    count = int(rng.integers(150, 301))
    diameter = _diameters(0.45, 0.35, (0.2, 0.8), count, rng)
    places = _around_organizer(shape, count, 6.5, rng)
    return _place("lysosome", places, diameter, shape, dye, rng)


def _diameters(
    median: float, spread: float, limits: tuple[float, float], count: int, rng: np.random.Generator
) -> Float64:
    return np.clip(rng.lognormal(np.log(median), spread, count), *limits)


def _around_organizer(
    shape: CellShape, count: int, reach_um: float, rng: np.random.Generator
) -> Float64:
    y, x = np.array(shape.organizer)[:, None] + rng.standard_t(4, (2, count)) * reach_um
    z = rng.uniform(0.1, 0.9, count) * shape.top(y, x)
    return np.stack([z, y, x], axis=1)


def _place(
    name: str,
    places: Float64,
    diameter: Float64,
    shape: CellShape,
    dye: CellDye,
    rng: np.random.Generator,
    hollow: float = 0.0,
) -> Cloud:
    radii = diameter / 2.0
    centers = shape.confine(places, radii)
    points, emission, truth, owner = balls(centers, radii, hollow)
    level, ratio = dye.objects(name, len(radii), rng)
    level = level * _filling(radii)
    return Cloud(name, points, emission * level[owner], truth, ratio[owner], owner, centers, radii)


def _filling(radii: Float64) -> Float64:
    """Return how dim balls are that do not fill the point-spread function, 0.35 to 1.

    A membrane-bounded vesicle loses less than a filled one (its membrane shrinks with the square
    of the diameter): the square root of the filled share.
    """
    volume = 4.0 / 3.0 * np.pi * radii**3
    spot = (2.0 * np.pi) ** 1.5 * SIGMA_Z * SIGMA_XY**2
    return np.asarray(np.clip(np.sqrt(volume / (volume + spot)) * 1.15, 0.35, 1.0))
