"""Contacts against an EDT, and what chance says of vesicles that were placed by chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label

from livesr.analysis.contacts.chance import z_score
from livesr.analysis.contacts.measure import DISTANCES_UM, measure_contacts
from livesr.analysis.objects.measure import find_all
from livesr.bench.analysis_random import random_cell
from livesr.types import Grid, Masks, StackIndex

VOXEL = (0.3, 0.0668, 0.0668)


def test_the_matrix_is_that_of_distances() -> None:
    rng = np.random.default_rng(60_002)
    shape = (6, 40, 48)
    volumes = {
        name: (rng.random(shape) < share).astype(np.uint8)
        for name, share in (("golgi", 0.02), ("er", 0.1), ("mitochondria", 0.04))
    }
    masks = Masks(volumes, Grid(shape, VOXEL), StackIndex(0, 0))
    matrix, sites = measure_contacts(masks, find_all(masks, least_um3={}))
    rows = {
        (a, b, d): k
        for k, (a, b, d) in enumerate(
            zip(matrix["structure_a"], matrix["structure_b"], matrix["distance_um"], strict=True)
        )
    }
    assert len(rows) == 6 * len(DISTANCES_UM)
    for (a, b, distance), k in rows.items():
        near = distance_transform_edt(volumes[b] == 0, sampling=VOXEL) <= distance + 1e-9
        contact = (volumes[a] != 0) & near
        objects, count = label(volumes[a], np.ones((3, 3, 3)))
        assert matrix["contact_volume_um3"][k] == pytest.approx(contact.sum() * np.prod(VOXEL))
        assert matrix["contact_fraction"][k] == pytest.approx(contact.sum() / volumes[a].sum())
        assert matrix["objects"][k] == count
        touching = set(np.unique(objects[contact])) - {0}
        assert matrix["objects_in_contact"][k] == len(touching)
        assert matrix["sites"][k] == label(contact, np.ones((3, 3, 3)))[1]
    listed = list(zip(sites["structure_a"], sites["structure_b"], strict=True))
    assert listed.count(("golgi", "er")) == matrix["sites"][rows["golgi", "er", 0.1]]
    assert ("er", "golgi") not in listed, "each pair once"
    assert np.isnan(matrix["z_score"]).all(), "chance was not asked for"


def test_z_scores_of_few_and_many() -> None:
    assert z_score(50, np.full(100, 0.5), 100) == pytest.approx(0.0, abs=0.1)
    assert z_score(60, np.full(100, 0.5), 100) == pytest.approx(2.0, abs=0.1)
    assert z_score(1, np.full(100, 0.001), 100) < 2, "one of a tenth expected is no attraction"
    assert z_score(90, np.full(100, 0.1), 100) > 20
    assert np.isnan(z_score(0, np.zeros(0), 100))


def test_random_vesicles_touch_as_often_as_by_chance_and_clustered_ones_do_not() -> None:
    scores = []
    for seed in (60_010, 60_011):
        masks = random_cell(seed, counts=60)
        matrix, _ = measure_contacts(masks, find_all(masks), shuffles=40)
        scores += matrix["z_score"][np.isfinite(matrix["z_score"])].tolist()
    assert len(scores) > 60
    # 95 % are expected; a fair share of 90 % is not to fail by chance
    assert np.mean(np.abs(scores) < 2) >= 0.9

    masks = random_cell(60_012, counts=60)
    lysosome = masks.volumes["lysosome"]
    masks.volumes["late_endosome"][:] = np.roll(lysosome, 3, axis=2)  # each beside its partner
    matrix, _ = measure_contacts(masks, find_all(masks), shuffles=40)
    pair = (matrix["structure_a"] == "lysosome") & (matrix["structure_b"] == "late_endosome")
    assert (matrix["z_score"][pair] > 4).all()
    assert (matrix["enrichment"][pair] > 2).all()


def test_chance_is_the_same_each_time() -> None:
    masks = random_cell(60_013, counts=20)
    one, two = (measure_contacts(masks, find_all(masks), shuffles=5)[0] for _ in range(2))
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name])


def test_a_vesicle_that_two_structures_claim_is_no_contact() -> None:
    late, lysosome = np.zeros((2, 6, 40, 60), np.uint8)
    late[1:4, 5:12, 5:12] = lysosome[1:4, 5:11, 5:12] = 1  # one vesicle, more of it claimed as late
    late[1:4, 20:26, 40:46] = lysosome[1:4, 20:26, 44:51] = 1  # two that touch
    masks = Masks(
        {"late_endosome": late, "lysosome": lysosome}, Grid(late.shape, VOXEL), StackIndex(0, 0)
    )
    matrix, sites = measure_contacts(masks, find_all(masks))
    first = matrix["distance_um"] == 0
    assert matrix["objects"][first].tolist() == [2, 1]
    assert matrix["objects_in_contact"][first].tolist() == [1, 1]
    assert sites["label_a"].tolist() == [2], "numbers are those of the table of objects"
    assert masks.volumes["lysosome"][1, 5, 5] == 1, "masks are not written to"
