"""What is measured of a stack once its masks are stored: the same live, later and offline."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.warp import Warp
from livesr.storage.folder import CELLS_FILE, CONTACTS_FILE, OBJECTS_FILE, SITES_FILE
from livesr.types import Grid, Masks, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from livesr.analysis.cells import Cells
    from livesr.analysis.objects.measure import Channels, Found
    from livesr.analysis.objects.per_cell import Columns
    from livesr.calibration.camera.correction import Correction
    from livesr.calibration.warp import ChromaticModel
    from livesr.config.analysis import Analysis
    from livesr.types import CellMeasures, ChannelOffset, UInt16

    Rows = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one stack.

    Attributes
    ----------
    tables : mapping of str to rows
        By the name of the table's file: a numpy array a column.
    cells : list of CellMeasures
        Empty where there are none, or none can be found.
    """

    tables: Mapping[str, Rows] = field(default_factory=dict)
    cells: list[CellMeasures] = field(default_factory=list)


class Measuring:
    """Measures stacks. Pure: what it gives depends on the stack alone.

    Parameters
    ----------
    asked : Analysis
        From the session file.
    models : mapping of int to ChromaticModel
        Index of a channel to its chromatic model.
    offset : float
        Camera counts without light; with a correction its pedestal.
    threads : int
    correction : Correction, optional
        Undoes the camera's pattern before light is measured.
    """

    def __init__(
        self,
        asked: Analysis,
        models: Mapping[int, ChromaticModel],
        offset: float,
        threads: int,
        correction: Correction | None = None,
    ) -> None:
        self._asked = asked
        self._correction = correction
        self._models = models
        self._offset = offset
        self._threads = threads
        self._warps: dict[tuple[Grid, tuple[float, float, float]], Warp] = {}

    @property
    def wanted(self) -> bool:
        """Whether anything is measured."""
        return self._asked.objects or self._asked.contacts

    def warm_up(self, structures: Sequence[str]) -> None:
        """Measure a small stack, so that the first real one need not wait for compilers."""
        if not self.wanted:
            return
        grid = Grid((4, 24, 24), (0.3, 0.1, 0.1))
        volume = np.zeros(grid.shape, np.uint8)
        volume[1:3, 4:12, 4:12] = volume[1:3, 10:18, 10:18] = 1
        masks = Masks(dict.fromkeys(structures, volume), grid, StackIndex(0, 0))
        small = Measuring(self._asked, {}, 0.0, self._threads)
        small.measure(masks, np.zeros((2, *grid.shape), np.uint16), grid, {}, 0.0)

    def measure(
        self,
        masks: Masks,
        data: UInt16,
        camera: Grid,
        channel_offset: ChannelOffset,
        time_s: float,
    ) -> Measured:
        """Return what is measured of a stack.

        Parameters
        ----------
        masks : Masks
        data : ndarray, (c, z, y, x), uint16
            Camera counts.
        camera : Grid
            Of one channel of ``data``.
        channel_offset : mapping
            The stack's, as journalled.
        time_s : float
        """
        from livesr.analysis.objects.measure import find_all, measure_objects

        asked = self._asked
        tables: dict[str, Rows] = {}
        with ThreadPoolExecutor(self._threads) as pool:  # the light meets the objects at the end
            channels = pool.submit(self._channels, masks, data, camera, channel_offset)
            columns, measures = _cells(masks)
            cells = pool.submit(measures)
            found = find_all(masks, columns, structures=asked.measured, threads=self._threads)
            if asked.objects:
                tables[OBJECTS_FILE] = measure_objects(
                    masks, found, channels.result(), time_s=time_s, threads=self._threads
                )
                tables[CELLS_FILE] = _cell_rows(masks, cells.result(), time_s)
        if asked.contacts:
            tables |= self._contacts(masks, found, columns, time_s)
        return Measured(tables, cells.result())

    def _contacts(
        self, masks: Masks, found: Mapping[str, Found], columns: Columns | None, time_s: float
    ) -> dict[str, Rows]:
        from livesr.analysis.contacts.measure import measure_contacts

        matrix, sites = measure_contacts(
            masks, found, columns, shuffles=self._asked.shuffles, time_s=time_s,
            threads=self._threads,
        )  # fmt: skip
        return {CONTACTS_FILE: matrix, SITES_FILE: sites}

    def _channels(
        self, masks: Masks, data: UInt16, camera: Grid, channel_offset: ChannelOffset
    ) -> Channels:
        """Return yellow and red on the masks' grid; on the camera's, yellow is there already."""
        from livesr.analysis.objects.measure import Channels

        warp = self._warp(camera, masks.grid.voxel_um).shifted(channel_offset)
        offset, yellow, yellow_offset = self._offset, data[0], self._offset
        if masks.grid != camera:
            moved = np.empty(masks.grid.shape, np.float32)
            warp.apply_to(0, data[0], offset, moved)
            yellow, yellow_offset = moved, 0.0
        elif self._correction is not None:
            yellow = self._correction.stack(data[:1], np.empty_like(data[:1]))[0]
        if len(data) < 2:
            return Channels(yellow, None, yellow_offset)
        red = np.empty(masks.grid.shape, np.float32)
        warp.apply_to(1, data[1], offset, red)
        return Channels(yellow, red, yellow_offset, 0.0)

    def _warp(self, camera: Grid, voxel_um: tuple[float, float, float]) -> Warp:
        if (camera, voxel_um) not in self._warps:
            self._warps[camera, voxel_um] = Warp(camera, voxel_um, self._models, self._correction)
        return self._warps[camera, voxel_um]


def columns_of(masks: Masks) -> Columns | None:
    """Return which cell stands where; None where the masks show no cells."""
    return _cells(masks)[0]


def _cells(masks: Masks) -> tuple[Columns | None, Callable[[], list[CellMeasures]]]:
    """Return which cell stands where, and what measures the cells; none where masks show none."""
    from livesr.analysis.cells import BODY, cells_of
    from livesr.analysis.coarse import coarsened
    from livesr.analysis.mitosis.measures import STRUCTURES, measures_of
    from livesr.analysis.objects.per_cell import Columns

    if not set(BODY) <= set(masks.volumes):
        return None, list
    shares = coarsened(masks.volumes, masks.grid, STRUCTURES)
    cells: Cells = cells_of(shares)
    _, y, x = cells.grid.voxel_um
    if not cells.count:
        return None, list
    return Columns.of(cells.columns, (y, x), masks.grid), partial(measures_of, shares, cells)


def _cell_rows(masks: Masks, cells: list[CellMeasures], time_s: float) -> Rows:
    """Return the rows of ``cells.parquet``; places from the first voxel's centre, as objects'."""
    half = np.array(masks.grid.voxel_um) / 2
    many = len(cells)
    rows: dict[str, npt.NDArray[Any]] = {
        "image": np.full(many, masks.index.image),
        "t": np.full(many, masks.index.t),
        "time_s": np.full(many, time_s),
        "label": np.array([cell.label for cell in cells], np.int64),
        "on_border": np.array([cell.on_border for cell in cells], bool),
        "cut": np.array([cell.cut for cell in cells], bool),
    }
    for name, values in (
        ("centroid", [cell.centre_um for cell in cells]),
        ("bbox_min", [cell.low_um for cell in cells]),
        ("bbox_max", [cell.high_um for cell in cells]),
    ):
        places = np.array(values, float).reshape(many, 3) - half
        rows |= {f"{name}_{axis}_um": places[:, k] for k, axis in enumerate("zyx")}
    for name in ("volume_um3", "footprint_um2", "height_um"):
        rows[name] = np.array([cell.values.get(name, np.nan) for cell in cells], float)
    return rows
