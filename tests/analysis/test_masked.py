"""Masks × intensity."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.analysis.masked import masked_intensity, mean_intensity
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.types import Grid

GRID = Grid((3, 20, 30), (0.3, 0.1, 0.1))
RNG = np.random.default_rng(60_010)


def test_the_mean_of_the_channels_is_counts_above_the_offset() -> None:
    data = np.full((2, *GRID.shape), 100, np.uint16)
    data[0, 1, 5, 6], data[1, 1, 5, 6] = 501, 200
    data[:, 2, 3, 4] = 90  # below the offset
    mean = mean_intensity(data, Warp(GRID, GRID.voxel_um), 100.0)
    assert mean.dtype == np.uint16
    assert mean[1, 5, 6] in (250, 251)
    assert mean.sum() == mean[1, 5, 6]


def test_red_is_laid_over_yellow_first() -> None:
    data = np.zeros((2, *GRID.shape), np.uint16)
    data[0, :, 10, 10] = 400
    data[1, :, 10, 13] = 200  # 0.3 µm off
    model = ChromaticModel().shifted(0.0, 0.0, 0.3)
    mean = mean_intensity(data, Warp(GRID, GRID.voxel_um, {1: model}), 0.0)
    assert (mean[:, 10, 10] == 300).all()
    assert not mean[:, 10, 13].any()


def test_one_channel_is_its_own_mean() -> None:
    data = RNG.integers(100, 60_000, (1, *GRID.shape), dtype=np.uint16)
    mean = mean_intensity(data, Warp(GRID, GRID.voxel_um), 100.0)
    np.testing.assert_array_equal(mean, data[0] - 100)


def test_intensity_within_the_mask_and_nothing_outside() -> None:
    intensity = RNG.integers(1, 60_000, GRID.shape, dtype=np.uint16)
    masks = {name: RNG.integers(0, 2, GRID.shape, dtype=np.uint8) for name in ("er", "golgi")}
    found = dict(masked_intensity(intensity, masks))
    assert list(found) == ["er", "golgi"]
    for name, image in found.items():
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, np.where(masks[name], intensity, 0))


def test_masks_on_another_grid_are_refused() -> None:
    intensity = np.zeros(GRID.shape, np.uint16)
    with pytest.raises(ValueError, match="the mask of er"):
        next(masked_intensity(intensity, {"er": np.zeros((3, 20, 31), np.uint8)}))
