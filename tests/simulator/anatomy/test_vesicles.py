from __future__ import annotations

import numpy as np
import pytest
from anatomy_pieces import QUIET, beyond, cell, in_nuclei
from scipy.spatial import cKDTree

from livesr.simulator.anatomy.cell import VESICLES, Cell
from livesr.simulator.anatomy.vesicles import Vesicles
from livesr.simulator.parameters import parameters

P = parameters()
LITERATURE = {
    "lipid_droplet": ((20, 120), (0.2, 1.0), (0.002, 0.005)),
    "peroxisome": ((150, 400), (0.15, 0.35), (0.003, 0.005)),
    "early_endosome": ((100, 300), (0.15, 0.4), (0.002, 0.004)),
    "late_endosome": ((50, 150), (0.3, 0.6), (0.0025, 0.006)),
    "lysosome": ((100, 300), (0.2, 0.8), (0.005, 0.01)),
}
"""Count, diameter (µm) and share of the cell's volume."""
SEEDS = (61_004, 61_005)


@pytest.fixture(scope="module", params=SEEDS)
def quiet(request: pytest.FixtureRequest) -> Cell:
    return cell(request.param, QUIET)


def of(one: Cell, name: str) -> Vesicles:
    made = one.structures[name]
    assert isinstance(made, Vesicles)
    return made


def where(one: Cell, name: str, time_s: float) -> np.ndarray:
    return of(one, name).centers(one.figure.moment(time_s), one.sway, 1.0)


@pytest.mark.parametrize("name", VESICLES)
def test_counts_and_sizes_are_the_literatures(quiet: Cell, name: str) -> None:
    vesicles, (count, diameter, _) = of(quiet, name), LITERATURE[name]
    assert count[0] <= len(vesicles.radii) <= count[1]
    assert diameter[0] <= 2.0 * vesicles.radii.min()
    assert 2.0 * vesicles.radii.max() <= diameter[1]
    if name == "lysosome":
        assert np.median(2.0 * vesicles.radii) == pytest.approx(P.lysosome.median_um, rel=0.1)


@pytest.mark.parametrize("name", VESICLES)
def test_they_fill_their_share_of_the_cell(name: str) -> None:
    shares = [
        of(one, name).volumes.sum() / one.figure.volume_um3
        for one in (cell(seed, QUIET) for seed in SEEDS)
    ]
    low, high = LITERATURE[name][2]
    assert low <= np.mean(shares) <= high


@pytest.mark.parametrize("name", VESICLES)
@pytest.mark.parametrize("time_s", [0.0, 600.0, 36_000.0])
def test_they_stay_in_the_cytoplasm(quiet: Cell, name: str, time_s: float) -> None:
    moment = quiet.figure.moment(time_s)
    points = where(quiet, name, time_s)
    assert (beyond(moment, points) > 0.05).mean() < 0.01
    assert in_nuclei(moment, points, 0.0).mean() < 0.02


def test_boundaries_do_not_collect_them() -> None:
    """What wanders against the roof or the nucleus is thrown back, not kept there."""
    one = cell(SEEDS[0], QUIET)
    for name in ("early_endosome", "lysosome", "peroxisome"):
        moment, radii = one.figure.moment(7200.0), of(one, name).radii
        z, y, x = where(one, name, 7200.0).T
        low, high, _ = moment.bodies[0].surfaces(y, x)
        room = (high - low) > 4.0 * radii + 0.8
        gap = np.minimum(z - low, high - z)[room] - radii[room] - 0.1
        assert (gap < 0.01).mean() < 0.1, name


def test_endosomes_are_peripheral_and_lysosomes_juxtanuclear() -> None:
    for seed in SEEDS:
        one = cell(seed, QUIET)
        organizer = np.array(one.figure.mother.organizer)
        way = {
            name: np.median(np.linalg.norm(where(one, name, 0.0)[:, 1:] - organizer, axis=1))
            for name in VESICLES
        }
        assert way["late_endosome"] < way["lysosome"] < way["early_endosome"]


def test_peroxisomes_and_droplets_lie_along_the_er() -> None:
    one = cell(SEEDS[0], QUIET)
    tubes = one.structures["er"].layer(one.figure.moment(0.0), one.sway, 1.0).points
    near, _ = cKDTree(tubes).query(where(one, "peroxisome", 0.0))
    assert np.median(near) < 0.25


@pytest.mark.parametrize("name", ["peroxisome", "early_endosome", "lipid_droplet"])
def test_they_diffuse_as_set_over_seconds(quiet: Cell, name: str) -> None:
    kind, vesicles = P.vesicle(name), of(quiet, name)
    still = vesicles.runs.reach == 0.0
    lag = 3.0
    starts = (0.0, 500.0, 4000.0)
    # the middle of the distances: what meets a wall is thrown back
    square = [(where(quiet, name, t + lag) - where(quiet, name, t))[still, 1:] ** 2 for t in starts]
    found = np.median(np.concatenate(square).sum(axis=1)) / (4.0 * np.log(2.0) * lag)
    assert 0.6 * kind.diffusion_um2_s[0] < found < 1.5 * kind.diffusion_um2_s[1]


def test_heavy_lysosomes_move_less() -> None:
    vesicles = of(cell(SEEDS[0], QUIET), "lysosome")
    small, large = vesicles.radii < np.median(vesicles.radii), vesicles.radii > 0.3
    moved = vesicles.wander.amplitude[0, :, 0]
    assert np.median(moved[small]) > 1.15 * np.median(moved[large])


def test_small_ones_are_dimmer_than_those_that_fill_the_spot() -> None:
    one = cell(SEEDS[0], QUIET)
    layer = of(one, "early_endosome").layer(one.figure.moment(0.0), one.sway, 1.0)
    peak = np.bincount(layer.owner, layer.masses[0]) / np.bincount(layer.owner, layer.masses[3])
    ones = of(one, "early_endosome")
    radii, peak = ones.radii, peak / ones.stain.level
    small, wide = np.percentile(radii, (25, 75))
    assert peak[radii < small].mean() < 0.93 * peak[radii > wide].mean()
    assert 0.34 < peak.min() < peak.max() < 1.01
