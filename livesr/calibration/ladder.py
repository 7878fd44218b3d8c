"""The chromatic model that a set of points supports, and how far it can be trusted.

From a plain shift to polynomials of fifth degree, each rung of a ladder is fitted by weighted,
robust least squares and scored by its leave-one-out error, which the hat matrix gives without
fitting again. A higher rung is taken only where that error says that it pays: a rung too low
bends the field wrongly, one too high follows the noise of single beads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.warp import MAX_DEGREE, ChromaticModel, Row, exponents
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.calibration.points import Pairs
    from livesr.types import Bool, Float64

BEADS_A_COEFFICIENT = 5
"""A rung needs so many points for each coefficient of an axis."""
PAYS = 0.01
"""A higher rung is taken if its leave-one-out error is smaller by this share."""
DEEP_UM = 0.8
"""Points spread over less than this along z say nothing of what changes along z."""
CUT = 4.5
"""Points beyond so many robust standard deviations of their leave-one-out error are outliers …"""
ROUNDS = 12
"""… found in so many rounds at most."""
FEWEST = 4
"""Points without which there is not even a shift with an error."""
GRID = 33
"""Points along each side of the grid on which the model's error is averaged over the field."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One model of the displacement, before it is fitted.

    Attributes
    ----------
    name : str
        For people.
    terms : tuple of (int, int, int)
        Powers of z, y and x of its columns.
    bowl : bool
        Whether a column y² + x² follows.
    similar : bool
        Shift, rotation and magnification only: y and x share their coefficients.
    """

    name: str
    terms: tuple[tuple[int, int, int], ...]
    bowl: bool = False
    similar: bool = False

    @property
    def size(self) -> int:
        """Coefficients an axis."""
        return 2 if self.similar else len(self.terms) + self.bowl

    def columns(self, points: Float64) -> Float64:
        """Return the design matrix, (n, size), at scaled points (n, 3)."""
        z, y, x = points.T
        columns = [z**k * y**i * x**j for k, i, j in self.terms]
        if self.bowl:
            columns.append(y * y + x * x)
        return np.stack(columns, axis=1)


def _flat(degree: int) -> tuple[tuple[int, int, int], ...]:
    return tuple((0, i, j) for i, j in exponents(degree))


_ALONG_Z = ((1, 0, 0),)
LATERAL = (
    Rung("shift", _flat(0)),
    Rung("similarity", _flat(0), similar=True),
    Rung("affine", _flat(1)),
    *(Rung(f"degree {degree}", _flat(degree)) for degree in range(2, MAX_DEGREE + 1)),
)
AXIAL = (
    Rung("shift", _flat(0)),
    Rung("tilt", _flat(1)),
    Rung("bowl", _flat(1), bowl=True),
    *(Rung(f"degree {degree}", _flat(degree)) for degree in range(2, MAX_DEGREE + 1)),
)


@dataclass(frozen=True, slots=True)
class AxisFit:
    """A rung fitted to some axes.

    Attributes
    ----------
    rung : Rung
    coefficients : ndarray, (size, axes)
        Of scaled coordinates, µm.
    covariance : ndarray, (size, size)
        Of each axis' coefficients, µm².
    residual, left_out : ndarray, (n, axes)
        What is left of each point's displacement, with the point in the fit and without it, µm.
    misfit_um : float
        What the model lacks, beyond the noise of the points: standard deviation an axis.
    """

    rung: Rung
    coefficients: Float64
    covariance: Float64
    residual: Float64
    left_out: Float64
    misfit_um: float

    def error_um(self, points: Float64) -> Float64:
        """Return the standard error of an axis of the model at scaled points (n, 3), µm."""
        columns = self.rung.columns(points) if not self.rung.similar else _complex(points)
        variance = np.einsum("ni,ij,nj->n", columns.conj(), self.covariance, columns).real
        out: Float64 = np.sqrt(variance + self.misfit_um**2)
        return out


@dataclass(frozen=True, slots=True)
class Step:
    """How a rung did: its leave-one-out error, nm; None where there were too few points."""

    name: str
    coefficients: int
    left_out_nm: float | None


@dataclass(frozen=True, slots=True)
class Fit:
    """A chromatic model with what is known of its error.

    All errors are root mean squares; lateral ones are of the length of (y, x).

    Attributes
    ----------
    model : ChromaticModel
    used : ndarray, (n,), bool
        False for outliers.
    residual_nm, left_out_nm : ndarray, (n, 3)
        Residual z, y, x of each point, and what it would be without the point in the fit.
    lateral, axial : AxisFit
    ladder : mapping of str to tuple of Step
        ``lateral`` and ``axial``: every rung's score.
    radius_um : float
        Scales the coordinates.
    z_um : tuple of float
        Range of the points along z.
    hull_um : ndarray, (k, 2)
        Corners (y, x) of the convex hull of the points.
    """

    model: ChromaticModel
    used: Bool
    residual_nm: Float64
    left_out_nm: Float64
    lateral: AxisFit
    axial: AxisFit
    ladder: dict[str, tuple[Step, ...]]
    radius_um: float
    z_um: tuple[float, float]
    hull_um: Float64
    field_um: tuple[float, float] = field(default=(0.0, 0.0))

    @property
    def fre_nm(self) -> tuple[float, float]:
        """Fiducial registration error (xy, z): of the points in the fit."""
        return _lengths(self.residual_nm[self.used])

    @property
    def tre_nm(self) -> tuple[float, float]:
        """Target registration error (xy, z): of points left out, their own noise included."""
        return _lengths(self.left_out_nm[self.used])

    def error_nm(self, y_um: npt.ArrayLike, x_um: npt.ArrayLike) -> tuple[Float64, Float64]:
        """Return the model's own expected error (xy, z) at places of the field, nm.

        Without the noise of the points: what a target without noise would be off.
        """
        y, x = np.broadcast_arrays(np.asarray(y_um, np.float64), np.asarray(x_um, np.float64))
        points = np.stack([np.zeros(y.size), y.ravel(), x.ravel()], axis=1) / self.radius_um
        lateral = np.sqrt(2.0) * 1e3 * self.lateral.error_um(points)
        axial = 1e3 * self.axial.error_um(points)
        return lateral.reshape(y.shape), axial.reshape(y.shape)

    def inside(self, y_um: npt.ArrayLike, x_um: npt.ArrayLike) -> Bool:
        """Return where the field lies within the hull of the points."""
        return inside_hull(self.hull_um, y_um, x_um)

    @property
    def coverage(self) -> float:
        """Share of the field that lies within the hull of the points."""
        y, x = field_grid(self.field_um, GRID)
        return float(self.inside(y, x).mean())

    @property
    def model_nm(self) -> tuple[float, float]:
        """The model's own expected error (xy, z), root mean square over the covered field, nm."""
        y, x = field_grid(self.field_um, GRID)
        within = self.inside(y, x)
        xy, z = self.error_nm(y, x)
        keep = within if within.any() else np.ones_like(within)
        return _rms(xy[keep]), _rms(z[keep])


def field_grid(field_um: tuple[float, float], points: int) -> tuple[Float64, Float64]:
    """Return coordinates (y, x), µm, of a grid over the field, outer points on its edge."""
    sides = [np.linspace(-side / 2, side / 2, points) for side in field_um]
    y, x = np.meshgrid(*sides, indexing="ij")
    return y, x


def inside_hull(hull_um: Float64, y_um: npt.ArrayLike, x_um: npt.ArrayLike) -> Bool:
    """Return which points lie in a convex polygon (k, 2), its corners in turn (y, x)."""
    y, x = np.broadcast_arrays(np.asarray(y_um, np.float64), np.asarray(x_um, np.float64))
    ahead = np.roll(hull_um, -1, axis=0) - hull_um
    sides = [
        a * (x - corner_x) - b * (y - corner_y)
        for (corner_y, corner_x), (a, b) in zip(hull_um, ahead, strict=True)
    ]
    turn = np.stack(sides)
    out: Bool = np.all(turn >= 0, axis=0) | np.all(turn <= 0, axis=0)
    return out


def fit_ladder(pairs: Pairs, field_um: tuple[float, float], *, highest: int = MAX_DEGREE) -> Fit:
    """Fit every rung that the points support and return the best.

    Parameters
    ----------
    pairs : Pairs
        Wrong pairs among them do no harm while they are few.
    field_um : tuple of float
        Extent (y, x) of the channel's image.
    highest : int
        Degree above which no rung is tried.

    Raises
    ------
    CalibrationError
        Fewer than `FEWEST` points.
    """
    if len(pairs) < FEWEST:
        raise CalibrationError(
            f"{len(pairs)} points are in both channels, a calibration needs {FEWEST} at least"
            " and 60 or more to be good",
            where="calibrate",
            fix="more beads, several recordings, or a longer exposure",
        )
    radius = float(np.hypot(*field_um)) / 2
    middle = np.array([pairs.reference[:, 0].mean(), 0.0, 0.0])
    points = (pairs.reference - middle) / radius
    shift = pairs.shift
    sigma_xy = np.sqrt((pairs.sigma[:, 1] ** 2 + pairs.sigma[:, 2] ** 2) / 2)
    sigma_z = pairs.sigma[:, 0]
    deep = float(np.ptp(pairs.reference[:, 0])) > DEEP_UM
    used = _inliers(points, shift, sigma_xy, sigma_z, deep=deep, highest=highest)
    chosen, ladder = {}, {}
    for name, rungs, axes, sigma in (
        ("lateral", LATERAL, [1, 2], sigma_xy),
        ("axial", AXIAL, [0], sigma_z),
    ):
        fits = [
            (rung, _fit(rung, points, shift[:, axes], sigma, used) if _enough(rung, used) else None)
            for rung in _rungs(rungs, deep=deep, highest=highest)
        ]
        chosen[name] = _best([fit for _, fit in fits if fit is not None], used)
        ladder[name] = tuple(
            Step(rung.name, rung.size, None if fit is None else 1e3 * _score(fit, used))
            for rung, fit in fits
        )
    lateral, axial = chosen["lateral"], chosen["axial"]
    stacked = (np.concatenate([axial.residual, lateral.residual], axis=1),
               np.concatenate([axial.left_out, lateral.left_out], axis=1))  # fmt: skip
    z = pairs.reference[used, 0]
    return Fit(
        model=_model(lateral, axial, radius, middle[0]),
        used=used,
        residual_nm=1e3 * stacked[0],
        left_out_nm=1e3 * stacked[1],
        lateral=lateral,
        axial=axial,
        ladder=ladder,
        radius_um=radius,
        z_um=(float(z.min()), float(z.max())),
        hull_um=_hull(pairs.reference[used, 1:]),
        field_um=field_um,
    )


def _rungs(rungs: Sequence[Rung], *, deep: bool, highest: int) -> list[Rung]:
    """Return the rungs to try; of points in depth each also with a term along z."""
    out = []
    for rung in rungs:
        if max(i + j for _, i, j in rung.terms) > highest:
            continue
        out.append(rung)
        if deep and not rung.similar:
            out.append(Rung(f"{rung.name} + z", rung.terms + _ALONG_Z, rung.bowl))
    return out


def _enough(rung: Rung, used: Bool) -> bool:
    return int(used.sum()) >= max(FEWEST, BEADS_A_COEFFICIENT * rung.size) or rung.size == 1


def _inliers(
    points: Float64,
    shift: Float64,
    sigma_xy: Float64,
    sigma_z: Float64,
    *,
    deep: bool,
    highest: int,
) -> Bool:
    """Return which points agree with the others, by the highest rung that they support."""
    used = np.ones(len(points), bool)
    for _ in range(ROUNDS):
        far = np.zeros(len(points), bool)
        for rungs, axes, sigma in ((LATERAL, [1, 2], sigma_xy), (AXIAL, [0], sigma_z)):
            allowed = [r for r in _rungs(rungs, deep=deep, highest=highest) if _enough(r, used)]
            fit = _fit(allowed[-1], points, shift[:, axes], sigma, used)
            spread = np.sqrt(sigma**2 + fit.misfit_um**2)
            length = np.sqrt((fit.left_out**2).mean(axis=1)) / spread
            scale = max(float(np.median(length[used])) / _MEDIAN[len(axes)], 1e-12)
            far |= length > CUT * scale
        kept = ~far
        if kept.sum() < FEWEST or np.array_equal(kept, used):
            break
        used = kept
    return used


_MEDIAN = {1: 0.6745, 2: 0.8326}
"""Median root mean square over 1 and 2 axes of unit normal noise."""


def _fit(rung: Rung, points: Float64, shift: Float64, sigma: Float64, used: Bool) -> AxisFit:
    """Fit a rung to the used points, weighted by their noise and by what the model lacks."""
    misfit = 0.0
    fit = _weighted(rung, points, shift, sigma, used, misfit)
    for _ in range(6):
        misfit = _misfit(fit, sigma, used)
        fit = _weighted(rung, points, shift, sigma, used, misfit)
    return fit


def _misfit(fit: AxisFit, sigma: Float64, used: Bool) -> float:
    """Return the standard deviation an axis of what noise does not explain, robustly.

    Residuals are freed from the fit's own pull by their leverage.
    """
    residual, left_out = fit.residual[used], fit.left_out[used]
    unbiased = np.abs(residual * left_out).mean(axis=1)
    high = 9.0 * max(float(np.median(unbiased)), 1e-18)
    excess = np.minimum(unbiased, high) - sigma[used] ** 2
    return float(np.sqrt(max(float(excess.mean()), 0.0)))


def _weighted(
    rung: Rung, points: Float64, shift: Float64, sigma: Float64, used: Bool, misfit: float
) -> AxisFit:
    weight = np.where(used, 1.0 / (sigma**2 + misfit**2), 0.0)
    if rung.similar:
        columns, values = _complex(points), (shift[:, 0] + 1j * shift[:, 1])[:, None]
    else:
        columns, values = rung.columns(points), shift
    root = np.sqrt(weight)[:, None]
    normal = np.linalg.pinv(np.conj((root * columns).T) @ (root * columns), hermitian=True)
    coefficients = normal @ np.conj((root**2 * columns).T) @ values
    leverage = weight * np.einsum("ni,ij,nj->n", columns, normal, columns.conj()).real
    residual = values - columns @ coefficients
    left_out = residual / np.maximum(1.0 - leverage, 1e-3)[:, None]
    if rung.similar:
        residual, left_out = (_two(array[:, 0]) for array in (residual, left_out))
    return AxisFit(rung, coefficients, normal, residual, left_out, misfit)


def _complex(points: Float64) -> npt.NDArray[np.complex128]:
    """Return shift, rotation and magnification as a line of complex numbers y + i·x."""
    return np.stack([np.ones(len(points)), points[:, 1] + 1j * points[:, 2]], axis=1)


def _two(values: npt.NDArray[np.complex128]) -> Float64:
    return np.stack([values.real, values.imag], axis=1)


def _score(fit: AxisFit, used: Bool) -> float:
    """Return the leave-one-out error, µm."""
    return _rms(np.sqrt((fit.left_out[used] ** 2).sum(axis=1)))


def _best(fits: Sequence[AxisFit], used: Bool) -> AxisFit:
    """Return the lowest rung that no higher one beats by a share of `PAYS`."""
    least = min(_score(fit, used) for fit in fits)
    return next(fit for fit in fits if _score(fit, used) <= (1 + PAYS) * least + 1e-9)


def _model(lateral: AxisFit, axial: AxisFit, radius: float, middle: float) -> ChromaticModel:
    """Return the fits as one model; its affine holds all that is linear."""
    degree = max(0, *(i + j + 2 * fit.rung.bowl for fit in (lateral, axial)
                      for _, i, j in fit.rung.terms), 1 if lateral.rung.similar else 0)  # fmt: skip
    degree = min(degree, MAX_DEGREE)
    places = {term: number for number, term in enumerate(exponents(degree))}
    polynomial = np.zeros((3, len(places)))
    along_z = np.zeros(3)
    if lateral.rung.similar:
        shift, turn = lateral.coefficients[:, 0]
        polynomial[1, [places[0, 0], places[1, 0], places[0, 1]]] = (shift.real, turn.real,
                                                                     -turn.imag)  # fmt: skip
        polynomial[2, [places[0, 0], places[1, 0], places[0, 1]]] = (shift.imag, turn.imag,
                                                                     turn.real)  # fmt: skip
    for fit, rows in ((axial, [0]), (lateral, [1, 2])):
        if fit.rung.similar:
            continue
        for (k, i, j), values in zip(fit.rung.terms, fit.coefficients, strict=False):
            if k:
                along_z[rows] = values / radius
            else:
                polynomial[rows, places[i, j]] = values
        if fit.rung.bowl:
            for term in ((2, 0), (0, 2)):
                polynomial[rows, places[term]] += fit.coefficients[-1]
    affine = np.eye(3, 4)
    affine[:, 0] += along_z
    affine[:, 3] = polynomial[:, 0] - along_z * middle
    polynomial[:, 0] = 0.0
    if degree:
        affine[:, 1:3] += polynomial[:, 1:3] / radius
        polynomial[:, 1:3] = 0.0
    rows = _row(affine[0]), _row(affine[1]), _row(affine[2])
    if not polynomial.any():
        return ChromaticModel(rows)
    return ChromaticModel(rows, tuple(tuple(map(float, row)) for row in polynomial), degree, radius)


def _row(values: Float64) -> Row:
    a, b, c, d = (float(value) for value in values)
    return a, b, c, d


def _hull(points: Float64) -> Float64:
    """Return the corners of the convex hull of points (n, 2), in turn; all of them if on a line."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:
        return points


def _lengths(vectors: Float64) -> tuple[float, float]:
    return _rms(np.hypot(vectors[:, 1], vectors[:, 2])), _rms(vectors[:, 0])


def _rms(values: Float64) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
