"""The tables over time, made when a session closes or is measured again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from livesr.analysis.tracks.columns import EVENT_COLUMNS, TRACK_COLUMNS
from livesr.errors import LivesrError
from livesr.storage.disk import disk_errors
from livesr.storage.folder import CELLS_FILE, EVENTS_FILE, OBJECTS_FILE, SITES_FILE, TRACKS_FILE
from livesr.storage.parts import schema_of, to_arrow, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.config.analysis import Analysis

    Rows = Mapping[str, npt.NDArray[Any]]

log = logging.getLogger(__name__)


def follow_objects(
    folder: Path, asked: Analysis, times: Mapping[int, Sequence[float]]
) -> dict[str, int]:
    """Make the tables of tracks and contact events that are asked for; return their rows.

    Parameters
    ----------
    folder : Path
        Of a session whose other tables are closed.
    asked : Analysis
    times : mapping of int to sequence of float
        Session times of each image's segmented stacks.
    """
    rows: dict[str, int] = {}
    try:
        if asked.tracks and (folder / OBJECTS_FILE).is_file():
            rows[TRACKS_FILE] = _tracks(folder, asked.tracks)
        if asked.contacts and asked.tracks and (folder / SITES_FILE).is_file():
            rows[EVENTS_FILE] = _events(folder, times)
    except LivesrError as error:
        log.error("no tracks were made: %s", error)  # noqa: TRY400 - its text is the message
    except ImportError as error:
        log.error("no tracks without laptrack (%s): pip install laptrack", error)  # noqa: TRY400 - likewise
    return rows


def _tracks(folder: Path, structures: Sequence[str]) -> int:
    from livesr.analysis.tracks.over_time import track_rows

    schema = schema_of(TRACK_COLUMNS)
    tables = []
    for name in structures:
        rows = _read(folder / (CELLS_FILE if name == "cell" else OBJECTS_FILE), name)
        tables.append(to_arrow(track_rows(rows, name), schema))
    return write_table(folder / TRACKS_FILE, tables, schema)


def _events(folder: Path, times: Mapping[int, Sequence[float]]) -> int:
    from livesr.analysis.tracks.over_time import event_rows

    schema = schema_of(EVENT_COLUMNS)
    rows = event_rows(_read(folder / SITES_FILE), times)
    return write_table(folder / EVENTS_FILE, [to_arrow(rows, schema)], schema)


def _read(path: Path, structure: str = "") -> Rows:
    """Return the columns of a table, of one structure if it tells them apart."""
    with disk_errors("the table cannot be read", path):
        table = pq.read_table(path)
    if structure and "structure" in table.column_names:
        table = table.filter(pc.equal(table["structure"], structure))
    return {name: np.asarray(table[name]) for name in table.column_names}
