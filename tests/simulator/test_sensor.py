from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import poisson

from livesr.simulator.camera import CameraModel

PLAIN = CameraModel(hot_share=0.0, offset_sigma=0.0, gain_sigma=0.0, noise_spread=0.0)


@pytest.mark.parametrize("photons", [0.0, 0.5, 3.3, 12.0, 31.0, 36.0, 250.0, 4000.0])
def test_mean_and_variance_follow_theory(photons: float) -> None:
    counts = PLAIN.expose(
        np.full((4, 200, 250), photons, np.float32), np.random.default_rng(60_000)
    ).astype(float)
    electrons = photons * PLAIN.qe + PLAIN.dark_e_per_s * PLAIN.exposure_s
    mean = PLAIN.offset + electrons / PLAIN.gain_e_per_adu
    variance = (electrons + PLAIN.read_noise_e**2) / PLAIN.gain_e_per_adu**2 + 1 / 12
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / counts.size) + 0.01)
    assert counts.var() == pytest.approx(variance, rel=0.03)


def test_low_light_is_skewed_like_poisson() -> None:
    camera = CameraModel(
        read_noise_e=0.01, hot_share=0, offset_sigma=0, gain_sigma=0, gain_e_per_adu=0.1, qe=1.0
    )
    counts = camera.expose(np.full((400, 400), 4.0, np.float32), np.random.default_rng(60_001))
    electrons = (counts.astype(float) - 100.0) * 0.1
    deviation = electrons - electrons.mean()
    skewness = (deviation**3).mean() / electrons.std() ** 3
    assert skewness == pytest.approx(1 / np.sqrt(4.0), rel=0.08)


@pytest.mark.parametrize("photons", [0.0, 0.2, 1.0, 4.0, 15.0])
def test_low_light_is_distributed_like_poisson_with_read_noise(photons: float) -> None:
    counts = PLAIN.expose(
        np.full((400, 500), photons, np.float32), np.random.default_rng(60_008)
    ).ravel()
    mean = photons * PLAIN.qe + PLAIN.dark_e_per_s * PLAIN.exposure_s
    electrons, values = np.arange(100), np.arange(80, 160)
    edges = (values + 0.5 - PLAIN.offset) * PLAIN.gain_e_per_adu
    below = ndtr((edges[:, None] - electrons) / PLAIN.read_noise_e)
    expected = below @ poisson.pmf(electrons, mean)
    found = np.searchsorted(np.sort(counts), values, side="right") / counts.size
    assert np.abs(found - expected).max() < 0.005


def test_equal_generators_give_equal_counts() -> None:
    photons = np.random.default_rng(60_002).uniform(0, 200, (3, 40, 50)).astype(np.float32)
    camera = CameraModel(seed=60_003)
    first, again = (camera.expose(photons, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != camera.expose(photons, np.random.default_rng(6)))
    assert first.dtype == np.uint16
    assert first.shape == photons.shape


def test_counts_are_written_where_they_are_wanted() -> None:
    photons = np.full((30, 70), 20.0, np.float32)
    counts = np.zeros((30, 70), np.uint16)
    assert PLAIN.expose(photons, np.random.default_rng(5), counts) is counts
    np.testing.assert_array_equal(counts, PLAIN.expose(photons, np.random.default_rng(5)))
    odd = np.zeros((60, 70), np.uint16)[::2]
    unfit: list[Any] = [counts[:, :-1], counts.astype(np.uint8), odd]
    for wrong in unfit:
        with pytest.raises(ValueError, match="out is"):
            PLAIN.expose(photons, np.random.default_rng(5), wrong)


def test_neighbours_and_frames_are_independent() -> None:
    counts = PLAIN.expose(np.full((2, 300, 300), 20.0, np.float32), np.random.default_rng(60_004))
    noise = counts.astype(float) - counts.mean()
    pairs = [
        (noise[0, :, 1:], noise[0, :, :-1]),
        (noise[0, 1:], noise[0, :-1]),
        (noise[0], noise[1]),
    ]
    for a, b in pairs:
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.015


def test_counts_are_clipped_at_the_bit_depth_and_the_full_well() -> None:
    bright = np.full((8, 8), 1e6, np.float32)
    rng = np.random.default_rng(60_005)
    assert CameraModel(bits=12).expose(bright, rng).max() == 4095
    full = CameraModel(hot_share=0.0).expose(bright, rng)
    assert full.max() < 100 + 1.05 * 80_000 / 1.2


def test_fixed_pattern_belongs_to_the_camera() -> None:
    camera = CameraModel(seed=60_006, hot_share=0.01)
    offset, gain, noise = camera.pattern(100, 120)
    assert np.median(offset) == pytest.approx(100.0, abs=0.2)
    assert gain.std() / gain.mean() == pytest.approx(0.005, rel=0.1)
    assert np.median(noise / gain) == pytest.approx(1.6, rel=0.02)
    assert 0.003 < (offset > 110).mean() < 0.03
    np.testing.assert_array_equal(
        offset, CameraModel(seed=60_006, hot_share=0.01).pattern(100, 120)[0]
    )
