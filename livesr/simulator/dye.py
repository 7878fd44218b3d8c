"""Nile Red by compartment: brightness and red / yellow band ratio.

The table is that of the docs' science page: band ratios from log-normal emission spectra on
literature peaks. Brightness is relative to an ER tube.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float64

CELL_JITTER = 0.10
"""Half width of the uniform jitter of a cell's ratios and brightness."""
OBJECT_JITTER = 0.08
"""Standard deviation of the jitter of one object's ratio and brightness."""


@dataclass(frozen=True, slots=True)
class Stain:
    """How a compartment takes up and shows the dye.

    Attributes
    ----------
    brightness : tuple of float
        Lowest and highest brightness, in units of an ER tube's peak.
    ratio : float
        Red / yellow photons.
    """

    brightness: tuple[float, float]
    ratio: float


STAINS: dict[str, Stain] = {
    "lipid_droplet": Stain((6.0, 10.0), 0.028),
    "plasma_membrane": Stain((0.8, 1.0), 0.119),
    "filopodia": Stain((0.8, 1.0), 0.119),
    "early_endosome": Stain((1.1, 1.3), 0.152),
    "late_endosome": Stain((1.5, 1.8), 0.166),
    "lysosome": Stain((1.7, 2.0), 0.172),
    "golgi": Stain((1.4, 1.6), 0.181),
    "peroxisome": Stain((0.65, 0.8), 0.270),
    "mitochondria": Stain((1.2, 1.4), 0.368),
    "er": Stain((0.9, 1.1), 0.398),
    "nuclear_membrane": Stain((0.9, 1.1), 0.398),
    "nuclear_reticulum": Stain((0.9, 1.1), 0.398),
    "cytosol": Stain((0.03, 0.08), 0.536),
    "nucleoplasm": Stain((0.03, 0.06), 0.536),
}


@dataclass(frozen=True, slots=True)
class CellDye:
    """One cell's uptake: factors on every structure's brightness and ratio."""

    brightness: float
    ratio: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> CellDye:
        """Return a cell's factors."""
        return cls(*(1.0 + rng.uniform(-CELL_JITTER, CELL_JITTER, 2)).tolist())

    def objects(self, name: str, count: int, rng: np.random.Generator) -> tuple[Float64, Float64]:
        """Return brightness (ER tube = 1) and red / yellow ratio of ``count`` objects."""
        stain = STAINS[name]
        jitter = 1.0 + OBJECT_JITTER * np.clip(rng.standard_normal((2, count)), -2.5, 2.5)
        level = rng.uniform(*stain.brightness, count) * self.brightness
        return level * jitter[0], stain.ratio * self.ratio * jitter[1]
