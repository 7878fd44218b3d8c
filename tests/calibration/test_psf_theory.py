"""Expected widths of an objective, against the numbers of the literature."""

from __future__ import annotations

import pytest

from livesr.calibration.psf.theory import expected_widths, with_pixel, without_pixel
from livesr.errors import ConfigError


def test_widths_of_an_oil_objective() -> None:
    wide, confocal, live = expected_widths(0.520, 1.4, 1.515, 1e-6)
    assert (wide.way, confocal.way, live.way) == ("widefield", "confocal", "Live-SR")
    assert wide.lateral_um == pytest.approx(0.1894, abs=1e-4)
    assert wide.axial_um == pytest.approx(0.4889, abs=1e-4)
    assert confocal.lateral_um == pytest.approx(0.1374, abs=1e-4)
    assert live.lateral_um == pytest.approx(wide.lateral_um / 2, rel=1e-6)


def test_low_apertures_are_paraxial() -> None:
    # FWHM along z of low apertures: 1.77 n λ / NA² (Amos et al. 2012, equation 4)
    wide, *_ = expected_widths(0.5, 0.1, 1.0, 1e-6)
    assert wide.axial_um == pytest.approx(1.77 * 0.5 / 0.1**2, rel=0.01)


def test_the_pixel_goes_in_and_out() -> None:
    assert with_pixel(0.2, 0.1) == pytest.approx((0.2**2 + 0.46210 * 0.1**2) ** 0.5, rel=1e-5)
    assert without_pixel(with_pixel(0.15, 0.07), 0.07) == pytest.approx(0.15)
    assert without_pixel(0.01, 1.0) == 0.0


@pytest.mark.parametrize(("na", "immersion"), [(1.49, 1.33), (1.0, 1.0), (0.0, 1.5)])
def test_apertures_that_cannot_be(na: float, immersion: float) -> None:
    with pytest.raises(ConfigError, match="numerical aperture"):
        expected_widths(0.6, na, immersion, 0.0668)
