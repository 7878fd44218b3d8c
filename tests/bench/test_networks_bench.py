"""Rows about trained networks, in a small form."""

from __future__ import annotations

import json

import numpy as np
import pytest

from livesr.analysis.detection import VESICLES
from livesr.bench import operations, robustness, sequential
from livesr.bench.robustness import ROUND, Cells
from livesr.catalog import NAMES, NETWORKS
from livesr.simulator.parameters import parameters
from livesr.training.labelled import simulate


def test_one_dye_is_as_many_times_faster_as_there_are_colours() -> None:
    rows = list(sequential.rows(seed=60_000, field=96, colours=(2, 15), planes=5))
    assert [row.unit for row in rows] == ["s", "ms at nominal power"] * 2
    one = 5 * (0.05 + sequential.SETTLE_MS / 1000)
    for row, n in zip(rows[::2], (2, 15), strict=True):
        assert row.value == pytest.approx(one, rel=0.02)
        assert row.peer_value == pytest.approx(n * (row.value + sequential.SWITCH_S))
        assert row.ratio is not None
        assert row.ratio > n
    for row, n in zip(rows[1::2], (2, 15), strict=True):
        assert row.value == pytest.approx(5 * 50.0)
        assert row.ratio == pytest.approx(n)
    assert "literature" not in rows[0].detail


def test_vesicles_leave_their_places_while_colours_change() -> None:
    places = sequential.Places(60_000, 128, 8)
    assert places.kept(0.0) == pytest.approx(
        np.mean([1.0 if places._first[name].any() else 0.0 for name in VESICLES])
    )
    assert places.kept(0.0) > places.kept(1.4) > places.kept(20.0)


def test_operations_need_the_ten_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "giga", lambda name: 2.0 if name == "ALL" else 3.0)
    monkeypatch.setattr(operations, "package_names", lambda: ["ALL"])
    (row,) = operations.rows()
    assert row.value == 2.0
    assert row.peer_value is None
    assert "LD" in row.detail
    monkeypatch.setattr(operations, "package_names", lambda: ["ALL", *NETWORKS])
    (row,) = operations.rows()
    assert row.peer_value == 30.0
    assert row.ratio == 15.0
    assert row.attained == 1.0


@pytest.fixture(scope="module")
def rows() -> list[robustness.Row]:
    return list(robustness.rows(Cells((60_000,), (6, 96, 96)), ["ALL"]))


def test_every_structure_is_seen_twice_and_without_the_ratio(rows: list[robustness.Row]) -> None:
    steady = [row for row in rows if row.unit == "IoU"]
    assert [row.name.split(": ")[1].split(",")[0] for row in steady] == list(NAMES)
    for row in steady:
        vesicle = any(f" {name}," in row.name for name in VESICLES)
        assert row.bound == ("0.7 asked" if vesicle else "0.9 asked")
        assert 0.0 <= row.value <= 1.0
    assert steady[-1].value > 0.8
    ablated = [row for row in rows if row.peer == "the same network without the ratio image"]
    assert len(ablated) == len(NAMES)
    assert "paper, real cells: 0.59 with, 0.43 without" in ablated[4].detail


def test_controls_stand_beside_the_cells_as_they_are(rows: list[robustness.Row]) -> None:
    controls = [row for row in rows if row.peer == "the cells as they are"]
    assert [row.name for row in controls] == [
        "ALL: mitochondria, ratios of early_endosome and mitochondria swapped",
        "ALL: early_endosome, ratios of early_endosome and mitochondria swapped",
        "ALL: peroxisome, ratios of early_endosome and peroxisome swapped",
        "ALL: early_endosome, ratios of early_endosome and peroxisome swapped",
        "ALL: mitochondria, round mitochondria",
    ]
    plain = [row.value for row in rows if row.name == "ALL: mitochondria, F1 with the ratio image"]
    assert controls[0].peer_value == plain[0]


def test_the_worlds_that_must_hurt_are_what_they_say() -> None:
    dye = parameters().dye
    swapped = parameters("standard", json.dumps(robustness.swapped("golgi", "er"))).dye
    assert swapped.golgi.peak_nm == dye.er.peak_nm
    assert swapped.er.peak_nm == dye.golgi.peak_nm
    assert swapped.er.brightness == dye.er.brightness
    shape = (6, 128, 128)
    plain = simulate(60_001, shape=shape).truth["mitochondria"]
    round_ones = simulate(60_001, shape=shape, changes=json.dumps(ROUND)).truth["mitochondria"]
    assert largest(round_ones) < 0.3 * largest(plain)


def largest(mask: np.ndarray) -> int:
    from scipy.ndimage import label

    labels, _ = label(mask)
    return int(np.bincount(labels[mask]).max())


def test_packages_are_those_that_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "package_names", lambda: ["ALL", "LD"])
    assert robustness.shipped() == [["ALL"]]
    monkeypatch.setattr(robustness, "package_names", lambda: ["ALL", "FG", *NETWORKS])
    assert robustness.shipped() == [["ALL"], list(NETWORKS)]
