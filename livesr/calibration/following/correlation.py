"""Translations between two images of the same tiles, from their cross-spectra.

Laterally the shift s maximises Re Σ W(k) X(k) exp(i k·s), X being a tile's cross-spectrum summed
over its planes: exact for any fraction of a pixel, with no image to interpolate. Axially the
planes are too few for that: the correlation at whole lags is interpolated by a spline, and s is
where it is equal one plane above and one below. Both are taken over the same pairs of planes, so
that light which changes with height does not move it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import irfft2, rfft2

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from scipy.interpolate import BSpline

    from livesr.types import Float32, Float64

    Complex = npt.NDArray[np.complex64]

FINEST_UM = 0.22
"""Periods below this hold little but noise …"""
COARSEST_UM = 2.5
"""… and above this haze, illumination and whole organelles, whose colours differ."""
WINDOWED = 3.8
"""A Hann window makes neighbouring frequencies alike: variances are so many times larger, for
(35/128) / (3/8)² = 1.94 along each axis."""
LEAST_LAGS = 2
"""Planes up and down that are needed to measure along z."""
ROUNDS = 3
MOST_STEP = 0.7
"""Pixels or planes by which one step moves a tile at most."""
_TINY = 1e-12


class Band:
    """The spatial frequencies of square tiles that are looked at.

    Parameters
    ----------
    side : int
        Pixels of a tile along y and x.
    pixel_um : tuple of float
        Along y and x.

    Attributes
    ----------
    ky, kx : ndarray, (k,), float32
        Radians a pixel.
    weight : ndarray, (k,), float32
    """

    def __init__(self, side: int, pixel_um: tuple[float, float]) -> None:
        self.side = side
        hann = np.hanning(side + 2)[1:-1]
        self._window = np.outer(hann, hann).astype(np.float32)
        fy, fx = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
        a_um = np.hypot(fy / pixel_um[0], fx / pixel_um[1]).ravel()
        self._at = np.flatnonzero((a_um > 0) & (a_um * FINEST_UM <= 1))
        coarse = np.exp(-((a_um[self._at] * COARSEST_UM) ** 2) / 2)
        twice = np.where(fx.ravel()[self._at] > 0, 1.0, 0.5)  # stand for two frequencies, or one
        self.weight: Float32 = (twice * (1 - coarse)).astype(np.float32)
        self.ky, self.kx = ((2 * np.pi * f.ravel()[self._at]).astype(np.float32) for f in (fy, fx))

    def spectra(self, planes: Float32) -> Complex:
        """Return the spectra (n, k) of a tile's planes, scaled to the same power for every tile."""
        planes = planes - planes.mean(axis=(1, 2), keepdims=True)
        planes *= self._window
        found = np.take(rfft2(planes).reshape(len(planes), -1), self._at, axis=1)
        power = float(np.mean(_power(found) @ self.weight))
        return np.asarray(found / np.float32(np.sqrt(power) + _TINY), np.complex64)

    def phases(self, y: Float64, x: Float64) -> Complex:
        """Return exp(i k·s), (t, k), of shifts (t,) in pixels."""
        turn = np.outer(y.astype(np.float32), self.ky) + np.outer(x.astype(np.float32), self.kx)
        out = np.empty(turn.shape, np.complex64)
        np.cos(turn, out=out.real)
        np.sin(turn, out=out.imag)
        return out

    def correlation(self, spectra: Complex) -> Float32:
        """Return correlations (n, y, x) at whole pixels, no shift in the middle."""
        whole = np.zeros((len(spectra), self.side * (self.side // 2 + 1)), np.complex64)
        whole[:, self._at] = spectra
        shape = (len(spectra), self.side, self.side // 2 + 1)
        found = irfft2(whole.reshape(shape), s=(self.side, self.side))
        return np.asarray(np.fft.fftshift(found, axes=(1, 2)), np.float32)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile in both channels: what `shifts` needs of it.

    Attributes
    ----------
    up, down : ndarray, (lags, k), complex64
        Cross-spectra at lags -L … L, of the planes that have one above them, and of those that
        have one below.
    power : ndarray, (k,), float32
        Geometric mean of both channels' power.
    """

    up: Complex
    down: Complex
    power: Float32

    @classmethod
    def of(cls, reference: Complex, other: Complex) -> Tile:
        """Return the cross-spectra of one tile.

        Parameters
        ----------
        reference : ndarray, (n, k), complex64
            Spectra of n planes.
        other : ndarray, (n + 2 L, k), complex64
            Of the other channel, from L planes below the first to L planes above the last.
        """
        n = len(reference)
        lags = np.lib.stride_tricks.sliding_window_view(other, len(other) - n + 1, axis=0)
        products = reference.conj()[:, :, None] * lags
        taper = np.sin(np.pi * np.arange(1, n) / n) if n > 1 else np.ones(1)
        weights = np.zeros((2, n), np.complex64)
        weights[0, : len(taper)] = weights[1, n - len(taper) :] = taper / taper.sum()
        up, down = (weights @ products.reshape(n, -1)).reshape(2, *products.shape[1:])
        power = np.sqrt(_power(reference).mean(axis=0) * _power(other).mean(axis=0))
        return cls(np.ascontiguousarray(up.T), np.ascontiguousarray(down.T), power)


@dataclass(frozen=True, slots=True)
class Shifts:
    """Where the other channel shows each tile.

    Attributes
    ----------
    shift, sigma : ndarray, (t, 3), float64
        Along z (planes), y and x (pixels), with standard errors. Along z the error is
        not-a-number where planes are too few.
    agreement : ndarray, (t,), float64
        Share of each tile's power that both channels show: 1 for equal images, 0 for noise.
    significance : float
        Height of the peak of all tiles' correlation, in standard deviations of the rest.
    """

    shift: Float64
    sigma: Float64
    agreement: Float64
    significance: float


def shifts(tiles: Sequence[Tile], at_lag: Float64, band: Band) -> Shifts:
    """Return the tiles' shifts, each near the one at which all together agree best.

    Parameters
    ----------
    tiles : sequence of Tile
    at_lag : ndarray, (t,)
        Lag (planes) at which each is expected: the fraction of a plane that is left of it.
    band : Band
    """
    up, down = np.stack([tile.up for tile in tiles]), np.stack([tile.down for tile in tiles])
    power = np.stack([tile.power for tile in tiles])
    weight = band.weight / np.maximum(power.mean(axis=0), _TINY)
    both = (up + down) * (weight / np.float32(2))
    most = both.shape[1] // 2
    start, significance = _common(both.sum(axis=0), band)
    lag, y, x = (np.full(len(tiles), value) for value in start)
    lag += at_lag
    spline = _spline(most)
    sigma_z = np.full(len(tiles), np.nan)
    for _ in range(ROUNDS):
        turned = _weighted(spline, lag, both) * band.phases(y, x)
        step, sigma = _lateral(turned, band)
        y, x = y + step[0], x + step[1]
        if most >= LEAST_LAGS:
            lag, sigma_z = _axial(up, down, band.phases(y, x) * weight, lag, spline)
    return Shifts(
        np.stack([lag - at_lag, y, x], axis=1),
        np.stack([sigma_z, *sigma], axis=1),
        _sum(turned.real) / np.maximum(power @ weight, _TINY),
        significance,
    )


def _common(spectra: Complex, band: Band) -> tuple[tuple[float, float, float], float]:
    """Return the lag and the pixels (z, y, x) at which all tiles agree best, and how well.

    What the outermost lags show as well is no structure in focus but the camera's fixed pattern.
    """
    half = band.side // 4
    near = band.correlation(spectra)[:, half:-half, half:-half]
    if len(near) > 1:
        near = near - (near[0] + near[-1]) / 2
    lag, y, x = (int(i) for i in np.unravel_index(np.argmax(near), near.shape))
    spread = 1.4826 * float(np.median(np.abs(near)))
    middle = band.side // 2 - half
    at = (float(lag - len(near) // 2), float(y - middle), float(x - middle))
    return at, float(near[lag, y, x]) / max(spread, _TINY)


def _lateral(turned: Complex, band: Band) -> tuple[list[Float64], list[Float64]]:
    """Return one Newton step (y, x) of each tile, pixels, and the standard errors.

    Where a tile is at its place the imaginary parts are noise alone: their squares say how much.
    """
    kk = np.stack([band.ky**2, band.ky * band.kx, band.kx**2], axis=1)
    yy, yx, xx = (turned.real @ kk).T.astype(np.float64)
    vyy, vyx, vxx = WINDOWED * (turned.imag**2 @ kk).T.astype(np.float64)
    gy, gx = -(turned.imag @ band.ky), -(turned.imag @ band.kx)
    determinant = np.maximum(yy * xx - yx * yx, _TINY)
    a, b, d = xx / determinant, -yx / determinant, yy / determinant
    steps = [np.clip(s, -MOST_STEP, MOST_STEP) for s in (a * gy + b * gx, b * gy + d * gx)]
    variances = (
        a * a * vyy + 2 * a * b * vyx + b * b * vxx,
        b * b * vyy + 2 * b * d * vyx + d * d * vxx,
    )
    return steps, [np.sqrt(np.maximum(variance, 0)) for variance in variances]


def _axial(
    up: Complex, down: Complex, turn: Complex, lag: Float64, spline: BSpline
) -> tuple[Float64, Float64]:
    """Return the lags at which the correlations one plane up and one down are equal, and errors.

    Parameters
    ----------
    up, down : ndarray, (t, lags, k), complex64
    turn : ndarray, (t, k), complex64
        Phases of the lateral shift, times the frequencies' weights.
    lag : ndarray, (t,)
        Where to begin.
    spline : BSpline
        From `_spline`.
    """
    most = up.shape[1] // 2
    of_up, of_down = ((spectra @ turn[:, :, None])[..., 0].real for spectra in (up, down))
    slope = spline.derivative()
    for _ in range(4):
        lag = np.clip(lag, 1 - most, most - 1)
        unequal = _sum(spline(lag + 1) * of_up) - _sum(spline(lag - 1) * of_down)
        falls = _sum(slope(lag + 1) * of_up) - _sum(slope(lag - 1) * of_down)
        falls = np.minimum(falls, -_TINY)
        lag = lag + np.clip(-unequal / falls, -MOST_STEP, MOST_STEP)
    rest = _weighted(spline, lag + 1, up) - _weighted(spline, lag - 1, down)
    return lag, np.sqrt(WINDOWED * _sum((rest * turn).real ** 2)) / -falls


def _spline(most: int) -> BSpline:
    """Return the weights of values at -most … most in the spline through them, at any place."""
    from scipy.interpolate import make_interp_spline  # slow to load: not before the first frame

    lags = np.arange(-most, most + 1)
    return make_interp_spline(lags, np.eye(len(lags)), k=(0, 1, 3, 5)[min(most, 3)])


def _weighted(spline: BSpline, lag: Float64, spectra: Complex) -> Complex:
    """Return spectra (t, k) at a fraction of a lag, of spectra (t, lags, k)."""
    weights = np.asarray(spline(lag), np.complex64)
    return np.asarray((weights[:, None] @ spectra)[:, 0], np.complex64)


def _sum(values: npt.NDArray[np.floating]) -> Float64:
    return np.asarray(values.sum(axis=1), np.float64)


def _power(spectra: Complex) -> Float32:
    return np.asarray(spectra.real**2 + spectra.imag**2, np.float32)
