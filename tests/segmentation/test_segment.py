from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from livesr.calibration.warp import target_grid
from livesr.errors import ModelError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import Package, load_package
from livesr.segmentation.segment import coverage, mask_on, probabilities, roundtrip, to_masks
from livesr.types import Features, Grid, StackIndex

if TYPE_CHECKING:
    from pathlib import Path

CAMERA = Grid((12, 120, 140), (0.3, 0.0668, 0.0668))
VOXEL_UM = (0.3, 0.1, 0.1)
INDEX = StackIndex(0, 3)
Shape = Callable[[float, np.random.Generator], np.ndarray]


@pytest.fixture
def package(folder: Path) -> Package:
    return load_package(folder)


def random_features(grid: Grid, seed: int) -> Features:
    data = np.random.default_rng(seed).normal(0, 1, (2, *grid.shape)).astype(np.float32)
    return Features(data, grid, has_ratio=True)


def test_windows_give_the_same_probabilities_as_the_whole_field(package: Package) -> None:
    features = random_features(Grid((7, 45, 61), VOXEL_UM), 60_200)
    engine = choose_engine("auto", package, precision="f32")
    whole = probabilities(features, package, engine)
    assert whole.shape == (2, 7, 45, 61)
    windows = probabilities(features, package, engine, max_voxels=5000)
    assert np.abs(whole.astype(int) - windows).max() <= 1


def test_features_on_another_grid_are_refused(package: Package) -> None:
    engine = choose_engine("auto", package)
    with pytest.raises(ModelError, match="voxels"):
        probabilities(random_features(Grid((8, 16, 16), (0.3, 0.2, 0.2)), 60_201), package, engine)


def test_a_single_plane_passes(package: Package) -> None:
    engine = choose_engine("auto", package)
    camera = Grid((1, 30, 30), (1.0, 0.0668, 0.0668))
    network = target_grid(camera, VOXEL_UM)
    probability = probabilities(random_features(network, 60_202), package, engine)
    masks = to_masks(probability, package, camera, INDEX)
    assert masks.volumes["mitochondria"].shape == camera.shape


def test_only_the_structures_asked_for_become_masks(package: Package) -> None:
    probability = np.zeros((2, *target_grid(CAMERA, VOXEL_UM).shape), np.uint8)
    probability[1, :, 20:40] = 255
    masks = to_masks(probability, package, CAMERA, INDEX, structures=["mitochondria"])
    assert list(masks.volumes) == ["mitochondria"]
    assert masks.index == INDEX
    volume = masks.volumes["mitochondria"]
    assert volume.dtype == np.uint8
    assert volume.shape == CAMERA.shape
    assert set(np.unique(volume)) == {0, 1}
    with pytest.raises(ModelError):
        to_masks(probability, package, CAMERA, INDEX, structures=["golgi"])


def test_masks_on_the_networks_grid_are_the_threshold_alone(package: Package) -> None:
    network = target_grid(CAMERA, VOXEL_UM)
    probability = np.random.default_rng(60_203).integers(0, 256, (2, *network.shape), np.uint8)
    volumes = to_masks(probability, package, network, INDEX).volumes
    np.testing.assert_array_equal(volumes["lipid_droplet"], probability[0] >= 128)
    np.testing.assert_array_equal(volumes["mitochondria"], probability[1] >= 102)


def test_a_probability_of_another_grid_is_an_error(package: Package) -> None:
    with pytest.raises(ValueError, match="does not belong"):
        to_masks(np.zeros((2, 3, 4, 5), np.uint8), package, CAMERA, INDEX)


@pytest.mark.parametrize("z_step", [0.3, 0.2, 0.45])
def test_the_way_back_follows_the_grids_convention(z_step: float) -> None:
    camera = replace(CAMERA, voxel_um=(z_step, *CAMERA.voxel_um[1:]))
    network = target_grid(camera, VOXEL_UM)
    noise = np.random.default_rng(60_204).normal(0, 1, network.shape)
    smooth = gaussian_filter(noise, (1, 3, 3))
    probability = np.rint(np.clip(128 + 900 * smooth, 0, 255)).astype(np.uint8)
    z, y, x = (np.arange(n, dtype=float) for n in camera.shape)
    at = np.meshgrid(
        z * z_step / network.voxel_um[0],
        (y + 0.5) * 0.0668 / 0.1 - 0.5,
        (x + 0.5) * 0.0668 / 0.1 - 0.5,
        indexing="ij",
    )
    expected = map_coordinates(probability.astype(float), at, order=1, mode="nearest")
    mask = mask_on(camera, probability, network, 128)
    clear = np.abs(expected - 128) > 2
    np.testing.assert_array_equal(mask[clear], expected[clear] >= 128)


def f1(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.sum(a & b) / (a.sum() + b.sum()))


def line(width: float, rng: np.random.Generator) -> np.ndarray:
    """Return a curved tube of this width in camera pixels, running through the field."""
    field = np.ones(CAMERA.shape[1:], bool)
    t = np.linspace(0, 1, 4000)
    y = 60 + 40 * np.sin(6 * t + rng.uniform(0, 6))
    field[np.rint(y).astype(int), np.rint(139 * t).astype(int)] = False
    fine = distance_transform_edt(field) <= width / 2
    out = np.zeros(CAMERA.shape, bool)
    out[4:7] = fine
    return out


def sheet(width: float, rng: np.random.Generator) -> np.ndarray:
    """Return a slanted sheet."""
    y, x = np.mgrid[: CAMERA.shape[1], : CAMERA.shape[2]]
    angle = rng.uniform(0, np.pi)
    distance = (y - 60) * np.cos(angle) + (x - 70) * np.sin(angle) + rng.uniform(0, 1)
    return np.broadcast_to(np.abs(distance) <= width / 2, CAMERA.shape).copy()


def vesicles(width: float, rng: np.random.Generator) -> np.ndarray:
    """Return spheres of this diameter (µm in z alike) at random sub-pixel places."""
    out = np.zeros(CAMERA.shape, bool)
    z, y, x = np.ogrid[: CAMERA.shape[0], : CAMERA.shape[1], : CAMERA.shape[2]]
    for _ in range(60):
        cz, cy, cx = rng.uniform((2, 8, 8), (10, 112, 132))
        depth = max(width * 0.0668 / 0.3, 1.2)
        r2 = ((z - cz) / depth) ** 2 + ((y - cy) / width) ** 2 + ((x - cx) / width) ** 2
        out |= r2 <= 0.25
    return out


@pytest.mark.parametrize("shape", [line, sheet])
@pytest.mark.parametrize("width", [2.0, 3.0, 4.0])
def test_resampling_alone_keeps_tubes_and_sheets(shape: Shape, width: float) -> None:
    mask = shape(width, np.random.default_rng(60_205))
    assert f1(mask, roundtrip(mask.astype(np.uint8), CAMERA, VOXEL_UM) > 0) >= 0.9


@pytest.mark.parametrize("width", [2.5, 3.0, 4.0])
def test_resampling_alone_keeps_vesicles_at_their_threshold(width: float) -> None:
    """Vesicles between the networks' pixels cover none by half: their thresholds are lower."""
    mask = vesicles(width, np.random.default_rng(60_206))
    back = roundtrip(mask.astype(np.uint8), CAMERA, VOXEL_UM, threshold=0.35)
    assert f1(mask, back > 0) >= 0.9
    network = target_grid(CAMERA, VOXEL_UM)
    soft = coverage(mask.astype(np.uint8), CAMERA, network)
    y, x = (np.rint((np.arange(n) + 0.5) * 0.668 - 0.5).astype(int) for n in mask.shape[1:])
    nearest = soft[:, np.maximum(y, 0)][:, :, np.maximum(x, 0)] >= 0.35 * 255
    assert f1(mask, nearest) < 0.85


def test_coverage_keeps_the_volume() -> None:
    mask = vesicles(4.0, np.random.default_rng(60_207)).astype(np.uint8)
    network = target_grid(CAMERA, VOXEL_UM)
    soft = coverage(mask, CAMERA, network) / 255
    volume = soft.sum() * np.prod(network.voxel_um)
    assert volume == pytest.approx(mask.sum() * np.prod(CAMERA.voxel_um), rel=0.02)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers_never_reach_the_network(folder: Path, broken: float) -> None:
    package = load_package(folder)
    engine = choose_engine("auto", package)
    features = random_features(Grid((8, 16, 16), package.voxel_um), 60_203)
    features.data[1, 2, 3, 4] = broken
    with pytest.raises(ModelError, match="not all finite"):
        probabilities(features, package, engine)


def test_masks_of_some_structures_are_those_of_all(folder: Path) -> None:
    package = load_package(folder)
    grid = Grid((8, 16, 16), package.voxel_um)
    features = random_features(grid, 60_204)
    whole, some = (
        choose_engine("auto", package, structures=names) for names in (None, ["mitochondria"])
    )
    masks = to_masks(probabilities(features, package, whole), package, grid, INDEX)
    few = to_masks(
        probabilities(features, package, some), package, grid, INDEX, outputs=some.structures
    )
    assert list(few.volumes) == ["mitochondria"]
    np.testing.assert_array_equal(few.volumes["mitochondria"], masks.volumes["mitochondria"])
