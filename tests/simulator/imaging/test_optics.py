from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.simulator.imaging.optics import CHANNELS, FIELD_RADIUS_UM, FWHM, Optics
from livesr.simulator.parameters import parameters

if TYPE_CHECKING:
    from livesr.calibration.warp import ChromaticModel

SEEDS = range(60_000, 60_040)
STANDARD = parameters().optics
OIL = parameters("oil").optics
CORNER = FIELD_RADIUS_UM / np.sqrt(2.0)
SIDE = np.linspace(-CORNER, CORNER, 81)


def local(model: ChromaticModel) -> np.ndarray:
    """Return what the field (dz, dy, dx) is displaced beyond the affine part, µm."""
    field = (SIDE[:, None], SIDE)
    affine = replace(model, polynomial=())
    return np.stack(model.displacement(*field)) - np.stack(affine.displacement(*field))


@pytest.mark.parametrize("channel", [1, 2])
def test_drawn_chromatic_offsets_stay_within_their_limits(channel: int) -> None:
    waves, bowls = [], []
    for seed in SEEDS:
        model = Optics.from_seed(seed).model(channel)
        assert model is not None
        (_, _, _, dz), (_, b, c, dy), (_, minus_c, b_again, dx) = model.affine
        magnification = np.hypot(b, c) - 1.0
        assert 0.0005 <= magnification * (1.0 if channel == 1 else -1.0) <= 0.002
        assert (b_again, minus_c) == (b, -c)
        assert abs(np.degrees(np.arctan2(c, b))) <= 0.2
        assert np.hypot(dy, dx) <= 5 * 0.0668
        assert 0.1 <= abs(dz) <= 0.3
        z, *lateral = local(model)
        assert abs(z[0, 0]) == np.abs(z).max()  # a bowl is deepest in the corner
        bowls.append(abs(z[0, 0]))
        waves.append(np.hypot(*lateral).max())
    assert 0.03 * (1 - 1e-9) <= min(bowls) < 0.06
    assert 0.07 < max(bowls) <= 0.1 + 1e-9
    limit = 0.3 * 0.0668
    assert 0.28 * limit < min(waves) < 0.6 * limit
    assert 0.7 * limit < max(waves) <= limit


def test_limits_hold_in_the_pixels_and_the_field_of_the_camera() -> None:
    wide = Optics.from_seed(60_000, pixel_um=0.13, radius_um=2 * FIELD_RADIUS_UM)
    usual = Optics.from_seed(60_000)
    ratio = 0.13 / 0.0668
    inner = usual.chromatic.displacement(CORNER, CORNER)
    outer = wide.chromatic.displacement(2 * CORNER, 2 * CORNER)
    assert outer[0] == pytest.approx(inner[0])  # bowl and focus are µm
    moved = [usual.chromatic.affine[row][3] for row in (1, 2)]
    assert [wide.chromatic.affine[row][3] for row in (1, 2)] == pytest.approx(
        [ratio * d for d in moved]
    )
    assert wide.shading(0, np.array(2 * CORNER), np.array(0.0)) < 1.0
    assert wide.vignette == usual.vignette


def test_green_has_a_model_of_its_own() -> None:
    optics = Optics.from_seed(60_001)
    assert CHANNELS == ("yellow", "red", "green")
    assert optics.model(0) is None
    assert optics.model(1) is optics.chromatic
    assert optics.model(2) is optics.chromatic_green
    assert optics.chromatic != optics.chromatic_green
    assert optics == Optics.from_seed(60_001)
    assert optics != Optics.from_seed(60_002)


def test_nothing_is_moved_by_default() -> None:
    optics = Optics()
    assert optics.chromatic.is_identity
    assert optics.chromatic_green.is_identity
    for stage in (-1.3, 0.1, 1.0 / 3.0, 17.7):
        assert optics.depth(stage) == stage
        assert optics.stage(stage, 1e4) == stage
        assert Optics.from_seed(60_003).depth(stage, 1e5) == stage
    assert optics.shading(2, np.array(40.0), np.array(40.0)) == 1.0


def test_registration_leaves_a_few_nanometres() -> None:
    residues = [Optics.registered(seed).chromatic for seed in SEEDS]
    assert not any(model.is_identity for model in residues)
    moved = np.array([np.stack(m.displacement(0.0, 0.0)) for m in residues])
    assert np.hypot(moved[:, 1], moved[:, 2]).mean() < 0.025
    assert np.abs(moved[:, 0]).max() < 0.1
    assert Optics.registered(60_000).chromatic_green != Optics.registered(60_000).chromatic


def test_widths_go_together_and_by_the_channel() -> None:
    for seed in SEEDS:
        optics = Optics.from_seed(seed)
        for fwhm, nominal in (
            (optics.lateral_fwhm_um, (0.135, 0.150, 0.115)),
            (optics.axial_fwhm_um, (0.450, 0.500, 0.385)),
        ):
            factors = np.array(fwhm) / nominal
            np.testing.assert_allclose(factors, factors[0])
            assert abs(factors[0] - 1.0) <= 0.02
        assert optics.sigma_xy(1) == pytest.approx(optics.lateral_fwhm_um[1] / FWHM)
        assert optics.sigma_z(2) == pytest.approx(optics.axial_fwhm_um[2] / FWHM)


def test_vignette_is_tilted_differently_in_each_channel() -> None:
    for seed in SEEDS:
        optics = Optics.from_seed(seed)
        assert 0.15 <= optics.vignette[0] <= 0.25
        assert all(0.15 * 0.85 <= loss <= 0.25 * 1.15 for loss in optics.vignette)
        assert np.abs(optics.tilt_um).max() <= 8.0
        shades = [optics.shading(channel, SIDE[:, None], SIDE) for channel in range(3)]
        for shade in shades:
            assert 0.6 < shade.min() < 0.9 < shade.max() <= 1.0
            corners = shade[::80, ::80]
            assert corners.max() - corners.min() > 0.001
        assert np.ptp(shades[1] / shades[0]) > 0.005  # an uncorrected ratio would be false
    shade = Optics(vignette=(0.2, 0.2, 0.2)).shading(
        0, np.array([0.0, CORNER]), np.array([0.0, CORNER])
    )
    np.testing.assert_allclose(shade, [1.0, 0.8], rtol=1e-6)


def test_oil_against_water_focuses_less_deep_than_the_stage_moves() -> None:
    optics = Optics.from_seed(60_004, OIL)
    assert optics.depth(0.0) == 0.0
    assert optics.depth(-1.0) == pytest.approx(-0.57)
    assert optics.depth(1.5 / 0.57) == pytest.approx(1.5)
    assert optics.depth(2.0) == pytest.approx(2.0 * 0.57)
    assert optics.depth(30.0) - optics.depth(29.0) == pytest.approx(0.8)
    stage = np.linspace(-2.0, 20.0, 2201)
    depth = np.array([optics.depth(float(u)) for u in stage])
    slope = np.diff(depth) / np.diff(stage)
    assert slope.min() > 0.57 - 1e-9
    assert slope.max() < 0.80 + 1e-9
    assert np.all(np.diff(slope) > -1e-9)
    assert np.diff(slope).max() < 0.002  # without a step
    back = [optics.stage(float(d)) for d in depth]
    np.testing.assert_allclose(back, stage, atol=1e-12)


def test_focus_drifts_steadily() -> None:
    p = replace(OIL, drift_nm_min=10.0)
    ways = []
    for seed in SEEDS:
        optics = Optics.from_seed(seed, p)
        ways.append(optics.stage(1.0) - optics.stage(1.0, 3600.0))
        assert optics.depth(optics.stage(4.0, 1234.5), 1234.5) == pytest.approx(4.0)
        assert optics.stage(optics.depth(7.0, 99.0), 99.0) == pytest.approx(7.0)
    assert min(np.abs(ways)) >= 0.3
    assert max(np.abs(ways)) <= 0.6
    assert min(ways) < 0.0 < max(ways)
