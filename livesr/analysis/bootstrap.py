"""How far scores would differ with other cells: percentile bootstrap over cells.

Cells differ more than voxels do, and the voxels of a cell are alike, so that cells are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.analysis.scores import Counts
    from livesr.types import Float64

DRAWS = 1000
SEED = 0


def drawn_f1(each: Sequence[Counts], draws: int = DRAWS) -> Float64:
    """Return the F1 pooled over cells drawn with replacement, as many as there are, (draws,).

    Parameters
    ----------
    each : sequence of Counts
        A structure's, of each cell. Where several structures are drawn for the same cells, the same
        cells are drawn for each; those that say nothing of a structure have counts of zero.
    draws : int

    Returns
    -------
    ndarray, (draws,), float64
        Not a number for a draw without a voxel of the structure, real or found.
    """
    table = np.array([(2 * c.tp, 2 * c.tp + c.fp + c.fn) for c in each], np.float64)
    chosen = np.random.default_rng(SEED).integers(len(each), size=(draws, len(each)))
    part, whole = table[chosen].sum(axis=1).T
    return _divided(part, whole)


def interval95(drawn: Float64) -> tuple[float, float]:
    """Return the range of the middle 95 % of what was drawn; (nan, nan) if all is undefined."""
    known = drawn[~np.isnan(drawn)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)


def mean_drawn(each: Sequence[Float64]) -> Float64:
    """Return the mean over structures of each draw, leaving out those undefined in it."""
    table = np.stack(each)
    known = ~np.isnan(table)
    count = known.sum(axis=0, dtype=np.float64)
    total = np.where(known, table, 0.0).sum(axis=0)
    return _divided(total, count)


def _divided(part: Float64, whole: Float64) -> Float64:
    """Return quotients, not a number where there is nothing to divide by."""
    quotient: Float64 = np.full(len(part), np.nan)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient
