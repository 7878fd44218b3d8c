from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, cell

from livesr.simulator.anatomy.filopodia import Filopodia

if TYPE_CHECKING:
    from livesr.simulator.anatomy.cell import Cell
    from livesr.simulator.anatomy.layer import Layer


def of(one: Cell) -> Filopodia:
    made = one.structures["filopodia"]
    assert isinstance(made, Filopodia)
    return made


def shown(one: Cell, time_s: float) -> Layer:
    return of(one).layer(one.figure.moment(time_s), one.sway, 1.0)


@pytest.fixture(scope="module")
def quiet() -> Cell:
    return cell(61_004, QUIET)


@pytest.fixture(scope="module")
def dividing() -> Cell:
    return cell(61_000, DIVIDING)


def lengths(one: Cell, time_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers and the lengths (µm) of those that are there."""
    layer, moment = shown(one, time_s), one.figure.moment(time_s)
    owners = np.unique(layer.owner)
    volume, width = of(one).sizes(moment, layer, owners)
    return owners, volume / (np.pi * 0.25 * width**2)


def test_counts_and_sizes_are_the_literatures(quiet: Cell) -> None:
    owners, length = lengths(quiet, 0.0)
    assert 10 <= len(owners) <= 60
    assert 0.1 <= 2.0 * of(quiet).radii.min() <= 2.0 * of(quiet).radii.max() <= 0.3
    assert length.max() < 8.5
    assert 1.0 < np.median(length) < 5.0
    volume, _ = of(quiet).sizes(quiet.figure.moment(0.0), shown(quiet, 0.0), owners)
    assert volume.sum() / quiet.figure.volume_um3 < 0.002


def test_they_leave_the_ventral_edge(quiet: Cell) -> None:
    layer = shown(quiet, 0.0)
    z, y, x = layer.points.astype(np.float64).T
    assert z.max() < 2.0
    assert z.min() > -0.2
    outside = quiet.figure.moment(0.0).bodies[0].inward(y, x) < 0.0
    for owner in np.unique(layer.owner):
        own = outside[layer.owner == owner]
        # the root begins inside
        assert not own.all()
        assert own.mean() > 0.3


def test_they_grow_and_draw_back_at_the_literature_pace(quiet: Cell) -> None:
    step = 2.0
    length = np.array([of(quiet)._lengths(t) for t in np.arange(0.0, 400.0, step)])
    pace = np.abs(np.diff(length, axis=0)) / step
    assert pace.max() <= 0.2 + 1e-9
    moving = pace > 1e-3
    assert 0.05 < np.median(pace[moving]) < 0.2
    assert 0.1 < moving.mean() < 0.95
    assert (length <= of(quiet).longest + 1e-9).all()


def test_retraction_fibres_hold_where_the_tips_were(dividing: Cell) -> None:
    life = dividing.figure.life
    metaphase = 0.5 * (life.metaphase + life.anaphase)
    _, length = lengths(dividing, metaphase)
    assert np.median(length) > 4.0
    layer = shown(dividing, metaphase)
    tips = of(dividing).tips(dividing.figure.moment(life.prophase), 1.0)
    z, y, x = layer.points.astype(np.float64).T
    body = dividing.figure.moment(metaphase).bodies[0]
    for owner in np.unique(layer.owner)[:10]:
        own = layer.owner == owner
        points = np.stack([y[own], x[own]], axis=1)
        assert np.linalg.norm(points - tips[owner, 1:], axis=1).min() < 0.3
        assert body.inward(y[own], x[own]).max() > -0.1
        assert z[own].min() > 0.0


@pytest.mark.parametrize("event", ["prophase", "breakdown", "anaphase", "spreading", "rest"])
def test_they_change_without_jumps(dividing: Cell, event: str) -> None:
    at = getattr(dividing.figure.life, event)
    light = [float(shown(dividing, at + d).masses[0].sum()) for d in (-0.2, 0.2)]
    assert light[1] == pytest.approx(light[0], rel=0.05)
    middle = [shown(dividing, at + d).points.mean(axis=0) for d in (-0.2, 0.2)]
    np.testing.assert_allclose(middle[0], middle[1], atol=0.3)


def test_daughters_have_filopodia_of_usual_length_again(dividing: Cell) -> None:
    owners, length = lengths(dividing, dividing.figure.life.rest + 60.0)
    assert len(owners) >= 10
    assert length.max() < 8.6
    assert np.median(length) < 5.0
