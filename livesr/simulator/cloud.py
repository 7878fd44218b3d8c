"""Structures as clouds of points with masses: tubes, sheets and balls.

Every point carries an emission mass (physical: the same per length of tube or area of sheet
whatever its orientation) and a truth mass, chosen so that an isolated piece of the structure,
blurred by the nominal yellow point-spread function, peaks at 1 whatever its orientation. The truth
of a structure is then where its blurred truth masses reach one half.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Float64

    Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
SIGMA_XY = 0.135 / FWHM
"""Nominal lateral standard deviation of the yellow image, µm."""
SIGMA_Z = 0.450 / FWHM
"""Nominal axial standard deviation of the yellow image, µm."""
SPACING_UM = 0.08
"""Distance between points; below 1.5 standard deviations a lattice blurs to better than 1 %."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points of one structure.

    Attributes
    ----------
    name : str
        Structure.
    points : ndarray, (n, 3), float64
        (z, y, x), µm.
    emission, truth : ndarray, (n,), float64
        Masses, µm³: a field is mass times the density of the point-spread function (µm⁻³);
        emission 1 is the peak of an ER tube.
    ratio : ndarray, (n,), float64
        Red / yellow.
    owner : ndarray, (n,), int64
        Object that each point belongs to.
    centers, radii : ndarray, (objects, 3) and (objects,)
        Of the objects.
    """

    name: str
    points: Float64
    emission: Float64
    truth: Float64
    ratio: Float64
    owner: Ints
    centers: Float64
    radii: Float64


def merge(name: str, clouds: Sequence[Cloud]) -> Cloud:
    """Return one cloud of several; objects are renumbered."""
    starts = np.cumsum([0, *(len(c.radii) for c in clouds)])
    return Cloud(
        name,
        np.concatenate([c.points for c in clouds]),
        np.concatenate([c.emission for c in clouds]),
        np.concatenate([c.truth for c in clouds]),
        np.concatenate([c.ratio for c in clouds]),
        np.concatenate([c.owner + start for c, start in zip(clouds, starts, strict=False)]),
        np.concatenate([c.centers for c in clouds]),
        np.concatenate([c.radii for c in clouds]),
    )


def from_points(
    name: str,
    points: Float64,
    emission: Float64,
    truth: Float64,
    ratio: Float64,
    owner: Ints,
    count: int,
) -> Cloud:
    """Return a cloud whose objects' centres are the means of their points."""
    size = np.maximum(np.bincount(owner, minlength=count), 1)[:, None]
    sums = [np.bincount(owner, points[:, axis], minlength=count) for axis in range(3)]
    centers = np.stack(sums, axis=1) / size
    return Cloud(name, points, emission, truth, ratio, owner, centers, np.zeros(count))


@lru_cache(maxsize=1)
def _section() -> tuple[Float64, Float64]:
    """Return offsets (7, 2) over a disc of radius 1 and weights of a tube's cross-section."""
    turn = np.arange(6) * np.pi / 3
    ring = 0.7 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.concatenate([np.zeros((1, 2)), ring]), np.array([0.16] + [0.14] * 6)


def tube(points: Float64, tangents: Float64, lengths: Float64, radius: Float64) -> Cloud:
    """Return a tube of brightness 1 along a curve: each row of ``points`` is one piece.

    Parameters
    ----------
    points, tangents : ndarray, (n, 3)
        Pieces of the curve and their unit directions.
    lengths : ndarray, (n,)
        Length of each piece, µm.
    radius : ndarray, (n,)
        Radius of the tube at each piece; below 0.06 µm a line of points is enough.
    """
    tz = np.clip(tangents[:, 0], -1.0, 1.0)
    flat = np.sqrt(np.maximum(1.0 - tz**2, 1e-9))
    spread = np.sqrt(SIGMA_XY**2 * tz**2 + SIGMA_Z**2 * flat**2)
    thin = bool(np.all(radius < 0.06))
    offsets, weights = (np.zeros((1, 2)), np.ones(1)) if thin else _section()
    across = radius[:, None] * offsets[:, 0]
    upward = radius[:, None] * offsets[:, 1]
    peak = _line_peak(across, upward, SIGMA_XY, spread[:, None], weights)
    level = _line_peak(across, upward, SIGMA_XY, np.full_like(spread, SIGMA_Z)[:, None], weights)
    side = np.stack([np.zeros_like(tz), tangents[:, 2] / flat, -tangents[:, 1] / flat], axis=1)
    up = np.stack([flat, -tz * tangents[:, 1] / flat, -tz * tangents[:, 2] / flat], axis=1)
    where = points[:, None] + across[..., None] * side[:, None] + upward[..., None] * up[:, None]
    share = lengths[:, None] * weights
    count = where.shape[0] * where.shape[1]
    return Cloud(
        "",
        where.reshape(-1, 3),
        (share / level[:, None]).ravel(),
        (share / peak[:, None]).ravel(),
        np.ones(count),
        np.repeat(np.arange(len(points)), weights.size),
        np.zeros((0, 3)),
        np.zeros(0),
    )


def _line_peak(
    across: Float64, upward: Float64, s1: float, s2: Float64, weights: Float64
) -> Float64:
    """Return the density (µm⁻²) on the axis of an endless tube of mass 1 a µm."""
    density = np.exp(-0.5 * ((across / s1) ** 2 + (upward / s2) ** 2)) / (2 * np.pi * s1 * s2)
    peak: Float64 = density @ weights
    return peak


def sheet_masses(
    normal_z: Float64, area: Float64, thickness_um: float = 0.0
) -> tuple[Float64, Float64]:
    """Return emission and truth masses of pieces of a sheet.

    Emission is 1 where the sheet stands on edge; seen face-on the same mass is spread over the
    longer axial extent.

    Parameters
    ----------
    normal_z : ndarray
        z component of the unit normal.
    area : ndarray
        Area of each piece, µm².
    thickness_um : float
        Standard deviation of a stack of sheets along the normal.
    """
    variance = SIGMA_XY**2 * (1.0 - normal_z**2) + SIGMA_Z**2 * normal_z**2 + thickness_um**2
    edge_on = np.sqrt(2.0 * np.pi * (SIGMA_XY**2 + thickness_um**2))
    return area * edge_on, area * np.sqrt(2.0 * np.pi * variance)


@lru_cache(maxsize=16)
def _ball(points: int) -> Float64:
    """Return a face-centred lattice of about ``points`` points in the unit ball."""
    spacing = (4.0 / 3.0 * np.pi / points) ** (1.0 / 3.0)
    n = int(np.ceil(1.0 / spacing)) + 1
    steps = (np.arange(-n, n + 1)) * spacing
    lattice = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = lattice[np.sum(lattice**2, axis=1) <= 1.0]
    scale = 1.0 / np.sqrt(5.0 * np.mean(inside**2))  # second moment of a filled ball
    return np.asarray(inside * scale)


def balls(
    centers: Float64, radii: Float64, hollow: float = 0.0
) -> tuple[Float64, Float64, Float64, Ints]:
    """Return points, emission (peak of a filled ball = 1), truth and owner of spheres.

    Parameters
    ----------
    centers, radii : ndarray, (n, 3) and (n,)
    hollow : float
        Share of the emission that sits in the outer shell of balls wider than 0.4 µm.
    """
    parts: list[tuple[Float64, Float64, Float64, Ints]] = []
    for index, (center, radius) in enumerate(zip(centers, radii, strict=True)):
        unit = _ball(_points_for(radius))
        offsets = unit * radius
        density = np.exp(
            -0.5 * (offsets[:, 0] / SIGMA_Z) ** 2
            - 0.5 * (offsets[:, 1] ** 2 + offsets[:, 2] ** 2) / SIGMA_XY**2
        ) / ((2 * np.pi) ** 1.5 * SIGMA_Z * SIGMA_XY**2)
        truth = np.full(len(unit), 1.0 / density.sum())
        emission = truth
        if hollow > 0.0 and radius > 0.2:
            outer = np.sum(unit**2, axis=1) > 0.5
            emission = truth * np.where(outer, 1.0 + hollow, 1.0 - hollow)
        parts.append((offsets + center, emission, truth, np.full(len(unit), index)))
    points, emission, truth, owner = (np.concatenate(column) for column in zip(*parts, strict=True))
    return points, emission, truth, owner


def _points_for(radius: float) -> int:
    wanted = 4.0 / 3.0 * np.pi * (radius / SPACING_UM) ** 3
    return int(min((n for n in (27, 60, 120, 250, 500, 1000) if n >= wanted), default=1000))
