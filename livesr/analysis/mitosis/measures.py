"""Every cell of a stack, measured from its masks alone: pure, without memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.cells import BODY, USED, cells_of
from livesr.analysis.coarse import coarsened
from livesr.analysis.mitosis.features import ORGANELLES, features
from livesr.types import CellMeasures

if TYPE_CHECKING:
    from livesr.analysis.cells import Cells
    from livesr.analysis.coarse import Coarse
    from livesr.types import Masks

STRUCTURES = tuple(dict.fromkeys((*USED, *ORGANELLES)))
"""All that is looked at, where it is there."""
CUT_SHARE = 0.05
"""Of the footprint: a cell that fills more of the first or last plane goes on beyond it."""


def cell_measures(masks: Masks) -> list[CellMeasures]:
    """Return what the masks of one stack say of each of its cells; none in an empty field.

    Parameters
    ----------
    masks : Masks
        At least nucleus and cytosol, on the camera's grid or the networks'.

    Raises
    ------
    ConfigError
        If they are missing.
    """
    if not set(BODY) <= set(masks.volumes):
        from livesr.analysis.cells import find_cells

        find_cells(masks)  # says what is missing
    return measures_of(coarsened(masks.volumes, masks.grid, STRUCTURES))


def measures_of(shares: Coarse) -> list[CellMeasures]:
    """Return the cells of structures on a coarse grid (`cell_measures`)."""
    cells = cells_of(shares)
    return [_measured(shares, cells, label) for label in range(1, cells.count + 1)]


def _measured(shares: Coarse, cells: Cells, label: int) -> CellMeasures:
    voxel = np.array(cells.grid.voxel_um)
    rows, columns = np.nonzero(cells.columns == label)
    y, x = (slice(int(v.min()), int(v.max()) + 1) for v in (rows, columns))
    body = cells.labels[:, y, x] == label
    planes, *_ = np.nonzero(body)
    places = np.argwhere(body) + np.array([0, y.start, x.start])
    low, high = np.array([planes.min(), y.start, x.start]), [planes.max() + 1, y.stop, x.stop]
    _, ny, nx = cells.grid.shape
    border = (rows == 0) | (rows == ny - 1) | (columns == 0) | (columns == nx - 1)
    ends = (float(body[k].sum()) / len(rows) for k in (0, -1))
    below, above = (share > CUT_SHARE for share in ends)
    values = features(shares, cells, label, (y, x))
    values["cut_below"], values["cut_above"] = float(below), float(above)
    values["border_um"] = float(border.sum()) * float(voxel[1])
    return CellMeasures(
        label=label,
        centre_um=_triple((places.mean(axis=0) + 0.5) * voxel),
        low_um=_triple(low * voxel),
        high_um=_triple(np.asarray(high) * voxel),
        on_border=bool(border.any()),
        cut=below or above,
        values=values,
    )


def _triple(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> tuple[float, float, float]:
    z, y, x = (round(float(v), 3) for v in values)
    return z, y, x
