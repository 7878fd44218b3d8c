"""Labels from a probe's image: what is subtracted, how bright it is, what is foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from livesr.analysis.scores import Counts
from livesr.calibration.warp import ChromaticModel
from livesr.errors import ModelError
from livesr.segmentation.description import CELLS
from livesr.training.evaluation.foreground_scores import (
    FG_NET,
    RIVALS,
    Rival,
    score_masks,
    tune_rivals,
)
from livesr.training.labels.foreground import foreground_mask, threshold_mask
from livesr.training.labels.probe import (
    ProbedStack,
    brightness,
    colocalisation_image,
    empty_light,
    feature,
    probe_image,
)
from livesr.training.sampling.colocalisation import simulate_probes
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.types import Float32, UInt8

GRID = Grid((4, 96, 96), (0.3, 0.1, 0.1))


def rods(light: float, noise: float = 1.0) -> tuple[Float32, Float32, Any]:
    """Return yellow, green and truth of a field with rods of a probe and droplets."""
    rng = np.random.default_rng(60_000)
    truth = np.zeros(GRID.shape, bool)
    for k in range(28, 90, 12):
        truth[1:3, k : k + 3, 30:84] = True
    yellow = np.full(GRID.shape, 7.0, np.float32)
    yellow[:, 24:, 24:] += 60.0
    green = np.full(GRID.shape, 2.0, np.float32) + np.float32(0.15) * (yellow - 7.0)
    green[truth] += light
    yellow += noise * rng.standard_normal(GRID.shape).astype(np.float32)
    green += noise * rng.standard_normal(GRID.shape).astype(np.float32)
    return yellow, green, truth


def test_what_nile_red_has_in_green_is_subtracted_and_droplets_are_zero() -> None:
    yellow, green, truth = rods(80.0, noise=0.0)
    droplets = np.zeros(GRID.shape, bool)
    droplets[0, 44:48, 40:44] = True
    yellow[droplets], green[droplets] = 1000.0, 190.0
    image = colocalisation_image(yellow, green, GRID, droplets=droplets)
    assert (image[droplets] == 0).all()
    np.testing.assert_allclose(image[truth], 80.0 - 0.05 * 60.0, atol=0.5)
    np.testing.assert_allclose(image[:, :4, :4], 0.0, atol=0.5)


def test_the_share_of_yellow_is_a_number() -> None:
    yellow, green, _ = rods(0.0, noise=0.0)
    inside = colocalisation_image(yellow, green, GRID, share=0.15)[:, 48, 45]
    np.testing.assert_allclose(inside, 0.0, atol=0.5)


def test_the_empty_field_is_what_is_darkest() -> None:
    yellow, green, _ = rods(50.0)
    assert empty_light(yellow, GRID) == pytest.approx(7.0, abs=0.5)
    assert empty_light(green, GRID) == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize("light", [20.0, 200.0, 2000.0])
def test_brightness_follows_the_probe(light: float) -> None:
    image = colocalisation_image(*rods(light)[:2], GRID)
    # rods of three voxels, blurred over two by the binning, are seen dimmer than they are
    assert 0.55 * light < brightness(image, GRID) < 1.05 * light


def test_brightness_does_not_hang_on_how_much_shines_or_on_gain() -> None:
    image = colocalisation_image(*rods(100.0)[:2], GRID)
    part = np.where(np.arange(96)[:, None] < 64, image, 0.0).astype(np.float32)
    whole = brightness(image, GRID)
    assert brightness(part, GRID) == pytest.approx(whole, rel=0.1)
    assert brightness(7.0 * image, GRID) == pytest.approx(7.0 * whole, rel=0.01)


def test_fg_net_sees_the_same_at_every_gain() -> None:
    image = colocalisation_image(*rods(100.0)[:2], GRID)
    seen = [feature(gain * image, brightness(gain * image, GRID)) for gain in (1.0, 9.0)]
    assert seen[0].shape == (1, *GRID.shape)
    np.testing.assert_allclose(seen[0], seen[1], atol=0.02)


@pytest.mark.parametrize("value", [0.0, -3.0, 1.0])
def test_images_without_a_probe_are_dark_and_no_accident(value: float) -> None:
    image = np.full(GRID.shape, value, np.float32)
    light = brightness(image, GRID)
    assert 0 < light < np.inf
    assert np.isfinite(feature(image, light)).all()


def stack(droplets: bool = False, model: ChromaticModel | None = None) -> tuple[ProbedStack, Any]:
    yellow, green, truth = rods(200.0, noise=3.0)
    counts = np.clip(np.stack([yellow, green]) + 100.0, 0, 65535).astype(np.uint16)
    covered = truth & (np.arange(96) > 60) if droplets else None
    model = model or ChromaticModel.identity()
    return ProbedStack(counts, GRID, 100.0, model, covered), truth


def test_droplets_are_zero_on_any_grid() -> None:
    probed, _ = stack(droplets=True)
    for voxel in (GRID.voxel_um, (0.3, 0.15, 0.15), (0.3, 0.07, 0.07)):
        image, grid = probe_image(probed, voxel)
        right = int(6.6 / voxel[2])
        assert grid.voxel_um == voxel
        # what is covered by less than half keeps its light
        covered = image[1, :, right : right + 10]
        assert np.percentile(covered, 90) < 30.0
        assert covered.max() < 0.75 * image[1, :, right - 20 : right - 10].max()


def test_green_is_registered_to_yellow() -> None:
    probed, truth = stack(model=ChromaticModel.identity().shifted(0.0, 0.3, 0.0))
    moved = ProbedStack(
        np.stack([probed.data[0], np.roll(probed.data[1], 3, axis=1)]),
        GRID,
        100.0,
        probed.chromatic,
    )
    assert Counts.of(threshold_mask(moved, 0.5, smooth=False), truth).f1 > 0.97


@pytest.mark.parametrize("how", ["otsu", 0.5])
def test_thresholds_find_rods(how: str | float) -> None:
    probed, truth = stack()
    assert Counts.of(threshold_mask(probed, how, smooth=False), truth).f1 > 0.97


class Half:
    """A network that says half: foreground is what is brighter than a number."""

    name = "HALF"
    channels: tuple[str, ...] = ("colocalisation",)
    structures = ("foreground",)
    voxel_um = (0.3, 0.1, 0.1)
    dims = "2d"
    multiple = (1, 4, 4)
    halo = (0, 4, 4)

    def check_channels(self, channels: tuple[str, ...] = CELLS) -> None:
        if channels != self.channels:
            raise ModelError("sees something else")

    def threshold(self, _: str) -> int:
        return 128

    def run(self, features: Float32, _out: UInt8 | None = None) -> UInt8:
        assert features.shape[1] == 1
        return np.where(features > 0.6, np.uint8(255), np.uint8(0))


def test_fg_net_gets_one_channel_and_its_mask_lies_on_the_cameras_grid() -> None:
    probed, truth = stack()
    network: Any = Half()
    mask = foreground_mask(probed, network, network)
    assert mask.shape == GRID.shape
    assert Counts.of(mask, truth).f1 > 0.95


def test_packages_that_see_cells_make_no_labels() -> None:
    network: Any = Half()
    network.channels = CELLS
    with pytest.raises(ModelError):
        foreground_mask(stack()[0], network, network)


def test_rivals_are_tuned_on_cells_that_are_not_scored() -> None:
    shape = (6, 128, 128)
    rivals = tune_rivals(("mitochondria",), [64_000], "standard", shape)["mitochondria"]
    assert set(rivals) == set(RIVALS)
    (cell,) = simulate_probes(64_001, ("mitochondria",), shape=shape)
    network: Any = Half()
    masks = score_masks(cell, network, network, rivals)
    assert set(masks) == {FG_NET, *RIVALS}
    tuned = Counts.of(masks["tuned"], cell.truth).f1
    far = Rival(6.0, smooth=False)
    wrong = score_masks(cell, network, network, {"tuned": far})["tuned"]
    assert tuned > 0.5
    assert tuned > Counts.of(wrong, cell.truth).f1
