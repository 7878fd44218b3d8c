"""Beads in one channel: found, fitted, and refused with the reason.

Difference of Gaussians → local maxima → three-dimensional Gaussian fits, twice: the residuals of
the first round tell the camera's gain and read noise, with which the second round weighs voxels
and knows its standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.beads import gaussian as g
from livesr.calibration.beads.maxima import (
    alone,
    at_the_edge,
    box_around,
    dark_level,
    dark_variance,
    find_maxima,
    half_box,
    saturated,
    without_hot_pixels,
)
from livesr.calibration.beads.widths import widths_of
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.types import Bool, Float32, Float64, Grid, UInt16

WIDTH_CUT = 5.0
"""Beads' widths lie within so many robust standard deviations of the median …"""
WIDTH_SHARE = 0.06
"""… each of which is taken as this share of the median at least."""
CHI2_CUT = 6.0
ERROR_CUT_UM = (0.15, 0.05)
"""Standard errors of place (z, lateral) beyond which a bead is of no use."""
FEWEST_PLANES = 5
FEWEST_FOR_WIDTH = 5
"""Beads without which the expected widths stay."""
LEAST_SIGMA = np.array([0.5, 0.7, 0.7])
"""Narrowest bead that is looked for, voxels."""
WIDTH_KNOWN = 0.25
"""Beads are looked for again where their widths differ from those looked for by this share …"""
WIDTH_ROUNDS = 4
"""… so often."""
REASONS = {
    "crowded": "too near to another bead",
    "edge": "cut by the edge of the field",
    "end of the stack": "its focus is not within the planes",
    "saturated": "saturated",
    "no fit": "its image is no bead's",
    "width": "wider, narrower or longer than the others: a clump or a hot pixel",
    "misfit": "the fit leaves more than noise",
    "dim": "its place is too uncertain",
}


@dataclass(frozen=True, slots=True)
class Widths:
    """What a microscope's point-spread function is expected to be: standard deviations, µm."""

    lateral_um: float
    axial_um: float


@dataclass(frozen=True, slots=True)
class Beads:
    """The beads of one channel.

    Attributes
    ----------
    place_um : ndarray, (n, 3), float64
        z from the first plane, y and x from the centre of the image.
    error_um : ndarray, (n, 3), float64
        Their standard errors.
    peak, background : ndarray, (n,), float64
        Counts above the camera's offset.
    fwhm_um : ndarray, (n, 3), float64
        Axial, wider and narrower lateral full width at half maximum, as recorded: with the pixel.
    fwhm_error_um : ndarray, (n, 3), float64
    angle : ndarray, (n,), float64
        Of the wider lateral axis against x, towards y, degrees, -90 to 90.
    chi2 : ndarray, (n,), float64
        Weighted squared residual a degree of freedom; 1 where only noise is left.
    refused : dict of str to int
        How many were found and not taken, by reason: keys of `REASONS`.
    gain, read_noise : float
        Of the camera, from the residuals: counts a photoelectron, counts.
    """

    place_um: Float64
    error_um: Float64
    peak: Float64
    background: Float64
    fwhm_um: Float64
    fwhm_error_um: Float64
    angle: Float64
    chi2: Float64
    refused: dict[str, int]
    gain: float
    read_noise: float

    def __len__(self) -> int:
        return len(self.peak)

    def chosen(self, which: Bool) -> Beads:
        """Return those of a mask."""
        columns = ("place_um", "error_um", "peak", "background", "fwhm_um", "fwhm_error_um",
                   "angle", "chi2")  # fmt: skip
        return replace(self, **{name: getattr(self, name)[which] for name in columns})


@dataclass(frozen=True, slots=True)
class _Fits:
    """Fits of all maxima: parameters with places in voxels of the image."""

    converged: Bool
    parameters: Float64
    covariance: Float64
    chi2: Float64

    @classmethod
    def empty(cls, n: int) -> _Fits:
        return cls(
            np.zeros(n, bool),
            np.zeros((n, g.SIZE)),
            np.full((n, g.SIZE, g.SIZE), np.nan),
            np.full(n, np.inf),
        )

    def __getitem__(self, which: Bool) -> _Fits:
        return _Fits(
            self.converged[which],
            self.parameters[which],
            self.covariance[which],
            self.chi2[which],
        )


def find_beads(planes: UInt16, grid: Grid, offset: float, expected: Widths) -> Beads:
    """Find and fit the beads of one channel.

    Parameters
    ----------
    planes : ndarray, (z, y, x), uint16
        Camera counts.
    grid : Grid
    offset : float
        Camera counts without light.
    expected : Widths
        Where to begin; the beads' own widths take their place.

    Raises
    ------
    CalibrationError
        If the stack is too thin for a fit along z.
    """
    if len(planes) < FEWEST_PLANES:
        raise CalibrationError(
            f"the recording has {len(planes)} planes, {FEWEST_PLANES} are needed to place beads"
            " along z",
            where="calibrate",
            fix="record beads as a z-stack through their focus, 0.1 to 0.25 µm a step",
        )
    image = without_hot_pixels(planes.astype(np.float32) - np.float32(offset))
    lateral = [expected.lateral_um] * 2
    sigma = np.array([expected.axial_um, *lateral]) / np.asarray(grid.voxel_um)
    variance = dark_variance(image)
    peaks, sigma = _found(image, sigma, variance)
    tally = _Tally(len(peaks))
    tally.refuse("crowded", ~alone(peaks, sigma))
    tally.refuse("edge", at_the_edge(peaks, image.shape, sigma))
    tally.refuse("saturated", saturated(planes, peaks, sigma))
    fits = _fit_all(image, _starts(image, peaks, sigma), sigma, variance, 1.0)
    gain = _gain(image, fits[tally.good & fits.converged], sigma)
    read = max(variance - gain * dark_level(image), 0.1 * variance)
    fits = _fit_all(image, _starts(image, peaks, sigma), sigma, read, gain)
    tally.refuse("no fit", ~(fits.converged & np.isfinite(fits.covariance).all(axis=(1, 2))))
    depth = fits.parameters[:, g.Z]
    tally.refuse("end of the stack", (depth < 0) | (depth > len(image) - 1))
    beads = _measured(fits, grid, image.shape, tally, gain, read)
    tally.refuse("width", _odd_width(beads.fwhm_um, tally.good))
    tally.refuse("misfit", _beyond(beads.chi2, tally.good, CHI2_CUT))
    lateral_error = beads.error_um[:, 1:].max(axis=1)
    far = (beads.error_um[:, 0] > ERROR_CUT_UM[0]) | (lateral_error > ERROR_CUT_UM[1])
    tally.refuse("dim", far)
    return beads.chosen(tally.good)


def _found(
    image: Float32, sigma: Float64, variance: float
) -> tuple[npt.NDArray[np.int64], Float64]:
    """Return the maxima and the beads' own widths: looked for again while these were unknown."""
    for _ in range(WIDTH_ROUNDS):
        sigma = np.maximum(sigma, LEAST_SIGMA)
        peaks = find_maxima(image, sigma)
        fits = _fit_all(image, _starts(image, peaks, sigma), sigma, variance, 1.0)
        own = _own_widths(fits, sigma)
        known = np.all(np.abs(np.log(own / sigma)) < WIDTH_KNOWN)
        sigma = own
        if known:
            break
    return peaks, sigma


class _Tally:
    """Which beads are still good, and why the others are not."""

    def __init__(self, n: int) -> None:
        self.good = np.ones(n, bool)
        self.refused = dict.fromkeys(REASONS, 0)

    def refuse(self, reason: str, bad: Bool) -> None:
        self.refused[reason] += int((self.good & bad).sum())
        self.good &= ~bad


def _starts(image: Float32, peaks: npt.NDArray[np.int64], sigma: Float64) -> Float64:
    """Return first guesses (n, 9), places in voxels of the image."""
    out = np.zeros((len(peaks), g.SIZE))
    level = dark_level(image)
    out[:, g.AMPLITUDE] = np.maximum(image[tuple(peaks.T)] - level, 1.0)
    out[:, g.BACKGROUND] = level
    out[:, g.Z : g.X + 1] = peaks
    out[:, [g.ZZ, g.YY, g.XX]] = 1.0 / sigma**2
    return out


def _fit_all(image: Float32, starts: Float64, sigma: Float64, read: float, gain: float) -> _Fits:
    """Fit each bead in a box around its first guess."""
    half, places = half_box(sigma), slice(g.Z, g.X + 1)
    fits = _Fits.empty(len(starts))
    for n, start in enumerate(starts):
        low, high = box_around(start[places], half, image.shape)
        box = image[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        guess = start.copy()
        guess[places] -= low
        fits.converged[n], found, fits.covariance[n], fits.chi2[n] = g.fit_gaussian(
            np.ascontiguousarray(box), guess, read, gain
        )
        fits.parameters[n] = found
        fits.parameters[n, places] += low
    return fits


def _own_widths(fits: _Fits, sigma: Float64) -> Float64:
    """Return the beads' median widths, in voxels, or the expected ones where hardly any fits."""
    good = fits.parameters[fits.converged]
    if len(good) < FEWEST_FOR_WIDTH:
        return sigma
    precision = np.median(good[:, [g.ZZ, g.YY, g.XX]], axis=0)
    return np.clip(1.0 / np.sqrt(precision), 0.5 * sigma, 2.0 * sigma)


def _gain(image: Float32, fits: _Fits, sigma: Float64) -> float:
    """Return counts a photoelectron: squared residuals of bright voxels a count, median of beads.

    What the Gaussian does not describe adds to it, and so to the standard errors.
    """
    half, gains = half_box(sigma), []
    for p in fits.parameters:
        low, high = box_around(p[g.Z : g.X + 1], half, image.shape)
        box = image[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        model = _model_of(p, low, box.shape)
        bright = model > p[g.BACKGROUND] + 0.2 * p[g.AMPLITUDE]
        if bright.any():
            gains.append(float(((box - model)[bright] ** 2).sum() / model[bright].sum()))
    return float(np.clip(np.median(gains), 0.02, 50.0)) if gains else 1.0


def _model_of(p: Float64, low: npt.NDArray[np.int64], shape: Sequence[int]) -> Float64:
    z, y, x = (
        np.arange(n) + first - at for n, first, at in zip(shape, low, p[g.Z : g.X + 1], strict=True)
    )
    lateral = (
        p[g.YY] * y[:, None] ** 2
        + 2 * p[g.YX] * y[:, None] * x[None, :]
        + p[g.XX] * x[None, :] ** 2
    )
    bell = np.exp(-0.5 * (p[g.ZZ] * z**2)[:, None, None] - 0.5 * lateral[None])
    out: Float64 = p[g.BACKGROUND] + p[g.AMPLITUDE] * bell
    return out


def _odd_width(fwhm: Float64, good: Bool) -> Bool:
    """Return which beads are wider or narrower than most in one of three directions."""
    out = np.zeros(len(fwhm), bool)
    for width in np.log(np.maximum(fwhm.T, 1e-9)):
        if good.any():
            middle = np.median(width[good])
            spread = 1.4826 * np.median(np.abs(width[good] - middle))
            out |= np.abs(width - middle) > WIDTH_CUT * max(float(spread), WIDTH_SHARE)
    return out


def _beyond(values: Float64, good: Bool, cut: float) -> Bool:
    """Return which values lie above the others by many robust standard deviations."""
    if not good.any():
        return np.zeros(len(values), bool)
    middle = np.median(values[good])
    spread = 1.4826 * np.median(np.abs(values[good] - middle))
    out: Bool = values > middle + cut * max(float(spread), 0.05 * float(middle))
    return out


def _measured(
    fits: _Fits, grid: Grid, shape: Sequence[int], tally: _Tally, gain: float, read: float
) -> Beads:
    """Return all fits in physical units; poor fits have a chi² above 1, and larger errors."""
    voxel = np.asarray(grid.voxel_um)
    p = fits.parameters
    middle = np.array([0.0, (shape[1] - 1) / 2, (shape[2] - 1) / 2])
    widened = np.maximum(fits.chi2, 1.0)[:, None, None]
    covariance = np.nan_to_num(fits.covariance * widened, nan=1e6)
    place_error = np.sqrt(np.abs(covariance[:, [g.Z, g.Y, g.X], [g.Z, g.Y, g.X]]))
    fwhm, fwhm_error, angle = widths_of(p, covariance, voxel)
    return Beads(
        place_um=(p[:, g.Z : g.X + 1] - middle) * voxel,
        error_um=np.maximum(place_error * voxel, 1e-5),
        peak=p[:, g.AMPLITUDE],
        background=p[:, g.BACKGROUND],
        fwhm_um=fwhm,
        fwhm_error_um=fwhm_error,
        angle=angle,
        chi2=fits.chi2,
        refused=tally.refused,
        gain=gain,
        read_noise=float(np.sqrt(read)),
    )
