"""From the masks of one stack to the table of its objects. Pure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from livesr.analysis.objects.columns import COLUMNS
from livesr.analysis.objects.components import components, without_specks
from livesr.analysis.objects.geometry import geometry
from livesr.analysis.objects.per_cell import divide
from livesr.analysis.objects.runs import find_runs
from livesr.analysis.objects.split import split_touching
from livesr.analysis.objects.sums import add_up
from livesr.catalog import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from livesr.analysis.objects.geometry import Geometry
    from livesr.analysis.objects.per_cell import Columns
    from livesr.analysis.objects.runs import Runs
    from livesr.analysis.objects.sums import Sums
    from livesr.types import Float32, Grid, Masks

    Int32 = npt.NDArray[np.int32]
    Pieces = tuple[Runs, Int32, int]
    Table = Mapping[str, npt.NDArray[Any]]

T = TypeVar("T")
R = TypeVar("R")

VESICLES = ("lipid_droplet", "peroxisome", "early_endosome", "late_endosome", "lysosome")
"""Many small round objects: those that touch are told apart."""
LEAST_UM3: Mapping[str, float] = MappingProxyType(
    {
        "lipid_droplet": 0.01, "golgi": 0.1, "mitochondria": 0.07, "peroxisome": 0.008,
        "early_endosome": 0.01, "late_endosome": 0.018, "lysosome": 0.009, "er": 0.1,
        "nuclear_membrane": 1.0, "nuclear_reticulum": 0.02, "plasma_membrane": 0.1,
        "filopodia": 0.01, "nucleus": 40.0, "cytosol": 10.0,
    }
)  # fmt: skip
"""Smaller components are specks, no objects. Of vesicles one simulated image in a hundred is
smaller; a mitochondrion is at least 0.3 µm wide and 1 µm long."""
COUNTED = tuple(name for name in NAMES if name != "extracellular")
"""Structures whose objects are measured by default: what is outside all cells is no object."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The light of one stack on the masks' grid.

    Attributes
    ----------
    yellow, red : ndarray, (z, y, x), any real type
        Registered counts; ``red`` None without a second channel.
    yellow_offset, red_offset : float
        Counts without light that these still hold.
    """

    yellow: npt.NDArray[Any]
    red: Float32 | None = None
    yellow_offset: float = 0.0
    red_offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """The objects of one structure, as runs.

    Attributes
    ----------
    runs : Runs
    labels : ndarray, (runs,), int32
        Object of each run, from 1.
    cells : ndarray, (objects,), int32
        Cell of each object; 0 where none is known.
    """

    runs: Runs
    labels: Int32
    cells: Int32

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.cells)


def find_all(
    masks: Masks,
    columns: Columns | None = None,
    *,
    structures: Sequence[str] = COUNTED,
    least_um3: Mapping[str, float] = LEAST_UM3,
    threads: int = 1,
) -> dict[str, Found]:
    """Return the objects of each structure that has a mask.

    Components without specks, touching vesicles split, and what spans several cells apart.

    Parameters
    ----------
    masks : Masks
    columns : Columns, optional
        The cells that objects are assigned to.
    structures : sequence of str
    least_um3 : mapping of str to float
        Smaller components are left out.
    threads : int
        Structures at the same time.
    """
    names = [name for name in structures if name in masks.volumes]
    find = partial(_find, masks=masks, least_um3=least_um3)
    pieces = dict(zip(names, _each(find, names, threads), strict=True))
    assign = partial(_in_cells, columns=columns, voxel_um3=float(np.prod(masks.grid.voxel_um)))
    return dict(zip(names, _each(assign, [pieces[name] for name in names], threads), strict=True))


def measure_objects(
    masks: Masks,
    found: Mapping[str, Found],
    channels: Channels | None = None,
    *,
    time_s: float = 0.0,
    threads: int = 1,
) -> dict[str, npt.NDArray[Any]]:
    """Return the table of a stack's objects: a column of `COLUMNS` each, an object a row.

    Parameters
    ----------
    masks : Masks
    found : mapping of str to Found
        From `find_all`.
    channels : Channels, optional
        For intensity and ratio, on the masks' grid.
    time_s : float
        Of the stack.
    threads : int
        Structures at the same time.
    """
    parts = _each(partial(_one, grid=masks.grid, channels=channels), list(found.items()), threads)
    rows = sum(len(part["label"]) for part in parts)
    first = {"image": masks.index.image, "t": masks.index.t, "time_s": time_s}
    table: dict[str, npt.NDArray[Any]] = {k: np.full(rows, v) for k, v in first.items()}
    for column in COLUMNS:
        if column.name not in table:
            values = [part[column.name] for part in parts]
            table[column.name] = np.concatenate(values) if values else np.zeros(0)
    return table


def _each(work: Callable[[T], R], items: list[T], threads: int) -> list[R]:
    """Return what ``work`` gives of each item; the kernels let go of the interpreter's lock."""
    if threads < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _find(name: str, *, masks: Masks, least_um3: Mapping[str, float]) -> Pieces:
    """Return the components of a structure that are no specks; vesicles that touch are split."""
    runs = find_runs(masks.volumes[name])
    labels, count = components(runs)
    least = _voxels(least_um3.get(name, 0.0), masks.grid)
    runs, labels, count = without_specks(runs, labels, count, least)
    if name in VESICLES:
        return split_touching(runs, labels, count, masks.grid.voxel_um)
    return runs, labels, count


def _in_cells(pieces: Pieces, *, columns: Columns | None, voxel_um3: float) -> Found:
    """Return objects with their cells; what spans several is cut between them."""
    runs, labels, count = pieces
    if columns is None or not count:
        return Found(runs, labels, np.zeros(count, np.int32))
    return Found(*divide(runs, labels, count, columns, voxel_um3))


def _voxels(volume_um3: float, grid: Grid) -> float:
    """Return how many voxels a volume has; in a single plane those of a ball's largest section."""
    z, y, x = grid.voxel_um
    if grid.shape[0] > 1:
        return volume_um3 / (z * y * x)
    return float(np.pi * (3 * volume_um3 / (4 * np.pi)) ** (2 / 3) / (y * x))


def _one(item: tuple[str, Found], *, grid: Grid, channels: Channels | None) -> Table:
    name, found = item
    light = []
    if channels is not None:
        light = [channels.yellow] if channels.red is None else [channels.yellow, channels.red]
    sums = add_up(found.runs, found.labels, found.count, light)
    return {
        "structure": np.full(found.count, name),
        "label": np.arange(1, found.count + 1),
        "cell": found.cells,
        **_shapes(sums, grid),
        **_light(sums, channels),
    }


def _shapes(sums: Sums, grid: Grid) -> Table:
    shape = geometry(sums, grid)
    flat = grid.shape[0] == 1
    nothing = np.full(len(sums), np.nan)
    y, x = grid.shape[1:]
    low, high = sums.low, sums.high
    return {
        "voxels": sums.moments[:, 0].astype(np.int64),
        "volume_um3": nothing if flat else shape.volume,
        "area_um2": shape.volume if flat else nothing,
        "surface_um2": nothing if flat else shape.surface,
        "perimeter_um": shape.surface if flat else nothing,
        **_places(shape),
        "equivalent_diameter_um": shape.diameter,
        "axis_major_length_um": shape.axes[:, 0],
        "axis_middle_length_um": shape.axes[:, 1],
        "axis_minor_length_um": shape.axes[:, 2],
        "on_border": ((low[:, 1:] == 0) | (high[:, 1:] == (y, x))).any(axis=1),
        "cut": (low[:, 0] == 0) | (high[:, 0] == grid.shape[0]),
    }


def _places(shape: Geometry) -> Table:
    return {
        f"{name}_{axis}_um": values[:, k]
        for name, values in (
            ("centroid", shape.centroid), ("bbox_min", shape.low), ("bbox_max", shape.high)
        )
        for k, axis in enumerate("zyx")
    }  # fmt: skip


def _light(sums: Sums, channels: Channels | None) -> Table:
    nothing = np.full(len(sums), np.nan)
    if channels is None:
        return {"intensity_mean": nothing, "ratio_mean": nothing}
    n = sums.moments[:, 0]
    yellow = sums.light[:, 0] / n - channels.yellow_offset
    if channels.red is None:
        return {"intensity_mean": yellow, "ratio_mean": nothing}
    red = sums.light[:, 1] / n - channels.red_offset
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(yellow > 0, red / yellow, np.nan)
    return {"intensity_mean": (yellow + red) / 2, "ratio_mean": ratio}
