from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from livesr.catalog import NAMES
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.stack import draw_center, simulate_stack
from livesr.simulator.view import View

SEED = 62_000
VIEW = View((0.0, 0.0), 0.0668, (160, 160))
PLAIN = Optics()
PLANES = (0.3, 1.2, 3.6)
ALONE = '"sample.most_cells": 1, "sample.rounding": 0.0'
CHANGES = f'{{{ALONE}, "sample.dividing": 0.0}}'
QUIET = parameters("standard", CHANGES)
DIVIDING = parameters("standard", f'{{{ALONE}, "sample.dividing": 1.0}}')


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(SEED)


@pytest.fixture(scope="module")
def alone() -> Sample:
    return Sample(62_001, parameters=QUIET)


@pytest.fixture(scope="module")
def dividing() -> Sample:
    return Sample(62_002, parameters=DIVIDING)


def test_same_seed_and_time_give_the_same_in_any_order(alone: Sample) -> None:
    before = alone.emission(40.0, PLANES, VIEW, PLAIN)
    alone.emission(7.0, [1.0], VIEW, PLAIN)
    other = Sample(alone.seed, parameters=QUIET)
    np.testing.assert_array_equal(other.emission(40.0, PLANES, VIEW, PLAIN), before)
    np.testing.assert_array_equal(alone.emission(40.0, PLANES, VIEW, PLAIN), before)
    reverse = alone.emission(40.0, PLANES[::-1], VIEW, PLAIN)
    np.testing.assert_array_equal(reverse[:, ::-1], before)


def test_another_process_sees_the_same(alone: Sample) -> None:
    here = alone.emission(600.0, [1.2], VIEW, PLAIN)
    code = (
        "from livesr.simulator.imaging.optics import Optics\n"
        "from livesr.simulator.parameters import parameters\n"
        "from livesr.simulator.sample import Sample\n"
        "from livesr.simulator.view import View\n"
        f"view = View((0.0, 0.0), 0.0668, {VIEW.shape})\n"
        f"p = parameters('standard', '{CHANGES}')\n"
        f"image = Sample({alone.seed}, parameters=p).emission(600.0, [1.2], view, Optics())\n"
        "print(image.astype('f8').sum(), image.astype('f8').std())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    total, spread = (float(word) for word in run.stdout.split())
    assert total == pytest.approx(here.astype(float).sum(), rel=1e-6)
    assert spread == pytest.approx(here.astype(float).std(), rel=1e-6)


def test_planes_do_not_depend_on_each_other(sample: Sample) -> None:
    heights = (*PLANES, 1.2, *np.linspace(2.0, 6.0, 8))
    together = sample.emission(0.0, heights, VIEW, PLAIN)
    for k in (0, 1, 3, 11):
        alone = sample.emission(0.0, [heights[k]], VIEW, PLAIN)
        np.testing.assert_allclose(alone[:, 0], together[:, k], rtol=1e-4, atol=1e-3)
    # planes of one height are one image
    np.testing.assert_array_equal(together[:, 1], together[:, 3])


def test_channels_do_not_depend_on_each_other(sample: Sample) -> None:
    every = sample.emission(0.0, [1.2], VIEW, PLAIN, channels=(0, 1, 2))
    for channel in range(3):
        one = sample.emission(0.0, [1.2], VIEW, PLAIN, channels=(channel,))
        np.testing.assert_array_equal(one[0], every[channel])
    # green is where lipid droplets are
    droplets = sample.truth(0.0, [1.2], VIEW, names=("lipid_droplet",))["lipid_droplet"][0]
    background = sample.background(2, VIEW)
    assert np.median(every[2, 0]) < 2.0 * background
    if droplets.sum() > 20:
        assert np.median(every[2, 0][droplets]) > 5.0 * np.median(every[2, 0])


def test_times_differ_unless_frozen(alone: Sample) -> None:
    here = alone.emission(0.0, [1.2], VIEW, PLAIN)
    later = alone.emission(30.0, [1.2], VIEW, PLAIN)
    assert np.abs(here - later).max() > 5.0
    frozen = Sample(alone.seed, parameters=QUIET, motion=0.0)
    still = frozen.emission(0.0, [1.2], VIEW, PLAIN)
    np.testing.assert_array_equal(frozen.emission(30.0, [1.2], VIEW, PLAIN), still)
    np.testing.assert_allclose(still, here, rtol=1e-4, atol=0.05)


def test_neighbouring_views_show_the_same_sample(sample: Sample) -> None:
    shift = View((0.0668 * 64, 0.0), 0.0668, VIEW.shape)
    here, there = (sample.emission(0.0, [1.2], v, PLAIN)[0, 0] for v in (VIEW, shift))
    inner = np.abs(here[64:, :] - there[:-64, :])
    assert np.percentile(inner, 99) < 0.5


@pytest.mark.parametrize(("preset", "pixel_um"), [("standard", 0.0668), ("shifted", 0.03)])
def test_a_field_is_the_middle_of_a_larger_one(preset: str, pixel_um: float) -> None:
    """What lies outside a field shines into it, however far a channel is shifted."""
    p = parameters(preset, f"{{{ALONE}}}")
    optics = [Optics.from_seed(seed, p.optics) for seed in range(60_000, 60_010)]
    far = max(optics, key=lambda o: float(np.hypot(*o.chromatic.displacement(0.0, 0.0)[1:])))
    sample = Sample(SEED, parameters=p)
    beyond = round(1.2 / pixel_um)
    small, large = (
        sample.emission(0.0, [1.2], View((0.0, 6.0), pixel_um, (n, n)), far)
        for n in (64, 64 + 2 * beyond)
    )
    middle = large[..., beyond:-beyond, beyond:-beyond]
    np.testing.assert_allclose(small, middle, rtol=5e-3, atol=5e-3)


def test_wider_pixels_hold_the_light_of_those_within(alone: Sample) -> None:
    fine = alone.emission(0.0, [1.2], View((0.0, 0.0), 0.06, (96, 96)), PLAIN)
    coarse = alone.emission(0.0, [1.2], View((0.0, 0.0), 0.18, (32, 32)), PLAIN)
    binned = fine.reshape(2, 1, 32, 3, 32, 3).sum(axis=(3, 5))
    np.testing.assert_allclose(coarse, binned, rtol=1e-3)


def test_structures_alone_add_up_to_all(alone: Sample) -> None:
    whole = alone.emission(0.0, PLANES, VIEW, Optics(pedestal=0.0))
    floor = np.array([alone.background(c, VIEW) for c in (0, 1)])[:, None, None, None]
    shining = [name for name in NAMES if name != "extracellular"]
    total = sum(
        alone.emission(0.0, PLANES, VIEW, Optics(pedestal=0.0), names=(name,)) - floor
        for name in shining
    )
    np.testing.assert_allclose(total + floor, whole, rtol=1e-3, atol=0.05)
    for name in ("nucleus", "cytosol"):
        one = alone.emission(0.0, PLANES, VIEW, Optics(pedestal=0.0), names=(name,)) - floor
        assert one.min() > -0.01, name


def test_truth_has_all_names_and_volumes_fill_everything(sample: Sample) -> None:
    truth = sample.truth(0.0, PLANES, VIEW)
    assert tuple(truth) == NAMES
    volumes = [truth[n].astype(int) for n in ("nucleus", "cytosol", "extracellular")]
    np.testing.assert_array_equal(sum(volumes), np.ones_like(volumes[0]))
    some = sample.truth(0.0, PLANES, VIEW, names=("er", "nucleus"))
    assert tuple(some) == ("er", "nucleus")
    np.testing.assert_array_equal(some["er"], truth["er"])
    reverse = sample.truth(0.0, PLANES[::-1], VIEW, names=("er",))
    np.testing.assert_array_equal(reverse["er"][::-1], truth["er"])


@pytest.mark.parametrize("preset", ["standard", "foreign", "shifted"])
def test_whole_field_shows_all_fifteen_in_their_shares(preset: str) -> None:
    p = parameters(preset, CHANGES)
    one = Sample(62_003, parameters=p)
    cy, cx = one.figures[0].mother.body.center
    view = View((cy, cx), 0.25, (200, 200))
    truth = one.truth(0.0, np.arange(0.0, 8.4, 0.7).tolist(), view)
    cell = (~truth["extracellular"]).sum()
    share = {name: mask.sum() / cell for name, mask in truth.items()}
    assert min(share.values()) > 1e-5
    assert 0.12 < share["nucleus"] < 0.38
    assert 0.07 < share["er"] < 0.20
    assert 0.03 < share["mitochondria"] < 0.18
    for name in ("lipid_droplet", "peroxisome", "early_endosome", "late_endosome", "lysosome"):
        assert 2e-4 < share[name] < 3e-2, name


def test_truth_lies_on_what_shines(sample: Sample) -> None:
    planes = [0.9, 1.5]
    photons = sample.emission(0.0, planes, VIEW, PLAIN)[0]
    truth = sample.truth(0.0, planes, VIEW)
    level = np.median(photons[truth["cytosol"]])
    for name in ("er", "mitochondria", "lipid_droplet", "lysosome"):
        assert np.median(photons[truth[name]]) > 1.3 * level, name
    assert np.median(photons[truth["lipid_droplet"]]) > 3 * np.median(photons[truth["er"]])


def test_light_is_in_the_range_of_the_camera() -> None:
    p = parameters().light
    lights = [Sample(seed, parameters=QUIET).light for seed in range(62_010, 62_020)]
    for light in lights:
        assert p.er_photons[0] <= light.er <= p.er_photons[1]
        assert 3 <= light.background[0] <= 10
        assert light.background[1] < light.background[0]
        assert all(0.85 <= gain <= 1.15 for gain in light.gain)
    assert np.ptp([light.gain[1] for light in lights]) > 0.05


def test_red_and_yellow_light_of_an_isolated_structure_keep_the_dyes_ratio(alone: Sample) -> None:
    # Summed over planes and a wide field, blur and pedestal drop out.
    plain = Optics(pedestal=0.0)
    moment = alone.figures[0].moment(0.0)
    layer = alone.cell(0).structures["golgi"].layer(moment, alone.cell(0).sway, 1.0)
    y, x = layer.points[:, 1:].mean(axis=0).tolist()
    z = np.arange(-1.5, 9.0, 0.3)
    view = View((y, x), 0.15, (180, 180))
    light = alone.emission(0.0, z.tolist(), view, plain, names=("golgi",)).astype(float)
    yellow, red = (light[c].sum() - alone.background(c, view) * light[c].size for c in range(2))
    expected = layer.masses[1].sum() / layer.masses[0].sum()
    gain = alone.light.gain[1] / alone.light.gain[0]
    assert red / yellow == pytest.approx(gain * expected, rel=0.01)
    area = (0.15 / 0.0668) ** 2
    photons = layer.masses[0].sum() / 0.3 / 0.15**2 * area * alone.light.er * alone.light.gain[0]
    assert yellow == pytest.approx(photons, rel=0.01)


def test_first_nucleus_and_an_edge_are_near_the_origin() -> None:
    for seed in range(62_040, 62_046):
        figures = Sample(seed).figures
        assert 1 <= len(figures) <= 4
        _, y, x = figures[0].mother.nucleus.center
        assert np.hypot(y, x) < 6.0
        edge_y, edge_x = figures[0].mother.body.outline()
        assert np.hypot(edge_y, edge_x).min() < 16.5


def test_neighbours_stay_apart_as_they_creep() -> None:
    for seed in (62_000, 62_006):
        figures = Sample(seed, parameters=parameters("standard", '{"sample.dividing": 0}')).figures
        for time_s in (0.0, 600.0, 7200.0):
            bodies = [body for figure in figures for body in figure.moment(time_s).bodies]
            for one in bodies:
                for other in bodies:
                    if one is not other:
                        assert other.inward(*one.outline()).max() < 0.5


def test_larger_fields_hold_more_cells() -> None:
    p = parameters("standard", '{"sample.dividing": 0.0, "sample.rounding": 0.0}')
    figures = Sample(62_004, parameters=p, field_um=(160.0, 160.0)).figures
    assert 5 <= len(figures) <= 16
    for one in figures:
        for other in figures:
            if one is not other:
                assert other.mother.body.inward(*one.mother.body.outline()).max() < 0.0


STAGES = ("prophase", "breakdown", "anaphase", "telophase", "spreading", "rest")


@pytest.mark.parametrize("stage", STAGES)
def test_light_changes_without_pops(dividing: Sample, stage: str) -> None:
    event = getattr(dividing.figures[0].life, stage)
    view = View(dividing.figures[0].mother.body.center, 0.25, (190, 190))
    background = dividing.background(0, view)
    before, after = (
        dividing.emission(event + d, (1.0, 4.0, 8.0), view, PLAIN, channels=(0,)) - background
        for d in (-0.05, 0.05)
    )
    # what moves in a tenth of a second
    assert np.abs(after - before).sum() < 0.03 * before.sum()
    assert after.sum() == pytest.approx(before.sum(), rel=0.01)


def test_vignette_darkens_away_from_its_centre() -> None:
    optics = Optics(vignette=(0.2, 0.2, 0.2))
    shade = optics.shading(0, np.array([0.0, 40.0]), np.array([0.0, 40.0]))
    assert shade[0] == pytest.approx(1.0)
    assert shade[1] == pytest.approx(0.8, abs=0.01)


def test_training_stack_has_the_shape_asked_for() -> None:
    photons, truth = simulate_stack(62_005, shape=(4, 64, 96), center_um=(0.0, 0.0), z_start_um=1.0)
    assert photons.shape == (2, 4, 64, 96)
    assert photons.dtype == np.float32
    assert (photons > 0).all()
    assert all(mask.shape == (4, 64, 96) and mask.dtype == bool for mask in truth.values())


def test_training_centres_cover_nucleus_cytoplasm_and_edge() -> None:
    inside = []
    for seed in range(62_100, 62_120):
        sample = Sample(seed, parameters=QUIET)
        y, x = draw_center(sample)
        assert draw_center(sample) == (y, x)
        nucleus = sample.figures[0].mother.nucleus
        inside.append(float(nucleus.radial(np.array([y]), np.array([x]))[0]))
    share = np.mean(np.array(inside) < 1.0)
    assert 0.15 < share < 0.75
    assert max(inside) > 2.0
