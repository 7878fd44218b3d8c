"""The chromatic model that a set of points supports, and how far it can be trusted.

From a plain shift to polynomials of fifth degree, each rung of a ladder is fitted by weighted,
robust least squares and scored by its leave-one-out error, which the hat matrix gives without
fitting again. A higher rung is taken only where that error says that it pays: a rung too low
bends the field wrongly, one too high follows the noise of single beads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.fitting.axis_fit import AxisFit, fit_axes, predicted, rms
from livesr.calibration.fitting.field import convex_hull, field_cells, inside_hull
from livesr.calibration.fitting.rungs import AXIAL, LATERAL, Rung, rungs_to_try
from livesr.calibration.warp import MAX_DEGREE, ChromaticModel, Row, exponents
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.calibration.fitting.points import Pairs
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
    field_um: tuple[float, float]

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
        return float(self.inside(*field_cells(self.field_um)).mean())

    @property
    def model_nm(self) -> tuple[float, float]:
        """The model's own expected error (xy, z), root mean square over the covered field, nm."""
        y, x = field_cells(self.field_um)
        within = self.inside(y, x)
        xy, z = self.error_nm(y, x)
        keep = within if within.any() else np.ones_like(within)
        return rms(xy[keep]), rms(z[keep])


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
    problem = _Problem.of(pairs, field_um, highest)
    used = _inliers(problem)
    fits, ladder = {}, {}
    for name in _AXES:
        tried = [(rung, problem.fit(name, rung, used)) for rung in problem.rungs(name)]
        fitted = [fit for _, fit in tried if fit is not None]
        weight = 1.0 / (problem.sigma[name][used] ** 2 + fitted[-1].misfit_um ** 2)
        fits[name] = problem.judged(fitted, weight)
        ladder[name] = tuple(
            Step(rung.name, rung.size, None if fit is None else 1e3 * fit.score_um(weight))
            for rung, fit in tried
        )
    lateral, axial = fits["lateral"], fits["axial"]
    residual = np.concatenate(
        [pairs.shift[:, axes] - predicted(fits[name], problem.points)
         for name, axes in (("axial", [0]), ("lateral", [1, 2]))], axis=1
    )  # fmt: skip
    left_out = residual.copy()
    left_out[used] = np.concatenate([axial.left_out, lateral.left_out], axis=1)
    z = pairs.reference[used, 0]
    return Fit(
        model=_model(lateral, axial, problem),
        used=used,
        residual_nm=1e3 * residual,
        left_out_nm=1e3 * left_out,
        lateral=lateral,
        axial=axial,
        ladder=ladder,
        radius_um=problem.radius,
        z_um=(float(z.min()), float(z.max())),
        hull_um=convex_hull(pairs.reference[used, 1:]),
        field_um=field_um,
    )


_AXES = {"lateral": (LATERAL, [1, 2]), "axial": (AXIAL, [0])}
_MEDIAN = {"axial": 0.6745, "lateral": 0.8326}
"""Median root mean square over 1 and 2 axes of unit normal noise."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """The points with scaled coordinates, and which rungs they may be asked for."""

    pairs: Pairs
    points: Float64
    sigma: dict[str, Float64]
    field_um: tuple[float, float]
    radius: float
    middle: float
    deep: bool
    highest: int

    @classmethod
    def of(cls, pairs: Pairs, field_um: tuple[float, float], highest: int) -> _Problem:
        radius = float(np.hypot(*field_um)) / 2
        middle = float(pairs.reference[:, 0].mean())
        lateral = np.sqrt((pairs.sigma[:, 1] ** 2 + pairs.sigma[:, 2] ** 2) / 2)
        return cls(
            pairs,
            (pairs.reference - [middle, 0.0, 0.0]) / radius,
            {"lateral": lateral, "axial": pairs.sigma[:, 0]},
            field_um,
            radius,
            middle,
            float(np.ptp(pairs.reference[:, 0])) > DEEP_UM,
            highest,
        )

    def rungs(self, name: str) -> list[Rung]:
        return rungs_to_try(_AXES[name][0], deep=self.deep, highest=self.highest)

    def fit(self, name: str, rung: Rung, used: Bool) -> AxisFit | None:
        """Return the rung fitted to the used points; None if they are too few for it."""
        if rung.size > 1 and used.sum() < max(FEWEST, BEADS_A_COEFFICIENT * rung.size):
            return None
        shift = self.pairs.shift[used][:, _AXES[name][1]]
        return fit_axes(rung, self.points[used], shift, self.sigma[name][used])

    def judged(self, fits: Sequence[AxisFit], weight: Float64) -> AxisFit:
        """Return the best of the fits, with what the highest of them says that it lacks."""
        best, highest = _best(fits, weight), fits[-1]
        places = self.points[:, 1:] * self.radius
        grid = np.stack([side.ravel() for side in field_cells(self.field_um)], axis=1)
        grid = grid[inside_hull(convex_hull(places), *grid.T)]
        points = np.column_stack([np.zeros(len(grid)), grid / self.radius])
        if highest is best or not len(points):
            return best
        change = ((predicted(highest, points) - predicted(best, points)) ** 2).mean(axis=1)
        by_chance = highest.variance(points) - best.variance(points)
        return replace(best, lack_um=float(np.sqrt(max((change - by_chance).mean(), 0.0))))


def _inliers(problem: _Problem) -> Bool:
    """Return which points agree with the others, by the highest rung that they support."""
    pairs = problem.pairs
    used = np.ones(len(pairs), bool)
    for _ in range(ROUNDS):
        far = np.zeros(len(pairs), bool)
        for name, (_, axes) in _AXES.items():
            tried = [problem.fit(name, rung, used) for rung in problem.rungs(name)]
            fit = [fit for fit in tried if fit is not None][-1]
            off = pairs.shift[:, axes] - predicted(fit, problem.points)
            off[used] = fit.left_out
            spread = np.sqrt(problem.sigma[name] ** 2 + fit.misfit_um**2)
            length = np.sqrt((off**2).mean(axis=1)) / spread
            scale = max(float(np.median(length[used])) / _MEDIAN[name], 1e-12)
            far |= length > CUT * scale
        if (~far).sum() < FEWEST or np.array_equal(~far, used):
            break
        used = ~far
    return used


def _best(fits: Sequence[AxisFit], weight: Float64) -> AxisFit:
    """Return the lowest rung that no higher one beats by a share of `PAYS`."""
    scores = [fit.score_um(weight) for fit in fits]
    enough = (1 + PAYS) * min(scores) + 1e-9
    return next(fit for fit, score in zip(fits, scores, strict=True) if score <= enough)


def _model(lateral: AxisFit, axial: AxisFit, problem: _Problem) -> ChromaticModel:
    """Return the fits as one model; its affine holds all that is linear."""
    places = {term: number for number, term in enumerate(exponents(MAX_DEGREE))}
    polynomial, along_z = np.zeros((3, len(places))), np.zeros(3)
    for fit, rows in ((axial, [0]), (lateral, [1, 2])):
        if fit.rung.similar:
            shift, turn = fit.coefficients[:, 0]
            polynomial[rows, places[0, 0]] = shift.real, shift.imag
            polynomial[rows, places[1, 0]] = turn.real, turn.imag
            polynomial[rows, places[0, 1]] = -turn.imag, turn.real
            continue
        for (k, i, j), values in zip(fit.rung.terms, fit.coefficients, strict=False):
            if k:
                along_z[rows] = values / problem.radius
            else:
                polynomial[rows, places[i, j]] = values
        if fit.rung.bowl:
            for term in ((2, 0), (0, 2)):
                polynomial[rows, places[term]] += fit.coefficients[-1]
    affine = np.eye(3, 4)
    affine[:, 0] += along_z
    affine[:, 1:3] += polynomial[:, 1:3] / problem.radius
    affine[:, 3] = polynomial[:, 0] - along_z * problem.middle
    polynomial[:, :3] = 0.0
    return ChromaticModel(_rows(affine), *_trimmed(polynomial), problem.radius)


def _rows(affine: Float64) -> tuple[Row, Row, Row]:
    rows = [(float(a), float(b), float(c), float(d)) for a, b, c, d in affine]
    return rows[0], rows[1], rows[2]


def _trimmed(polynomial: Float64) -> tuple[tuple[tuple[float, ...], ...], int]:
    """Return the coefficients up to the highest degree that is not zero, and that degree."""
    degrees = [i + j for i, j in exponents(MAX_DEGREE)]
    degree = max((d for d, column in zip(degrees, polynomial.T, strict=True) if column.any()),
                 default=0)  # fmt: skip
    if degree == 0:
        return (), 0
    terms = len(exponents(degree))
    return tuple(tuple(map(float, row[:terms])) for row in polynomial), degree


def _lengths(vectors: Float64) -> tuple[float, float]:
    return rms(np.hypot(vectors[:, 1], vectors[:, 2])), rms(vectors[:, 0])
