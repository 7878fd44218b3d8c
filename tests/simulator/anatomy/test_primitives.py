from __future__ import annotations

import numpy as np
import pytest

from livesr.simulator.anatomy.layer import join, make_layer
from livesr.simulator.anatomy.primitives import (
    SIGMA_XY,
    SIGMA_Z,
    ball_diameter,
    balls,
    mass_area,
    mass_length,
    sheet_masses,
    tube,
)
from livesr.simulator.anatomy.stain import Stain

LEVEL = 1.7
STAIN = Stain(np.array([LEVEL]), np.array([0.4]), np.array([0.01]))


@pytest.mark.parametrize("radius", [0.03, 0.05, 0.1, 0.25])
@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0), (0.5, 0.5, 0.7)])
def test_length_of_a_tube_is_read_from_its_masses(
    radius: float, direction: tuple[float, float, float]
) -> None:
    u = np.array(direction) / np.linalg.norm(direction)
    t = np.arange(0.0, 3.0, 0.06)
    points = t[:, None] * u
    radii = np.full(t.size, radius)
    where, emission, truth, piece = tube(
        points, np.tile(u, (t.size, 1)), np.full(t.size, 0.06), radii
    )
    layer = make_layer("er", where, emission, truth, np.zeros(len(where), np.int64), STAIN)
    length = mass_length(layer, np.full(len(where), LEVEL), np.full(len(where), radius))
    assert length.sum() == pytest.approx(0.06 * t.size, rel=1e-4)
    # the section is a ring around the curve
    off = where - points[piece]
    assert np.abs(off @ u).max() < 1e-5
    assert np.linalg.norm(off, axis=1).max() <= (radius if radius > 0.06 else 0.0) + 1e-9
    np.testing.assert_allclose(np.bincount(piece, off[:, 0]), 0.0, atol=1e-9)
    if radius > 0.06:
        assert np.sqrt((off**2).sum(axis=1).mean()) == pytest.approx(0.7 * radius, rel=0.1)


def test_area_of_a_sheet_is_read_from_its_masses() -> None:
    rng = np.random.default_rng(61_180)
    area = rng.uniform(0.001, 0.01, 500)
    emission, truth = sheet_masses(rng.uniform(0.0, 1.0, 500), area)
    layer = make_layer(
        "golgi", rng.normal(size=(500, 3)), emission, truth, np.zeros(500, np.int64), STAIN
    )
    np.testing.assert_allclose(mass_area(layer, LEVEL), area, rtol=1e-5)


def test_a_sheet_seen_face_on_needs_more_truth() -> None:
    emission, truth = sheet_masses(np.array([0.0, 1.0]), np.array([0.01, 0.01]))
    assert emission[0] == emission[1]
    assert truth[1] / truth[0] == pytest.approx(SIGMA_Z / SIGMA_XY)
    assert truth[0] == pytest.approx(emission[0])


@pytest.mark.parametrize("aspect", [1.0, 1.8])
@pytest.mark.parametrize("diameter", [0.2, 0.4, 0.8])
def test_balls_have_the_second_moment_of_filled_ones(diameter: float, aspect: float) -> None:
    axis = np.array([[0.0, 0.6, 0.8]])
    offsets, _, _, owner = balls(np.array([diameter / 2]), np.array([aspect]), axis)
    assert (owner == 0).all()
    np.testing.assert_allclose(offsets.mean(axis=0), 0.0, atol=1e-9)
    along = (offsets @ axis[0]).std()
    across = offsets[:, 0].std()
    assert across == pytest.approx(0.5 * diameter / np.sqrt(5.0), rel=0.02)
    assert along == pytest.approx(aspect * across, rel=0.02)


def test_hollow_balls_shine_at_their_rim_and_as_much() -> None:
    radii, aspect, axis = np.array([0.3, 0.15]), np.ones(2), np.tile([0.0, 0.0, 1.0], (2, 1))
    offsets, filled, truth, owner = balls(radii, aspect, axis)
    _, hollow, same, _ = balls(radii, aspect, axis, 0.6)
    np.testing.assert_array_equal(truth, same)
    reach = np.linalg.norm(offsets, axis=1) / radii[owner]
    wide, narrow = owner == 0, owner == 1
    np.testing.assert_array_equal(hollow[narrow], filled[narrow])
    assert hollow[wide & (reach > 0.8)].min() > 3.0 * hollow[wide & (reach < 0.6)].max()
    assert hollow[wide].sum() == pytest.approx(filled[wide].sum(), rel=0.3)


def test_diameter_of_a_volume() -> None:
    assert ball_diameter(np.array(np.pi / 6.0)) == pytest.approx(1.0)


def test_layer_leaves_out_what_has_no_truth_and_joins() -> None:
    points = np.arange(12.0).reshape(4, 3)
    truth = np.array([1.0, 0.0, 2.0, 0.0])
    layer = make_layer("er", points, 2.0 * truth, truth, np.zeros(4, np.int64), STAIN)
    np.testing.assert_array_equal(layer.points, points[[0, 2]].astype(np.float32))
    np.testing.assert_allclose(layer.masses[0], 2.0 * LEVEL * truth[[0, 2]])
    np.testing.assert_allclose(layer.masses[1], 0.4 * layer.masses[0])
    np.testing.assert_allclose(layer.masses[2], 0.01 * layer.masses[0])
    both = join("er", [layer, layer])
    assert both.points.shape == (4, 3)
    assert both.masses.shape == (4, 4)
    assert join("er", []).points.shape == (0, 3)
    assert join("er", [layer]) is layer
