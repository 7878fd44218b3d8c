from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, cell

from livesr.simulator.anatomy.primitives import mass_area
from livesr.simulator.anatomy.surface import PlasmaMembrane, shell_area

if TYPE_CHECKING:
    from livesr.simulator.anatomy.cell import Cell


def of(one: Cell) -> PlasmaMembrane:
    made = one.structures["plasma_membrane"]
    assert isinstance(made, PlasmaMembrane)
    return made


@pytest.fixture(scope="module")
def quiet() -> Cell:
    return cell(61_004, QUIET)


def test_membrane_covers_the_body_and_little_more(quiet: Cell) -> None:
    membrane = of(quiet)
    moment = quiet.figure.moment(0.0)
    layer = membrane.layer(moment, quiet.sway, 1.0)
    area = mass_area(layer, float(membrane.stain.level[0])).sum()
    body = shell_area(moment.bodies[0])
    # the ruffles
    assert body < area < 1.2 * body
    # a flat cell has more than its two projections
    assert 2.0 * moment.bodies[0].area() < body < 2.6 * moment.bodies[0].area()


def test_membrane_lies_on_the_surfaces(quiet: Cell) -> None:
    moment = quiet.figure.moment(500.0)
    z, y, x = of(quiet).layer(moment, quiet.sway, 1.0).points.astype(np.float64).T
    low, high, share = moment.bodies[0].surfaces(y, x)
    assert share.max() < 1.001
    off = np.minimum(np.abs(z - low), np.abs(z - high))
    assert np.percentile(off, 95) < 0.02


def test_ruffles_come_and_go(quiet: Cell) -> None:
    raised = np.array([of(quiet).raised.at(t) for t in np.arange(0.0, 1200.0, 10.0)])
    standing = (raised > 0.5).sum(axis=1)
    assert 1 <= standing.mean() <= 8
    assert np.ptp(standing) >= 2
    tall = []
    for time_s in (0.0, 300.0):
        moment = quiet.figure.moment(time_s)
        z, y, x = of(quiet).layer(moment, quiet.sway, 1.0).points.astype(np.float64).T
        _, high, _ = moment.bodies[0].surfaces(y, x)
        tall.append((z - high).max())
    assert 0.2 < max(tall) < 1.4


def test_share_of_the_cell_is_the_literatures(quiet: Cell) -> None:
    moment = quiet.figure.moment(0.0)
    layer = of(quiet).layer(moment, quiet.sway, 1.0)
    volume, width = of(quiet).sizes(moment, layer, np.array([0]))
    assert 0.001 < volume[0] / quiet.figure.volume_um3 < 0.01
    assert width[0] == pytest.approx(0.008)


def test_each_daughter_has_a_membrane_of_its_own() -> None:
    one = cell(61_000, DIVIDING)
    moment = one.figure.moment(one.figure.life.rest + 60.0)
    layer = of(one).layer(moment, one.sway, 1.0)
    owners = np.unique(layer.owner)
    assert len(owners) == 2
    volume, _ = of(one).sizes(moment, layer, owners)
    for owner, body, held in zip(owners, moment.bodies, volume, strict=True):
        z, y, x = layer.points[layer.owner == owner].astype(np.float64).T
        assert (body.surfaces(y, x)[2] < 1.01).mean() > 0.98
        assert held == pytest.approx(0.008 * shell_area(body), rel=0.15)
        assert z.min() >= 0.0
