"""Emission spectra of Nile Red, and how much of them each filter passes.

The spectra are Siano and Metzler's log-normal curves (J. Chem. Phys. 51, 1856, 1969): Gaussian in
the logarithm of the wavenumber, steeper on the blue side, as a dye's emission is. With the one
asymmetry below their band integrals are the table in docs/simulator.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.simulator.parameters import BandParameters
    from livesr.types import Float64

ASYMMETRY = 1.14
"""Half width on the red side over that on the blue side, in wavenumbers."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


def spectrum(nm: npt.ArrayLike, peak_nm: float, fwhm_nm: float) -> Float64:
    """Return photons a nanometre, 1 at the peak.

    Parameters
    ----------
    nm : array_like
        Wavelengths, nm.
    peak_nm, fwhm_nm : float
        Wavelength of the peak and full width at half of it, nm.

    Returns
    -------
    ndarray, float64
        Of the shape of ``nm``.

    Raises
    ------
    ValueError
        If peak or width is not positive.
    """
    if not (peak_nm > 0 and fwhm_nm > 0):
        raise ValueError(f"a spectrum of peak {peak_nm} nm and width {fwhm_nm} nm")
    peak, blue = 1.0 / peak_nm, _blue_half_width(peak_nm, fwhm_nm)
    # the curve ends at the wavenumber where the logarithm's argument is 0
    way = (1.0 / np.asarray(nm, np.float64) - peak) / blue
    argument = 1.0 - way * (1.0 - 1.0 / ASYMMETRY)
    inside = np.log(np.maximum(argument, 1e-300)) / np.log(ASYMMETRY)
    photons: Float64 = np.exp(-np.log(2.0) * inside**2)
    return photons


def band_ratios(peak_nm: float, fwhm_nm: float, bands: BandParameters) -> tuple[float, float]:
    """Return photons of the red and of the green band over those of the yellow one.

    Filters pass all light between their edges and none beyond.

    Parameters
    ----------
    peak_nm, fwhm_nm : float
        Of the spectrum, nm.
    bands : BandParameters
        The filters' edges.

    Returns
    -------
    red, green : float
        Red / yellow and green / yellow.
    """
    green, yellow, red = (
        _band(peak_nm, fwhm_nm, *edges) for edges in (bands.green_nm, bands.yellow_nm, bands.red_nm)
    )
    return red / yellow, green / yellow


def _band(peak_nm: float, fwhm_nm: float, low_nm: float, high_nm: float) -> float:
    """Return the spectrum's integral between two wavelengths (Gauss-Legendre)."""
    half = (high_nm - low_nm) / 2.0
    photons = spectrum(low_nm + half * (1.0 + NODES), peak_nm, fwhm_nm)
    return float(half * (WEIGHTS @ photons))


def _blue_half_width(peak_nm: float, fwhm_nm: float) -> float:
    """Return the half width on the blue side (1/nm) of a spectrum so wide in nanometres.

    The half-maximum wavenumbers p + s and p - a·s are ``fwhm_nm`` apart as wavelengths:
    1 / (p - a·s) - 1 / (p + s) = w, a quadratic equation in s.
    """
    p, w, a = 1.0 / peak_nm, fwhm_nm, ASYMMETRY
    middle = 1.0 + a + w * p * (a - 1.0)
    return float((np.sqrt(middle**2 + 4.0 * a * (w * p) ** 2) - middle) / (2.0 * a * w))
