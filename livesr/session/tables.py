"""The tables of the analysis in a session's folder: begun, restored, and closed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from livesr.analysis.contacts.columns import MATRIX_COLUMNS, SITE_COLUMNS
from livesr.analysis.objects.columns import CELL_COLUMNS, COLUMNS
from livesr.errors import LivesrError
from livesr.storage.folder import (
    CELLS_FILE,
    CONTACTS_FILE,
    JOURNAL_FILE,
    OBJECTS_FILE,
    SITES_FILE,
)
from livesr.storage.journal import Event, JournalTail
from livesr.storage.ledger import Ledger, stack_of
from livesr.storage.parts import PartsWriter, merge, parts_folder, restore

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from livesr.config.analysis import Analysis
    from livesr.session.measuring import Measured
    from livesr.storage.columns import Column
    from livesr.types import StackIndex

log = logging.getLogger(__name__)

TABLES: Mapping[str, Sequence[Column]] = {
    OBJECTS_FILE: COLUMNS,
    CELLS_FILE: CELL_COLUMNS,
    CONTACTS_FILE: MATRIX_COLUMNS,
    SITES_FILE: SITE_COLUMNS,
}
"""Tables that are made a stack at a time."""


class TableWriter:
    """Writes what was measured of one stack after the other into a session's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, PartsWriter] = {}

    def write(self, index: StackIndex, measured: Measured) -> None:
        """Write a stack's rows, in place of any that it had.

        Raises
        ------
        StorageError
            If the disk is full or fails.
        """
        for name, rows in measured.tables.items():
            if name not in self._writers:
                self._writers[name] = PartsWriter(self._folder / name, TABLES[name])
            self._writers[name].write(index, rows)


def restore_tables(folder: Path, keep: Collection[StackIndex]) -> None:
    """Open the tables of an interrupted session again, with the rows of the stacks to keep."""
    for name in TABLES:
        restore(folder / name, keep)


def close_tables(folder: Path, asked: Analysis | None = None) -> dict[str, int]:
    """Make one file of each table, and those over time; return the rows of each.

    Rows of stacks whose masks the journal does not list are left out. What fails stays in parts,
    and is told.
    """
    rows: dict[str, int] = {}
    try:
        ledger, times = _journalled(folder)
        for name, columns in TABLES.items():
            if parts_folder(folder / name).is_dir():
                rows[name] = merge(folder / name, columns, ledger.segmented.keys())
    except LivesrError as error:
        log.error("tables stay in parts: %s", error)  # noqa: TRY400 - its text is the message
        return rows
    if asked is not None and asked.tracks and rows:
        from livesr.session.over_time import follow_objects

        rows |= follow_objects(folder, asked, times)
    return rows


def _journalled(folder: Path) -> tuple[Ledger, dict[int, list[float]]]:
    """Return what became of the stacks, and the times of each image's segmented ones."""
    entries = JournalTail(folder / JOURNAL_FILE).read_new()
    ledger = Ledger()
    ledger.update(entries)
    times: dict[int, list[float]] = {}
    for entry in entries:
        if entry["event"] == Event.STACK_STORED and stack_of(entry) in ledger.segmented:
            times.setdefault(stack_of(entry).image, []).append(float(entry.get("time_s") or 0.0))
    return ledger, times
