"""Cells of every preset: what is in them, how it shines, and that they are built alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.catalog import NAMES
from livesr.simulator.anatomy.cell import Cell, build_cell
from livesr.simulator.anatomy.figure import draw_figure
from livesr.simulator.imaging.spectra import band_ratios
from livesr.simulator.parameters import Parameters, parameters

if TYPE_CHECKING:
    from livesr.simulator.anatomy.layer import Layer

QUIET = '{"sample.dividing": 0.0, "sample.rounding": 0.0}'
SEED = 61_300


def built(seed: int, p: Parameters) -> Cell:
    figure = draw_figure(np.random.default_rng(seed), p, 1.0)
    return build_cell(figure, p, np.random.SeedSequence(seed))


def layers(one: Cell, time_s: float = 0.0) -> dict[str, Layer]:
    return {layer.name: layer for layer in one.layers(one.figure.moment(time_s), 0)}


@pytest.fixture(scope="module")
def cell() -> Cell:
    return built(SEED, parameters("standard", QUIET))


@pytest.mark.parametrize("preset", ["shifted", "foreign", "sted"])
def test_other_presets_build_a_cell_with_everything(preset: str) -> None:
    p = parameters(preset, QUIET)
    one = built(61_301, p)
    shown = layers(one)
    assert set(shown) == set(NAMES) - {"nucleus", "cytosol", "extracellular"}
    for name, layer in shown.items():
        assert len(layer.points) > 50, name
        assert np.isfinite(layer.points).all(), name
    low, high = p.cell.volume_um3
    assert low <= one.figure.volume_um3 <= high
    assert one.figure.mother.body.volume() == pytest.approx(one.figure.volume_um3, rel=1e-3)


def test_foreign_cells_are_another_kind() -> None:
    here, there = (
        [
            draw_figure(np.random.default_rng(seed), parameters(preset, QUIET), 1.0)
            for seed in range(61_310, 61_318)
        ]
        for preset in ("standard", "foreign")
    )

    def slimness(figure: object) -> float:
        radius = figure.mother.body.radius  # type: ignore[attr-defined]
        across = radius + np.roll(radius, radius.size // 2)
        return float(across.max() / across.min())

    assert max(f.volume_um3 for f in there) < min(f.volume_um3 for f in here)
    assert np.median([slimness(f) for f in there]) > 1.2 * np.median([slimness(f) for f in here])
    shares = [[f.mother.nucleus.volume / f.volume_um3 for f in some] for some in (here, there)]
    assert min(shares[1]) > max(shares[0])


def test_ratio_and_brightness_of_each_structure_are_the_tables(cell: Cell) -> None:
    p = parameters()
    lonely = ("nuclear_membrane", "plasma_membrane", "er")
    red, level = {}, {}
    for name, layer in layers(cell).items():
        yellow = layer.masses[0].sum()
        red[name] = float(layer.masses[1].sum() / yellow)
        level[name] = float(yellow / layer.masses[3].sum())
        stain = p.dye.stain(name)
        expected, green = band_ratios(stain.peak_nm, stain.fwhm_nm, p.bands)
        # the cell's jitter, and that of the one object
        near = 0.35 if name in lonely else 0.2
        assert red[name] == pytest.approx(expected, rel=near), name
        assert layer.masses[2].sum() / yellow == pytest.approx(green, rel=near, abs=1e-3), name
    order = ("lipid_droplet", "filopodia", "early_endosome", "peroxisome", "mitochondria")
    ratios = [red[name] for name in order]
    assert ratios == sorted(ratios)
    assert level["lipid_droplet"] > 3.0 * level["lysosome"] > 3.0 * level["peroxisome"]


def test_cells_differ_and_repeat(cell: Cell) -> None:
    again, other = (built(seed, parameters("standard", QUIET)) for seed in (SEED, SEED + 1))
    for name, layer in layers(cell, 60.0).items():
        np.testing.assert_array_equal(layers(again, 60.0)[name].points, layer.points)
    assert other.figure.volume_um3 != cell.figure.volume_um3
    assert len(layers(other)["er"].points) != len(layers(cell)["er"].points)


def test_each_structure_is_drawn_from_a_stream_of_its_own(cell: Cell) -> None:
    changed = '{"sample.dividing": 0, "sample.rounding": 0, "early_endosome.count": [150, 160]}'
    other = layers(built(SEED, parameters("standard", changed)))
    for name, layer in layers(cell).items():
        same = len(other[name].points) == len(layer.points)
        assert same == (name != "early_endosome"), name


def test_solids_are_dim_and_red(cell: Cell) -> None:
    for yellow, red, green in (cell.solids.cytosol, cell.solids.nucleoplasm):
        assert 0.02 < yellow < 0.1
        assert red / yellow == pytest.approx(0.536, rel=0.35)
        assert green < 0.01 * yellow
    assert 0.2 <= cell.solids.nucleoli <= 0.6
