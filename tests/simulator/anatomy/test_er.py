from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from anatomy_pieces import DIVIDING, QUIET, cell
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from livesr.simulator.anatomy.er import Er, Network

if TYPE_CHECKING:
    from livesr.simulator.anatomy.cell import Cell

SEED = 61_000


@pytest.fixture(scope="module")
def dividing() -> Cell:
    return cell(SEED, DIVIDING)


@pytest.fixture(scope="module")
def er(dividing: Cell) -> Er:
    made = dividing.structures["er"]
    assert isinstance(made, Er)
    return made


def largest_share(network: Network, shown: np.ndarray) -> float:
    """Return the share of the junctions in the largest connected part."""
    count, ends = len(network.nodes), network.ends[shown]
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (count, count))
    labels = connected_components(graph, directed=False)[1]
    return float(np.bincount(labels).max() / count)


def test_tubes_of_each_cell_are_one_network(er: Er) -> None:
    for network in er.networks:
        assert largest_share(network, np.ones(len(network.ends), bool)) > 0.9
        for time_s in (0.0, 5000.0):
            assert largest_share(network, network.there.at(time_s) > 0.99) > 0.85


def test_most_junctions_are_three_way(er: Er) -> None:
    for network in er.networks:
        degree = np.bincount(network.ends.ravel(), minlength=len(network.nodes))
        inner = degree[degree > 1]
        assert np.bincount(inner).argmax() == 3
        assert (inner == 3).mean() > 0.55
        assert (degree > 4).mean() < 0.05


def test_meshes_have_the_literature_size(er: Er, dividing: Cell) -> None:
    mother = dividing.figure.mother
    nodes = mother.body.from_body(er.networks[0].nodes)
    low = nodes[nodes[:, 0] < 0.9]
    area = mother.body.area()
    # two junctions a mesh in a three-way network
    mesh = np.sqrt(area / (0.5 * len(low)))
    assert 0.7 < mesh < 2.0
    ends = er.networks[0].ends
    length = np.linalg.norm(nodes[ends[:, 0]] - nodes[ends[:, 1]], axis=1)
    assert 0.4 < np.median(length) < 1.2
    assert 0.03 <= er.radius_um <= 0.05


def test_junctions_move_and_tubes_turn_over_at_the_literature_pace(er: Er) -> None:
    network = er.networks[0]
    # of a swing: its top speed over the root of 2 is its root mean square
    pace = np.hypot(*(network.reach_um * network.swing[:, :2]).T) / np.sqrt(2.0)
    assert 0.08 < np.median(pace) < 0.22
    times = np.arange(0.0, 3000.0, 5.0)
    there = np.array([network.there.at(t) > 0.5 for t in times])
    minutes = times[-1] / 60.0 * len(network.ends) / (there[1:] != there[:-1]).sum()
    assert minutes == pytest.approx(8.0, rel=0.1)
    assert there.mean() == pytest.approx(0.88, abs=0.02)


def test_tubes_stay_where_they_were_built() -> None:
    quiet = cell(61_005, QUIET)
    made = quiet.structures["er"]
    assert isinstance(made, Er)
    moment = quiet.figure.moment(0.0)
    points = made.layer(moment, quiet.sway, 1.0).points
    built, _ = cKDTree(made.points(quiet.figure.mother, 0)).query(points)
    assert np.percentile(built, 99) < 1.0
    # above the nucleus too
    _, y, x = points.astype(np.float64).T
    over = (quiet.figure.mother.nucleus.radial(y, x) < 0.7) & (points[:, 0] > 4.5)
    assert over.mean() > 0.003


def test_light_of_the_er_stays_through_division(er: Er, dividing: Cell) -> None:
    life = dividing.figure.life
    light = {}
    for name in ("prophase", "breakdown", "metaphase", "anaphase", "spreading", "rest"):
        moment = dividing.figure.moment(getattr(life, name))
        light[name] = float(er.layer(moment, dividing.sway, 1.0).masses[0].sum())
    whole = light["prophase"]
    assert all(0.5 * whole < value < 1.6 * whole for value in light.values())


def test_cisternae_are_peripheral_in_metaphase(er: Er, dividing: Cell) -> None:
    life = dividing.figure.life
    moment = dividing.figure.moment(0.5 * (life.metaphase + life.anaphase))
    points = er.layer(moment, dividing.sway, 1.0).points
    center = np.array([moment.rounded.middle_um, *moment.rounded.center])
    half = moment.rounded.half_width
    squash = np.array([moment.rounded.squash, 1.0, 1.0])
    reach = np.linalg.norm((points - center) / squash, axis=1) / half
    assert np.percentile(reach, 1) > 0.6


def test_size_is_the_volume_of_its_tubes(er: Er, dividing: Cell) -> None:
    moment = dividing.figure.moment(0.0)
    layer = er.layer(moment, dividing.sway, 1.0)
    volume, width = er.sizes(moment, layer, np.array([0]))
    assert width[0] == pytest.approx(2.0 * er.radius_um)
    share = volume[0] / dividing.figure.volume_um3
    # the 10-12 % of the literature are those of its image
    assert 0.005 < share < 0.03
