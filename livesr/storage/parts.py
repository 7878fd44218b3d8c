"""Tables with thousands of rows a stack: a small parquet file for each, one file once it closes.

A part is written whole or not at all, before the journal lists its stack, and written again if the
stack is segmented again: so a table that was killed, resumed or caught up is that of a session that
nothing happened to.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from livesr.storage.disk import disk_errors
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.storage.columns import Column

_NAME = re.compile(r"(\d+)-(\d+)\.parquet")
_TYPES = {"float": pa.float64(), "int": pa.int64(), "bool": pa.bool_(), "text": pa.string()}


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """Return the schema of a table: each field's metadata has its unit and meaning."""
    return pa.schema(
        [
            pa.field(
                column.name,
                _TYPES[column.kind],
                metadata={
                    "unit": column.unit,
                    "meaning": column.meaning,
                    **({"regionprops": column.regionprops} if column.regionprops else {}),
                },
            )
            for column in columns
        ]
    )


def parts_folder(table: Path) -> Path:
    """Return the folder of a table's parts: ``objects.parts`` for ``objects.parquet``."""
    return table.with_suffix(".parts")


class PartsWriter:
    """Writes the rows of one stack at a time.

    Parameters
    ----------
    table : Path
        Such as ``objects.parquet``, which `merge` will make.
    columns : sequence of Column

    Raises
    ------
    StorageError
        If the folder cannot be made.
    """

    def __init__(self, table: Path, columns: Sequence[Column]) -> None:
        self.folder = parts_folder(table)
        self._schema = schema_of(columns)
        with disk_errors("the table could not be begun", self.folder):
            self.folder.mkdir(exist_ok=True)

    def write(self, index: StackIndex, rows: Mapping[str, npt.NDArray[Any]]) -> None:
        """Write the rows of a stack in place of any that it had; NaN becomes null.

        Raises
        ------
        StorageError
            If the disk is full or fails.
        """
        table = to_arrow(rows, self._schema)
        with disk_errors(f"rows of {index} could not be written", self.folder):
            _write(table, self.folder / f"{index.image}-{index.t}.parquet")


def to_arrow(rows: Mapping[str, npt.NDArray[Any]], schema: pa.Schema) -> pa.Table:
    """Return columns of numpy arrays as an Arrow table; NaN becomes null."""
    arrays = []
    for field in schema:
        values = np.asarray(rows[field.name])
        floating = np.issubdtype(values.dtype, np.floating)
        plain = values.tolist() if values.dtype.kind in "UO" else values
        arrays.append(pa.array(plain, mask=np.isnan(values) if floating else None).cast(field.type))
    return pa.table(arrays, schema=schema)


def part_indices(table: Path) -> list[StackIndex]:
    """Return the stacks that have parts, by image and time."""
    names = (_NAME.fullmatch(path.name) for path in parts_folder(table).glob("*.parquet"))
    return sorted(StackIndex(int(name[1]), int(name[2])) for name in names if name)


def merge(table: Path, columns: Sequence[Column], keep: Collection[StackIndex]) -> int:
    """Make one parquet file of the parts of the stacks to keep; return how many rows it has.

    The parts are removed once it is there. It appears whole or not at all.

    Raises
    ------
    StorageError
        If the disk fails or a part is damaged: the parts stay.
    """
    folder, schema = parts_folder(table), schema_of(columns)
    draft = table.with_name(table.name + ".draft")
    count = 0
    with disk_errors("the table could not be written", table):
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            for index in part_indices(table):
                if index in keep:
                    part = pq.read_table(folder / f"{index.image}-{index.t}.parquet")
                    writer.write_table(part.select(schema.names).cast(schema))
                    count += len(part)
        draft.replace(table)
    remove_parts(table)
    return count


def write_table(path: Path, tables: Sequence[pa.Table], schema: pa.Schema) -> int:
    """Write tables one after the other as one file, whole or not at all; return its rows.

    Raises
    ------
    StorageError
        If the disk is full or fails.
    """
    draft = path.with_name(path.name + ".draft")
    with disk_errors("the table could not be written", path):
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
        draft.replace(path)
    return sum(len(table) for table in tables)


def stored_rows(
    table: Path, keep: Collection[StackIndex], columns: Sequence[str]
) -> dict[str, npt.NDArray[Any]]:
    """Return columns of a table, closed or still in parts; none if nobody made it.

    Parameters
    ----------
    table : Path
        Such as ``objects.parquet``.
    keep : collection of StackIndex
        Stacks whose parts count.
    columns : sequence of str

    Raises
    ------
    StorageError
        If it is damaged, or lacks a column.
    """
    files = [table] if table.is_file() else []
    if not files:
        names = (f"{k.image}-{k.t}.parquet" for k in part_indices(table) if k in keep)
        files = [parts_folder(table) / name for name in names]
    if not files:
        return {}
    with disk_errors("the table cannot be read", table):
        read = [pq.read_table(file, columns=list(columns), memory_map=False) for file in files]
        whole = pa.concat_tables(read)
        if missing := set(columns) - set(whole.column_names):
            raise pa.ArrowInvalid(f"it has no column {', '.join(sorted(missing))}")
    return {name: np.asarray(whole[name]) for name in columns}


def write_csv(table: Path) -> Path:
    """Write a parquet table as CSV beside it and return the path; units are in the columns' names.

    Raises
    ------
    StorageError
        If it cannot be read, or the disk fails.
    """
    import pyarrow.csv as pacsv

    path = table.with_suffix(".csv")
    draft = path.with_name(path.name + ".draft")
    with disk_errors("the table could not be written", path):
        pacsv.write_csv(pq.read_table(table), draft)
        draft.replace(path)
    return path


def remove_parts(table: Path) -> None:
    """Remove the folder of a table's parts; what somebody looks at (Windows) stays."""
    folder = parts_folder(table)
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()


def restore(table: Path, keep: Collection[StackIndex]) -> None:
    """Turn a closed table into parts again, of the stacks to keep: a session goes on.

    Parts of other stacks are dropped: these stacks come again.

    Raises
    ------
    StorageError
        If the table is damaged or the disk fails.
    """
    folder = parts_folder(table)
    with disk_errors("the table could not be restored", table):
        for index in part_indices(table):
            if index not in keep:
                (folder / f"{index.image}-{index.t}.parquet").unlink()
        if not table.is_file():
            return
        folder.mkdir(exist_ok=True)
        whole = pq.read_table(table)
        for index in keep:
            mine = pc.and_(pc.equal(whole["image"], index.image), pc.equal(whole["t"], index.t))
            _write(whole.filter(mine), folder / f"{index.image}-{index.t}.parquet")
        table.unlink()


def _write(table: pa.Table, path: Path) -> None:
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class StackRows:
    """Reads a table a stack at a time, whether it is still in parts or was closed.

    Parameters
    ----------
    table : Path
        Such as ``objects.parquet``; it need not exist yet.
    columns : sequence of str
        Read beside ``image`` and ``t``.
    """

    def __init__(self, table: Path, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = list(columns)
        self._known: dict[StackIndex, int] = {}
        self._closed = 0

    def new(self) -> Iterator[tuple[StackIndex, dict[str, list[Any]]]]:
        """Yield the rows of the stacks that are new or were written again since the last call.

        Raises
        ------
        StorageError
            If the table is damaged.
        """
        for index in part_indices(self._table):
            rows = self._if_new(index)
            if rows is not None:
                yield index, rows
        if self._table.is_file():
            yield from self._if_closed()

    def of(self, index: StackIndex) -> dict[str, list[Any]]:
        """Return the rows of one stack; empty columns if it has none.

        Raises
        ------
        StorageError
            If the table is damaged.
        """
        part = parts_folder(self._table) / f"{index.image}-{index.t}.parquet"
        with disk_errors("the table cannot be read", self._table):
            with suppress(FileNotFoundError):
                return dict(pq.read_table(part, columns=self._columns).to_pydict())
            if self._table.is_file():
                mine = [("image", "=", index.image), ("t", "=", index.t)]
                rows = pq.read_table(self._table, columns=self._columns, filters=mine)
                return dict(rows.to_pydict())
        return {name: [] for name in self._columns}

    def _if_new(self, index: StackIndex) -> dict[str, list[Any]] | None:
        """Return a part's rows if it was written since; None if not, or if it was merged."""
        path = parts_folder(self._table) / f"{index.image}-{index.t}.parquet"
        with disk_errors("the table cannot be read", path), suppress(FileNotFoundError):
            written = path.stat().st_mtime_ns
            if self._known.get(index) != written:
                rows = dict(pq.read_table(path, columns=self._columns).to_pydict())
                self._known[index] = written
                return rows
        return None

    def _if_closed(self) -> Iterator[tuple[StackIndex, dict[str, list[Any]]]]:
        """Yield all stacks of a table that was closed since, a row group (a part) at a time."""
        with disk_errors("the table cannot be read", self._table):
            written = self._table.stat().st_mtime_ns
            if written == self._closed:
                return
            with pq.ParquetFile(self._table) as file:
                for group in range(file.num_row_groups):
                    part = file.read_row_group(group, columns=["image", "t", *self._columns])
                    yield from self._split(part)
            self._closed = written

    def _split(self, part: pa.Table) -> Iterator[tuple[StackIndex, dict[str, list[Any]]]]:
        indices = set(zip(part["image"].to_pylist(), part["t"].to_pylist(), strict=True))
        for image, t in sorted(indices):
            mine = pc.and_(pc.equal(part["image"], image), pc.equal(part["t"], t))
            yield StackIndex(image, t), part.filter(mine).select(self._columns).to_pydict()
