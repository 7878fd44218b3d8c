from __future__ import annotations

import numpy as np
import pytest

from livesr.analysis.photon_transfer import photon_transfer
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.parameters import parameters

LEVELS = (0.0, 20.0, 100.0, 500.0, 2000.0, 10_000.0)


def frames(camera: CameraModel, photons: float, count: int, seed: int) -> np.ndarray:
    light = np.full((count, 160, 200), photons, np.float32)
    return camera.expose(light, np.random.default_rng(seed))


@pytest.mark.parametrize("preset", ["standard", "shifted"])
def test_gain_and_read_noise_are_the_cameras(preset: str) -> None:
    p = parameters(preset).camera
    camera = CameraModel.from_parameters(p, seed=60_010)
    levels = [frames(camera, level, 8, 60_010 + i) for i, level in enumerate(LEVELS)]
    found = photon_transfer(levels[::-1])
    assert found.gain_e_per_adu == pytest.approx(p.gain_e_per_adu, rel=0.01)
    tail = np.exp(p.noise_spread**2)  # root mean square over median of a log-normal
    assert found.read_noise_e == pytest.approx(p.read_noise_e * tail, rel=0.03)
    assert found.offset == pytest.approx(p.offset, abs=0.2)


def test_uneven_light_and_fixed_pattern_drop_out() -> None:
    camera = CameraModel(offset_sigma=30.0, gain_sigma=0.0, noise_spread=0.0, seed=60_011)
    slope = np.linspace(0.5, 1.5, 200, dtype=np.float32)
    levels = [
        camera.expose(
            np.broadcast_to(level * slope, (8, 160, 200)), np.random.default_rng(60_020 + i)
        )
        for i, level in enumerate(LEVELS)
    ]
    found = photon_transfer(levels)
    assert found.gain_e_per_adu == pytest.approx(1.2, rel=0.01)
    assert found.read_noise_e == pytest.approx(1.6, rel=0.03)


def test_two_frames_a_level_are_enough() -> None:
    camera = CameraModel(seed=60_012)
    found = photon_transfer([frames(camera, level, 2, 60_030) for level in (0.0, 1000.0)])
    assert found.gain_e_per_adu == pytest.approx(1.2, rel=0.03)


def test_clipped_repeated_and_single_frames_are_refused() -> None:
    camera = CameraModel(bits=12, seed=60_013)
    levels = [frames(camera, level, 2, 60_040) for level in (0.0, 500.0, 50_000.0)]
    with pytest.raises(ValueError, match="clipped"):
        photon_transfer(levels)
    with pytest.raises(ValueError, match="repeated"):
        photon_transfer([levels[0], levels[0]])
    for few in ([levels[0]], [levels[0][:1], levels[1][:1]], [levels[0][0], levels[1][0]]):
        with pytest.raises(ValueError, match="two frames"):
            photon_transfer(few)
