from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livesr.bench.calibration_case import GRID, VOXEL_UM, head_to_head_model, record_beads

SHAPE = (16, 128, 128)


def test_the_distortion_is_what_it_says() -> None:
    model = head_to_head_model()
    half = GRID[1] / 2
    turn = np.radians(0.1)

    def pixels(y: float, x: float) -> np.ndarray:
        """Return the displacement (planes, pixels) at a place in half sides of the field."""
        um = half * VOXEL_UM[1]
        return np.ravel(model.displacement(y * um, x * um, 1.7)) / np.array(VOXEL_UM)

    # waves are at their height in the middle and along it, and fall to the opposite at the sides
    np.testing.assert_allclose(pixels(0, 0), (0.6, -2.3 + 0.25, 3.7 + 0.25), atol=0.01)
    below = pixels(1, 0) - pixels(0, 0)
    scaled = 1.0012 * np.cos(turn) - 1, -1.0018 * np.sin(turn)
    expected = 0.25, 0.4 + scaled[0] * half, -0.5 + scaled[1] * half
    np.testing.assert_allclose(below, expected, atol=0.03)
    beside = pixels(0, 1) - pixels(0, 0)
    scaled = 1.0012 * np.sin(turn), 1.0018 * np.cos(turn) - 1
    expected = 0.25, -0.5 + scaled[0] * half, 0.4 + scaled[1] * half
    np.testing.assert_allclose(beside, expected, atol=0.03)
    # the bowl grows with the square, the cubic is radial
    assert pixels(0.5, 0.5)[0] - pixels(0, 0)[0] == pytest.approx(0.125)


def test_what_the_affine_leaves_is_what_chromagnon_cannot_say() -> None:
    model = head_to_head_model()
    line = np.linspace(-0.95, 0.95, 41) * GRID[1] / 2 * VOXEL_UM[1]
    y, x = (a.ravel() for a in np.meshgrid(line, line))
    moved = np.stack(model.displacement(y, x), axis=1)
    basis = np.column_stack([np.ones_like(y), y, x])
    left = 1e3 * (moved - basis @ np.linalg.lstsq(basis, moved, rcond=None)[0])
    assert np.sqrt(np.mean(np.sum(left[:, 1:] ** 2, axis=1))) == pytest.approx(16.7, abs=1.5)
    assert left[:, 0].std() == pytest.approx(23.0, abs=2.0)


def test_beads_are_where_they_are_said_to_be() -> None:
    model = head_to_head_model(SHAPE)
    recorded = record_beads(
        60_900, model, optics_seed=60_901, shape=SHAPE, count=12, photons=(20_000.0, 30_000.0)
    )
    assert recorded.counts.dtype == np.uint16
    assert recorded.counts.shape == (2, *SHAPE)
    middle = np.array([0.0, 63.5, 63.5])
    places = recorded.inside(16.0).places_um
    nearest = np.array([np.sort(np.linalg.norm(p - places[0], axis=1))[1] for p in places[0]])
    alone = places[:, nearest > 1.2]
    assert alone.shape[1] >= 4
    misses = []
    for counts, at in zip(recorded.counts, alone, strict=True):
        light = counts - np.float64(np.median(counts))
        for voxel in at / VOXEL_UM + middle:
            z, y, x = np.rint(voxel).astype(int)
            box = np.s_[z - 3 : z + 4, y - 5 : y + 6, x - 5 : x + 6]
            part = np.clip(light[box], 0.1 * light[box].max(), None) - 0.1 * light[box].max()
            grid = np.indices(part.shape).reshape(3, -1)
            found = grid @ part.ravel() / part.sum() + (z - 3, y - 5, x - 5)
            misses.append(found - voxel)
    assert np.abs(np.mean(misses, axis=0)).max() < 0.05
    assert np.abs(misses).max() < 0.3


def test_seeds_give_other_beads_of_the_same_microscope() -> None:
    kept = {"optics_seed": 60_901, "shape": (6, 64, 64), "count": 20}
    first, again, other = (record_beads(seed, **kept) for seed in (60_902, 60_902, 60_903))
    np.testing.assert_array_equal(first.counts, again.counts)
    assert not np.allclose(first.places_um[0], other.places_um[0])
    moved = [np.median(r.places_um[1] - r.places_um[0], axis=0) for r in (first, other)]
    np.testing.assert_allclose(moved[0], moved[1], atol=0.01)


def test_depth_lies_in_the_middle_of_the_planes() -> None:
    recorded = record_beads(60_904, shape=(24, 64, 64), count=200, depth_um=3.0)
    z = recorded.places_um[0, :, 0]
    assert (z.min() + z.max()) / 2 == pytest.approx(23 * VOXEL_UM[0] / 2, abs=0.1)
    assert np.ptp(z) > 2.5


def test_beads_out_of_the_field_are_left_out() -> None:
    model = head_to_head_model(SHAPE).shifted(0.0, 2.0, 0.0)
    recorded = record_beads(60_905, model, shape=SHAPE, count=100)
    kept = recorded.inside(4.0).places_um
    assert 20 < kept.shape[1] < 90
    assert np.abs(kept[..., 1:]).max() < 60 * VOXEL_UM[1]


def test_a_given_model_is_what_the_recording_shows() -> None:
    tilted = ((1.01, 0.0, 0.0, 0.1), (0.002, 1.001, 0.0, 0.2), (-0.003, 0.0, 0.999, 0.0))
    model = replace(head_to_head_model(SHAPE), affine=tilted)
    yellow, red = record_beads(60_906, model, shape=SHAPE, count=9, depth_um=2.0).places_um
    parts = [np.ravel(model.displacement(y, x, z)) for z, y, x in yellow]
    np.testing.assert_allclose(red - yellow, parts, atol=1e-9)
