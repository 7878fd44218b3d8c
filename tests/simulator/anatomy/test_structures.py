"""All structures of one cell through its division: where their points are and how they move."""

from __future__ import annotations

import numpy as np
import pytest
from anatomy_pieces import (
    DIVIDING,
    QUIET,
    STAGES,
    beyond,
    cell,
    in_ellipsoid,
    in_nuclei,
    through_division,
)

from livesr.catalog import NAMES
from livesr.simulator.anatomy.cell import VESICLES, Cell
from livesr.simulator.anatomy.vesicles import Vesicles

SEED = 61_000
OUTSIDE = ("filopodia",)
ORGANELLES = (*VESICLES, "mitochondria", "golgi", "er")
ONE_BY_ONE = (*VESICLES, "golgi")


@pytest.fixture(scope="module")
def dividing() -> Cell:
    return cell(SEED, DIVIDING)


def centers(one: Cell, name: str, time_s: float) -> np.ndarray:
    """Return places that can be followed in time: of vesicles, bits and units' axes."""
    moment, structure = one.figure.moment(time_s), one.structures[name]
    if isinstance(structure, Vesicles):
        return structure.centers(moment, one.sway, one.figure.motion)
    if name == "mitochondria":
        curves = structure.curves(moment, one.sway, one.figure.motion)  # type: ignore[attr-defined]
        return np.asarray(curves[:, ::9].reshape(-1, 3))
    return structure.layer(moment, one.sway, one.figure.motion).points.astype(np.float64)


def test_cell_has_every_structure_but_the_volumes(dividing: Cell) -> None:
    assert set(dividing.structures) == set(NAMES) - {"nucleus", "cytosol", "extracellular"}
    for layer in dividing.layers(dividing.figure.moment(0.0), 3):
        assert layer.cell == 3
        assert len(layer.points) == len(layer.owner) == layer.masses.shape[1] > 0
        assert layer.points.dtype == layer.masses.dtype == np.float32
        assert np.isfinite(layer.points).all()
        assert (layer.masses[:3] >= 0.0).all()
        assert (layer.masses[3] > 0.0).all()


def test_all_points_lie_inside_the_cell_and_beside_its_nuclei(dividing: Cell) -> None:
    for time_s in through_division(dividing.figure.life, each=1):
        moment = dividing.figure.moment(time_s)
        for layer in dividing.layers(moment, 0):
            if layer.name in OUTSIDE or not len(layer.points):
                continue
            out = beyond(moment, layer.points)
            where = f"{layer.name} at {time_s:.0f} s"
            # ruffles rise from the membrane; in anaphase B some mitochondria bridge the furrow
            free = layer.name in ("plasma_membrane", "mitochondria")
            assert (out > 0.31).mean() < (0.015 if free else 0.002), where
            assert out.max() < (1.4 if free else 0.5), where
            if layer.name in ORGANELLES:
                assert in_nuclei(moment, layer.points).mean() < 0.025, where
            assert layer.points[:, 0].min() > -0.2, where


def test_organelles_keep_out_of_the_spindle(dividing: Cell) -> None:
    life = dividing.figure.life
    moment = dividing.figure.moment(0.5 * (life.metaphase + life.anaphase))
    for layer in dividing.layers(moment, 0):
        if len(layer.points):
            reach = in_ellipsoid(layer.points, moment.holes[0])
            assert (reach < 0.8).mean() == 0.0, layer.name
            assert (reach < 1.0).mean() < 0.1, layer.name


@pytest.mark.parametrize("name", [*ONE_BY_ONE, "mitochondria"])
def test_things_move_without_jumps(dividing: Cell, name: str) -> None:
    life = dividing.figure.life
    events = [getattr(life, stage) for stage in STAGES]
    events += [life.breakdown + life.dissolving, life.anaphase + life.reformed]
    between = 0.5 * (np.array(events[:7]) + np.array(events[1:8]))
    for time_s in (300.0, *events, *between.tolist()):
        before, after = (centers(dividing, name, time_s + d) for d in (-0.5, 0.5))
        pace = np.linalg.norm(after - before, axis=1)
        assert np.percentile(pace, 99) < 3.0, time_s
        assert np.percentile(pace, 99.9) < 6.0, time_s
        assert np.median(pace) < 0.5, time_s


def test_identities_persist_through_division(dividing: Cell) -> None:
    owners: dict[str, set[int]] = {}
    for time_s in through_division(dividing.figure.life, each=1):
        moment = dividing.figure.moment(time_s)
        for name in VESICLES:
            structure = dividing.structures[name]
            owner = np.unique(structure.layer(moment, dividing.sway, 1.0).owner)
            assert set(owner.tolist()) == owners.setdefault(name, set(owner.tolist()))
    assert {len(o) for o in owners.values()} != {0}


def test_daughters_share_what_the_mother_had(dividing: Cell) -> None:
    life = dividing.figure.life
    moment = dividing.figure.moment(life.rest + 60.0)
    for layer in dividing.layers(moment, 0):
        dy, dx = (layer.points[:, k + 1] - moment.rounded.center[k] for k in (0, 1))
        ahead = dy * np.sin(dividing.figure.axis) + dx * np.cos(dividing.figure.axis) > 0.0
        assert 0.25 < ahead.mean() < 0.75, layer.name


def test_layers_are_a_pure_function_of_time(dividing: Cell) -> None:
    times = (40.0, dividing.figure.life.telophase)
    before = [dividing.layers(dividing.figure.moment(t), 0) for t in times]
    after = [dividing.layers(dividing.figure.moment(t), 0) for t in reversed(times)][::-1]
    for one, other in zip(before, after, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a.points, b.points)
            np.testing.assert_array_equal(a.masses, b.masses)
            np.testing.assert_array_equal(a.owner, b.owner)


def test_without_motion_nothing_moves() -> None:
    quiet = cell(61_004, QUIET)
    here, later = quiet.figure.moment(0.0), quiet.figure.moment(0.0)
    for structure in quiet.structures.values():
        one, other = (structure.layer(m, quiet.sway, 0.0) for m in (here, later))
        np.testing.assert_array_equal(one.points, other.points)
    for name in VESICLES:
        vesicles = quiet.structures[name]
        assert isinstance(vesicles, Vesicles)
        still = vesicles.centers(here, quiet.sway, 0.0)
        moved = vesicles.centers(quiet.figure.moment(60.0), quiet.sway, 1.0)
        assert np.abs(moved - still).max() > 0.05


def test_quiet_cell_holds_the_same_ten_hours_on() -> None:
    quiet = cell(61_004, QUIET)
    early, late = (
        {layer.name: layer for layer in quiet.layers(quiet.figure.moment(t), 0)}
        for t in (0.0, 36_000.0)
    )
    moment = quiet.figure.moment(36_000.0)
    for name, layer in late.items():
        assert layer.masses[0].sum() == pytest.approx(early[name].masses[0].sum(), rel=0.3), name
        if name not in OUTSIDE:
            assert (beyond(moment, layer.points) > 0.31).mean() < 0.005, name
