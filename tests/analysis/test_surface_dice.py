from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import distance_transform_edt

from livesr.analysis.shares import Shares
from livesr.analysis.surface import compare_surfaces, near, rim_area

VOXEL = (0.3, 0.0668, 0.0668)
volumes = hnp.arrays(bool, (3, 6, 7))


def box(shape: tuple[int, int, int], *sides: slice) -> np.ndarray:
    volume = np.zeros(shape, bool)
    volume[sides] = True
    return volume


def test_a_box_has_the_area_of_its_sides() -> None:
    volume = box((8, 12, 14), slice(2, 5), slice(3, 9), slice(4, 6))
    depth, height, width = 3 * 0.3, 6 * 0.0668, 2 * 0.0668
    expected = 2 * (depth * height + depth * width + height * width)
    assert rim_area(volume, VOXEL).sum() == pytest.approx(expected)


def test_the_border_of_the_field_is_no_surface() -> None:
    assert rim_area(np.ones((3, 4, 5), bool), VOXEL).sum() == 0
    half = box((4, 4, 6), slice(None), slice(None), slice(0, 3))
    assert rim_area(half, VOXEL).sum() == pytest.approx(4 * 4 * 0.3 * 0.0668)


@given(volumes, st.floats(0.0, 0.7))
def test_near_is_what_the_distance_transform_says(volume: np.ndarray, reach: float) -> None:
    voxel = (0.3, 0.07, 0.11)
    if volume.any():
        distance = distance_transform_edt(~volume, sampling=voxel)
        if np.abs(distance - reach).min() < 1e-6:
            return
        expected = distance <= reach
    else:
        expected = volume
    found = near(volume.view(np.uint8), voxel, reach).astype(bool)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("shift", "dice"),
    [((0, 0, 0), 1.0), ((0, 1, 0), 1.0), ((0, 1, 1), 1.0)],
)
def test_a_shift_within_the_tolerance_costs_nothing(
    shift: tuple[int, int, int], dice: float
) -> None:
    truth = box((6, 20, 20), slice(2, 4), slice(5, 15), slice(5, 15))
    mask = np.roll(truth, shift, axis=(0, 1, 2))
    assert compare_surfaces(mask, truth, VOXEL).dice == dice


def test_a_shift_beyond_it_costs_the_sides_that_it_moves() -> None:
    """Sides along the shift still lie on each other, but for their ends."""
    truth = box((8, 40, 40), slice(2, 6), slice(10, 30), slice(10, 30))
    mask = np.roll(truth, 2, axis=1)
    shares = compare_surfaces(mask, truth, VOXEL)
    side, cap = 20 * 4 * 0.0668 * 0.3, 20 * 20 * 0.0668**2
    assert shares.marked == shares.real == pytest.approx(4 * side + 2 * cap, rel=1e-5)
    # both moved sides are lost; of the rest, strips two pixels wide less the tolerance's one
    assert 0.45 < shares.dice < (2 * side + 2 * cap) / (4 * side + 2 * cap) + 0.1
    planes = compare_surfaces(np.roll(truth, 1, axis=0), truth, VOXEL)
    assert planes.dice < 0.95


@given(volumes, volumes)
def test_surfaces_of_the_definition(mask: np.ndarray, truth: np.ndarray) -> None:
    """Each rim voxel against every rim voxel of the other, weighted by its exposed faces."""
    shares = compare_surfaces(mask, truth, VOXEL)
    rims = [rim_area(volume, VOXEL) for volume in (mask, truth)]
    expected = []
    for mine, other in (rims, rims[::-1]):
        places, others = (np.argwhere(rim > 0) * VOXEL for rim in (mine, other))
        apart = np.linalg.norm(places[:, None] - others[None], axis=-1)
        close = apart.min(axis=1, initial=np.inf) <= 0.1
        expected += [mine[mine > 0][close].sum(dtype=float), mine.sum(dtype=float)]
    assert shares == Shares(*(pytest.approx(value, abs=1e-6) for value in expected))


def test_shares_pool_and_are_zero_for_nothing() -> None:
    assert Shares().dice == Shares().harmonic == 0.0
    both = Shares(1, 2, 3, 4) + Shares(1, 1, 0, 1)
    assert both == Shares(2, 3, 3, 5)
    assert both.dice == pytest.approx(5 / 8)
    assert both.harmonic == pytest.approx(2 * (2 / 3) * (3 / 5) / (2 / 3 + 3 / 5))
