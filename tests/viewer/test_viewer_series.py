from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from livesr.analysis.contacts.columns import MATRIX_COLUMNS
from livesr.analysis.objects.columns import COLUMNS
from livesr.storage.folder import CONTACTS_FILE, MEASUREMENT_ROWS, OBJECTS_FILE
from livesr.storage.parts import PartsWriter
from livesr.storage.tables import RowLog
from livesr.types import StackIndex
from livesr.viewer import series as series_module
from livesr.viewer.curves import apart
from livesr.viewer.series import TableSeries, Volumes, measured_rows
from livesr.viewer.timeaxis import TimeAxis, clock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "_EVERY_S", 1e-9)


def rows(columns: tuple[Any, ...], many: int, **given: Any) -> dict[str, Any]:
    empty = {"text": "", "int": 0, "bool": False, "float": np.nan}
    whole = {c.name: np.array([empty[c.kind]] * many) for c in columns}
    return whole | {name: np.array(values) for name, values in given.items()}


def test_volumes_follow_the_table_as_it_grows(tmp_path: Path) -> None:
    volumes = Volumes(measured_rows(tmp_path))
    volumes.refresh()
    assert "no volumes yet" in volumes.curves(0, ["er"]).empty
    log = RowLog(tmp_path / MEASUREMENT_ROWS)
    for t in (0, 1):
        for image, volume in ((0, 5.0 + t), (1, 50.0)):
            log.append({"image": image, "t": t, "time_s": 3.0 * t, "structure": "er",
                        "volume_um3": volume, "area_um2": None})  # fmt: skip
        log.flush()
        volumes.refresh()
    log.close()
    (curve,) = volumes.curves(0, ["golgi", "er"]).curves
    assert (curve.times_s, curve.values) == ((0.0, 3.0), (5.0, 6.0))
    assert volumes.at(1, 1, "er") == 50.0
    assert isnan(volumes.at(1, 1, "golgi"))


def test_counts_are_of_the_objects(tmp_path: Path) -> None:
    writer, table = PartsWriter(tmp_path / OBJECTS_FILE, COLUMNS), TableSeries(tmp_path)
    for t, names in ((0, ["lysosome"] * 3), (1, ["er"])):
        many = len(names)
        given = rows(COLUMNS, many, t=[t] * many, time_s=[10.0 * t] * many, structure=names)
        writer.write(StackIndex(0, t), given)
        table.refresh("count")
    lysosome, er = table.counts(0, ["lysosome", "er"]).curves
    assert (lysosome.times_s, lysosome.values) == ((0.0, 10.0), (3.0, 0.0))
    assert er.values == (0.0, 1.0)
    assert table.counts(1, ["lysosome"]).curves == ()


def test_contacts_are_of_the_pairs_that_are_shown(tmp_path: Path) -> None:
    given = rows(
        MATRIX_COLUMNS,
        4,
        time_s=[0.0] * 4,
        structure_a=["lysosome", "lysosome", "golgi", "er"],
        structure_b=["er", "er", "nucleus", "golgi"],
        distance_um=[0.1, 0.2, 0.1, 0.1],
        contact_fraction=[0.4, 0.9, 1.0, 0.6],
    )
    PartsWriter(tmp_path / CONTACTS_FILE, MATRIX_COLUMNS).write(StackIndex(0, 0), given)
    table = TableSeries(tmp_path)
    table.refresh("contacts")
    found = table.contacts(0, ["lysosome", "er", "golgi", "nucleus"])
    assert [(c.name, c.values) for c in found.curves] == [
        ("endoplasmic reticulum at Golgi apparatus", (60.0,)),
        ("lysosome at endoplasmic reticulum", (40.0,)),
    ]
    assert table.contacts(0, ["lysosome"]).curves == ()


def test_the_time_axis_is_as_people_say_it() -> None:
    axis = TimeAxis(100, 500, 3600.0)
    assert axis.x(1800.0) == 300
    assert axis.time_s(300) == 1800.0
    assert axis.time_s(900) == 3600.0
    assert [words for _, words in axis.ticks()][:3] == ["0 s", "20 min", "40 min"]
    assert [clock(s) for s in (5, 90, 120, 150, 7260)] == [
        "5 s",
        "90 s",
        "2 min",
        "2:30 min",
        "2:01 h",
    ]


def test_names_are_moved_apart_and_stay_above_the_bottom() -> None:
    assert apart([10, 12, 80], 15, 100) == [10, 25, 80]
    assert apart([90, 95, 99], 15, 100) == [70, 85, 100]
