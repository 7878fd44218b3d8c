from __future__ import annotations

import numpy as np
import pytest

from livesr.simulator.imaging.spectra import band_ratios, spectrum
from livesr.simulator.parameters import parameters

BANDS = parameters().bands
# peak and FWHM (nm), red / yellow, green / yellow: the table in docs/simulator.md
TABLE = {
    "lipid droplet, blue end": (575, 60, 0.015, 0.20),
    "lipid droplet, red end": (585, 70, 0.041, 0.10),
    "plasma membrane, blue end": (607, 78, 0.117, 0.012),
    "plasma membrane, red end": (608, 78, 0.121, 0.012),
    "early endosome": (613, 80, 0.152, 0.007),
    "lysosome, late endosome": (616, 80, 0.169, 0.005),
    "golgi": (618, 80, 0.181, 0.004),
    "peroxisome": (628, 82, 0.270, 0.001),
    "mitochondria": (636, 82, 0.368, 0.0),
    "er": (638, 82, 0.398, 0.0),
    "cytosol": (645, 90, 0.536, 0.0),
}


@pytest.mark.parametrize("compartment", TABLE)
def test_band_ratios_are_those_of_the_table(compartment: str) -> None:
    peak, fwhm, red, green = TABLE[compartment]
    found = band_ratios(peak, fwhm, BANDS)
    assert found[0] == pytest.approx(red, rel=0.01, abs=0.0012)
    assert found[1] == pytest.approx(green, rel=0.04, abs=0.0013)


@pytest.mark.parametrize(("peak", "fwhm"), [(525.0, 40.0), (580.0, 65.0), (645.0, 90.0)])
def test_spectrum_has_the_peak_and_width_asked_for(peak: float, fwhm: float) -> None:
    nm = np.arange(420.0, 1000.0, 0.01)
    photons = spectrum(nm, peak, fwhm)
    assert nm[photons.argmax()] == pytest.approx(peak, abs=0.011)
    assert photons.max() == pytest.approx(1.0, abs=1e-6)
    above = nm[photons >= 0.5]
    assert above[-1] - above[0] == pytest.approx(fwhm, abs=0.03)
    assert above[-1] - peak > peak - above[0]  # the red side is the wider one


def test_band_integral_is_the_sum_over_wavelengths() -> None:
    def total(low: float, high: float) -> float:
        nm = np.linspace(low, high, 20_001)
        return float(np.trapezoid(spectrum(nm, 607.5, 78.0), nm))

    red, green = band_ratios(607.5, 78.0, BANDS)
    yellow = total(*BANDS.yellow_nm)
    assert red == pytest.approx(total(*BANDS.red_nm) / yellow, rel=1e-6)
    assert green == pytest.approx(total(*BANDS.green_nm) / yellow, rel=1e-6)


def test_compartments_come_in_the_order_of_their_polarity() -> None:
    dye = parameters().dye
    order = ["lipid_droplet", "plasma_membrane", "early_endosome", "lysosome", "golgi"]
    order += ["peroxisome", "mitochondria", "er", "cytosol"]
    stains = [dye.stain(name) for name in order]
    ratios = [band_ratios(stain.peak_nm, stain.fwhm_nm, BANDS) for stain in stains]
    red, green = zip(*ratios, strict=True)
    assert list(red) == sorted(red)
    assert green[0] > 8 * max(green[1:])  # only lipid droplets leak into green


@pytest.mark.parametrize(("peak", "fwhm"), [(0.0, 80.0), (600.0, -1.0), (float("nan"), 80.0)])
def test_impossible_spectra_are_refused(peak: float, fwhm: float) -> None:
    with pytest.raises(ValueError, match="a spectrum of peak"):
        spectrum(600.0, peak, fwhm)
