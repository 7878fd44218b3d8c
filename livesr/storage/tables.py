"""Tables: rows appended as JSON lines while the session runs, one parquet file once it closes.

Parquet without its footer cannot be read, so it is made at the end; a kill costs no more than the
rows since the last flush. Rows are not synced one by one: what decides whether a stack exists is
the journal.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from livesr.errors import StorageError
from livesr.plain import json_of
from livesr.storage.disk import disk_errors, write_whole
from livesr.storage.journal import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from livesr.types import Frame, StackIndex

PLANE_COLUMNS: dict[str, str] = {
    "image": "number of the session's image",
    "t": "time point",
    "c": "exposure within the plane: channel or camera, 0 for an image splitter",
    "z": "plane",
    "time_s": "start of the exposure, s since the session began, microscope's clock",
    "x_um": "stage x, µm",
    "y_um": "stage y, µm",
    "z_um": "focus, µm",
    "focus_um": "part of z_um that is not planned: focus following, autofocus, µm",
    "exposure_ms": "exposure time, ms",
    "light_ms": "light dose: time the sample was lit × relative power, ms at full power",
    "device": "device state (camera, preset, hardware time stamps), JSON text",
}

_BATCH_ROWS = 65_536


def plane_row(frame: Frame, *, light_ms: float | None = None) -> dict[str, object]:
    """Return the row of ``planes.parquet`` for one frame; columns as in `PLANE_COLUMNS`.

    Parameters
    ----------
    frame : Frame
    light_ms : float, optional
        Light dose; by default the exposure time (full power, light on for the exposure alone).
    """
    x_um, y_um, z_um = frame.position_um
    return {
        "image": frame.stack.image,
        "t": frame.stack.t,
        "c": frame.c,
        "z": frame.z,
        "time_s": frame.time_s,
        "x_um": x_um,
        "y_um": y_um,
        "z_um": z_um,
        "focus_um": round(frame.focus_um, 4),
        "exposure_ms": frame.exposure_ms,
        "light_ms": frame.exposure_ms if light_ms is None else light_ms,
        "device": json.dumps(plain(dict(frame.device)), ensure_ascii=False),
    }


def salvaged_row(index: StackIndex, c: int, z: int, time_s: float) -> dict[str, object]:
    """Return the row for a frame of which only its place is known: a killed session left it."""
    began = time_s if c == z == 0 else None
    known = {"image": index.image, "t": index.t, "c": c, "z": z, "time_s": began}
    return {**dict.fromkeys(PLANE_COLUMNS), **known, "device": json.dumps({"salvaged": True})}


class RowLog:
    """Append rows to a JSON-lines file; thread-safe.

    Parameters
    ----------
    path : Path
        ``planes.jsonl`` or ``measurements.jsonl``; rows already there are kept, a torn last one
        is cut off.
    positions : sequence of str
        Name of each image's position, written into the rows; empty where none has a name.

    Raises
    ------
    StorageError
        If it cannot be opened, here, or written to, from `flush`.
    """

    def __init__(self, path: Path, positions: Sequence[str] = ()) -> None:
        self.path = path
        self._positions = positions
        self._lock = threading.Lock()
        with disk_errors("the table cannot be opened", path):
            whole = path.read_bytes().rfind(b"\n") + 1 if path.is_file() else 0
            self._file = path.open("ab", buffering=0)
            self._file.truncate(whole)
        self._rows: list[bytes] = []

    def append(self, row: Mapping[str, object]) -> None:
        """Add one row; it reaches the file with the next `flush`."""
        image = row.get("image")
        named = {}
        if self._positions and isinstance(image, int):
            named["position"] = self._positions[image]
        line = json.dumps(plain({**row, **named}), ensure_ascii=False).encode() + b"\n"
        with self._lock:
            self._rows.append(line)

    def flush(self) -> None:
        """Hand the rows to the system, once a stack: all of them or, with an error, none.

        After an error they wait for the next call.
        """
        with self._lock, disk_errors("the table could not be written", self.path):
            if self._rows:
                write_whole(self._file, b"".join(self._rows))
                self._rows.clear()

    def close(self) -> None:
        """Flush and close; a second call does nothing."""
        if self._file.closed:
            return
        try:
            self.flush()
        finally:
            self._file.close()


def to_parquet(rows: Path, parquet: Path) -> int:
    """Write the rows of a JSON-lines file as parquet and return how many there were.

    Columns are all that any row has. A column of whole numbers is int64, of numbers float64, of
    true and false bool, of anything else text (lists and mappings as JSON text, and whole numbers
    beyond 64 bits, which only a damaged row has); absent is null.
    The file appears whole or not at all.

    Raises
    ------
    StorageError
        If a row before the last is damaged, or the disk fails.
    """
    draft = parquet.with_name(parquet.name + ".draft")
    count = 0
    with disk_errors("the table could not be written", parquet):
        schema = _schema(rows)
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            for batch in _batches(rows):
                columns = {
                    field.name: pa.array(
                        [_cell(row.get(field.name), field) for row in batch], field.type
                    )
                    for field in schema
                }
                writer.write_table(pa.table(columns, schema=schema))
                count += len(batch)
        draft.replace(parquet)
    return count


def read_rows(rows: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON-lines file, ignoring a torn last one.

    Raises
    ------
    StorageError
        If another row is damaged, with its line number.
    """
    if not rows.is_file():
        return
    with rows.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                row = json_of(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise StorageError(
                    f"row {number} is damaged: {line[:60]!r}",
                    where=f"{rows}, line {number}",
                    fix="delete this line: the rest of the table is whole",
                )
            yield row


def _batches(rows: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in read_rows(rows):
        batch.append(row)
        if len(batch) == _BATCH_ROWS:
            yield batch
            batch = []
    yield batch


def _schema(rows: Path) -> pa.Schema:
    kinds: dict[str, set[type]] = {}
    for row in read_rows(rows):
        for name, value in row.items():
            kinds.setdefault(name, set()).add(_kind(value))
    return pa.schema([pa.field(name, _arrow_type(found)) for name, found in kinds.items()])


def _kind(value: object) -> type:
    return str if isinstance(value, int) and not -(2**63) <= value < 2**63 else type(value)


def _arrow_type(found: set[type]) -> pa.DataType:
    found = found - {type(None)}
    if found == {bool}:
        return pa.bool_()
    if found == {int}:
        return pa.int64()
    if found and found <= {int, float}:
        return pa.float64()
    return pa.string()


def _cell(value: object, field: pa.Field) -> object:
    if value is None or field.type != pa.string() or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def read_table(parquet: Path) -> list[dict[str, Any]]:
    """Return the rows of a parquet file that `to_parquet` wrote.

    Raises
    ------
    StorageError
        If there is none, or it is damaged.
    """
    with disk_errors("the table cannot be read", parquet):
        rows: list[dict[str, Any]] = pq.read_table(parquet).to_pylist()
    return rows


def part_of_table(
    rows: Path, parquet: Path, *, after: int, most: int
) -> tuple[list[dict[str, Any]], int]:
    """Return some rows of a table, whether its session runs or has ended.

    Parameters
    ----------
    rows, parquet : Path
        The table while the session runs, and once it has closed.
    after, most : int
        Rows to leave out, and to return at most.

    Returns
    -------
    rows : list of dict
    int
        The rows up to here: ``after`` of the next call.

    Raises
    ------
    StorageError
        If the table is damaged.
    """
    found: list[dict[str, Any]] = []
    if parquet.is_file() and not rows.is_file():
        with disk_errors("the table cannot be read", parquet), pq.ParquetFile(parquet) as file:
            begins = 0
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if begins + count > after and len(found) < most:
                    part = file.read_row_group(group)
                    part = part.slice(max(after - begins, 0), most - len(found))
                    found += part.to_pylist()
                begins += count
        return found, after + len(found)
    for number, row in enumerate(read_rows(rows)):
        if number >= after:
            found.append(row)
        if len(found) == most:
            break
    return found, after + len(found)
