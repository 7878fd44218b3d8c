from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from simulated_pieces import layer as piece

from livesr.catalog import NAMES
from livesr.simulator.anatomy.layer import Layer
from livesr.simulator.anatomy.primitives import balls
from livesr.simulator.inventory import contact_rows, identity
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import PRIORITY, Sample, exclusive
from livesr.simulator.view import View

if TYPE_CHECKING:
    from livesr.simulator.rows import ObjectRow

ALONE = '"sample.most_cells": 1, "sample.rounding": 0.0'
QUIET = parameters("standard", f'{{{ALONE}, "sample.dividing": 0.0}}')
DIVIDING = parameters("standard", f'{{{ALONE}, "sample.dividing": 1.0}}')
SEEDS = (62_300, 62_301, 62_302)
SHARES = {
    "nucleus": (0.18, 0.25),
    "nuclear_membrane": (0.002, 0.008),
    "nuclear_reticulum": (0.0, 0.003),
    "mitochondria": (0.08, 0.12),
    "golgi": (0.01, 0.02),
    "early_endosome": (0.002, 0.004),
    "late_endosome": (0.0025, 0.006),
    "lysosome": (0.005, 0.01),
    "peroxisome": (0.003, 0.005),
    "lipid_droplet": (0.002, 0.005),
    "plasma_membrane": (0.002, 0.01),
    "filopodia": (0.0, 0.002),
}
"""Of the cell's volume, by the docs' science page, but for the membranes: there they are their area
times 40 and 8 nm. The ER's 10-12 % are those of its image."""
COUNTS = {
    "mitochondria": (100, 300),
    "golgi": (5, 10),
    "early_endosome": (100, 300),
    "late_endosome": (50, 150),
    "lysosome": (100, 300),
    "peroxisome": (150, 400),
    "lipid_droplet": (20, 120),
    "filopodia": (10, 60),
    "nuclear_reticulum": (1, 8),
    "er": (1, 1),
    "plasma_membrane": (1, 1),
    "nuclear_membrane": (1, 1),
    "nucleus": (1, 1),
}


@pytest.fixture(scope="module")
def cells() -> list[tuple[float, list[ObjectRow]]]:
    """Volume and objects of some cells."""
    samples = [Sample(seed, parameters=QUIET) for seed in SEEDS]
    return [(s.figures[0].volume_um3, s.objects(0.0)) for s in samples]


@pytest.fixture(scope="module")
def dividing() -> Sample:
    return Sample(62_303, parameters=DIVIDING)


def by_structure(rows: list[ObjectRow]) -> dict[str, list[ObjectRow]]:
    found: dict[str, list[ObjectRow]] = defaultdict(list)
    for row in rows:
        found[row.structure].append(row)
    return found


@pytest.mark.parametrize("name", SHARES)
def test_objects_fill_the_literature_shares(
    cells: list[tuple[float, list[ObjectRow]]], name: str
) -> None:
    low, high = SHARES[name]
    shares = [
        sum(row.volume_um3 for row in by_structure(rows)[name]) / whole for whole, rows in cells
    ]
    assert low <= np.mean(shares) <= high
    assert 0.8 * low <= min(shares)
    assert max(shares) <= 1.2 * high


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_the_literatures(cells: list[tuple[float, list[ObjectRow]]], name: str) -> None:
    low, high = COUNTS[name]
    for _, rows in cells:
        assert low <= len(by_structure(rows)[name]) <= high


def test_rows_are_whole_and_identities_unique(
    cells: list[tuple[float, list[ObjectRow]]],
) -> None:
    for _, rows in cells:
        assert set(by_structure(rows)) == set(NAMES) - {"cytosol", "extracellular"}
        assert max(Counter(row.identity for row in rows).values()) == 1
        for row in rows:
            assert row.cell == 10
            assert row.volume_um3 > 0.0
            assert row.diameter_um > 0.0
            assert -0.5 < row.z_um < 9.0
            assert 0.01 < row.ratio < 1.0


def test_identities_stay_through_hours_and_division(dividing: Sample) -> None:
    life = dividing.figures[0].life
    vesicles = ("lipid_droplet", "peroxisome", "early_endosome", "late_endosome", "lysosome")
    first: dict[str, set[int]] = {}
    for time_s in (0.0, life.metaphase, life.rest + 60.0):
        rows = by_structure(dividing.objects(time_s))
        for name in vesicles:
            now = {row.identity for row in rows[name]}
            assert now == first.setdefault(name, now)


def test_daughters_have_objects_of_their_own(dividing: Sample) -> None:
    life = dividing.figures[0].life
    rows = dividing.objects(life.rest + 60.0)
    assert max(Counter(row.identity for row in rows).values()) == 1
    axis, body = dividing.figures[0].axis, dividing.figures[0].mother.body
    for row in rows:
        assert row.cell in (11, 12)
        ahead = (row.y_um - body.center[0]) * np.sin(axis)
        ahead += (row.x_um - body.center[1]) * np.cos(axis)
        assert row.cell == (11 if ahead >= 0.0 else 12)
    for name in ("er", "plasma_membrane", "nucleus", "nuclear_membrane", "golgi", "lysosome"):
        assert {row.cell for row in by_structure(rows)[name]} == {11, 12}, name
    nuclei = by_structure(rows)["nucleus"]
    mother = by_structure(dividing.objects(0.0))["nucleus"]
    assert not {row.identity for row in nuclei} & {row.identity for row in mother}


def test_stages_show_the_division(dividing: Sample) -> None:
    life = dividing.figures[0].life
    (here,) = dividing.stages(0.0)
    assert (here.cell, here.stage, here.detail, here.nuclei) == (10, "interphase", "spread", 1)
    assert here.until_s == life.prophase
    assert here.volume_um3 == pytest.approx(dividing.figures[0].volume_um3, rel=0.02)
    (late,) = dividing.stages(0.5 * (life.metaphase + life.anaphase))
    assert (late.stage, late.nuclei, late.envelope) == ("metaphase", 0, 0.0)
    assert 12.0 <= late.height_um <= 16.0
    assert late.volume_um3 > 1.1 * here.volume_um3
    assert late.footprint_um2 < 0.4 * here.footprint_um2
    (parting,) = dividing.stages(life.anaphase_b)
    assert (parting.stage, parting.detail) == ("anaphase", "B")
    assert parting.plate_distance_um == pytest.approx(8.0)
    both = dividing.stages(life.rest + 60.0)
    assert [row.cell for row in both] == [11, 12]
    assert [row.nuclei for row in both] == [1, 1]
    assert sum(row.volume_um3 for row in both) == pytest.approx(here.volume_um3, rel=0.03)


def ball(name: str, y_um: float, radius: float, owner: int = 0) -> Layer:
    one, axis = np.ones(1), np.array([[0.0, 0.0, 1.0]])
    offsets, emission, truth, _ = balls(np.array([radius]), one, axis)
    made = piece(offsets + np.array([2.0, y_um, 0.0]), truth, emission)
    return Layer(name, made.points, made.masses, np.full(len(offsets), owner))


def joined(one: Layer, other: Layer) -> Layer:
    return Layer(
        one.name,
        np.concatenate([one.points, other.points]),
        np.concatenate([one.masses, other.masses], axis=1),
        np.concatenate([one.owner, other.owner]),
    )


@pytest.mark.parametrize("gap", [0.0, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("radius", [0.2, 0.4])
def test_distance_of_two_balls_is_that_of_their_surfaces(
    dividing: Sample, gap: float, radius: float
) -> None:
    moment = dividing.figures[0].moment(0.0)
    pair = [ball("lysosome", 0.0, radius), ball("peroxisome", radius + 0.15 + gap, 0.15, 7)]
    (row,) = contact_rows(10, moment, pair, 0.3)
    assert row.distance_um == pytest.approx(gap, abs=0.06)
    assert (row.cell, row.structure_a, row.structure_b) == (
        10,
        *sorted(("lysosome", "peroxisome"), key=NAMES.index),
    )
    names = {row.structure_a: row.identity_a, row.structure_b: row.identity_b}
    assert names["peroxisome"] == int(identity(10, "peroxisome", np.array([7]))[0])
    assert contact_rows(10, moment, pair[::-1], 0.3) == [row]
    if gap == 0.2:
        assert contact_rows(10, moment, pair, 0.05) == []


def test_one_ball_may_touch_several(dividing: Sample) -> None:
    moment = dividing.figures[0].moment(0.0)
    between = ball("lysosome", 0.0, 0.2)
    sides = joined(ball("mitochondria", -0.45, 0.2, 3), ball("mitochondria", 0.45, 0.2, 5))
    rows = contact_rows(10, moment, [between, sides], 0.2)
    ends = identity(10, "mitochondria", np.array([3, 5])).tolist()
    index = NAMES.index("mitochondria") < NAMES.index("lysosome")
    found = sorted(row.identity_a if index else row.identity_b for row in rows)
    assert found == ends


def test_contacts_are_pairs_of_known_objects(dividing: Sample) -> None:
    known = {row.identity: row for row in dividing.objects(0.0)}
    rows = dividing.contacts(0.0, 0.05)
    pairs = [(row.identity_a, row.identity_b) for row in rows]
    assert len(set(pairs)) == len(pairs) > 200
    for row in rows:
        assert NAMES.index(row.structure_a) < NAMES.index(row.structure_b)
        assert known[row.identity_a].structure == row.structure_a
        assert known[row.identity_b].structure == row.structure_b
        assert 0.0 <= row.distance_um <= 0.05 + 1e-6
    # peroxisomes and droplets lie along the ER
    both = [{row.structure_a, row.structure_b} for row in rows]
    peroxisomes = [row for row in known.values() if row.structure == "peroxisome"]
    assert both.count({"er", "peroxisome"}) > 0.3 * len(peroxisomes)


def test_label_images_agree_with_objects_and_truth(dividing: Sample) -> None:
    y, x = dividing.figures[0].mother.organizer
    view, planes = View((y, x), 0.0668, (160, 160)), [1.2, 2.0, 2.8]
    known = by_structure(dividing.objects(0.0))
    for name in ("mitochondria", "lysosome", "golgi", "er", "nucleus", "peroxisome"):
        labels = dividing.identities(0.0, planes, view, name)
        truth = dividing.truth(0.0, planes, view, names=(name,))[name]
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels > 0, truth)
        assert set(np.unique(labels[truth])) <= {row.identity for row in known[name]}, name
    # each object where its row says
    labels = dividing.identities(0.0, planes, view, "lysosome")
    rows = {row.identity: row for row in known["lysosome"]}
    field_y, field_x = view.field()
    seen = [i for i in np.unique(labels) if i and (labels == i).sum() > 10]
    assert len(seen) > 5
    for index in seen:
        z, row, column = np.nonzero(labels == index)
        own = rows[int(index)]
        assert abs(field_y[row, 0].mean() + y - own.y_um) < 0.25
        assert abs(field_x[0, column].mean() + x - own.x_um) < 0.25
        assert abs(np.take(planes, z).mean() - own.z_um) < 0.9


def test_label_images_of_cells_are_their_numbers(dividing: Sample) -> None:
    life = dividing.figures[0].life
    view = View(dividing.figures[0].mother.body.center, 0.3, (160, 160))
    for time_s, numbers in ((0.0, {10}), (life.rest + 60.0, {11, 12})):
        labels = dividing.identities(time_s, [1.0], view, "cell")
        assert set(np.unique(labels)) - {0} == numbers
        inside = ~dividing.truth(time_s, [1.0], view, names=("extracellular",))["extracellular"]
        assert ((labels > 0) == inside).mean() > 0.995


def test_exclusive_labels_follow_the_priority() -> None:
    assert set(PRIORITY) == set(NAMES)
    order = (
        "lipid_droplet",
        "lysosome",
        "late_endosome",
        "early_endosome",
        "peroxisome",
        "golgi",
        "mitochondria",
        "nuclear_membrane",
        "er",
        "plasma_membrane",
        "cytosol",
    )
    places = [PRIORITY.index(name) for name in order]
    assert places == sorted(places)
    rng = np.random.default_rng(62_310)
    masks = {name: rng.uniform(size=(2, 8, 8)) < 0.3 for name in NAMES}
    labels = exclusive(masks)
    assert labels.dtype == np.uint8
    for at in np.ndindex(labels.shape):
        there = [name for name in PRIORITY if masks[name][at]]
        assert labels[at] == (NAMES.index(there[0]) + 1 if there else 0)
