"""Fit of a three-dimensional Gaussian to the image of one bead, compiled.

Maximum likelihood for photon noise on top of read noise: the weights of a Levenberg–Marquardt
step are those of the model, so that dim and bright voxels count as much as they know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

AMPLITUDE, BACKGROUND, Z, Y, X, YY, YX, XX, ZZ = range(9)
"""Parameters: counts, counts, place in voxels, and the inverse covariance: of (y, x) and of z."""
SIZE = 9
ROUNDS = 40


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _evaluate(
    box: Float32, p: Float64, read: float, gain: float, normal: Float64, slope: Float64
) -> tuple[float, float]:
    """Fill the normal matrix and the slope; return -2 log likelihood and weighted squares."""
    normal[:] = 0.0
    slope[:] = 0.0
    d = np.empty(SIZE)
    deviance = 0.0
    squares = 0.0
    for k in range(box.shape[0]):
        dz = k - p[Z]
        along = np.exp(-0.5 * p[ZZ] * dz * dz)
        for i in range(box.shape[1]):
            dy = i - p[Y]
            for j in range(box.shape[2]):
                dx = j - p[X]
                e = along * np.exp(
                    -0.5 * (p[YY] * dy * dy + 2.0 * p[YX] * dy * dx + p[XX] * dx * dx)
                )
                ae = p[AMPLITUDE] * e
                model = p[BACKGROUND] + ae
                variance = read + gain * max(model, 0.0)
                off = box[k, i, j] - model
                deviance += off * off / variance + np.log(variance)
                squares += off * off / variance
                d[AMPLITUDE] = e
                d[BACKGROUND] = 1.0
                d[Z] = ae * p[ZZ] * dz
                d[Y] = ae * (p[YY] * dy + p[YX] * dx)
                d[X] = ae * (p[YX] * dy + p[XX] * dx)
                d[YY] = -0.5 * ae * dy * dy
                d[YX] = -ae * dy * dx
                d[XX] = -0.5 * ae * dx * dx
                d[ZZ] = -0.5 * ae * dz * dz
                for a in range(SIZE):
                    slope[a] += d[a] * off / variance
                    for b in range(a + 1):
                        normal[a, b] += d[a] * d[b] / variance
    for a in range(SIZE):
        for b in range(a):
            normal[b, a] = normal[a, b]
    return deviance, squares


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sane(p: Float64, shape: tuple[int, int, int]) -> bool:
    """Return whether a Gaussian has a peak in the box and a width."""
    return bool(
        p[AMPLITUDE] > 0.0
        and p[YY] > 0.0
        and p[XX] > 0.0
        and p[ZZ] > 1e-4
        and p[YY] * p[XX] - p[YX] * p[YX] > 1e-8
        and -1.0 < p[Z] < shape[0]
        and -0.5 < p[Y] < shape[1] - 0.5
        and -0.5 < p[X] < shape[2] - 0.5
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fit_gaussian(
    box: Float32, start: Float64, read: float, gain: float
) -> tuple[bool, Float64, Float64, float]:
    """Fit one bead.

    Parameters
    ----------
    box : ndarray, (z, y, x), float32
        Counts above the camera's offset.
    start : ndarray, (9,), float64
        First guess; parameters as in the module, places in voxels of the box.
    read : float
        Variance of a dark pixel, counts².
    gain : float
        Counts a photoelectron: variance a count.

    Returns
    -------
    converged : bool
    parameters : ndarray, (9,)
    covariance : ndarray, (9, 9)
        Of the parameters, for the given noise; NaN if it is singular.
    chi2 : float
        Weighted squares a degree of freedom.
    """
    p = start.copy()
    normal, slope = np.empty((SIZE, SIZE)), np.empty(SIZE)
    trial_normal, trial_slope = np.empty((SIZE, SIZE)), np.empty(SIZE)
    deviance, squares = _evaluate(box, p, read, gain, normal, slope)
    damping = 1e-3
    converged = False
    for _ in range(ROUNDS):
        damped = normal.copy()
        for a in range(SIZE):
            damped[a, a] += damping * normal[a, a] + 1e-12
        step = np.linalg.solve(damped, slope)
        trial = p + step
        better = False
        if _sane(trial, box.shape):
            new, new_squares = _evaluate(box, trial, read, gain, trial_normal, trial_slope)
            better = new <= deviance
        if better:
            gained = deviance - new
            p, deviance, squares = trial, new, new_squares
            normal[:], slope[:] = trial_normal, trial_slope
            damping = max(damping * 0.2, 1e-9)
            if gained < 1e-4 and max(abs(step[Z]), abs(step[Y]), abs(step[X])) < 1e-4:
                converged = True
                break
        else:
            if damping > 1e6:
                break
            # no step improves what is already the best to rounding
            if max(abs(step[Z]), abs(step[Y]), abs(step[X])) < 1e-5:
                converged = True
                break
            damping *= 8.0
    covariance = np.full((SIZE, SIZE), np.nan)
    scale = np.sqrt(np.diag(normal))
    if np.all(scale > 0.0):
        scaled = normal / np.outer(scale, scale)
        if np.linalg.det(scaled) > 1e-14:
            covariance = np.linalg.inv(scaled) / np.outer(scale, scale)
    return converged, p, covariance, squares / max(box.size - SIZE, 1)
