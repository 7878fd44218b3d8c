"""What the pipeline makes of a stack's masks."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.pipeline import measure
from livesr.types import Grid, Masks, StackIndex


def masks(planes: int) -> Masks:
    volume = np.zeros((planes, 4, 5), np.uint8)
    volume[:, 1:3, 1:4] = 1
    return Masks({"er": volume}, Grid(volume.shape, (0.3, 0.1, 0.2)), StackIndex(1, 7))


def test_stacks_have_volumes() -> None:
    (row,) = measure(masks(3))
    assert (row["image"], row["t"], row["structure"], row["voxels"]) == (1, 7, "er", 18)
    assert row["volume_um3"] == pytest.approx(18 * 0.006)
    assert row["area_um2"] is None
    assert row["fraction"] == pytest.approx(18 / 60)


def test_single_planes_have_areas() -> None:
    (row,) = measure(masks(1))
    assert row["area_um2"] == pytest.approx(6 * 0.02)
    assert row["volume_um3"] is None
