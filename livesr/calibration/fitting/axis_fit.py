"""One rung fitted to some axes by weighted least squares, with its leave-one-out residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.calibration.fitting.rungs import Rung
    from livesr.types import Float64

ROUNDS = 6
"""Of weighing anew with what the model lacks."""


@dataclass(frozen=True, slots=True)
class AxisFit:
    """A rung fitted to some axes.

    Attributes
    ----------
    rung : Rung
    coefficients : ndarray, (size, axes)
        Of scaled coordinates, µm; of a similarity complex, (2, 1).
    covariance : ndarray, (size, size)
        Of each axis' coefficients, µm².
    residual, left_out : ndarray, (n, axes)
        What is left of each point's displacement, with the point in the fit and without it, µm.
    misfit_um : float
        What the points' own errors do not explain of the residuals: standard deviation an axis.
    lack_um : float
        What a higher rung would change over the field, beyond its noise: root mean square an axis.
    """

    rung: Rung
    coefficients: npt.NDArray[Any]
    covariance: npt.NDArray[Any]
    residual: Float64
    left_out: Float64
    misfit_um: float
    lack_um: float = 0.0

    def score_um(self, weight: Float64) -> float:
        """Return the leave-one-out error, root mean square with a weight a point, µm."""
        squares = (self.left_out**2).sum(axis=1)
        return float(np.sqrt((weight * squares).sum() / weight.sum()))

    def error_um(self, points: Float64) -> Float64:
        """Return the standard error of an axis of the model at scaled points (n, 3), µm."""
        out: Float64 = np.sqrt(self.variance(points) + self.lack_um**2)
        return out

    def variance(self, points: Float64) -> Float64:
        """Return the variance of an axis at scaled points that the points' noise brings, µm²."""
        columns = self.rung.columns(points)
        out: Float64 = np.einsum("ni,ij,nj->n", columns, self.covariance, columns.conj()).real
        return out


def fit_axes(rung: Rung, points: Float64, shift: Float64, sigma: Float64) -> AxisFit:
    """Fit a rung, points weighted by their noise and by what the model lacks.

    Parameters
    ----------
    rung : Rung
    points : ndarray, (n, 3)
        Scaled to about 1.
    shift : ndarray, (n, axes)
        Displacement, µm.
    sigma : ndarray, (n,)
        Its standard error an axis, µm.
    """
    fit = _weighted(rung, points, shift, sigma, 0.0)
    for _ in range(ROUNDS):
        fit = _weighted(rung, points, shift, sigma, _misfit(fit, sigma))
    return fit


def predicted(fit: AxisFit, points: Float64) -> Float64:
    """Return the displacement that a fit gives at scaled points, (n, axes), µm."""
    return _axes(fit.rung, fit.rung.columns(points) @ fit.coefficients)


def _misfit(fit: AxisFit, sigma: Float64) -> float:
    """Return the standard deviation an axis of what noise does not explain, robustly.

    Residuals are freed from the fit's own pull by their leverage.
    """
    unbiased = np.abs(fit.residual * fit.left_out).mean(axis=1)
    high = 9.0 * max(float(np.median(unbiased)), 1e-18)
    excess = np.minimum(unbiased, high) - sigma**2
    return float(np.sqrt(max(float(excess.mean()), 0.0)))


def _weighted(
    rung: Rung, points: Float64, shift: Float64, sigma: Float64, misfit: float
) -> AxisFit:
    weight = 1.0 / (sigma**2 + misfit**2)
    columns = rung.columns(points)
    values = (shift[:, :1] + 1j * shift[:, 1:]) if rung.similar else shift
    weighted = columns * weight[:, None]
    covariance = np.linalg.pinv(weighted.conj().T @ columns, hermitian=True)
    coefficients = covariance @ (weighted.conj().T @ values)
    leverage = np.einsum("ni,ij,nj->n", weighted, covariance, columns.conj()).real
    residual = _axes(rung, values - columns @ coefficients)
    left_out = residual / np.maximum(1.0 - leverage, 1e-3)[:, None]
    return AxisFit(rung, coefficients, covariance, residual, left_out, misfit)


def _axes(rung: Rung, values: npt.NDArray[Any]) -> Float64:
    """Return columns y and x of complex numbers; real ones as they are."""
    out: Float64 = np.concatenate([values.real, values.imag], axis=1) if rung.similar else values
    return out


def rms(values: Float64) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
