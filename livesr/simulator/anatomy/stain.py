"""Nile Red in a cell: brightness and band ratios of every compartment and object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.imaging.spectra import band_ratios

if TYPE_CHECKING:
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64


@dataclass(frozen=True, slots=True)
class Stain:
    """How the objects of one structure shine.

    Attributes
    ----------
    level : ndarray, (n,)
        Yellow brightness, an ER tube's peak = 1.
    red, green : ndarray, (n,)
        Photons of the band over those of the yellow one.
    """

    level: Float64
    red: Float64
    green: Float64

    def mean(self, count: int = 1) -> Stain:
        """Return ``count`` objects that all shine like the mean."""
        return Stain(*(np.full(count, a.mean()) for a in (self.level, self.red, self.green)))


@dataclass(frozen=True, slots=True)
class CellDye:
    """One cell's uptake: factors on every structure's brightness and ratio."""

    parameters: Parameters
    brightness: float
    ratio: float

    @classmethod
    def draw(cls, rng: np.random.Generator, p: Parameters) -> CellDye:
        """Return a cell's factors."""
        half = p.dye.cell_jitter
        brightness, ratio = (1.0 + rng.uniform(-half, half, 2)).tolist()
        return cls(p, brightness, ratio)

    def objects(self, name: str, count: int, rng: np.random.Generator) -> Stain:
        """Return how ``count`` objects of a compartment shine."""
        p = self.parameters
        stain = p.dye.stain(name)
        red, green = band_ratios(stain.peak_nm, stain.fwhm_nm, p.bands)
        noise = np.clip(rng.standard_normal((2, count)), -2.5, 2.5)
        jitter = 1.0 + p.dye.object_jitter * noise
        level = rng.uniform(*stain.brightness, count) * self.brightness
        ratio = self.ratio * jitter[1]
        return Stain(level * jitter[0], red * ratio, green * ratio)
