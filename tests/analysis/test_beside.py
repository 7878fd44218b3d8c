"""Channels that no network sees are laid over the masks and measured there."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.analysis.beside import Beside, mean_within
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.types import Grid

GRID = Grid((3, 32, 32), (0.3, 0.1, 0.1))


def test_each_channel_is_registered_by_its_own_model() -> None:
    data = np.full((4, *GRID.shape), 100, np.uint16)
    data[2, 1, 12:16, 10:14] += 500
    data[3, 1, 10:14, 10:14] += 300
    model = ChromaticModel.identity().shifted(0.0, 0.2, 0.0)  # two pixels further down
    beside = Beside.of({2: "green", 3: "far_red"}, Warp(GRID, GRID.voxel_um), {1: model, 2: model})
    images = beside.registered(data, 100.0)
    mask = np.zeros(GRID.shape, np.uint8)
    mask[1, 10:14, 10:14] = 1
    assert mean_within(images["green"], mask) == pytest.approx(500, rel=1e-3)
    assert mean_within(images["far_red"], mask) == pytest.approx(300, rel=1e-3)


def test_an_empty_mask_has_no_mean() -> None:
    assert mean_within(np.ones((1, 2, 2), np.float32), np.zeros((1, 2, 2), bool)) is None
