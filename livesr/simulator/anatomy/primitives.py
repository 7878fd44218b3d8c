"""Tubes, sheets and balls as points with masses.

Every point carries an emission mass (physical: the same per length of tube or area of sheet
whatever its orientation) and a truth mass, chosen so that an isolated piece of the structure,
blurred by the nominal yellow point-spread function, peaks at 1 whatever its orientation. The truth
of a structure is then where its blurred truth masses reach one half. Masses are in µm³: a field is
mass times the density of the point-spread function (µm⁻³); emission 1 is the peak of an ER tube.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.simulator.anatomy.layer import Ints, Layer
    from livesr.types import Float64

FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
SIGMA_XY = 0.135 / FWHM
"""Nominal lateral standard deviation of the yellow image, µm."""
SIGMA_Z = 0.450 / FWHM
"""Nominal axial standard deviation of the yellow image, µm."""
SPACING_UM = 0.08
"""Usual distance between points: below 1.5 standard deviations of a point's image a lattice blurs
to better than 1 %."""
SHEET = 1.25
"""Distance between points of a sheet against the usual: most points of a cell are a sheet's, and a
lattice of 0.1 µm blurs to better than 1 % all the same."""
_THIN = 0.75
"""Radius below which a line of points is a tube, in spacings."""
_LATTICES = (27, 60, 120, 250, 500, 1000, 2000, 4000)
"""Points of the balls that are drawn."""
_FINE_UM = 0.06
"""Spacing below which a thick tube's cross-section has two rings."""


@lru_cache(maxsize=2)
def _section(fine: bool) -> tuple[Float64, Float64]:
    """Return offsets (n, 2) over a disc of radius 1 and weights of a tube's cross-section."""
    rings = ((6, 0.46, 1 / 19), (12, 0.82, 1 / 19)) if fine else ((6, 0.7, 0.14),)
    offsets, weights = [np.zeros((1, 2))], [np.array([1 / 19 if fine else 0.16])]
    for count, radius, weight in rings:
        turn = np.arange(count) * 2.0 * np.pi / count
        offsets.append(radius * np.stack([np.cos(turn), np.sin(turn)], axis=1))
        weights.append(np.full(count, weight))
    return np.concatenate(offsets), np.concatenate(weights)


def tube(
    points: Float64,
    tangents: Float64,
    lengths: Float64,
    radius: Float64,
    spacing_um: float = SPACING_UM,
) -> tuple[Float64, Float64, Float64, Ints]:
    """Return a tube of brightness 1 along a curve: each row of ``points`` is one piece.

    Parameters
    ----------
    points, tangents : ndarray, (n, 3)
        Pieces of the curve and their unit directions.
    lengths : ndarray, (n,)
        Length of each piece, µm.
    radius : ndarray, (n,)
        Radius of the tube at each piece; below 3/4 spacings a line of points is enough.
    spacing_um : float
        Largest distance between points across the tube.

    Returns
    -------
    points, emission, truth, piece : ndarray
        Points (m, 3), their masses, and the piece that each belongs to.
    """
    tz = np.clip(tangents[:, 0], -1.0, 1.0)
    flat = np.sqrt(np.maximum(1.0 - tz**2, 1e-9))
    spread = np.sqrt(SIGMA_XY**2 * tz**2 + SIGMA_Z**2 * flat**2)
    if bool(np.all(radius < _THIN * spacing_um)):
        peak, level = (1.0 / (2 * np.pi * SIGMA_XY * s) for s in (spread, SIGMA_Z))
        return points, lengths / level, lengths / peak, np.arange(len(points))
    offsets, weights = _section(spacing_um < _FINE_UM)
    across = radius[:, None] * offsets[:, 0]
    upward = radius[:, None] * offsets[:, 1]
    peak = _line_peak(across, upward, spread[:, None], weights)
    level = _line_peak(across, upward, np.full_like(spread, SIGMA_Z)[:, None], weights)
    level_side = np.stack([np.zeros_like(tz), tangents[:, 2], -tangents[:, 1]], axis=1)
    upright = flat < 1e-3
    side = np.where(upright[:, None], np.array([0.0, 1.0, 0.0]), level_side / flat[:, None])
    up = np.cross(side, tangents)
    where = points[:, None] + across[..., None] * side[:, None] + upward[..., None] * up[:, None]
    share = lengths[:, None] * weights
    return (
        where.reshape(-1, 3),
        (share / level[:, None]).ravel(),
        (share / peak[:, None]).ravel(),
        np.repeat(np.arange(len(points)), weights.size),
    )


def _line_peak(across: Float64, upward: Float64, spread: Float64, weights: Float64) -> Float64:
    """Return the density (µm⁻²) on the axis of an endless tube of mass 1 a µm."""
    power = (across / SIGMA_XY) ** 2 + (upward / spread) ** 2
    peak: Float64 = (np.exp(-0.5 * power) / (2 * np.pi * SIGMA_XY * spread)) @ weights
    return peak


def mass_length(
    layer: Layer, level: Float64, radius: Float64, spacing_um: float = SPACING_UM
) -> Float64:
    """Return the length of tube (µm) that each point of a layer stands for: `tube` undone."""
    distinct, index = np.unique(radius, return_inverse=True)
    section = tube(
        np.zeros((len(distinct), 3)),
        np.tile([0.0, 0.0, 1.0], (len(distinct), 1)),
        np.ones(len(distinct)),
        distinct,
        spacing_um,
    )
    whole = np.bincount(section[3], section[1])
    return np.asarray(layer.masses[0] / (level * whole[index]))


def mass_area(layer: Layer, level: float) -> Float64:
    """Return the area of sheet (µm²) that each point of a layer stands for."""
    return np.asarray(layer.masses[0] / (level * np.sqrt(2.0 * np.pi) * SIGMA_XY))


def ball_diameter(volume: Float64) -> Float64:
    """Return the diameter of balls of a volume."""
    return np.asarray((6.0 * volume / np.pi) ** (1.0 / 3.0))


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


def balls(
    radii: Float64,
    aspect: Float64,
    axes: Float64,
    hollow: float = 0.0,
    spacing_um: float = SPACING_UM,
) -> tuple[Float64, Float64, Float64, Ints]:
    """Return points of balls and ellipsoids from their centres.

    Parameters
    ----------
    radii, aspect : ndarray, (n,)
        Radius across (µm), and length over diameter.
    axes : ndarray, (n, 3)
        Unit directions of the lengths.
    hollow : float
        Share of the emission that sits in the outer shell of balls wider than 0.4 µm.
    spacing_um : float
        Distance between points.

    Returns
    -------
    offsets, emission, truth, owner : ndarray
        Points (m, 3); masses (a filled ball's peak is 1); ball of each point.
    """
    lattices = [
        _ball(_points_for(r * a ** (1.0 / 3.0), spacing_um))
        for r, a in zip(radii, aspect, strict=True)
    ]
    owner = np.repeat(np.arange(len(radii)), [len(u) for u in lattices])
    unit = np.concatenate(lattices) if lattices else np.zeros((0, 3))
    along = np.sum(unit * axes[owner], axis=1)
    offsets = radii[owner, None] * (unit + ((aspect[owner] - 1.0) * along)[:, None] * axes[owner])
    density = np.exp(
        -0.5 * (offsets[:, 0] / SIGMA_Z) ** 2
        - 0.5 * (offsets[:, 1] ** 2 + offsets[:, 2] ** 2) / SIGMA_XY**2
    ) / ((2 * np.pi) ** 1.5 * SIGMA_Z * SIGMA_XY**2)
    truth = 1.0 / np.bincount(owner, density, minlength=len(radii))[owner]
    emission = truth
    if hollow > 0.0:
        outer = np.sum(unit**2, axis=1) > 0.5
        shell = np.where(outer, 1.0 + hollow, 1.0 - hollow)
        emission = truth * np.where(radii[owner] > 0.2, shell, 1.0)
    return offsets, emission, truth, owner


@lru_cache(maxsize=16)
def _ball(points: int) -> Float64:
    """Return a lattice of about ``points`` points in the unit ball."""
    spacing = (4.0 / 3.0 * np.pi / points) ** (1.0 / 3.0)
    n = int(np.ceil(1.0 / spacing)) + 1
    steps = (np.arange(-n, n + 1)) * spacing
    lattice = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = lattice[np.sum(lattice**2, axis=1) <= 1.0]
    scale = 1.0 / np.sqrt(5.0 * np.mean(inside**2))  # second moment of a filled ball
    return np.asarray(inside * scale)


def _points_for(radius: float, spacing_um: float) -> int:
    wanted = 4.0 / 3.0 * np.pi * (radius / spacing_um) ** 3
    return int(min((n for n in _LATTICES if n >= wanted), default=_LATTICES[-1]))
