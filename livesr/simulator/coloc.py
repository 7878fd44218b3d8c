"""A second probe in the green channel, as colocalisation experiments have it.

The paper marks one structure at a time with a green fluorescent protein, subtracts a share of the
yellow channel from the green one, blanks lipid droplets (which alone shine green by Nile Red), and
takes what is left as that structure. Here the probe sits where the structure's own dye sits, in an
amount that differs from cell to cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float32, Float64

PROBES: tuple[str, ...] = (
    "mitochondria",
    "golgi",
    "er",
    "early_endosome",
    "late_endosome",
    "lysosome",
    "peroxisome",
)
"""Structures for which there is a probe."""

NILE_RED_SHARE = 0.2
"""Share of the yellow channel that the paper subtracts from the green one."""

_LUMEN = ("er", "nuclear_membrane", "nuclear_reticulum")
"""A probe of the ER's lumen also fills the nuclear envelope and its tubes: it is one space."""

_EMERALD_NM = np.arange(460.0, 670.0, 10.0)
_EMERALD = (
    0.000, 0.003, 0.046, 0.227, 0.665, 1.000, 0.715, 0.473, 0.381, 0.291, 0.187,
    0.115, 0.073, 0.050, 0.033, 0.021, 0.012, 0.007, 0.005, 0.003, 0.000,
)  # fmt: skip
"""Emission of Emerald GFP, the protein of the paper's CellLight probes, every 10 nm: its published
spectrum (FPbase, mEmerald), above a baseline of 0.0065 of the peak that shows beyond 660 nm."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A green fluorescent protein in one structure.

    Attributes
    ----------
    structure : str
        One of `PROBES`.
    weights : tuple of float
        What the probe adds in yellow, red and green, in units of the yellow light that Nile Red
        gives in the same place, in a cell of median expression; before the day's gain on each
        channel.
    spread : float
        Standard deviation of the logarithm of the expression from cell to cell.
    """

    structure: str
    weights: tuple[float, float, float]
    spread: float

    @property
    def structures(self) -> tuple[str, ...]:
        """The structures that shine."""
        return _LUMEN if self.structure == "er" else (self.structure,)

    def weight(self, channel: int) -> float:
        """Return the factor on the structure's own yellow emission: 0 yellow, 1 red, 2 green."""
        return self.weights[channel]

    def level(self, seed: int, cell: int) -> float:
        """Return a cell's expression, 1 in the median; daughters have their mother's.

        Parameters
        ----------
        seed : int
            Of the sample.
        cell : int
            Place of the cell in the sample: 0 for number 10 and its daughters 11 and 12.
        """
        rng = np.random.default_rng(np.random.SeedSequence([seed, cell, 0x6F9]))
        return float(np.exp(self.spread * rng.standard_normal()))


def make_probe(
    structure: str, parameters: Parameters, *, expression: float = 1.0, spread: float = 0.5
) -> Probe:
    """Return the probe of a structure.

    Parameters
    ----------
    structure : str
        One of `PROBES`.
    parameters : Parameters
        Their filters, and how bright Nile Red is in the structure.
    expression : float
        Green photons at the structure in a cell of median expression, in units of an ER tube's
        yellow ones.
    spread : float
        Standard deviation of the logarithm of the expression from cell to cell; 0.5 is a factor
        of 1.6 either way.

    Raises
    ------
    ConfigError
        No such probe, or an expression that is not positive.
    """
    if structure not in PROBES:
        raise ConfigError(
            f"there is no green probe for {structure!r}",
            where="probe",
            fix=nearest(structure, PROBES),
        )
    if expression <= 0:
        raise ConfigError(
            f"an expression of {expression:g} is not positive",
            where="probe",
            fix="1 is as many green photons as an ER tube has yellow ones",
        )
    own = float(np.mean(parameters.dye.stain(structure).brightness))
    bands = parameters.bands
    passed = [_passed(band) for band in (bands.yellow_nm, bands.red_nm, bands.green_nm)]
    yellow, red, green = (float(expression / own * part / passed[2]) for part in passed)
    return Probe(structure, (yellow, red, green), spread)


def unmixed(green: Float32, yellow: Float32, share: float = NILE_RED_SHARE) -> Float32:
    """Return the green channel without Nile Red: ``green - share * yellow``, never below zero.

    Parameters
    ----------
    green, yellow : ndarray, (z, y, x) or (y, x), float32
        Registered counts above the camera's offset and the empty field's light.
    share : float
        The paper takes 0.2, as much as lipid droplets have (0.10 to 0.20).
    """
    rest: Float32 = np.maximum(green - np.float32(share) * yellow, np.float32(0))
    return rest


def _passed(band_nm: tuple[float, float]) -> float:
    """Return how much of Emerald's light a filter lets through."""
    wavelengths: Float64 = np.arange(band_nm[0], band_nm[1] + 0.25, 0.5)
    light = np.interp(wavelengths, _EMERALD_NM, _EMERALD, left=0.0, right=0.0)
    return float(np.trapezoid(light, wavelengths))
