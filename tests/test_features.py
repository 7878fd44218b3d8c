from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from livesr.calibration.warp import Warp
from livesr.contrast import compress, expand
from livesr.features import (
    MAX_RATIO,
    NO_FOREGROUND,
    NormalisationFollower,
    estimate_normalisation,
    make_features,
    polarity_image,
)
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.stack import simulate_stack
from livesr.types import Grid, Normalisation

VOXEL = (0.3, 0.0668, 0.0668)
OFFSET = 100.0
REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


@cache
def cell() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return camera counts (2, 8, 500, 500) of a simulated cell, and its truth."""
    photons, truth = simulate_stack(
        60_500, shape=(8, 500, 500), center_um=(0.0, 0.0), z_start_um=0.6
    )
    return CameraModel().expose(photons, np.random.default_rng(60_500)), truth


def estimate(data: np.ndarray, offset: float = OFFSET) -> Normalisation:
    return estimate_normalisation(data, Grid(data.shape[1:], VOXEL), offset)


def empty_planes(data: np.ndarray, outside: np.ndarray, n: int) -> np.ndarray:
    """Return planes of what the camera sees beside the cell."""
    rng = np.random.default_rng(60_501)
    return np.stack([rng.choice(c[outside], (n, *c.shape[1:])) for c in data])


def test_the_foreground_is_membrane() -> None:
    data, truth = cell()
    norm = estimate(data)
    er = truth["er"]
    y, r = (channel[er].astype(float) - OFFSET for channel in data)
    assert norm.intensity == pytest.approx(np.median((y + r) / 2), rel=0.35)
    assert norm.ratio == pytest.approx(np.median(r / y), rel=0.1)


@pytest.mark.parametrize("before", [True, False])
def test_empty_planes_do_not_matter(before: bool) -> None:
    data, truth = cell()
    empty = empty_planes(data, truth["extracellular"], 10)
    padded = np.concatenate([empty, data] if before else [data, empty], axis=1)
    bare, with_empty = estimate(data), estimate(padded)
    assert with_empty.intensity == pytest.approx(bare.intensity, rel=0.005)
    assert with_empty.ratio == pytest.approx(bare.ratio, rel=0.005)


def test_a_part_of_the_cell_is_like_the_whole() -> None:
    data, truth = cell()
    columns = np.nonzero((~truth["extracellular"]).any(axis=(0, 1)))[0]
    first, last = int(columns[0]), int(columns[-1]) + 1
    third = (last - first) // 3
    whole = estimate(data)
    for i in range(3):
        part = estimate(data[..., first + i * third : first + (i + 1) * third])
        assert part.intensity == pytest.approx(whole.intensity, rel=0.2)
        assert part.ratio == pytest.approx(whole.ratio, rel=0.15)


def test_gain_and_exposure_scale_the_intensity_alone() -> None:
    data, _ = cell()
    brighter = np.rint((data.astype(float) - OFFSET) * 3 + OFFSET).clip(0).astype(np.uint16)
    once, thrice = estimate(data), estimate(brighter)
    assert thrice.intensity == pytest.approx(3 * once.intensity, rel=0.05)
    assert thrice.ratio == pytest.approx(once.ratio, rel=0.02)


NOISE = np.random.default_rng(60_502)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((2, 6, 90, 90), np.uint16),
        np.full((2, 6, 90, 90), 65_535, np.uint16),
        np.full((2, 6, 90, 90), 150, np.uint16),
        (100 + NOISE.normal(0, 3, (2, 6, 90, 90))).astype(np.uint16),
        (100 + NOISE.poisson(8, (2, 6, 90, 90))).astype(np.uint16),
        np.full((1, 1, 1, 1), 900, np.uint16),
        np.where(np.arange(8100).reshape(1, 1, 90, 90) == 4000, 60_000, 103).astype(np.uint16),
    ],
    ids=["black", "saturated", "constant", "read noise", "background", "a pixel", "hot pixel"],
)
def test_stacks_without_membranes_give_something_usable(data: np.ndarray) -> None:
    norm = estimate(data)
    assert norm == NO_FOREGROUND
    features = make_features(data, Warp(Grid(data.shape[1:], VOXEL), (0.3, 0.1, 0.1)), 100.0, norm)
    assert np.isfinite(features.data).all()


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real recordings in {REAL}")
def test_real_yeast_has_a_foreground_that_empty_planes_leave_alone() -> None:
    path = REAL / "yeast_mitochondria" / "yeast_3d_mitochondria_t0-9.ome.tif"
    stack = tifffile.imread(path)[0][None]
    outside = np.zeros(stack.shape[1:], bool)
    outside[0] = True
    padded = np.concatenate([stack, empty_planes(stack, outside, 10)], axis=1)
    first, second = (
        estimate_normalisation(s, Grid(s.shape[1:], (0.25, 0.0655, 0.0655)), 100.0)
        for s in (stack, padded)
    )
    assert 10 < first.intensity < 50
    assert second.intensity == pytest.approx(first.intensity, rel=0.005)
    assert first.ratio == 1.0


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real recordings in {REAL}")
def test_real_two_emission_image_has_the_ratio_of_its_foreground() -> None:
    folder = REAL / "nile_red_two_emission"
    planes = [tifffile.imread(folder / name) for name in ("donor.tif", "acceptor.tif")]
    data = np.stack(planes)[:, None].astype(np.uint16)
    norm = estimate_normalisation(data, Grid(data.shape[1:], (1.0, 0.24, 0.24)), 0.0)
    assert 1.5 < norm.ratio < 2.2
    assert norm.intensity > 30


def features_of(yellow: np.ndarray, red: np.ndarray, norm: Normalisation) -> np.ndarray:
    data = np.stack([yellow, red])[:, None, None].astype(np.uint16)
    warp = Warp(Grid(data.shape[1:], (0.3, 0.1, 0.1)), (0.3, 0.1, 0.1))
    return make_features(data, warp, OFFSET, norm).data[:, 0, 0]


def test_membranes_have_intensity_one_and_ratio_one_and_darkness_a_neutral_ratio() -> None:
    norm = Normalisation(intensity=70.0, ratio=0.4)
    intensity, ratio = features_of(np.array([200, 100, 100]), np.array([140, 100, 98]), norm)
    assert intensity[0] == pytest.approx(1.0, abs=1e-5)
    assert ratio[0] == pytest.approx(1.0, abs=1e-5)
    assert intensity[1] == pytest.approx(0.0, abs=1e-5)
    assert ratio[1] == pytest.approx(1.0, abs=1e-5)
    assert ratio[2] == pytest.approx(1.0, abs=1e-5)


def test_ratio_tells_lipid_droplets_from_cytosol_and_is_bounded() -> None:
    norm = Normalisation(intensity=70.0, ratio=0.4)
    yellow, red = np.array([1100, 300, 100]), np.array([130, 300, 60_000])
    _, ratio = features_of(yellow, red, norm)
    assert ratio[0] < 0.15
    assert ratio[1] > 2
    assert ratio[2] == MAX_RATIO


@given(st.lists(st.floats(-0.05, 100), min_size=1))
def test_compression_is_invertible(values: list[float]) -> None:
    i = np.array(values)
    np.testing.assert_allclose(expand(compress(i)), i, atol=1e-9 * 100)


def test_one_channel_has_no_ratio() -> None:
    data, _ = cell()
    warp = Warp(Grid(data.shape[1:], VOXEL), (0.3, 0.1, 0.1))
    one = make_features(data[:1], warp, OFFSET, estimate(data[:1]))
    assert not one.has_ratio
    assert one.data.shape == (2, *warp.target.shape)
    assert not one.data[1].any()
    assert make_features(data, warp, OFFSET, estimate(data)).has_ratio


def test_features_are_pure() -> None:
    data, _ = cell()
    before = data.copy()
    warp = Warp(Grid(data.shape[1:], VOXEL), (0.3, 0.1, 0.1))
    first = make_features(data, warp, OFFSET, Normalisation(50.0, 0.4))
    second = make_features(data, warp, OFFSET, Normalisation(50.0, 0.4))
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(data, before)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), float("inf")])
def test_an_unusable_normalisation_is_an_error(wrong: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        features_of(np.array([200]), np.array([140]), Normalisation(wrong, 0.4))


def test_the_follower_adopts_the_first_and_follows_slowly() -> None:
    follower = NormalisationFollower()
    assert follower.update(NO_FOREGROUND) == NO_FOREGROUND
    first = Normalisation(50.0, 0.4)
    assert follower.update(first) == first
    assert follower.update(NO_FOREGROUND) == first
    jumped = follower.update(Normalisation(200.0, 0.1))
    assert jumped.intensity == pytest.approx(50 * 1.01, rel=1e-3)
    assert jumped.ratio == pytest.approx(0.4 / 1.01, rel=1e-3)
    for _ in range(500):
        last = follower.update(Normalisation(60.0, 0.4))
    assert last.intensity == pytest.approx(60.0, rel=1e-3)


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(Normalisation, intensity=st.floats(3.1, 5000), ratio=st.floats(0.01, 3)),
        min_size=2,
        max_size=20,
    )
)
def test_the_follower_never_jumps_and_resumes_where_it_was(steps: list[Normalisation]) -> None:
    follower = NormalisationFollower()
    values = [follower.update(step) for step in steps]
    for a, b in itertools.pairwise(values):
        assert abs(np.log(b.intensity / a.intensity)) <= NormalisationFollower.STEP + 1e-9
        assert abs(np.log(b.ratio / a.ratio)) <= NormalisationFollower.STEP + 1e-9
    resumed = NormalisationFollower(start=values[0])
    assert [resumed.update(step) for step in steps[1:]] == values[1:]


def test_the_composite_shows_ratio_as_hue_and_intensity_as_brightness() -> None:
    yellow = np.array([[1000.0, 1000.0, 100.0, 0.0]])
    red = np.array([[20.0, 600.0, 60.0, 0.0]])
    image = polarity_image(yellow, red, brightest=800.0)
    assert image.shape == (1, 4, 3)
    assert image.dtype == np.uint8
    low, high, dim, dark = (pixel.astype(int) for pixel in image[0])
    assert low[2] > low[0]
    assert high[0] > high[2]
    assert 0 < dim.max() < high.max()
    assert dark.max() == 0
