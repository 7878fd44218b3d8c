from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from anatomy_pieces import QUIET, figure

from livesr.simulator.anatomy.body import ANGLE_TABLE, ANGLES, SHARES, Body, blend
from livesr.simulator.anatomy.rounded import Rounded
from livesr.simulator.anatomy.surface import shell_area

NONE = np.zeros(ANGLES)


def ball(radius: float, center: tuple[float, float] = (3.0, -2.0)) -> Body:
    half = np.tile(radius * np.sqrt(1.0 - SHARES**2)[:, None], (1, ANGLES))
    return Body(center, np.full(ANGLES, radius), radius - half, radius + half, NONE, NONE)


def spread(creep: float = 0.0) -> Body:
    body = figure(61_010, QUIET).mother.body
    return replace(body, creep=creep * np.sin(3.0 * ANGLE_TABLE))


@pytest.mark.parametrize("radius", [4.0, 8.0])
def test_ball_has_its_volume_area_and_footprint(radius: float) -> None:
    body = ball(radius)
    assert body.volume() == pytest.approx(4.0 / 3.0 * np.pi * radius**3, rel=1e-3)
    assert body.area() == pytest.approx(np.pi * radius**2, rel=1e-6)
    assert shell_area(body) == pytest.approx(4.0 * np.pi * radius**2, rel=2e-3)
    assert body.height() == pytest.approx(2.0 * radius)


@pytest.mark.parametrize(
    "body", [ball(6.0), spread(), spread(0.15)], ids=["ball", "spread", "crept"]
)
def test_volume_and_area_are_those_of_its_surfaces(body: Body) -> None:
    step = 0.1
    reach = np.arange(-36.0, 36.0, step)
    y, x = body.center[0] + reach[:, None], body.center[1] + reach[None, :]
    low, high, share = body.surfaces(y, x)
    inside = share < 1.0
    assert ((high - low) * inside).sum() * step**2 == pytest.approx(body.volume(), rel=0.01)
    assert inside.sum() * step**2 == pytest.approx(body.area(), rel=0.01)
    assert (inside == (body.inward(y, x) > 0.0)).mean() > 0.999


@pytest.mark.parametrize("creep", [0.0, 0.1, -0.1])
def test_places_in_the_body_lead_back_to_themselves(creep: float) -> None:
    body = spread(creep)
    rng = np.random.default_rng(61_110)
    places = rng.uniform([0.02, -np.pi, 0.0], [0.97, np.pi, 1.0], (2000, 3))
    points = body.from_body(places)
    assert (body.inward(points[:, 1], points[:, 2]) > 0.0).all()
    back = body.from_body(body.to_body(points))
    off = np.linalg.norm(back - points, axis=1)
    assert np.percentile(off, 99) < 0.02
    assert off.max() < 0.1


def test_places_stay_with_a_creeping_cell() -> None:
    places = np.array([[0.9, 0.3, 0.5], [0.2, 0.3, 0.5]])
    rest, crept = spread().from_body(places), spread(0.1).from_body(places)
    outward = np.linalg.norm(crept[:, 1:] - rest[:, 1:], axis=1)
    assert outward[0] > 50.0 * outward[1] > 0.0


def test_outline_is_the_edge_and_moves_with_the_body() -> None:
    body = spread(0.1)
    y, x = body.outline()
    np.testing.assert_allclose(body.inward(y, x), 0.0, atol=1e-9)
    np.testing.assert_allclose(body.moved(2.0, 5.0).outline(), (y + 2.0, x + 5.0))


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_blend_has_the_volume_asked_for(share: float) -> None:
    body = spread()
    rounded = Rounded.of_volume(body.center, 0.4, 3400.0, 15.5, 1.0, 0.0, 1.2).body()
    wanted = (1.0 - share) * body.volume() + share * rounded.volume()
    made = blend(body, rounded, share, wanted)
    assert made.volume() == pytest.approx(wanted, rel=1e-6)
    assert rounded.area() < made.area() < body.area()
    assert body.height() - 1e-9 <= made.height() <= rounded.height() + 1e-9


def test_blend_ends_are_the_two() -> None:
    one, other = spread(), ball(9.0)
    assert blend(one, other, 0.0, 1.0) is one
    assert blend(one, other, 1.0, 1.0) is other
