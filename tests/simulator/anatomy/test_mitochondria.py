from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, cell

from livesr.simulator.anatomy.mitochondria import Mitochondria

if TYPE_CHECKING:
    from livesr.simulator.anatomy.cell import Cell


def of(one: Cell) -> Mitochondria:
    made = one.structures["mitochondria"]
    assert isinstance(made, Mitochondria)
    return made


@pytest.fixture(scope="module")
def dividing() -> Cell:
    return cell(61_000, DIVIDING)


def lengths(one: Cell, time_s: float) -> np.ndarray:
    """Return the units' lengths along their axes."""
    curves = of(one).curves(one.figure.moment(time_s), one.sway, 1.0)
    return np.asarray(np.linalg.norm(np.diff(curves, axis=1), axis=2).sum(axis=1))


def metaphase(one: Cell) -> float:
    return 0.5 * (one.figure.life.metaphase + one.figure.life.anaphase)


def test_spread_cell_has_100_to_300_of_the_literature_sizes(dividing: Cell) -> None:
    mitochondria = of(dividing)
    groups = mitochondria.groups(dividing.figure.moment(0.0), 1.0)
    assert 100 <= len(np.unique(groups)) <= 300
    whole = np.bincount(groups, lengths(dividing, 0.0))
    whole = whole[whole > 0.0]
    assert whole.min() > 0.5
    assert np.percentile(whole, 95) < 11.5
    assert whole.max() < 16.0  # with its branch
    assert 0.15 <= mitochondria.radii.min() <= mitochondria.radii.max() <= 0.25


def test_no_unit_shrinks_to_nothing(dividing: Cell) -> None:
    for time_s in (0.0, 3000.0, 9000.0):
        assert lengths(dividing, time_s).min() > 0.2


def test_fissions_and_fusions_are_as_frequent_as_set() -> None:
    for seed in (61_004, 61_005):
        one = cell(seed, QUIET)
        moment = one.figure.moment(0.0)
        counts = [
            len(np.unique(of(one).groups(replace(moment, time_s=float(t)), 1.0)))
            for t in np.arange(0.0, 7200.0, 10.0)
        ]
        events = np.abs(np.diff(counts)).sum() / 120.0
        assert 0.7 <= events <= 3.3
        assert np.ptp(counts) > 2


def test_a_fission_parts_the_ends() -> None:
    one = cell(61_004, QUIET)
    mitochondria, chains = of(one), of(one).chains[0]
    curves = mitochondria.curves(one.figure.moment(0.0), one.sway, 1.0)
    joint = np.flatnonzero((chains.parent >= 0) & ~chains.branch)
    gaps = np.linalg.norm(curves[joint, 0] - curves[chains.parent[joint], -1], axis=1)
    groups = mitochondria.groups(one.figure.moment(0.0), 1.0)
    closed = groups[joint] == groups[chains.parent[joint]]
    assert 0.8 < closed.mean() < 1.0
    assert np.percentile(gaps[closed], 95) < 0.15
    assert np.median(gaps[~closed]) > 0.15


def test_metaphase_has_fragments_below_1_5_um_each_an_object(dividing: Cell) -> None:
    mitochondria, moment = of(dividing), dividing.figure.moment(metaphase(dividing))
    pieces = lengths(dividing, metaphase(dividing))
    assert np.percentile(pieces, 99) < 1.55
    assert pieces.max() < 2.5
    groups = mitochondria.groups(moment, 1.0)
    assert len(np.unique(groups)) == len(mitochondria.radii)
    assert len(groups) > 400


def test_daughters_have_mitochondria_of_both_sides_again(dividing: Cell) -> None:
    mitochondria, life = of(dividing), dividing.figure.life
    groups = mitochondria.groups(dividing.figure.moment(life.rest + 60.0), 1.0)
    side = mitochondria.course.side
    assert (side[groups] == side).all()
    assert len(np.unique(groups)) < 0.7 * len(groups)


def test_light_and_volume_change_little_through_division(dividing: Cell) -> None:
    mitochondria, life = of(dividing), dividing.figure.life
    volumes, light = [], []
    for time_s in (0.0, life.breakdown, metaphase(dividing), life.spreading, life.rest + 60.0):
        moment = dividing.figure.moment(time_s)
        layer = mitochondria.layer(moment, dividing.sway, 1.0)
        owners = np.unique(layer.owner)
        volumes.append(mitochondria.sizes(moment, layer, owners)[0].sum())
        light.append(float(layer.masses[0].sum()))
    for values in (volumes, light):
        assert min(values) > 0.6 * values[0]
        assert max(values) < 1.4 * values[0]
    # sizes say what is drawn
    drawn = np.array(light) / np.array(volumes)
    assert drawn.max() / drawn.min() < 1.35


def test_they_fill_the_literature_share(dividing: Cell) -> None:
    moment = dividing.figure.moment(0.0)
    layer = of(dividing).layer(moment, dividing.sway, 1.0)
    owners = np.unique(layer.owner)
    volume, width = of(dividing).sizes(moment, layer, owners)
    assert 0.08 <= volume.sum() / dividing.figure.volume_um3 <= 0.12
    assert 0.3 <= width.min() <= width.max() <= 0.5
