from __future__ import annotations

import numpy as np
import pytest

from livesr.catalog import NAMES
from livesr.simulator.cell import Cell, Solids
from livesr.simulator.optics import Optics
from livesr.simulator.sample import Sample
from livesr.simulator.stack import draw_center, simulate_stack
from livesr.simulator.view import View

SEED = 62_000
VIEW = View((0.0, 0.0), 0.0668, (224, 224))
PLAIN = Optics()
PLANES = (0.3, 1.2, 3.6)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(SEED)


def test_same_seed_and_time_give_the_same_in_any_order(sample: Sample) -> None:
    before = sample.emission(40.0, PLANES, VIEW, PLAIN)
    sample.emission(7.0, [1.0], VIEW, PLAIN)
    other = Sample(SEED)
    np.testing.assert_array_equal(other.emission(40.0, PLANES, VIEW, PLAIN), before)
    np.testing.assert_array_equal(sample.emission(40.0, PLANES, VIEW, PLAIN), before)
    reverse = sample.emission(40.0, PLANES[::-1], VIEW, PLAIN)
    np.testing.assert_array_equal(reverse[:, ::-1], before)


def test_planes_do_not_depend_on_each_other(sample: Sample) -> None:
    together = sample.emission(0.0, PLANES, VIEW, PLAIN)
    for k, z in enumerate(PLANES):
        alone = sample.emission(0.0, [z], VIEW, PLAIN)
        np.testing.assert_allclose(alone[:, 0], together[:, k], rtol=1e-4, atol=1e-3)


def test_times_differ_unless_frozen(sample: Sample) -> None:
    here = sample.emission(0.0, [1.2], VIEW, PLAIN)
    later = sample.emission(30.0, [1.2], VIEW, PLAIN)
    assert np.abs(here - later).max() > 5.0
    frozen = Sample(SEED, motion=0.0)
    frozen._cells = sample._cells
    np.testing.assert_array_equal(frozen.emission(30.0, [1.2], VIEW, PLAIN), here)


def test_neighbouring_views_show_the_same_sample(sample: Sample) -> None:
    shift = View((0.0668 * 64, 0.0), 0.0668, VIEW.shape)
    here, there = (sample.emission(0.0, [1.2], v, PLAIN)[0, 0] for v in (VIEW, shift))
    inner = np.abs(here[80:208, 16:-16] - there[16:144, 16:-16])
    assert np.percentile(inner, 99) < 0.5


def test_truth_has_all_names_and_volumes_fill_everything(sample: Sample) -> None:
    truth = sample.truth(0.0, PLANES, VIEW)
    assert tuple(truth) == NAMES
    volumes = [truth[n].astype(int) for n in ("nucleus", "cytosol", "extracellular")]
    np.testing.assert_array_equal(sum(volumes), np.ones_like(volumes[0]))
    some = sample.truth(0.0, PLANES, VIEW, names=("er", "nucleus"))
    assert tuple(some) == ("er", "nucleus")
    np.testing.assert_array_equal(some["er"], truth["er"])


def test_whole_field_shows_all_fifteen_in_their_shares() -> None:
    truth = Sample(62_001).truth(0.0, np.arange(0.0, 7.2, 0.6), View((0.0, 0.0), 0.15, (360, 360)))
    cell = (~truth["extracellular"]).sum()
    share = {name: mask.sum() / cell for name, mask in truth.items()}
    assert min(share.values()) > 1e-5
    assert 0.12 < share["nucleus"] < 0.30
    assert 0.07 < share["er"] < 0.20
    assert 0.03 < share["mitochondria"] < 0.14
    for name in ("lipid_droplet", "peroxisome", "early_endosome", "late_endosome", "lysosome"):
        assert 2e-4 < share[name] < 2e-2, name


def test_truth_lies_on_what_shines(sample: Sample) -> None:
    planes = [0.9, 1.5]
    photons = sample.emission(0.0, planes, VIEW, PLAIN)[0]
    truth = sample.truth(0.0, planes, VIEW)
    level = np.median(photons[truth["cytosol"]])
    for name in ("er", "mitochondria", "lipid_droplet", "lysosome"):
        assert np.median(photons[truth[name]]) > 1.3 * level, name
    assert np.median(photons[truth["lipid_droplet"]]) > 3 * np.median(photons[truth["er"]])


def test_light_is_in_the_range_of_the_camera() -> None:
    for seed in range(62_010, 62_030):
        light = Sample(seed).light
        assert 60 <= light.er <= 150
        assert 3 <= light.background[0] <= 10
        assert light.background[1] < light.background[0]


def test_red_and_yellow_light_of_an_isolated_structure_keep_the_dyes_ratio(sample: Sample) -> None:
    # Summed over planes and a wide field, blur and pedestal drop out.
    plain = Optics(pedestal=0.0)
    cell = sample.cell(0)
    z = np.arange(-1.5, 9.0, 0.15)
    cloud = cell.clouds["filopodia"]
    y, x = cloud.points[:, 1:].mean(axis=0)
    alone = Sample(SEED)
    dark = Solids((0.0, 0.5), (0.0, 0.5), 1.0)
    alone._cells[0] = Cell(cell.shape, {"filopodia": cloud}, dark)
    alone.shapes[1:] = []
    light = alone.emission(0.0, z, View((float(y), float(x)), 0.15, (420, 420)), plain)
    background = np.array(alone.light.background) * (0.15 / 0.0668) ** 2
    yellow, red = (light[c].astype(float).sum() - background[c] * light[c].size for c in range(2))
    expected = (cloud.emission * cloud.ratio).sum() / cloud.emission.sum()
    assert red / yellow == pytest.approx(expected, rel=0.03)


def test_first_nucleus_and_an_edge_are_near_the_origin() -> None:
    for seed in range(62_040, 62_060):
        shapes = Sample(seed).shapes
        assert 1 <= len(shapes) <= 4
        _, y, x = shapes[0].nucleus.center
        assert np.hypot(y, x) < 6.0
        edge_y, edge_x = shapes[0].footprint.outline()
        assert np.hypot(edge_y, edge_x).min() < 16.5
        for one in shapes:
            for other in shapes:
                if one is not other:
                    assert not other.footprint.contains(*one.footprint.outline()).any()


def test_vignette_darkens_away_from_its_centre() -> None:
    optics = Optics(vignette=(0.2, 0.2))
    shade = optics.shading(0, np.array([0.0, 40.0]), np.array([0.0, 40.0]))
    assert shade[0] == pytest.approx(1.0)
    assert shade[1] == pytest.approx(0.8, abs=0.01)


def test_training_stack_has_the_shape_asked_for() -> None:
    photons, truth = simulate_stack(62_002, shape=(4, 64, 96), center_um=(0.0, 0.0), z_start_um=1.0)
    assert photons.shape == (2, 4, 64, 96)
    assert photons.dtype == np.float32
    assert (photons > 0).all()
    assert all(mask.shape == (4, 64, 96) and mask.dtype == bool for mask in truth.values())


def test_training_centres_cover_nucleus_cytoplasm_and_edge() -> None:
    inside = []
    for seed in range(62_100, 62_160):
        sample = Sample(seed)
        y, x = draw_center(sample)
        assert draw_center(sample) == (y, x)
        inside.append(float(sample.shapes[0].nucleus.radial(np.array([y]), np.array([x]))[0]))
    share = np.mean(np.array(inside) < 1.0)
    assert 0.2 < share < 0.7
    assert max(inside) > 2.0
