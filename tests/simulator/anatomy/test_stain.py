from __future__ import annotations

import numpy as np
import pytest

from livesr.simulator.anatomy.stain import CellDye
from livesr.simulator.imaging.spectra import band_ratios
from livesr.simulator.parameters import parameters

P = parameters()
NAMES = (
    "lipid_droplet",
    "plasma_membrane",
    "early_endosome",
    "lysosome",
    "golgi",
    "peroxisome",
    "mitochondria",
    "er",
    "cytosol",
)
"""In the order of their red over yellow."""


@pytest.mark.parametrize("name", NAMES)
def test_objects_shine_as_the_table_says(name: str) -> None:
    stain = P.dye.stain(name)
    red, green = band_ratios(stain.peak_nm, stain.fwhm_nm, P.bands)
    made = CellDye(P, 1.0, 1.0).objects(name, 4000, np.random.default_rng(61_190))
    assert made.red.mean() == pytest.approx(red, rel=0.01)
    assert made.red.std() / made.red.mean() == pytest.approx(P.dye.object_jitter, rel=0.1)
    assert made.green.mean() == pytest.approx(green, rel=0.01)
    assert stain.brightness[0] <= made.level.mean() <= stain.brightness[1]


def test_ratios_order_as_in_the_table() -> None:
    rng = np.random.default_rng(61_191)
    red = [CellDye(P, 1.0, 1.0).objects(name, 500, rng).red.mean() for name in NAMES]
    assert red == sorted(red)


def test_cells_differ_by_the_jitter() -> None:
    rng = np.random.default_rng(61_192)
    for factors in zip(
        *((d.brightness, d.ratio) for d in (CellDye.draw(rng, P) for _ in range(300))), strict=True
    ):
        assert 0.9 <= min(factors) < 0.92
        assert 1.08 < max(factors) <= 1.1


def test_a_cells_factors_are_on_all_its_objects() -> None:
    plain, other = (
        CellDye(P, b, r).objects("er", 100, np.random.default_rng(61_193))
        for b, r in ((1.0, 1.0), (1.1, 0.9))
    )
    np.testing.assert_allclose(other.level, 1.1 * plain.level)
    np.testing.assert_allclose(other.red, 0.9 * plain.red)


def test_mean_shines_like_the_mean() -> None:
    made = CellDye(P, 1.0, 1.0).objects("er", 50, np.random.default_rng(61_194))
    mean = made.mean(3)
    np.testing.assert_allclose(mean.red, np.full(3, made.red.mean()))
