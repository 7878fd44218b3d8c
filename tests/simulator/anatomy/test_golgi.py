from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, cell
from scipy import ndimage

from livesr.simulator.anatomy.golgi import Golgi

if TYPE_CHECKING:
    from livesr.simulator.anatomy.cell import Cell


@pytest.fixture(scope="module")
def dividing() -> Cell:
    return cell(61_000, DIVIDING)


def of(one: Cell) -> Golgi:
    made = one.structures["golgi"]
    assert isinstance(made, Golgi)
    return made


def pieces(one: Cell, time_s: float) -> tuple[int, float]:
    """Return how many pieces the apparatus is in, and the share of the largest."""
    layer = of(one).layer(one.figure.moment(time_s), one.sway, 1.0)
    place = np.round((layer.points - layer.points.min(axis=0)) / 0.2).astype(int)
    volume = np.zeros(place.max(axis=0) + 1, bool)
    volume[tuple(place.T)] = True
    labels, _ = ndimage.label(volume, np.ones((3, 3, 3)))
    weight = np.bincount(labels[tuple(place.T)], layer.masses[3])[1:]
    weight = weight[weight > 0.0]
    return len(weight), float(weight.max() / weight.sum())


def test_spread_cell_has_one_ribbon_beside_the_nucleus(dividing: Cell) -> None:
    golgi, mother = of(dividing), dividing.figure.mother
    layer = golgi.layer(dividing.figure.moment(0.0), dividing.sway, 1.0)
    assert 5 <= len(np.unique(layer.owner)) <= 10
    count, largest = pieces(dividing, 0.0)
    assert count <= 4
    assert largest > 0.6
    extent = np.ptp(layer.points[:, 1:], axis=0)
    assert 4.0 < np.hypot(*extent) < 18.0
    middle = layer.points[:, 1:].mean(axis=0)
    radial = mother.nucleus.radial(*middle[:, None])
    assert 1.0 < radial[0] < 2.2


def test_it_falls_to_50_to_200_bits_in_metaphase(dividing: Cell) -> None:
    golgi, life = of(dividing), dividing.figure.life
    assert 50 <= len(golgi.stack) <= 200
    moment = dividing.figure.moment(0.5 * (life.metaphase + life.anaphase))
    layer = golgi.layer(moment, dividing.sway, 1.0)
    owners = np.unique(layer.owner)
    assert 50 <= len(owners) <= 200
    count, largest = pieces(dividing, moment.time_s)
    assert count > 40
    assert largest < 0.15
    volume, _ = golgi.sizes(moment, layer, owners)
    assert volume.sum() == pytest.approx(golgi.volumes.sum(), rel=0.01)


def test_largest_piece_falls_and_comes_back_in_time(dividing: Cell) -> None:
    life = dividing.figure.life
    names = ("prophase", "breakdown", "metaphase", "telophase")
    shares = [pieces(dividing, getattr(life, name))[1] for name in names]
    assert shares[0] > 0.6
    assert (np.diff(shares) < 0.02).all()
    back = pieces(dividing, life.telophase + life.golgi_return)
    assert back[0] < 12
    # two ribbons, of a half each
    assert back[1] > 0.25
    assert pieces(dividing, life.rest)[1] > 0.35


def test_it_fills_the_literature_share(dividing: Cell) -> None:
    share = of(dividing).volumes.sum() / dividing.figure.volume_um3
    assert 0.01 <= share <= 0.02
