"""Tables: rows as JSON lines, then parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from livesr.errors import StorageError
from livesr.storage.tables import (
    PLANE_COLUMNS,
    RowLog,
    plane_row,
    read_rows,
    read_table,
    to_parquet,
)
from livesr.types import Frame, StackIndex

if TYPE_CHECKING:
    from pathlib import Path


def test_plane_rows_become_a_typed_table(tmp_path: Path) -> None:
    rows = RowLog(tmp_path / "planes.jsonl")
    for z in range(4):
        frame = Frame(
            np.zeros((2, 2), np.uint16), StackIndex(0, 1), z, 0, 1.5 + z, (1.0, 2.0, 0.3 * z),
            50.0, {"camera": "A", "stamp": np.int64(4)},
        )  # fmt: skip
        rows.append(plane_row(frame))
    rows.flush()
    rows.close()
    assert to_parquet(tmp_path / "planes.jsonl", tmp_path / "planes.parquet") == 4
    table = pq.read_table(tmp_path / "planes.parquet")
    assert table.column_names == list(PLANE_COLUMNS)
    assert table["z"].to_pylist() == [0, 1, 2, 3]
    assert str(table["time_s"].type) == "double"
    assert table["device"][0].as_py() == '{"camera": "A", "stamp": 4}'
    assert not list(tmp_path.glob("*.draft"))


def test_columns_of_many_kinds(tmp_path: Path) -> None:
    rows = RowLog(tmp_path / "m.jsonl")
    rows.append({"a": 1, "b": 1, "c": True, "d": "x", "e": None, "f": [1, 2]})
    rows.append({"a": 2, "b": 1.5, "d": 3, "g": {"k": 1}, "h": 10**19})
    rows.close()
    to_parquet(tmp_path / "m.jsonl", tmp_path / "m.parquet")
    table = pq.read_table(tmp_path / "m.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        "a": "int64", "b": "double", "c": "bool", "d": "string", "e": "string", "f": "string",
        "g": "string", "h": "string",
    }  # fmt: skip
    assert table["c"].to_pylist() == [True, None]
    assert table["d"].to_pylist() == ["x", "3"]
    assert table["f"].to_pylist() == ["[1, 2]", None]
    assert table["h"].to_pylist() == [None, "1" + 19 * "0"]


@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_any_number_of_rows(tmp_path: Path, count: int) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(b'{"k": %d}\n' % k for k in range(count)))
    assert to_parquet(path, tmp_path / "rows.parquet") == count
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == count


def test_a_torn_last_row_is_left_out_and_a_damaged_one_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"k": 0}\n{"k": 1}\n{"k"')
    assert [row["k"] for row in read_rows(path)] == [0, 1]
    rows = RowLog(path)
    rows.append({"k": 2})
    rows.close()
    assert [row["k"] for row in read_rows(path)] == [0, 1, 2]
    path.write_bytes(b'{"k": 0}\n{"k"\n{"k": 2}\n')
    with pytest.raises(StorageError, match="row 2 is damaged"):
        to_parquet(path, tmp_path / "rows.parquet")
    assert not (tmp_path / "rows.parquet").exists()


def test_flush_makes_rows_readable_while_the_log_is_open(tmp_path: Path) -> None:
    rows = RowLog(tmp_path / "rows.jsonl")
    rows.append({"k": 0})
    rows.flush()
    assert [row["k"] for row in read_rows(tmp_path / "rows.jsonl")] == [0]
    rows.close()
    rows.close()


def test_a_table_is_read_back_as_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"k": 0, "name": "a"}\n{"k": 1}\n')
    to_parquet(path, tmp_path / "rows.parquet")
    rows = read_table(tmp_path / "rows.parquet")
    assert rows == [{"k": 0, "name": "a"}, {"k": 1, "name": None}]
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(StorageError, match="cannot be read"):
        read_table(tmp_path / "rows.parquet")


def test_a_table_that_pyarrow_does_not_know_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise pa.ArrowNotImplementedError("Integers with more than 64 bits not implemented")

    monkeypatch.setattr(pq, "read_table", unknown)
    with pytest.raises(StorageError, match="more than 64 bits"):
        read_table(tmp_path / "rows.parquet")
