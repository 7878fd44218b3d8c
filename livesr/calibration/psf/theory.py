"""How wide a point's image should be: expected full widths at half maximum of an objective.

Widefield: 0.51 λ/NA laterally and 0.88 λ/(n − √(n² − NA²)) along z; confocal with a pinhole much
smaller than the Airy disc: 0.37 λ/NA and 0.64 λ/(n − √(n² − NA²)). Amos, McConnell, Wilson,
"Confocal microscopy", Comprehensive Biophysics 2 (2012) 3–23
(doi:10.1016/B978-0-12-374920-8.00203-4);
Wilhelm, Gröbler, Gluch, Heinz, "Confocal laser scanning microscopy", Carl Zeiss (2003). Live-SR, by
its maker's word, halves the lateral width; along z it is the confocal's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livesr.calibration.beads.widths import FWHM
from livesr.errors import ConfigError

PIXEL_VARIANCE = 1.0 / 12.0
"""Of light collected over a pixel of width 1."""
FWHM2 = FWHM**2
"""Squared full width at half maximum of a Gaussian of variance 1."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected widths of one way to record, µm, the camera's pixel included laterally."""

    way: str
    lateral_um: float
    axial_um: float


def expected_widths(
    emission_um: float, na: float, immersion: float, pixel_um: float
) -> tuple[Expected, ...]:
    """Return the widths that theory expects, widefield first.

    Parameters
    ----------
    emission_um : float
        Wavelength in vacuum.
    na : float
        Numerical aperture of the objective.
    immersion : float
        Refractive index of its immersion.
    pixel_um : float
        Camera's pixel in the sample: it adds its own variance, pixel² / 12.

    Raises
    ------
    ConfigError
        If the aperture is not below the refractive index.
    """
    if not 0.0 < na < immersion:
        raise ConfigError(
            f"a numerical aperture of {na:g} is not below the immersion's index {immersion:g}",
            where="--na",
            fix="--na 1.49 --immersion 1.515 (oil), 1.33 (water), 1.0 (air)",
        )
    lateral = emission_um / na
    axial = emission_um / (immersion - float(np.sqrt(immersion**2 - na**2)))
    ways = (
        ("widefield", 0.51, 0.88),
        ("confocal", 0.37, 0.64),
        ("Live-SR", 0.51 / 2.0, 0.64),
    )
    return tuple(Expected(way, with_pixel(a * lateral, pixel_um), b * axial) for way, a, b in ways)


def with_pixel(fwhm_um: float, pixel_um: float) -> float:
    """Return a lateral width with the pixel that the light is collected over."""
    return float(np.sqrt(fwhm_um**2 + FWHM2 * PIXEL_VARIANCE * pixel_um**2))


def without_pixel(fwhm_um: float, pixel_um: float) -> float:
    """Return a lateral width without the pixel that the light was collected over."""
    return float(np.sqrt(max(fwhm_um**2 - FWHM2 * PIXEL_VARIANCE * pixel_um**2, 0.0)))
