"""Tables in parts: whole once they close, the same after a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from livesr.errors import StorageError
from livesr.storage.columns import INDEX, Column
from livesr.storage.parts import PartsWriter, merge, parts_folder, restore, write_csv
from livesr.types import StackIndex

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (
    *INDEX, Column("structure", "", "name", kind="text"), Column("volume_um3", "um3", "volume"),
)  # fmt: skip


def rows(index: StackIndex, many: int) -> dict[str, np.ndarray]:
    volume = np.arange(many) + 0.5
    volume[:1] = np.nan
    return {
        "image": np.full(many, index.image), "t": np.full(many, index.t),
        "time_s": np.full(many, 10.0 * index.t), "structure": np.full(many, "er"),
        "volume_um3": volume,
    }  # fmt: skip


def test_a_table_is_whole_ordered_and_has_units(tmp_path: Path) -> None:
    table = tmp_path / "objects.parquet"
    writer = PartsWriter(table, COLUMNS)
    stacks = [StackIndex(0, 10), StackIndex(1, 2), StackIndex(0, 2), StackIndex(0, 3)]
    for index in stacks:
        writer.write(index, rows(index, 4))
    writer.write(stacks[0], rows(stacks[0], 0))  # segmented again: nothing there
    assert merge(table, COLUMNS, set(stacks[:3])) == 8
    assert not parts_folder(table).exists()
    read = pq.read_table(table)
    assert read["t"].to_pylist() == [2] * 4 + [2] * 4
    assert read["image"].to_pylist() == [0] * 4 + [1] * 4
    assert read["volume_um3"].to_pylist() == [None, 1.5, 2.5, 3.5] * 2
    assert read.schema.field("volume_um3").metadata[b"unit"] == b"um3"
    text = write_csv(table).read_text(encoding="utf-8").splitlines()
    assert text[0].replace('"', "") == "image,t,time_s,structure,volume_um3"
    assert len(text) == 9


def test_a_closed_table_goes_on(tmp_path: Path) -> None:
    table = tmp_path / "objects.parquet"
    first, second, third = (StackIndex(0, t) for t in range(3))
    writer = PartsWriter(table, COLUMNS)
    for index in (first, second):
        writer.write(index, rows(index, 3))
    merge(table, COLUMNS, {first, second})
    restore(table, {first})
    assert not table.exists()
    writer = PartsWriter(table, COLUMNS)
    writer.write(third, rows(third, 3))
    merge(table, COLUMNS, {first, third})
    assert pq.read_table(table)["t"].to_pylist() == [0] * 3 + [2] * 3


def test_a_damaged_part_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    table = tmp_path / "objects.parquet"
    index = StackIndex(0, 0)
    PartsWriter(table, COLUMNS).write(index, rows(index, 3))
    (parts_folder(table) / "0-0.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(StorageError):
        merge(table, COLUMNS, {index})
    assert not table.exists()
    assert parts_folder(table).is_dir()
