"""Anatomy of the cells in each stage: number, volume and ratio of each structure in a cell.

What figure S5 of the paper shows in pictures, in numbers: from ``objects.parquet``, of the stacks
in which the whole cell was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.catalog import NAMES
from livesr.config.rules import STAGES
from livesr.storage.folder import CELLS_FILE, OBJECTS_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from livesr.report.lives import Life
    from livesr.report.told import Told
    from livesr.types import Float64, Int64

    Rows = dict[str, npt.NDArray[Any]]

_COLUMNS = ("image", "t", "structure", "cell", "volume_um3", "ratio_mean")
_CELLS = ("image", "t", "label", "volume_um3", "height_um")


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Means over cells of their means over stacks.

    Attributes
    ----------
    stages : tuple of str
        Those that a whole cell was seen in.
    cells, stacks : tuple of int
        Of each stage.
    structures : tuple of str
    number, volume_um3, ratio : ndarray, (structure, stage)
        In one cell; the ratio is red over yellow, weighted by volume. NaN where there is none.
    spread_um3 : ndarray, (structure, stage)
        Standard deviation of the volume over cells; NaN of one cell.
    cell_um3, height_um : ndarray, (stage,)
    """

    stages: tuple[str, ...]
    cells: tuple[int, ...]
    stacks: tuple[int, ...]
    structures: tuple[str, ...]
    number: Float64
    volume_um3: Float64
    spread_um3: Float64
    ratio: Float64
    cell_um3: Float64
    height_um: Float64


def anatomy_of(told: Told) -> Anatomy | None:
    """Return the anatomy by stage; None without followed cells that were whole, or without objects.

    Raises
    ------
    StorageError
        If a table is damaged.
    """
    lives = [_whole(life) for life in told.lives]
    seen = [(k, moment) for k, life in enumerate(lives) for moment in life]
    objects = told.rows(OBJECTS_FILE, _COLUMNS) if seen else {}
    if not objects:
        return None
    keys = _keys(*np.array([(m.index.image, m.index.t, m.label) for _, m in seen]).T)
    life = np.array([k for k, _ in seen])
    stage = np.array([STAGES.index(moment.stage) for _, moment in seen])
    names = tuple(name for name in NAMES if name in set(objects["structure"]))
    number, volume, ratio = _per_moment(objects, keys, names)
    cell = _cells(told.rows(CELLS_FILE, _CELLS), keys)
    present = sorted(set(stage.tolist()))
    values = np.hstack([number, volume, ratio, cell])
    by_stage = [_over_cells(life, stage == one, values) for one in present]
    means = np.array([mean for mean, _, _ in by_stage]).T
    spreads = np.array([spread for _, spread, _ in by_stage]).T
    n = len(names)
    return Anatomy(
        tuple(STAGES[one] for one in present),
        tuple(count for *_, count in by_stage),
        tuple(int((stage == one).sum()) for one in present),
        names,
        means[:n],
        means[n : 2 * n],
        spreads[n : 2 * n],
        means[2 * n : 3 * n],
        means[3 * n],
        means[3 * n + 1],
    )


def _whole(life: Life) -> Sequence[Any]:
    return [moment for moment in life.moments if moment.whole]


def _keys(image: Int64, t: Int64, label: Int64) -> Int64:
    """Return one number for each stack and cell."""
    return (image.astype(np.int64) << 44) | (t.astype(np.int64) << 20) | label.astype(np.int64)


def _per_moment(
    objects: Rows, keys: Int64, names: Sequence[str]
) -> tuple[Float64, Float64, Float64]:
    """Return number, volume and ratio of each structure (moment, structure)."""
    order = np.argsort(keys)
    mine = _keys(objects["image"], objects["t"], objects["cell"])
    at = np.minimum(np.searchsorted(keys[order], mine), len(keys) - 1)
    known = keys[order][at] == mine
    moment = order[at[known]]
    which = np.searchsorted(np.sort(names), objects["structure"][known].astype(str))
    structure = np.argsort(names)[which]
    slot, size = moment * len(names) + structure, len(keys) * len(names)
    volumes = objects["volume_um3"][known].astype(float)
    ratios = objects["ratio_mean"][known].astype(float)
    lit = np.isfinite(ratios)
    number: Float64 = np.bincount(slot, minlength=size).astype(np.float64)
    volume: Float64 = np.bincount(slot, np.nan_to_num(volumes), size).astype(np.float64)
    weight = np.bincount(slot[lit], np.nan_to_num(volumes[lit]), size)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.bincount(slot[lit], (ratios * volumes)[lit], size) / weight
    shape = len(keys), len(names)
    return number.reshape(shape), volume.reshape(shape), ratio.reshape(shape)


def _cells(cells: Rows, keys: Int64) -> Float64:
    """Return volume and height of the cell itself (moment, 2)."""
    out = np.full((len(keys), 2), np.nan)
    if cells:
        place = {key: k for k, key in enumerate(keys.tolist())}
        of = _keys(cells["image"], cells["t"], cells["label"]).tolist()
        for row, key in enumerate(of):
            if key in place:
                out[place[key]] = cells["volume_um3"][row], cells["height_um"][row]
    return out


def _over_cells(life: Int64, now: Any, values: Float64) -> tuple[Float64, Float64, int]:
    """Return mean and spread over cells of their means over stacks, and how many cells."""
    each = np.array([_mean(values[now & (life == one)]) for one in np.unique(life[now])])
    spread = np.full(values.shape[1], np.nan)
    if len(each) > 1:
        spread = np.sqrt(_mean((each - _mean(each)) ** 2) * len(each) / (len(each) - 1))
    return _mean(each), spread, len(each)


def _mean(values: Float64) -> Float64:
    """Return the mean of each column over the rows that have a number."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: Float64 = np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
    return mean
