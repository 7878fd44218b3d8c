from __future__ import annotations

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, beyond, figure, in_ellipsoid

from livesr.simulator.anatomy.course import (
    confine,
    cytoplasmic,
    draw_course,
    mitotic_places,
    own_side,
)

MADE = figure(61_000, DIVIDING)
LIFE = MADE.life


def anywhere(count: int, seed: int) -> np.ndarray:
    """Return points over and around the mother's territory."""
    cy, cx = MADE.mother.body.center
    low, high = (-1.0, cy - 25.0, cx - 25.0), (14.0, cy + 25.0, cx + 25.0)
    return np.random.default_rng(seed).uniform(low, high, (count, 3))


def test_mitotic_places_leave_the_spindle_and_fill_the_rest() -> None:
    places = mitotic_places(np.random.default_rng(61_160), 4000)
    across = np.sqrt(1.0 - places[:, 0] ** 2)
    reach = np.sqrt(places[:, 0] ** 2 + (places[:, 1:] ** 2).sum(axis=1) * across**2)
    assert reach.min() > 0.54
    assert reach.max() < 0.94
    assert np.median(reach) > 0.75
    # nothing is preferred
    assert np.abs(places.mean(axis=0)).max() < 0.05


@pytest.mark.parametrize(
    "time_s",
    [
        0.0,
        0.5 * (LIFE.prophase + LIFE.breakdown),
        0.5 * (LIFE.metaphase + LIFE.anaphase),
        0.5 * (LIFE.anaphase_b + LIFE.telophase),
        LIFE.rest,
    ],
)
def test_confined_balls_lie_in_the_cytoplasm(time_s: float) -> None:
    moment = MADE.moment(time_s)
    points = anywhere(3000, 61_161)
    radius = np.random.default_rng(61_162).uniform(0.1, 0.4, 3000)
    side = (moment.ahead(points) < 0.0).astype(np.int64)
    confined = confine(points, radius, moment, side)
    out = beyond(moment, confined)
    assert (out > 0.02).mean() < 0.01
    for k, hole in enumerate(moment.holes):
        own = side == k if len(moment.holes) == 2 else slice(None)
        assert (in_ellipsoid(confined[own], hole) < 1.0).mean() < 0.02


def test_what_lies_well_inside_is_left_where_it_is() -> None:
    moment = MADE.moment(0.0)
    body, nucleus = moment.bodies[0], moment.holes[0]
    rng = np.random.default_rng(61_163)
    places = rng.uniform([0.05, -np.pi, 0.4], [0.8, np.pi, 0.6], (2000, 3))
    points = body.from_body(places)
    low, high, _ = body.surfaces(points[:, 1], points[:, 2])
    free = cytoplasmic(points, body, nucleus, 0.6) & (high - low > 1.0)
    free &= in_ellipsoid(points, nucleus) > 1.3
    assert free.sum() > 300
    kept = confine(points, np.full(2000, 0.05), moment, np.zeros(2000, np.int64))
    np.testing.assert_allclose(kept[free], points[free], atol=1e-9)


def test_course_begins_where_things_are_and_ends_in_the_daughters() -> None:
    rng = np.random.default_rng(61_164)
    places = MADE.mother.body.from_body(
        rng.uniform([0.3, -np.pi, 0.2], [0.8, np.pi, 0.8], (600, 3))
    )
    ends = tuple(
        d.body.from_body(rng.uniform([0.1, -np.pi, 0.2], [0.8, np.pi, 0.8], (600, 3)))
        for d in MADE.daughters
    )
    course = draw_course(rng, MADE, places, ends)
    np.testing.assert_allclose(course.at(MADE.moment(0.0), 0.0, 0.0), places, atol=0.2)
    moment = MADE.moment(LIFE.rest)
    there = course.at(moment, 1.0, 1.0)
    assert set(course.side.tolist()) == {0, 1}
    assert 0.35 < course.side.mean() < 0.65
    for side, body in enumerate(moment.bodies):
        own = there[course.side == side]
        assert (body.inward(own[:, 1], own[:, 2]) > 0.0).all()
    # things go to the daughter on whose side they were
    before = MADE.moment(LIFE.metaphase).ahead(places) < 0.0
    assert (before == (course.side == 1)).mean() > 0.75


def test_things_that_belong_together_share_side_and_delay() -> None:
    rng = np.random.default_rng(61_165)
    places = anywhere(120, 61_166)
    course = draw_course(rng, MADE, places, (places, places), parts=10)
    for values in (course.side, course.delay):
        assert (values.reshape(12, 10) == values.reshape(12, 10)[:, :1]).all()


def test_share_goes_from_none_to_all_whatever_the_delay() -> None:
    rng = np.random.default_rng(61_167)
    places = anywhere(50, 61_168)
    course = draw_course(rng, MADE, places, (places, places))
    assert (course.share(0.0) == 0.0).all()
    assert (course.share(1.0) == 1.0).all()
    half = course.share(0.5)
    assert half.std() > 0.1
    assert (np.diff(half[np.argsort(course.delay)]) <= 0.0).all()


def test_own_side_is_a_mirror() -> None:
    moment = MADE.moment(LIFE.anaphase + 1.0)
    points = anywhere(500, 61_169)
    side = np.random.default_rng(61_170).integers(0, 2, 500)
    moved = own_side(points, moment, side, 1.0)
    ahead = moment.ahead(moved)
    assert ((ahead >= -1e-9) == (side == 0)).all()
    np.testing.assert_allclose(np.abs(ahead), np.abs(moment.ahead(points)), atol=1e-9)
    np.testing.assert_array_equal(moved[:, 0], points[:, 0])
    assert own_side(points, moment, side, 0.0) is points


def test_quiet_cells_have_nowhere_to_go() -> None:
    quiet = figure(61_004, QUIET)
    places = quiet.mother.body.from_body(np.array([[0.5, 0.1, 0.5], [0.7, 2.0, 0.3]]))
    course = draw_course(np.random.default_rng(61_171), quiet, places)
    assert course.mitotic.size == course.daughter.size == 0
    np.testing.assert_allclose(course.at(quiet.moment(0.0), 0.0, 0.0), places, atol=0.2)
