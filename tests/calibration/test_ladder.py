"""The ladder finds the model that the points support, and knows its error."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.calibration.fitting.ladder import fit_ladder
from livesr.calibration.fitting.points import Pairs
from livesr.calibration.warp import ChromaticModel
from livesr.errors import CalibrationError
from livesr.simulator.imaging.optics import Optics

FIELD = (80.2, 80.2)
NOISE_UM = np.array([0.008, 0.0025, 0.0025])


def pairs_of(
    model: ChromaticModel, n: int, seed: int, depth_um: float = 0.0, noise: np.ndarray = NOISE_UM
) -> Pairs:
    rng = np.random.default_rng(seed)
    reference = rng.uniform([1.0, -40.0, -40.0], [1.0 + depth_um, 40.0, 40.0], (n, 3))
    z, y, x = reference.T
    shift = np.stack(model.displacement(y, x, z), axis=1)
    other = reference + shift + rng.normal(size=(n, 3)) * noise
    return Pairs(reference, other, np.tile(noise, (n, 1)))


def errors_nm(true: ChromaticModel, found: ChromaticModel, z_um: float = 1.0) -> tuple:
    y, x = np.random.default_rng(1).uniform(-35, 35, (2, 2000))
    off = np.stack(true.displacement(y, x, z_um)) - np.stack(found.displacement(y, x, z_um))
    return 1e3 * np.sqrt((off[1:] ** 2).sum(0).mean()), 1e3 * np.sqrt((off[0] ** 2).mean())


@pytest.mark.parametrize("seed", range(60_000, 60_004))
def test_beads_of_a_splitter(seed: int) -> None:
    true = Optics.from_seed(seed).chromatic
    fit = fit_ladder(pairs_of(true, 250, seed), FIELD)
    xy, z = errors_nm(true, fit.model)
    assert xy < 2.0
    assert z < 4.0
    other = pairs_of(true, 4000, seed + 1)
    off = other.shift - np.stack(
        fit.model.displacement(*other.reference[:, 1:].T, other.reference[:, 0]), axis=1
    )
    inside = fit.inside(*other.reference[:, 1:].T)
    held_out = 1e3 * np.sqrt((off[inside, 1:] ** 2).sum(1).mean())
    assert fit.tre_nm[0] == pytest.approx(held_out, rel=0.2)
    assert fit.tre_nm[1] == pytest.approx(1e3 * np.sqrt((off[inside, 0] ** 2).mean()), rel=0.2)
    assert fit.fre_nm[0] < fit.tre_nm[0]


def test_no_rung_higher_than_needed() -> None:
    turn, scale = np.deg2rad(0.1), 1.0015
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    true = ChromaticModel(((1.0, 0.0, 0.0, 0.15), (0.0, c, -s, -0.2), (0.0, s, c, 0.3)))
    fit = fit_ladder(pairs_of(true, 200, 60_000), FIELD)
    assert fit.lateral.rung.name in ("similarity", "affine")
    assert fit.axial.rung.name == "shift"
    assert errors_nm(true, fit.model)[0] < 0.8
    assert [step.name for step in fit.ladder["lateral"]][:3] == ["shift", "similarity", "affine"]


def test_few_points_support_low_rungs_only() -> None:
    fit = fit_ladder(pairs_of(Optics.from_seed(60_000).chromatic, 12, 60_000), FIELD)
    assert fit.lateral.rung.size <= 2
    assert any(step.left_out_nm is None for step in fit.ladder["lateral"])


def test_wrong_pairs_are_left_out() -> None:
    true = Optics.from_seed(60_002).chromatic
    good = pairs_of(true, 120, 60_002)
    other = good.other.copy()
    wrong = np.arange(0, 120, 10)
    other[wrong] += np.random.default_rng(3).normal(0, 0.3, (len(wrong), 3))
    fit = fit_ladder(Pairs(good.reference, other, good.sigma), FIELD)
    assert not fit.used[wrong].any()
    assert fit.used.sum() >= 100
    assert errors_nm(true, fit.model)[0] < 3.0


def test_beads_in_depth_give_what_changes_along_z() -> None:
    affine = ((1.003, 0.0, 0.0, 0.1), (0.002, 1.001, 0.0, 0.2), (-0.001, 0.0, 1.001, 0.1))
    true = ChromaticModel(affine)
    fit = fit_ladder(pairs_of(true, 250, 60_000, depth_um=8.0), FIELD)
    for z_um in (2.0, 8.0):
        xy, z = errors_nm(true, fit.model, z_um)
        assert xy < 1.5
        assert z < 3.0
    assert fit.z_um == pytest.approx((1.0, 9.0), abs=0.2)


def test_error_grows_where_no_points_lie() -> None:
    pairs = pairs_of(Optics.from_seed(60_001).chromatic, 150, 60_001)
    left = pairs.chosen(pairs.reference[:, 2] < 0)
    fit = fit_ladder(left, FIELD)
    (near, far), _ = fit.error_nm([0.0, 0.0], [-20.0, 38.0])
    assert far > 1.5 * near
    assert fit.inside([0.0, 0.0], [-20.0, 38.0]).tolist() == [True, False]
    assert fit.coverage == pytest.approx(0.45, abs=0.1)


def test_too_few_points() -> None:
    with pytest.raises(CalibrationError, match="3 points are in both channels"):
        fit_ladder(pairs_of(ChromaticModel(), 3, 60_000), FIELD)
