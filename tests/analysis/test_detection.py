from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import center_of_mass, label

from livesr.analysis.detection import (
    AXIAL,
    GATE_UM,
    centroids,
    count_objects,
    count_vesicles,
    matches,
)
from livesr.analysis.scores import Counts

VOXEL = (0.3, 0.0668, 0.0668)
volumes = hnp.arrays(bool, (2, 4, 5))
points = hnp.arrays(
    np.float64, st.tuples(st.integers(0, 5), st.just(3)), elements=st.floats(0, 0.6)
)


def ball(
    shape: tuple[int, int, int], *middles: tuple[float, float, float], um: float
) -> np.ndarray:
    """Return balls of a radius in µm around points in voxels."""
    at = np.moveaxis(np.indices(shape), 0, -1)
    inside = np.zeros(shape, bool)
    for middle in middles:
        inside |= (((at - middle) * VOXEL) ** 2).sum(axis=-1) <= um**2
    return inside


def test_objects_are_found_by_more_than_half_their_union() -> None:
    truth = np.zeros((2, 20, 20), bool)
    mask = np.zeros_like(truth)
    truth[0, 2:6, 2:6] = True
    mask[0, 2:6, 3:6] = True  # 12 of 16: found
    truth[0, 10:14, 2:6] = True
    mask[0, 10:14, 4:8] = True  # 8 of 24: missed, and a false one
    truth[1, 15:17, 15:17] = True  # missed
    assert count_objects(mask, truth) == Counts(tp=1, fp=1, fn=2, tn=0)
    assert count_objects(truth, truth).f1 == 1.0
    assert count_objects(np.zeros_like(mask), np.zeros_like(mask)) == Counts()


@given(volumes, volumes)
def test_overlapping_objects_are_those_of_the_definition(
    mask: np.ndarray, truth: np.ndarray
) -> None:
    (found, marked), (wanted, real) = label(mask), label(truth)
    tp = sum(
        bool(((found == i) & (wanted == j)).sum() > 0.5 * ((found == i) | (wanted == j)).sum())
        for i, j in itertools.product(range(1, marked + 1), range(1, real + 1))
    )
    assert count_objects(mask, truth) == Counts(tp, marked - tp, real - tp, 0)


def test_partners_must_be_unique() -> None:
    empty = np.zeros((1, 1, 1), bool)
    with pytest.raises(ValueError, match="unique"):
        count_objects(empty, empty, iou=0.3)


def test_a_vesicle_is_found_by_its_place_whatever_its_size() -> None:
    shape = (9, 40, 40)
    truth = ball(shape, (4, 10, 10), (4, 28, 28), um=0.25)
    small = ball(shape, (4, 11, 10), (4, 28, 27), um=0.1)
    assert count_objects(small, truth).tp == 0
    assert count_vesicles(small, truth, VOXEL) == Counts(tp=2, fp=0, fn=0, tn=0)
    far = ball(shape, (4, 14, 10), (4, 28, 28), um=0.2)
    assert count_vesicles(far, truth, VOXEL) == Counts(tp=1, fp=1, fn=1, tn=0)


@pytest.mark.parametrize(
    ("offset", "found"),
    [
        ((0.0, 0.19, 0.0), True),
        ((0.0, 0.21, 0.0), False),
        ((0.0, 0.15, 0.15), False),
        ((0.19 * AXIAL, 0.0, 0.0), True),
        ((0.21 * AXIAL, 0.0, 0.0), False),
        ((0.15 * AXIAL, 0.0, 0.15), False),
    ],
)
def test_the_gate_is_round_in_the_plane_and_three_times_as_long(
    offset: tuple[float, float, float], found: bool
) -> None:
    one = np.array([[1.0, 2.0, 3.0]])
    assert matches(one, one + offset) == found


def test_pairing_is_the_largest_not_the_greediest() -> None:
    # b is nearest to 1, but a has no other partner
    found = np.array([[0, 0.00, 0], [0, 0.18, 0]])
    real = np.array([[0, 0.15, 0], [0, 0.35, 0]])
    assert matches(found, real) == 2


@given(points, points)
@settings(max_examples=60)
def test_pairs_are_as_many_as_trying_all_gives(found: np.ndarray, real: np.ndarray) -> None:
    scale = np.array([1 / AXIAL, 1, 1])
    near = np.linalg.norm((found[:, None] - real[None]) * scale, axis=-1) <= GATE_UM
    fewer, more = (near, near.T)[:: 1 if len(found) <= len(real) else -1]
    best = max(
        (
            sum(fewer[i, j] for i, j in enumerate(chosen))
            for chosen in itertools.permutations(range(len(more)), len(fewer))
        ),
        default=0,
    )
    assert matches(found, real) == best
    assert matches(real, found) == best


def test_centroids_of_apart_vesicles_are_their_centres_of_mass() -> None:
    volume = np.random.default_rng(60_000).random((6, 30, 30)) < 0.02
    labels, count = label(volume)
    expected = np.array(center_of_mass(volume, labels, range(1, count + 1))) * VOXEL
    np.testing.assert_allclose(centroids(volume, VOXEL), expected)
    assert centroids(np.zeros((2, 3, 4), bool), VOXEL).shape == (0, 3)


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (0.7, 0.7)])
def test_touching_vesicles_are_two(direction: tuple[float, float]) -> None:
    middle = np.array([4.0, 20.0, 20.0])
    way = np.array([0.0, *direction]) * 0.34 / VOXEL[1]
    both = ball((9, 40, 40), tuple(middle - way), tuple(middle + way), um=0.38)
    assert label(both)[1] == 1
    found = centroids(both, VOXEL)
    assert len(found) == 2
    expected = np.array([middle - way, middle + way]) * VOXEL
    assert matches(found, expected) == 2


def test_a_ragged_vesicle_stays_one() -> None:
    rng = np.random.default_rng(60_001)
    for um in (0.15, 0.25, 0.4):
        volume = ball((9, 40, 40), (4, 20, 20), um=um)
        rim = ball((9, 40, 40), (4, 20, 20), um=um + 0.07) & (rng.random((9, 40, 40)) < 0.4)
        piece, _ = label(volume | rim)
        assert len(centroids(piece == piece[4, 20, 20], VOXEL)) == 1


@given(volumes, volumes)
def test_no_object_is_counted_twice(mask: np.ndarray, truth: np.ndarray) -> None:
    for counts in (count_objects(mask, truth), count_vesicles(mask, truth, VOXEL)):
        assert min(counts.tp, counts.fp, counts.fn) >= 0
    perfect = count_vesicles(truth, truth, VOXEL)
    assert perfect.fp == perfect.fn == 0
