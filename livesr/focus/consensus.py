"""What the tiles of a stack agree on: drift moves all of them alike, cells move their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Bool, Float64

SPREAD_UM = 0.06
"""Width of the narrowest half of the tiles' shifts up to which they agree: tiles on drifting
glass lie within 0.03 to 0.07 µm, those of a cell that rounds up within 0.1 to 0.5 µm."""
LEAST_TILES = 5
"""Of fewer a single cell could be the majority."""
NEAR_UM = 0.15
"""A tile that lies further off what the others agree on shows something else."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What tiles say.

    Attributes
    ----------
    shift_um : float
        Of the stack; NaN without any tile.
    spread_um : float
        Width of the narrowest half of the tiles.
    tiles : int
        That say something.
    agreed : bool
        Whether the shift can be believed.
    """

    shift_um: float
    spread_um: float
    tiles: int
    agreed: bool


def consensus(shift_um: Float64, usable: Bool) -> Consensus:
    """Return what the tiles agree on: the middle of the narrowest half of their shifts.

    Less than half of the tiles may show anything else (the "shorth", D. F. Andrews et al., Robust
    Estimates of Location, 1972).

    Parameters
    ----------
    shift_um : ndarray, (n,), float64
    usable : ndarray, (n,), bool
        Tiles that show something which was there before.
    """
    values = np.sort(shift_um[usable])
    if not len(values):
        return Consensus(np.nan, np.inf, 0, agreed=False)
    half = len(values) // 2 + 1
    widths = values[half - 1 :] - values[: len(values) - half + 1]
    first = int(widths.argmin())
    spread = float(widths[first])
    middle = float(values[first : first + half].mean())
    enough = len(values) >= LEAST_TILES
    return Consensus(middle, spread, len(values), agreed=enough and spread <= SPREAD_UM)
