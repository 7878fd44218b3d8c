"""The object under the mouse, and its numbers. No Qt."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Any

from livesr.analysis.cells import USED
from livesr.analysis.objects.columns import COLUMNS
from livesr.analysis.objects.measure import find_all, measure_objects
from livesr.catalog import BY_NAME, NAMES
from livesr.session.measuring import columns_of
from livesr.storage.folder import OBJECTS_FILE
from livesr.storage.parts import StackRows
from livesr.types import Masks, StackIndex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from livesr.analysis.objects.measure import Found
    from livesr.analysis.objects.per_cell import Columns
    from livesr.types import UInt8
    from livesr.viewer.planes import Planes
    from livesr.viewer.state import Plane

_KEPT = 6
"""Structures whose objects are kept: those of the stack on screen that people point at."""
_SHOWN = (
    ("volume_um3", "volume", "µm³"),
    ("area_um2", "area", "µm²"),
    ("surface_um2", "surface", "µm²"),
    ("equivalent_diameter_um", "diameter", "µm"),
    ("axis_major_length_um", "length", "µm"),
    ("intensity_mean", "intensity", "counts"),
    ("ratio_mean", "red / yellow", ""),
)
_TABLE = tuple(column.name for column in COLUMNS if column.name not in {"image", "t", "time_s"})


@dataclass(frozen=True, slots=True)
class Pointed:
    """What lies under the mouse.

    Attributes
    ----------
    structure : str
    label : int
        Number of the object, as in ``objects.parquet``; 0 where the mask is no object (a speck).
    cell : int
        0 where none is known.
    numbers : tuple of (str, str)
        What is known of it, and its value with its unit.
    from_table : bool
        Whether the numbers are the session's; else they were measured for this.
    """

    structure: str
    label: int
    cell: int
    numbers: tuple[tuple[str, str], ...]
    from_table: bool

    @property
    def title(self) -> str:
        """What it is, for people."""
        name = BY_NAME[self.structure].title
        if not self.label:
            return f"{name}: a speck, no object"
        return f"{name} {self.label}" + (f" in cell {self.cell}" if self.cell else "")


class Pointer:
    """Finds objects as the session counts them.

    Parameters
    ----------
    planes : Planes
    folder : Path
        Of the session, for its table.
    """

    def __init__(self, planes: Planes, folder: Path) -> None:
        self._planes = planes
        self._table = StackRows(folder / OBJECTS_FILE, _TABLE)
        self._found: OrderedDict[tuple[int, int, str], tuple[Masks, Found]] = OrderedDict()
        self._cells: tuple[tuple[int, int], Columns | None] | None = None
        self._rows: tuple[tuple[int, int], dict[str, list[Any]]] | None = None

    def at(
        self, image: int, t: int, z: Plane, labels: UInt8, pixel_um: tuple[float, float],
        place_um: tuple[float, float],
    ) -> Pointed | None:  # fmt: skip
        """Return the object at a place of the plane shown, of the structure drawn there.

        Parameters
        ----------
        image, t, z
            What is shown; in a projection the topmost voxel counts.
        labels : ndarray, (y, x), uint8
            Of the plane; see `compose.label_image`.
        pixel_um : tuple of float
            Size of its pixels (y, x).
        place_um : tuple of float
            (y, x).
        """
        row, column = (floor(at / size) for at, size in zip(place_um, pixel_um, strict=True))
        if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]):
            return None
        if not labels[row, column]:
            return None
        name = NAMES[int(labels[row, column]) - 1]
        masks, found = self._objects(image, t, name)
        plane = self._plane(image, z, masks.volumes[name][:, row, column])
        label = object_at(found, plane, row, column)
        cell = int(found.cells[label - 1]) if label else 0
        numbers, from_table = self._numbers(image, t, name, label, masks, found)
        return Pointed(name, label, cell, numbers, from_table)

    def _plane(self, image: int, z: Plane, through: UInt8) -> int:
        """Return the plane of the masks that the plane shown stands for."""
        if z == "max":
            return int(through.nonzero()[0].max(initial=0))
        return self._planes.mask_plane(image, z)

    def _objects(self, image: int, t: int, name: str) -> tuple[Masks, Found]:
        key = (image, t, name)
        if key not in self._found:
            masks = self._masks(image, t, (name,))
            columns = self._columns(image, t)
            self._found[key] = masks, find_all(masks, columns, structures=[name])[name]
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        self._found.move_to_end(key)
        return self._found[key]

    def _columns(self, image: int, t: int) -> Columns | None:
        """Return the stack's cells; None where the masks show none."""
        if self._cells is None or self._cells[0] != (image, t):
            names = tuple(name for name in self._planes.structures(image) if name in USED)
            self._cells = (image, t), columns_of(self._masks(image, t, names)) if names else None
        return self._cells[1]

    def _masks(self, image: int, t: int, names: tuple[str, ...]) -> Masks:
        volumes = {name: self._planes.mask_volume(image, t, name) for name in names}
        return Masks(volumes, self._planes.mask_grid(image), StackIndex(image, t))

    def _numbers(
        self, image: int, t: int, name: str, label: int, masks: Masks, found: Found
    ) -> tuple[tuple[tuple[str, str], ...], bool]:
        if not label:
            return (), False
        if self._rows is None or self._rows[0] != (image, t) or not self._rows[1]["label"]:
            self._rows = (image, t), self._table.of(StackIndex(image, t))
        rows = self._rows[1]
        for k, (structure, number) in enumerate(zip(rows["structure"], rows["label"], strict=True)):
            if structure == name and number == label:
                return _in_words({key: values[k] for key, values in rows.items()}), True
        measured = measure_objects(masks, {name: found})
        return _in_words({key: values[label - 1] for key, values in measured.items()}), False


def object_at(found: Found, z: int, y: int, x: int) -> int:
    """Return the number of the object that a voxel belongs to; 0 if it belongs to none."""
    runs = found.runs
    row = z * runs.shape[1] + y
    for k in range(int(runs.first[row]), int(runs.first[row + 1])):
        if runs.start[k] <= x < runs.stop[k]:
            return int(found.labels[k])
    return 0


def _in_words(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    words = []
    for key, title, unit in _SHOWN:
        value = row.get(key)
        if value is not None and value == value:  # not NaN
            words.append((title, f"{float(value):.3g} {unit}".strip()))
    edges = [said for key, said in (("on_border", "field's edge"), ("cut", "first or last plane"))
             if row.get(key)]  # fmt: skip
    if edges:
        words.append(("touches", ", ".join(edges)))
    return tuple(words)
