from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, cell

from livesr.simulator.anatomy.envelope import NuclearMembrane, NuclearReticulum
from livesr.simulator.anatomy.primitives import mass_area

if TYPE_CHECKING:
    from livesr.simulator.anatomy.cell import Cell


def membrane(one: Cell) -> NuclearMembrane:
    made = one.structures["nuclear_membrane"]
    assert isinstance(made, NuclearMembrane)
    return made


def reticulum(one: Cell) -> NuclearReticulum:
    made = one.structures["nuclear_reticulum"]
    assert isinstance(made, NuclearReticulum)
    return made


def area(one: Cell, time_s: float) -> float:
    layer = membrane(one).layer(one.figure.moment(time_s), one.sway, 1.0)
    return float(mass_area(layer, float(membrane(one).stain.level[0])).sum())


@pytest.fixture(scope="module")
def dividing() -> Cell:
    return cell(61_000, DIVIDING)


@pytest.fixture(scope="module")
def quiet() -> Cell:
    return cell(61_004, QUIET)


def test_envelope_has_the_ellipsoids_area_and_its_folds(quiet: Cell) -> None:
    half, length, width = quiet.figure.mother.nucleus.semi_axes
    p = 1.6075
    pairs = ((half * length) ** p + (half * width) ** p + (length * width) ** p) / 3.0
    ellipsoid = 4.0 * np.pi * pairs ** (1.0 / p)
    assert ellipsoid < area(quiet, 0.0) < 1.35 * ellipsoid


def test_envelope_lies_on_the_nucleus(quiet: Cell) -> None:
    moment = quiet.figure.moment(900.0)
    z, y, x = membrane(quiet).layer(moment, quiet.sway, 1.0).points.astype(np.float64).T
    low, high = moment.nuclei[0].surfaces(y, x)
    off = np.minimum(np.abs(z - low), np.abs(z - high))
    assert np.percentile(off, 99) < 0.05


def test_envelope_goes_and_comes_back_in_the_literature_times(dividing: Cell) -> None:
    life = dividing.figure.life
    whole = area(dividing, life.breakdown)
    times = np.arange(0.0, life.dissolving + 60.0, 30.0)
    falling = [area(dividing, life.breakdown + t) / whole for t in times]
    assert (np.diff(falling) <= 0.03).all()
    gone = times[int(np.argmax(np.array(falling) == 0.0))] / 60.0
    assert 2.0 <= gone <= 6.5
    assert area(dividing, life.anaphase) == 0.0
    # two envelopes of a smaller nucleus each
    closed = area(dividing, life.anaphase + life.reformed)
    half_way = area(dividing, life.anaphase + 0.75 * life.reformed)
    assert 0.2 * closed < half_way < 0.8 * closed
    assert 4.0 <= life.reformed / 60.0 <= 10.0
    assert area(dividing, life.rest) > closed


def test_each_daughter_has_an_envelope(dividing: Cell) -> None:
    moment = dividing.figure.moment(dividing.figure.life.rest + 60.0)
    layer = membrane(dividing).layer(moment, dividing.sway, 1.0)
    owners = np.unique(layer.owner)
    assert len(owners) == 2
    volume, _ = membrane(dividing).sizes(moment, layer, owners)
    share = volume / dividing.figure.volume_um3
    assert (share > 0.001).all()
    assert (share < 0.006).all()


def test_reticulum_runs_into_the_nucleus(quiet: Cell) -> None:
    assert 2 <= len(reticulum(quiet).lengths) <= 8
    moment = quiet.figure.moment(0.0)
    layer = reticulum(quiet).layer(moment, quiet.sway, 1.0)
    z, y, x = layer.points.astype(np.float64).T
    low, high = moment.nuclei[0].surfaces(y, x)
    assert ((z > low - 0.4) & (z < high + 0.4)).mean() > 0.97
    owners = np.unique(layer.owner)
    volume, width = reticulum(quiet).sizes(moment, layer, owners)
    length = volume / (np.pi * 0.25 * width**2)
    assert 0.1 <= width.min() <= width.max() <= 0.5
    assert length.max() <= 6.2
    assert volume.sum() / quiet.figure.volume_um3 < 0.003


def test_reticulum_draws_back_before_breakdown(dividing: Cell) -> None:
    life = dividing.figure.life
    for time_s in (life.breakdown, life.metaphase, life.telophase):
        layer = reticulum(dividing).layer(dividing.figure.moment(time_s), dividing.sway, 1.0)
        assert len(layer.points) == 0
    after = reticulum(dividing).layer(dividing.figure.moment(life.rest + 60.0), dividing.sway, 1.0)
    assert len(after.points) > 0
