"""The green probe: its spectrum, its expression, and what unmixing leaves."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.errors import ConfigError
from livesr.simulator.coloc import PROBES, make_probe, unmixed
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View

YELLOW, RED, GREEN = 0, 1, 2


def test_emerald_leaks_a_few_percent_into_yellow_and_nothing_into_red() -> None:
    """Its published spectrum: 6 % of the green band's light lies in 580-653 nm."""
    probe = make_probe("mitochondria", parameters())
    assert probe.weight(YELLOW) / probe.weight(GREEN) == pytest.approx(0.055, abs=0.01)
    assert probe.weight(RED) < 1e-3 * probe.weight(GREEN)


@pytest.mark.parametrize("structure", PROBES)
def test_expression_is_green_light_in_units_of_an_er_tube(structure: str) -> None:
    numbers = parameters()
    brightness = np.mean(numbers.dye.stain(structure).brightness)
    probe = make_probe(structure, numbers, expression=2.0)
    assert probe.weight(GREEN) * brightness == pytest.approx(2.0)


def test_a_filter_that_lets_less_through_dims_the_leak() -> None:
    narrow = parameters("standard", '{"bands.yellow_nm": [620.0, 650.0]}')
    wide = make_probe("golgi", parameters())
    assert make_probe("golgi", narrow).weight(YELLOW) < 0.4 * wide.weight(YELLOW)


def test_expression_differs_from_cell_to_cell_as_a_log_normal() -> None:
    probe = make_probe("golgi", parameters(), spread=0.5)
    logs = np.log([probe.level(60_000 + seed, cell) for seed in range(40) for cell in range(10)])
    assert abs(logs.mean()) < 0.1
    assert logs.std() == pytest.approx(0.5, rel=0.15)
    assert probe.level(60_000, 10) == probe.level(60_000, 10)


def test_the_er_probe_fills_the_envelope_too() -> None:
    lumen = ("er", "nuclear_membrane", "nuclear_reticulum")
    assert make_probe("er", parameters()).structures == lumen
    assert make_probe("golgi", parameters()).structures == ("golgi",)


@pytest.mark.parametrize(
    ("structure", "expression", "word"),
    [
        ("mitochondrion", 1.0, "mitochondria"),
        ("cytosol", 1.0, "no green"),
        ("er", 0.0, "positive"),
    ],
)
def test_probes_that_there_are_not(structure: str, expression: float, word: str) -> None:
    with pytest.raises(ConfigError) as error:
        make_probe(structure, parameters(), expression=expression)
    assert word in str(error.value)


def test_unmixing_removes_droplets_and_keeps_the_probe() -> None:
    yellow = np.array([1000.0, 1000.0, 100.0], np.float32)
    green = np.array([0.15 * 1000.0, 0.2 * 1000.0, 1.0 + 80.0], np.float32)
    np.testing.assert_allclose(unmixed(green, yellow), [0.0, 0.0, 61.0], atol=1e-3)


def test_the_sample_shines_where_the_structure_is_as_bright_as_expressed() -> None:
    """The light that the probe adds is its weight times the structure's own yellow light."""
    sample = Sample(60_000)
    probe = make_probe("mitochondria", parameters(), expression=1.5)
    first = min(sample.stages(0.0), key=lambda row: np.hypot(row.y_um, row.x_um))
    view = View((first.y_um, first.x_um + 8.0), 0.1, (64, 64))
    z = [1.0, 1.3, 1.6, 1.9]
    names = ("mitochondria",)
    wide = Optics(lateral_fwhm_um=(0.2,) * 3, axial_fwhm_um=(0.5,) * 3, pedestal=0.0)
    plain, probed = (
        sample.emission(0.0, z, view, wide, channels=(YELLOW, GREEN), names=names, probe=p)
        for p in (None, probe)
    )
    floor = sample.background(YELLOW, view)
    own = plain[0] - floor
    level = probe.level(sample.seed, first.cell // 10 - 1)
    assert own.max() > 30.0
    bright = own > 10.0
    for place, channel in enumerate((YELLOW, GREEN)):
        added = probed[place] - plain[place]
        day = sample.light.gain[channel] / sample.light.gain[YELLOW]
        expected = probe.weight(channel) * level * day * own
        np.testing.assert_allclose(added[bright], expected[bright], rtol=0.02, atol=0.05)
