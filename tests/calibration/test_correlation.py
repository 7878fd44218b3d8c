"""Shifts between tiles of which they are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import fftfreq, fftn, ifftn

from livesr.calibration.following.correlation import Band, Tile, shifts

SIDE, PLANES, LAGS = 64, 8, 3
SIGMA = (0.75, 0.95, 0.95)
"""Of a point's image, planes and pixels."""


def moved(volume: np.ndarray, shift: tuple[float, float, float]) -> np.ndarray:
    """Return a band-limited volume, blurred and moved as a whole: its content wraps around."""
    spectrum = fftn(volume)
    for axis, (by, sigma) in enumerate(zip(shift, SIGMA, strict=True)):
        f = fftfreq(volume.shape[axis])
        factor = np.exp(-2j * np.pi * f * by - 2 * (np.pi * f * sigma) ** 2)
        spectrum *= np.expand_dims(factor, tuple({0, 1, 2} - {axis}))
    return ifftn(spectrum).real


def tile(seed: int, shift: tuple[float, float, float], noise: float = 0.0) -> Tile:
    rng = np.random.default_rng(seed)
    points = np.zeros((32, 96, 96))
    points[tuple(rng.integers(0, n, 900) for n in points.shape)] = rng.uniform(0.5, 2, 900)
    first, second = (
        moved(points, by) + noise * rng.normal(size=points.shape) for by in ((0, 0, 0), shift)
    )
    inner = np.s_[16:80, 16:80]
    band = Band(SIDE, (0.0668, 0.0668))
    here, there = slice(12, 12 + PLANES), slice(12 - LAGS, 12 + PLANES + LAGS)
    return Tile.of(
        band.spectra(np.float32(first[here][:, *inner])),
        band.spectra(np.float32(second[there][:, *inner])),
    )


@pytest.mark.parametrize(
    "shift", [(0.0, 0.0, 0.0), (0.3, 0.4, -0.2), (-1.2, 2.5, 0.7), (0.5, -7.0, 5.5)]
)
def test_shifts_are_found(shift: tuple[float, float, float]) -> None:
    tiles = [tile(seed, shift) for seed in (60_700, 60_701)]
    seen = shifts(tiles, np.zeros(2), Band(SIDE, (0.0668, 0.0668)))
    np.testing.assert_allclose(seen.shift, np.tile(shift, (2, 1)), atol=0.06)
    assert np.all(seen.agreement > 0.7)
    assert seen.significance > 20


def test_what_is_expected_of_a_tile_is_no_shift() -> None:
    tiles = [tile(60_702, (0.4, 0.0, 0.0)), tile(60_703, (-0.3, 0.0, 0.0))]
    seen = shifts(tiles, np.array([0.4, -0.3]), Band(SIDE, (0.0668, 0.0668)))
    np.testing.assert_allclose(seen.shift, 0, atol=0.05)


def test_errors_say_how_far_noise_moves_a_tile() -> None:
    """Over 40 tiles the shifts scatter as much as their errors say, within a third."""
    tiles = [tile(60_710 + k, (0.2, -0.3, 0.4), noise=0.05) for k in range(40)]
    seen = shifts(tiles, np.zeros(len(tiles)), Band(SIDE, (0.0668, 0.0668)))
    pulls = (seen.shift - (0.2, -0.3, 0.4)) / seen.sigma
    assert np.all(np.abs(np.median(np.abs(pulls), axis=0) / 0.6745 - 1) < 0.4)


def test_noise_agrees_on_nothing() -> None:
    rng = np.random.default_rng(60_750)
    band = Band(SIDE, (0.0668, 0.0668))
    planes = [rng.normal(size=(n, SIDE, SIDE)).astype(np.float32) for n in (8, 14) * 4]
    tiles = [
        Tile.of(band.spectra(a), band.spectra(b))
        for a, b in zip(planes[::2], planes[1::2], strict=True)
    ]
    seen = shifts(tiles, np.zeros(4), band)
    assert seen.significance < 8
    assert np.all(np.abs(seen.agreement) < 0.1)
