"""Widths of a bead's image from its fitted Gaussian, with their standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.beads import gaussian as g

if TYPE_CHECKING:
    from livesr.types import Float64

FWHM = float(2.0 * np.sqrt(2.0 * np.log(2.0)))
"""Full width at half maximum of a Gaussian, in standard deviations."""
LEAST = 1e-9
BALL_VARIANCE = 1.0 / 20.0
"""Along each axis, of an evenly filled ball of diameter 1."""


def ball_fwhm2(diameter_um: float) -> float:
    """Return the squared full width at half maximum that a ball adds to a point's image, µm²."""
    return FWHM**2 * BALL_VARIANCE * diameter_um**2


def widths_of(
    parameters: Float64, covariance: Float64, voxel_um: Float64
) -> tuple[Float64, Float64, Float64]:
    """Return full widths at half maximum of fitted Gaussians.

    Parameters
    ----------
    parameters : ndarray, (n, 9)
        As `livesr.calibration.beads.gaussian.fit_gaussian` gives them.
    covariance : ndarray, (n, 9, 9)
    voxel_um : ndarray, (3,)

    Returns
    -------
    fwhm, error : ndarray, (n, 3)
        Axial, wider lateral, narrower lateral, µm, and their standard errors.
    angle : ndarray, (n,)
        Of the wider lateral axis against x, towards y, degrees, -90 to 90.
    """
    slots = [g.YY, g.YX, g.XX]
    scale = np.array([voxel_um[1] ** 2, voxel_um[1] * voxel_um[2], voxel_um[2] ** 2])
    yy, yx, xx = (parameters[:, slots] / scale).T
    shape = covariance[:, slots][:, :, slots] / np.outer(scale, scale)
    matrix = np.nan_to_num(np.stack([np.stack([yy, yx], 1), np.stack([yx, xx], 1)], 1))
    lateral, axes = np.linalg.eigh(matrix)  # the smaller precision first: the wider axis
    zz = parameters[:, g.ZZ] / voxel_um[0] ** 2
    errors = [np.sqrt(np.abs(covariance[:, g.ZZ, g.ZZ])) / voxel_um[0] ** 2]
    for y, x in axes.transpose(2, 1, 0):
        along = np.stack([y * y, 2 * y * x, x * x], 1)
        errors.append(np.sqrt(np.abs(np.einsum("ni,nij,nj->n", along, shape, along))))
    precision = np.maximum(np.column_stack([zz, lateral]), LEAST)
    fwhm = FWHM / np.sqrt(precision)
    error = 0.5 * fwhm * np.stack(errors, 1) / precision
    angle = np.degrees(np.arctan2(axes[:, 0, 0], axes[:, 1, 0]))
    return fwhm, error, (angle + 90.0) % 180.0 - 90.0
