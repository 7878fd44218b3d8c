"""Objects, contacts and stages of cells at a time, from their geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from livesr.catalog import NAMES
from livesr.simulator.anatomy.primitives import SPACING_UM, ball_diameter
from livesr.simulator.rows import CellStage, ContactRow, ObjectRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.simulator.anatomy.cell import Cell
    from livesr.simulator.anatomy.figure import Moment
    from livesr.simulator.anatomy.layer import Ints, Layer
    from livesr.types import Float64

ONE = ("er", "plasma_membrane")
"""Structures that a cell has one of."""
_PER_CELL, _PER_STRUCTURE = 1_000_000, 10_000


def identity(number: int, name: str, owner: Ints) -> Ints:
    """Return the identities of objects of a cell (10, 20, …) and structure."""
    base = number // 10 * _PER_CELL + (NAMES.index(name) + 1) * _PER_STRUCTURE + 1
    return np.asarray(base + owner, np.int64)


def cell_of(number: int, moment: Moment, centers: Float64) -> Ints:
    """Return the number of the cell that each centre (n, 3) lies in."""
    if not moment.life.separate(moment.time_s):
        return np.full(len(centers), number)
    return np.where(moment.ahead(centers) >= 0.0, number + 1, number + 2)


def object_rows(
    number: int, cell: Cell, moment: Moment, layers: Sequence[Layer]
) -> list[ObjectRow]:
    """Return the objects of one cell."""
    rows: list[ObjectRow] = []
    for layer in layers:
        if not len(layer.points):
            continue
        owners, index = np.unique(layer.owner, return_inverse=True)
        weight = layer.masses[3].astype(np.float64)
        total = np.bincount(index, weight)
        centers = np.stack(
            [np.bincount(index, weight * layer.points[:, k]) / total for k in range(3)], axis=1
        )
        yellow, red = (np.bincount(index, layer.masses[k].astype(np.float64)) for k in (0, 1))
        volume, width = cell.structures[layer.name].sizes(moment, layer, owners)
        numbers = cell_of(number, moment, centers)
        names = identity(number, layer.name, owners)
        ratio = red / np.maximum(yellow, 1e-12)
        columns = (numbers, names, centers, volume, width, ratio)
        rows += [
            _row(int(owner), layer.name, int(name), *rest)
            for owner, name, *rest in zip(*columns, strict=True)
        ]
    return rows + _nuclei(number, cell, moment)


def _nuclei(number: int, cell: Cell, moment: Moment) -> list[ObjectRow]:
    _, red, _ = cell.solids.nucleoplasm
    ratio = red / cell.solids.nucleoplasm[0]
    rows = []
    for index, nucleus in enumerate(moment.nuclei):
        if moment.envelope >= 0.5:
            center = np.array(nucleus.center)
            owner = int(cell_of(number, moment, center[None])[0])
            name = nucleus_identity(number, index, moment)
            wide = float(ball_diameter(np.array(nucleus.volume)))
            rows.append(_row(owner, "nucleus", name, center, nucleus.volume, wide, ratio))
    return rows


def nucleus_identity(number: int, index: int, moment: Moment) -> int:
    """Return the identity of a nucleus: the mother's is not its daughters'."""
    which = index + 1 if len(moment.bodies) == 2 else 0
    return int(identity(number, "nucleus", np.array([which]))[0])


def _row(
    cell: int,
    structure: str,
    name: int,
    center: Float64,
    volume: float,
    width: float,
    ratio: float,
) -> ObjectRow:
    z, y, x = (float(c) for c in center)
    return ObjectRow(cell, structure, name, z, y, x, float(volume), float(width), float(ratio))


def contact_rows(
    number: int, moment: Moment, layers: Sequence[Layer], reach_um: float
) -> list[ContactRow]:
    """Return the pairs of objects of different structures within reach of each other."""
    rim = SPACING_UM / 2.0
    reach = reach_um + 2.0 * rim
    trees = {layer.name: (cKDTree(layer.points), layer) for layer in layers if len(layer.points)}
    rows: list[ContactRow] = []
    names = [name for name in NAMES if name in trees]
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            if a in ONE and b in ONE:
                continue
            small, large = sorted((a, b), key=lambda n: len(trees[n][1].points))
            near, which = trees[large][0].query(
                trees[small][1].points, distance_upper_bound=reach, workers=1
            )
            close = np.isfinite(near)
            if not close.any():
                continue
            owner = {
                small: trees[small][1].owner[close],
                large: trees[large][1].owner[which[close]],
            }
            points = trees[small][1].points[close].astype(np.float64)
            rows += _pairs(number, moment, (a, b), owner, near[close] - 2.0 * rim, points)
    return rows


def _pairs(
    number: int,
    moment: Moment,
    names: tuple[str, str],
    owner: dict[str, Ints],
    distance: Float64,
    points: Float64,
) -> list[ContactRow]:
    """Return one row a pair of objects: its nearest points."""
    a, b = names
    order = np.lexsort((distance, owner[b], owner[a]))
    pair = np.stack([owner[a][order], owner[b][order]], axis=1)
    first = np.ones(len(pair), bool)
    first[1:] = np.any(pair[1:] != pair[:-1], axis=1)
    chosen = order[first]
    cells = cell_of(number, moment, points[chosen])
    one, two = identity(number, a, owner[a][chosen]), identity(number, b, owner[b][chosen])
    return [
        ContactRow(
            int(cells[k]), a, int(one[k]), b, int(two[k]), max(float(distance[chosen[k]]), 0.0)
        )
        for k in range(len(chosen))
    ]


def stage_rows(number: int, moment: Moment) -> list[CellStage]:
    """Return the stage of a cell, or of its two daughters."""
    life = moment.life
    stage, detail, since, until = life.stage(moment.time_s)
    separate = life.separate(moment.time_s)
    bodies = moment.bodies if separate else moment.bodies[:1]
    rows = []
    for index, body in enumerate(bodies):
        whole = moment.bodies if not separate else (body,)
        y, x = body.center
        if len(whole) == 2:
            y, x = moment.rounded.center
        reach = max(
            float(np.hypot(*(np.array(b.outline()) - np.array([[y], [x]]))).max()) for b in whole
        )
        rows.append(
            CellStage(
                number + (1 + index if separate else 0),
                stage,
                detail,
                since,
                until,
                y,
                x,
                reach,
                max(b.height() for b in whole),
                sum(b.volume() for b in whole),
                sum(b.area() for b in whole),
                moment.envelope,
                (len(moment.nuclei) if not separate else 1) if moment.envelope >= 0.5 else 0,
                life.plate_distance(moment.time_s) if moment.plates else 0.0,
            )
        )
    return rows
