"""Curves over time from a session's tables: volumes, counts and contacts. No Qt."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any, Protocol

from livesr.catalog import BY_NAME
from livesr.storage.folder import (
    CONTACTS_FILE,
    MEASUREMENT_ROWS,
    MEASUREMENTS_FILE,
    OBJECTS_FILE,
)
from livesr.storage.parts import StackRows
from livesr.storage.tables import part_of_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from livesr.types import StackIndex
    from livesr.viewer.state import OverTime

MOST_PAIRS = 8
"""Curves of contacts: those of the pairs that touch most."""
FILLING = ("nucleus", "cytosol", "extracellular")
"""What lies in these touches them: no news."""
NEAR_UM = 0.1
"""Distance that counts as a contact here."""
_EVERY_S = 3.0
"""Between two looks at a table that grows."""
_ROWS = 10_000
_EMPTY = {
    "volume": "no volumes yet: they are measured with the masks",
    "count": "no objects here: analysis: {objects: true}, or livesr measure FOLDER",
    "contacts": "no contacts here: analysis: {contacts: true}, or livesr measure FOLDER --contacts",
}


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot.

    Attributes
    ----------
    name : str
        For people.
    color : str
        Six hexadecimal digits.
    times_s, values : tuple of float
    """

    name: str
    color: str
    times_s: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """What is plotted.

    Attributes
    ----------
    kind : str
    unit : str
        Of the values.
    curves : tuple of Curve
    empty : str
        Why there is nothing, and what to do.
    """

    kind: OverTime
    unit: str
    curves: tuple[Curve, ...] = ()
    empty: str = ""


class Rows(Protocol):
    """Where the rows of ``measurements`` come from: a folder, or a daemon."""

    def __call__(self, after: int, most: int) -> tuple[list[dict[str, Any]], int]:
        """Return rows from a number on, and the next number."""


class Volumes:
    """Volumes of the structures over time, each row read once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._next = 0
        self._points: dict[tuple[int, str], dict[int, tuple[float, float]]] = defaultdict(dict)
        self._area = False
        self._looked = float("-inf")

    def refresh(self) -> None:
        """Take in what is new, not more often than people can read."""
        if time.monotonic() - self._looked < _EVERY_S / 2:
            return
        while True:
            rows, following = self._rows(self._next, _ROWS)
            for row in rows:
                self._take(row)
            self._next = following
            if len(rows) < _ROWS:
                break
        self._looked = time.monotonic()

    def curves(self, image: int, names: Iterable[str]) -> Series:
        """Return the curves of some structures in one image."""
        curves = [_curve(name, self._points.get((image, name), {})) for name in names]
        found = tuple(curve for curve in curves if curve.times_s)
        return Series("volume", "µm²" if self._area else "µm³", found, _EMPTY["volume"])

    def at(self, image: int, t: int, name: str) -> float:
        """Return the volume of a structure in one stack; NaN if no row says it."""
        return self._points.get((image, name), {}).get(t, (0.0, nan))[1]

    def _take(self, row: Mapping[str, Any]) -> None:
        volume, area = row.get("volume_um3"), row.get("area_um2")
        value = volume if volume is not None else area
        if value is None or row.get("time_s") is None or row.get("structure") not in BY_NAME:
            return
        self._area = volume is None
        mine = self._points[int(row["image"]), str(row["structure"])]
        mine[int(row["t"])] = float(row["time_s"]), float(value)


class TableSeries:
    """Counts and contacts over time from the tables of a folder, each stack's rows read once.

    Parameters
    ----------
    folder : Path
        Of the session.
    """

    def __init__(self, folder: Path) -> None:
        self._objects = StackRows(folder / OBJECTS_FILE, ("time_s", "structure"))
        self._contacts = StackRows(
            folder / CONTACTS_FILE,
            ("time_s", "structure_a", "structure_b", "distance_um", "contact_fraction"),
        )
        self._counts: dict[StackIndex, tuple[float, dict[str, float]]] = {}
        self._touch: dict[StackIndex, tuple[float, dict[str, float]]] = {}
        self._looked: dict[str, float] = {}

    def refresh(self, kind: OverTime) -> None:
        """Take in what is new of a table, not more often than people can read."""
        if time.monotonic() - self._looked.get(kind, float("-inf")) < _EVERY_S / 2:
            return
        if kind == "count":
            for index, rows in self._objects.new():
                self._counts[index] = _counted(rows)
        else:
            for index, rows in self._contacts.new():
                self._touch[index] = _touching(rows)
        self._looked[kind] = time.monotonic()

    def counts(self, image: int, names: Iterable[str]) -> Series:
        """Return how many objects of some structures there are in one image."""
        found = [_curve(name, _points(self._counts, image, name)) for name in names]
        curves = tuple(curve for curve in found if curve.times_s)
        return Series("count", "objects", curves, _EMPTY["count"])

    def contacts(self, image: int, names: Iterable[str]) -> Series:
        """Return the shares of structures that are near to another, of the pairs that are most."""
        shown = set(names) - set(FILLING)
        pairs = {
            pair for index, (_, by) in self._touch.items() if index.image == image for pair in by
        }
        curves = []
        for pair in pairs:
            a, b = pair.split("|")
            if a in shown and b in shown:
                points = _points(self._touch, image, pair)
                title = f"{BY_NAME[a].title} at {BY_NAME[b].title}"
                curves.append(_curve(a, points, title))
        curves.sort(key=lambda curve: (-max(curve.values, default=0.0), curve.name))
        return Series("contacts", "% of volume", tuple(curves[:MOST_PAIRS]), _EMPTY["contacts"])


def _counted(rows: Mapping[str, list[Any]]) -> tuple[float, dict[str, float]]:
    counts: dict[str, float] = defaultdict(float)
    for name in rows["structure"]:
        counts[str(name)] += 1
    return _began(rows), dict(counts)


def _touching(rows: Mapping[str, list[Any]]) -> tuple[float, dict[str, float]]:
    columns = (rows[k] for k in ("structure_a", "structure_b", "distance_um", "contact_fraction"))
    found = {
        f"{a}|{b}": 100 * float(share)
        for a, b, distance, share in zip(*columns, strict=True)
        if share is not None and abs(distance - NEAR_UM) < 1e-6 and {a, b} <= BY_NAME.keys()
    }
    return _began(rows), found


def _began(rows: Mapping[str, list[Any]]) -> float:
    return float(rows["time_s"][0]) if rows["time_s"] else 0.0


def _points(
    table: Mapping[StackIndex, tuple[float, Mapping[str, float]]], image: int, key: str
) -> dict[int, tuple[float, float]]:
    """Return (time, value) by time point; a stack that has none of it counts as 0."""
    mine = {i: row for i, row in table.items() if i.image == image}
    if not any(key in values for _, values in mine.values()):
        return {}
    return {index.t: (time_s, values.get(key, 0.0)) for index, (time_s, values) in mine.items()}


def _curve(name: str, points: Mapping[int, tuple[float, float]], title: str = "") -> Curve:
    ordered = sorted(points.values())
    structure = BY_NAME[name]
    times, values = tuple(t for t, _ in ordered), tuple(v for _, v in ordered)
    return Curve(title or structure.title, structure.color, times, values)


def moment() -> int:
    """Return a number that changes whenever the tables may be looked at again.

    Rows come after the journal says that their stack has masks, and parquet after the session's
    end: so they are looked at for as long as curves are shown.
    """
    return int(time.monotonic() / _EVERY_S)


def measured_rows(folder: Path) -> Rows:
    """Return the rows of a session's folder."""

    def rows(after: int, most: int) -> tuple[list[dict[str, Any]], int]:
        files = folder / MEASUREMENT_ROWS, folder / MEASUREMENTS_FILE
        if not any(file.is_file() for file in files):
            return [], after
        return part_of_table(*files, after=after, most=most)

    return rows
