"""The channels' offset is found on the session's own cells."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from livesr.calibration.following.offset import Residual, estimate_offset
from livesr.calibration.warp import ChromaticModel
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.sample import Sample
from livesr.simulator.stack import draw_center
from livesr.simulator.view import View
from livesr.types import Grid

PIXEL, STEP, SIDE = 0.0668, 0.3, 320
OFFSET = 100.0
DRIFTS = [(0.0, 0.0, 0.0), (0.12, -0.05, 0.06), (-0.2, 0.1, -0.1)]


@lru_cache
def cells(seed: int, planes: int = 24) -> np.ndarray:
    """Return counts (2, z, y, x) as a splitter's camera gives them, a part of the sensor each."""
    sample = Sample(seed)
    view = View(draw_center(sample), PIXEL, (SIDE, SIDE))
    heights = (STEP * np.arange(planes)).tolist()
    photons = sample.emission(0.0, heights, view, Optics.from_seed(seed))
    rng = np.random.default_rng(seed)
    return np.stack([CameraModel(seed=c).expose(photons[c], rng) for c in range(2)])


def chromatic(seed: int) -> ChromaticModel:
    return Optics.from_seed(seed).chromatic


def seen(data: np.ndarray, stored: ChromaticModel) -> Residual | None:
    grid = Grid(data.shape[1:], (STEP, PIXEL, PIXEL))
    return estimate_offset(data, grid, OFFSET, {1: stored}).get(1)


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("seed", [60_801, 60_803])
def test_the_drift_is_found(seed: int, drift: tuple[float, float, float]) -> None:
    stored = chromatic(seed).shifted(*(-d for d in drift))
    found = seen(cells(seed), stored)
    error = np.array(found.shift_um) - drift
    assert np.all(np.abs(error) < (0.020, 0.010, 0.010))
    assert np.all(np.abs(error) < 3.5 * np.array(found.sigma_um))
    assert found.tiles > 4
    assert max(found.scatter_um[1:]) < 0.01


def test_a_dim_field_says_how_little_it_knows() -> None:
    found = seen(cells(60_800), chromatic(60_800))
    sigma = np.array(found.sigma_um)
    assert np.all(np.abs(found.shift_um) < 3 * sigma)
    assert np.all(sigma > (0.02, 0.005, 0.005))


def test_another_shape_of_the_field_scatters_the_tiles() -> None:
    stored = chromatic(60_801)
    z, (_, a, b, dy), (_, c, d, dx) = stored.affine
    turn = np.radians(0.4)
    turned = replace(
        stored,
        affine=(
            z,
            (0.0, a - turn * c, b - turn * d, dy),
            (0.0, c + turn * a, d + turn * b, dx),
        ),
    )
    found = seen(cells(60_801), turned)
    assert np.hypot(*found.scatter_um[1:]) > 0.03


def test_a_single_plane_has_no_axial_offset() -> None:
    data = cells(60_803)[:, 5:6]
    found = seen(data, chromatic(60_803).shifted(0.0, -0.1, 0.05))
    assert found.shift_um[0] == 0
    assert found.sigma_um[0] == np.inf
    np.testing.assert_allclose(found.shift_um[1:], (0.1, -0.05), atol=0.03)


def test_few_planes_are_enough() -> None:
    found = seen(cells(60_801)[:, :9], chromatic(60_801))
    assert np.all(np.abs(found.shift_um) < (0.03, 0.01, 0.01))


NOTHING = {
    "black": lambda _: np.zeros((24, 128, 128)),
    "saturated": lambda _: np.full((24, 128, 128), 65_535),
    "dark noise": lambda rng: rng.normal(100, 2, (24, 128, 128)),
    "an even field": lambda rng: rng.poisson(500, (24, 128, 128)),
}


@pytest.mark.parametrize("name", NOTHING)
def test_without_structure_nothing_is_seen(name: str) -> None:
    rng = np.random.default_rng(60_850)
    data = np.stack([NOTHING[name](rng) for _ in range(2)]).astype(np.uint16)
    assert seen(data, ChromaticModel.identity()) is None


def test_channels_that_show_different_things_say_nothing() -> None:
    data = np.stack([cells(60_801)[0], cells(60_803)[1]])
    assert seen(data, ChromaticModel.identity()) is None


def test_the_camera_s_fixed_pattern_is_no_structure() -> None:
    """Sequential channels share the sensor: what stands still on it is not the sample."""
    rng = np.random.default_rng(60_851)
    pattern = rng.normal(0, 8, (1, 1, 192, 192))
    noise = rng.normal(100, 2, (2, 24, 192, 192))
    spots = np.zeros((1, 24, 192, 192))
    spots[:, 8:12, ::16, ::16] = 400  # yellow alone shows something
    data = (noise + pattern + np.concatenate([spots, 0 * spots])).clip(0).astype(np.uint16)
    assert seen(data, ChromaticModel.identity().shifted(0, 0.1, 0.1)) is None


@pytest.mark.parametrize("shape", [(24, 20, 20), (2, 64, 64), (24, 64, 40)])
def test_small_stacks_do_no_harm(shape: tuple[int, int, int]) -> None:
    data = cells(60_801)[:, : shape[0], : shape[1], : shape[2]]
    found = seen(data, chromatic(60_801))
    assert found is None or np.all(np.isfinite(found.shift_um))


def test_a_channel_without_a_model_is_not_measured() -> None:
    grid = Grid((24, SIDE, SIDE), (STEP, PIXEL, PIXEL))
    assert estimate_offset(cells(60_801), grid, OFFSET, {}) == {}
    assert estimate_offset(cells(60_801)[:1], grid, OFFSET, {1: chromatic(60_801)}) == {}
