"""A quantity of beads over the field, as a low-order surface fitted robustly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import exponents

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Float64

BEADS_A_COEFFICIENT = 5
"""A surface needs so many beads for each coefficient."""
CUT = 3.0
"""Beads farther from the surface, in robust standard deviations, lose their weight (Huber)."""
ROUNDS = 10


@dataclass(frozen=True, slots=True)
class FieldFit:
    """A surface over the field.

    Attributes
    ----------
    coefficients : ndarray, (1 or 3 or 6,), float64
        Of `livesr.calibration.warp.exponents` in (y, x) / ``radius_um``.
    radius_um : float
        Half diagonal of the field.
    scatter : float
        Robust standard deviation of the beads around the surface.
    """

    coefficients: Float64
    radius_um: float
    scatter: float

    def at(self, y_um: npt.ArrayLike, x_um: npt.ArrayLike) -> Float64:
        """Return the surface at places of the field."""
        y, x = np.broadcast_arrays(np.asarray(y_um, np.float64), np.asarray(x_um, np.float64))
        places = np.stack([y.ravel(), x.ravel()], axis=1) / self.radius_um
        out: Float64 = (_columns(places, self.degree) @ self.coefficients).reshape(y.shape)
        return out

    @property
    def degree(self) -> int:
        """Degree of the surface, 0 to 2."""
        return {1: 0, 3: 1, 6: 2}[len(self.coefficients)]

    @property
    def tilt(self) -> tuple[float, float]:
        """Slope (y, x) in the centre: change a µm of the field."""
        if self.degree < 1:
            return 0.0, 0.0
        y, x = self.coefficients[1:3] / self.radius_um
        return float(y), float(x)

    @property
    def bowl(self) -> float:
        """Mean change from the centre to the corners that is curvature, not tilt."""
        if self.degree < 2:
            return 0.0
        return float(self.coefficients[3] + self.coefficients[5]) / 2.0


def fit_field(places_um: Float64, values: Float64, field_um: tuple[float, float]) -> FieldFit:
    """Fit a surface of the highest degree, 0 to 2, that the beads support.

    Parameters
    ----------
    places_um : ndarray, (n, 2)
        y and x from the centre of the field.
    values : ndarray, (n,)
    field_um : tuple of float
        Extent (y, x) of the field.
    """
    radius = float(np.hypot(*field_um)) / 2.0
    supported = [d for d in (0, 1, 2) if len(values) >= BEADS_A_COEFFICIENT * len(exponents(d))]
    columns = _columns(places_um / radius, supported[-1] if supported else 0)
    weight = np.ones(len(values))
    for _ in range(ROUNDS):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(columns * root[:, None], values * root, rcond=None)
        solved = np.asarray(found[0], np.float64)
        off = np.abs(values - columns @ solved)
        scatter = 1.4826 * float(np.median(off))
        weight = np.minimum(1.0, CUT * max(scatter, 1e-12) / np.maximum(off, 1e-12))
    return FieldFit(solved, radius, scatter)


def _columns(places: Float64, degree: int) -> Float64:
    y, x = places.T
    return np.stack([y**i * x**j for i, j in exponents(degree)], axis=1)
