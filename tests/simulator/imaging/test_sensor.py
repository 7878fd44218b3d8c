from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import poisson

from livesr.simulator.imaging.camera import CameraModel, rolling_blend
from livesr.simulator.parameters import parameters

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
    assert CameraModel(gain_e_per_adu=0.5).expose(bright, rng).min() == 65_535
    assert np.all(PLAIN.expose(np.full((8, 8), -1e9, np.float32), rng) > 80)


def test_electrons_add_up_to_the_full_well_and_no_further() -> None:
    rng = np.random.default_rng(60_007)
    small = CameraModel(
        full_well_e=5000.0, hot_share=0.0, offset_sigma=0.0, gain_sigma=0.0, noise_spread=0.0
    )
    below = small.expose(np.full((50, 50), 4000.0, np.float32), rng).astype(float)
    assert below.mean() == pytest.approx(100 + (4000 * 0.95 + 0.0275) / 1.2, rel=1e-3)
    above = small.expose(np.full((50, 50), 9000.0, np.float32), rng).astype(float)
    assert above.mean() == pytest.approx(100 + 5000 / 1.2, rel=1e-4)
    assert above.std() == pytest.approx(np.hypot(1.6 / 1.2, 12**-0.5), rel=0.06)  # readout alone


def test_camera_of_a_set_of_parameters() -> None:
    standard = parameters().camera
    assert CameraModel.from_parameters(standard) == CameraModel()
    camera = CameraModel.from_parameters(
        parameters("shifted").camera, bits=12, exposure_s=0.02, seed=60_008
    )
    assert camera.read_noise_e > standard.read_noise_e
    assert (camera.bits, camera.exposure_s, camera.seed) == (12, 0.02, 60_008)


def test_light_and_bleaching_act_on_the_fly() -> None:
    rng = np.random.default_rng(60_009)
    floor = rng.uniform(2.0, 6.0, (40, 50)).astype(np.float32)
    photons = floor + rng.uniform(0.0, 200.0, (3, 40, 50)).astype(np.float32)
    # half the light, and dye bleached to 0.8 over a background that does not bleach
    arriving = 0.5 * (floor + 0.8 * (photons - floor))
    camera = CameraModel(seed=60_009)
    expected = camera.expose(arriving, np.random.default_rng(5)).astype(int)
    found = camera.expose(
        photons, np.random.default_rng(5), scale=0.4, floor=floor, floor_scale=0.1
    ).astype(int)
    assert np.abs(found - expected).max() <= 1  # rounding
    assert (found == expected).mean() > 0.99
    dimmed = camera.expose(photons, np.random.default_rng(5), scale=0.5)
    np.testing.assert_array_equal(
        dimmed, camera.expose(photons * np.float32(0.5), np.random.default_rng(5))
    )
    with pytest.raises(ValueError, match="floor is"):
        camera.expose(photons, np.random.default_rng(5), floor=floor[:-1])


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


def test_hot_pixels_are_as_many_and_as_bright_as_set() -> None:
    hot = CameraModel(seed=60_014, hot_share=0.01, hot_adu=300.0).pattern(400, 500)[0]
    cold = CameraModel(seed=60_014, hot_share=0.0).pattern(400, 500)[0]
    raised = hot[hot > 115.0] - 100.0
    assert raised.size / hot.size == pytest.approx(0.01 * np.exp(-15 / 300), rel=0.1)
    assert raised.mean() == pytest.approx(300.0 + 15.0, rel=0.1)
    assert cold.max() < 110.0


def test_each_readout_port_has_its_own_offset() -> None:
    offset = CameraModel(seed=60_015, port_sigma=3.0, hot_share=0.0).pattern(100, 200)[0]
    even = CameraModel(seed=60_015, hot_share=0.0).pattern(100, 200)[0]
    steps = np.unique(np.round(offset - even, 3))
    assert steps.size == 4
    assert np.ptp((offset - even)[:50, :100]) < 1e-3


def test_frame_rate_follows_from_the_readout() -> None:
    camera = CameraModel()
    assert 1.0 / camera.readout_s(1200) == pytest.approx(41.0, abs=0.1)
    delays = camera.row_delays(1200)
    assert delays.shape == (1200,)
    np.testing.assert_allclose(np.diff(delays), 20.3e-6)
    assert delays[0] == 0.0
    assert delays[-1] + 20.3e-6 == pytest.approx(camera.readout_s(1200))


@pytest.mark.parametrize("exposure_s", [0.01, 0.05])
@pytest.mark.parametrize("change_s", [-0.1, 0.0, 0.02436, 0.05, 1.0])
def test_rows_see_both_sides_of_a_change_for_their_own_time(
    exposure_s: float, change_s: float
) -> None:
    camera = CameraModel(exposure_s=exposure_s)
    late = camera.late_share(1200, change_s)
    times = (np.arange(20_000) + 0.5) / 20_000 * exposure_s
    for row in (0, 300, 1199):
        expected = (times + camera.row_delays(1200)[row] > change_s).mean()
        assert late[row] == pytest.approx(expected, abs=1e-4)


def test_ungated_light_mixes_planes_and_keeps_the_light() -> None:
    camera = CameraModel(exposure_s=0.05)
    planes = np.broadcast_to(np.float32([1.0, 2.0, 4.0])[:, None, None], (3, 1200, 4))
    late = camera.late_share(1200, camera.exposure_s)  # the stage moves as the first row ends
    assert late[0] == 0.0
    assert late[-1] == pytest.approx(camera.readout_s(1200) / 0.05, rel=0.001)
    frames = rolling_blend(planes[:-1], planes[1:], late)
    np.testing.assert_array_equal(frames[:, 0], planes[:-1, 0])
    np.testing.assert_allclose(frames[0, :, 0], 1.0 + late, rtol=1e-6)
    np.testing.assert_allclose(frames[1, :, 0], 2.0 + 2.0 * late, rtol=1e-6)
    gated = rolling_blend(planes[:-1], planes[1:], np.zeros(1200, np.float32))
    np.testing.assert_array_equal(gated, planes[:-1])
