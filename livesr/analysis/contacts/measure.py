"""The matrix of contacts of one stack, and its contact sites. Pure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.analysis.contacts.chance import by_chance, z_score
from livesr.analysis.contacts.columns import MATRIX_COLUMNS, SITE_COLUMNS
from livesr.analysis.contacts.reach import BITS, runs_within, within_reach
from livesr.analysis.contacts.twins import without_twins
from livesr.analysis.objects.components import components
from livesr.analysis.objects.sums import add_up
from livesr.catalog import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from livesr.analysis.contacts.chance import Chance
    from livesr.analysis.objects.measure import Found
    from livesr.analysis.objects.per_cell import Columns
    from livesr.storage.columns import Column
    from livesr.types import Float64, Grid, Masks, UInt16

    Row = dict[str, Any]
    Int32 = npt.NDArray[np.int32]

DISTANCES_UM = (0.0, 0.1, 0.2)
SITES_UM = 0.1
"""Distance of the sites that are listed one by one."""
LEAST_SHARE = 0.5
"""Of a structure's volume: if less of it can be moved, it is no structure of objects."""
VOLUMES = ("nucleus", "cytosol", "extracellular")
"""Structures that touch everything: counted in the matrix, not listed site by site."""


def measure_contacts(
    masks: Masks,
    found: Mapping[str, Found],
    columns: Columns | None = None,
    *,
    shuffles: int = 0,
    time_s: float = 0.0,
    threads: int = 1,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any]]]:
    """Return the rows of the matrix (`MATRIX_COLUMNS`) and of the sites (`SITE_COLUMNS`).

    Parameters
    ----------
    masks : Masks
    found : mapping of str to Found
        Objects of the structures A.
    columns : Columns, optional
        The cells; without them the whole cytosol is one.
    shuffles : int
        Random places an object; 0: enrichment and z score stay empty. They need the cytosol.
    time_s : float
    threads : int
        Structures at the same time.
    """
    masks, found = without_twins(masks, found)
    bits = [within_reach(masks, distance) for distance in DISTANCES_UM]
    region = _region(masks, columns) if shuffles else None
    cover = _cover(masks, bits) if shuffles else None
    one = partial(
        _of_structure,
        masks=masks, found=found, bits=bits, region=region, cover=cover, shuffles=shuffles,
    )  # fmt: skip
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(one, found))
    else:
        parts = [one(name) for name in found]
    first = {"image": masks.index.image, "t": masks.index.t, "time_s": time_s}
    matrix = [first | row for rows, _ in parts for row in rows]
    sites = [first | row for _, rows in parts for row in rows]
    return _table(matrix, MATRIX_COLUMNS), _table(sites, SITE_COLUMNS)


def _of_structure(
    name: str,
    *,
    masks: Masks,
    found: Mapping[str, Found],
    bits: Sequence[UInt16],
    region: UInt16 | None,
    cover: Float64 | None,
    shuffles: int,
) -> tuple[list[Row], list[Row]]:
    """Return the rows of one structure A."""
    mine = found[name]
    chance = None
    if region is not None and mine.count:
        chance = _chance(name, mine, masks, bits, region, shuffles)
    rows, sites = [], []
    for k, distance in enumerate(DISTANCES_UM):
        for other in masks.volumes:
            if other == name:
                continue
            within, labels = runs_within(mine.runs, mine.labels, bits[k], BITS[other])
            number, count = components(within)
            touched = np.bincount(labels - 1, within.stop - within.start, minlength=mine.count)
            row = _row(name, other, distance, mine, touched, count, masks.grid)
            row |= _anywhere(row["contact_fraction"], cover, k, BITS[other])
            rows.append(row | _against(chance, mine, touched, k, BITS[other], shuffles))
            if distance == SITES_UM and _listed(name, other):
                sites += _sites((name, other), (within, number, count, labels), mine, masks.grid)
    return rows, sites


def _row(
    name: str,
    other: str,
    distance: float,
    mine: Found,
    touched: npt.NDArray[Any],
    sites: int,
    grid: Grid,
) -> Row:
    voxels, whole = float(touched.sum()), float((mine.runs.stop - mine.runs.start).sum())
    return {
        "structure_a": name,
        "structure_b": other,
        "distance_um": distance,
        "objects": len(np.unique(mine.labels)),
        "objects_in_contact": int(np.count_nonzero(touched)),
        "sites": sites,
        "contact_volume_um3": voxels * float(np.prod(grid.voxel_um)),
        "contact_fraction": voxels / whole if whole else np.nan,
    }


def _anywhere(fraction: float, cover: Float64 | None, k: int, bit: int) -> Row:
    """Return what is expected of a voxel anywhere in a cell: for what cannot be moved."""
    expected = np.nan if cover is None else float(cover[k, bit])
    return {
        "placed": 0,
        "expected_objects": np.nan,
        "expected_fraction": expected,
        "enrichment": fraction / expected if expected > 0 else np.nan,
        "z_score": np.nan,
    }


def _against(
    chance: Chance | None, mine: Found, touched: npt.NDArray[Any], k: int, bit: int, shuffles: int
) -> Row:
    """Return the columns that compare with random places; none if too little can be moved."""
    sizes = np.bincount(mine.labels - 1, mine.runs.stop - mine.runs.start, minlength=mine.count)
    if chance is None or not sizes[chance.placed].sum() > LEAST_SHARE * sizes.sum():
        return {}
    placed = chance.placed
    touching = chance.touching[placed, k, bit]
    expected = float(chance.voxels[placed, k, bit].sum())
    observed = float(touched[placed].sum())
    return {
        "placed": int(placed.sum()),
        "expected_objects": float(touching.sum()),
        "expected_fraction": expected / float(sizes[placed].sum()),
        "enrichment": observed / expected if expected > 0 else np.nan,
        "z_score": z_score(int(np.count_nonzero(touched[placed])), touching, shuffles),
    }


def _cover(masks: Masks, bits: Sequence[UInt16]) -> Float64 | None:
    """Return the share of the cells' voxels within reach of each structure, (distances, bits)."""
    if not {"cytosol", "nucleus"} <= masks.volumes.keys():
        return None
    body = (masks.volumes["cytosol"] | masks.volumes["nucleus"]) != 0
    counts = [np.bincount(one[body], minlength=1 << len(NAMES)) for one in bits]
    values = np.arange(1 << len(NAMES))
    each = [[n[(values >> bit) & 1 == 1].sum() for bit in range(len(NAMES))] for n in counts]
    return np.array(each, float) / max(int(body.sum()), 1)


def _chance(
    name: str,
    mine: Found,
    masks: Masks,
    bits: Sequence[UInt16],
    region: UInt16,
    shuffles: int,
) -> Chance:
    index = masks.index
    seed = (index.image * 1_000_003 + index.t * 101 + NAMES.index(name)) % 2**31
    cells = np.maximum(mine.cells, 1) if int(region.max()) <= 1 else mine.cells
    return by_chance(
        mine.runs, mine.labels, cells, region, list(bits),
        places=shuffles, seed=seed, voxel_um=masks.grid.voxel_um,
    )  # fmt: skip


def _region(masks: Masks, columns: Columns | None) -> UInt16 | None:
    """Return the cell whose cytosol each voxel is, 0 elsewhere."""
    cytosol = masks.volumes.get("cytosol")
    if cytosol is None:
        return None
    if columns is None:
        return cytosol.astype(np.uint16)
    cells = columns.cells[columns.rows[:, None], columns.columns[None]]
    return np.asarray(cytosol * cells, np.uint16)


def _listed(name: str, other: str) -> bool:
    """Return whether a pair's sites are listed: each pair once, volumes not."""
    return name not in VOLUMES and other not in VOLUMES and BITS[name] < BITS[other]


def _sites(
    pair: tuple[str, str],
    pieces: tuple[Any, Int32, int, Int32],
    mine: Found,
    grid: Grid,
) -> list[Row]:
    runs, number, count, labels = pieces
    sums = add_up(runs, number, count, [])
    centroid = sums.moments[:, 1:4] / sums.moments[:, :1] * grid.voxel_um
    _, where = np.unique(number, return_index=True)
    owner = labels[where]
    voxel = float(np.prod(grid.voxel_um))
    return [
        {
            "structure_a": pair[0],
            "structure_b": pair[1],
            "label_a": int(owner[k]),
            "cell": int(mine.cells[owner[k] - 1]),
            "centroid_z_um": float(centroid[k, 0]),
            "centroid_y_um": float(centroid[k, 1]),
            "centroid_x_um": float(centroid[k, 2]),
            "volume_um3": float(sums.moments[k, 0]) * voxel,
        }
        for k in range(count)
    ]


def _table(rows: list[Row], columns: Sequence[Column]) -> dict[str, npt.NDArray[Any]]:
    dtypes = {"float": float, "int": np.int64, "bool": bool, "text": object}
    return {
        column.name: np.array([row[column.name] for row in rows], dtypes[column.kind])
        for column in columns
    }
