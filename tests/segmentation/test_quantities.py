"""Each quantity of a stack says what its name says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livesr.bench import lookalikes
from livesr.bench.lookalikes import GRID, OFFSET, blurred, coloured, exposed
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.features import make_features
from livesr.segmentation.quantities import BY_NAME, QUANTITIES, measure
from livesr.types import Grid, Normalisation

RNG = np.random.default_rng(60_010)


def texture() -> np.ndarray:
    """Bright threads on a dark ground, without noise."""
    noise = blurred(RNG.normal(size=GRID.shape).astype(np.float32), 6.0, 1.5)
    return (1 + 150 * np.exp(-((noise / noise.std()) ** 2) / 0.05)).astype(np.float32)


def quantities(
    data: np.ndarray,
    grid: Grid = GRID,
    model: ChromaticModel | None = None,
    norm: Normalisation | None = None,
) -> dict[str, float]:
    warp = Warp(grid, (0.3, 0.1, 0.1), {1: model} if model else None)
    norm = norm or Normalisation(100.0, 0.35)
    return measure(data, make_features(data, warp, OFFSET, norm), grid, norm)


@pytest.fixture(scope="module")
def threads() -> np.ndarray:
    return texture()


def test_a_stack_has_every_quantity(threads: np.ndarray) -> None:
    found = quantities(exposed(coloured(threads)))
    assert set(found) == set(BY_NAME)
    assert all(np.isfinite(value) for value in found.values())


def test_one_channel_has_no_ratio_and_one_plane_no_depth(threads: np.ndarray) -> None:
    data = exposed(coloured(threads))
    alone = quantities(data[:1])
    assert set(BY_NAME) - set(alone) == {
        "ratio", "ratio_spread", "ratio_low", "ratio_high", "ratio_of_bright",
        "shift_um", "shift_z_um",
    }  # fmt: skip
    flat = quantities(data[:, 3:4], Grid((1, *GRID.shape[1:]), GRID.voxel_um))
    assert set(BY_NAME) - set(flat) == {"z_step_um", "axial", "shift_z_um"}


def test_sampling_and_normalisation_are_those_of_the_stack(threads: np.ndarray) -> None:
    found = quantities(exposed(coloured(threads)), norm=Normalisation(80.0, 0.3))
    assert (found["pixel_um"], found["z_step_um"]) == (0.0668, 0.3)
    assert (found["intensity"], found["ratio"]) == (80.0, 0.3)


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_noise_is_measured_beside_the_membranes(sigma: float) -> None:
    data = np.clip(RNG.normal(200, sigma, (2, *GRID.shape)), 0, None).round().astype(np.uint16)
    assert quantities(data)["noise"] == pytest.approx(sigma / 100, rel=0.1)


def test_noise_of_neighbours_that_is_alike_is_told_from_a_cameras() -> None:
    white = RNG.normal(size=(1, *GRID.shape)).astype(np.float32)
    smooth = np.stack([[cv2.GaussianBlur(plane, (0, 0), 1.0) for plane in white[0]]])
    grains = [
        quantities((300 + 20 * image / image.std()).astype(np.uint16))["grain"]
        for image in (white, smooth)
    ]
    assert grains[0] == pytest.approx(1, abs=0.05)
    assert grains[1] < 0.75


def test_noise_share_rises_as_the_light_fades(threads: np.ndarray) -> None:
    bright, dim = (
        quantities(exposed(coloured(scale * threads)), norm=Normalisation(100.0 * scale, 0.35))
        for scale in (4.0, 0.1)
    )
    assert bright["noise_share"] < 0.2 < 0.3 < dim["noise_share"]
    assert dim["noise"] > 4 * bright["noise"]
    nothing = quantities(lookalikes.nothing(), norm=Normalisation(3.0, 1.0))
    assert nothing["noise_share"] > 0.8
    assert "sharpness" not in nothing


def test_saturated_pixels_are_counted() -> None:
    data = np.full((2, *GRID.shape), 500, np.uint16)
    data[:, :, :, :48] = 4095
    assert quantities(data)["saturated"] == pytest.approx(0.25)
    data[data == 4095] = 4000
    assert quantities(data)["saturated"] == 0


def test_a_uniform_ratio_has_no_spread_and_a_mixture_has(threads: np.ndarray) -> None:
    light = 20 * threads
    one = quantities(exposed(coloured(light)), norm=Normalisation(2000.0, 0.35))
    assert one["ratio_spread"] < 0.05
    assert one["ratio_high"] == pytest.approx(1, abs=0.1)
    mixed = coloured(light)
    mixed[1, :, :, 96:] *= 2
    two = quantities(exposed(mixed), norm=Normalisation(2000.0, 0.35))
    assert two["ratio_spread"] > 0.3
    assert two["ratio_high"] > 1.7


def test_thickness_is_that_of_the_bars() -> None:
    bars = np.zeros(GRID.shape, np.float32)
    bars[:, :, np.arange(192) % 48 < 12] = 200.0  # 0.8 µm
    found = quantities(exposed(coloured(bars) + 1))
    assert found["thickness_um"] == pytest.approx(12 * 0.0668, rel=0.1)
    assert found["foreground"] == pytest.approx(0.25, abs=0.03)


def test_blur_raises_the_correlation(threads: np.ndarray) -> None:
    sharp = quantities(exposed(coloured(threads)))
    soft = quantities(exposed(coloured(blurred(threads, 4.0, 0.01))))
    assert soft["sharpness"] > sharp["sharpness"] + 0.05
    deep = quantities(exposed(coloured(blurred(threads, 0.01, 2.0))))
    assert deep["axial"] > sharp["axial"] + 0.05


@pytest.mark.parametrize("off_um", [(0.0, 0.05, 0.0), (0.0, 0.03, -0.04), (0.15, 0.0, 0.0)])
def test_registration_errors_are_seen_in_micrometres(
    threads: np.ndarray, off_um: tuple[float, float, float]
) -> None:
    """The stack lies where it should; the session's calibration is wrong by a known shift."""
    data = exposed(coloured(20 * blurred(threads, 1.5, 1.0)))
    norm = Normalisation(2000.0, 0.35)
    good = quantities(data, norm=norm)
    bad = quantities(data, model=ChromaticModel().shifted(*off_um), norm=norm)
    for name, true in (("shift_um", np.hypot(*off_um[1:])), ("shift_z_um", abs(off_um[0]))):
        assert good[name] < 0.01
        assert bad[name] == pytest.approx(true, rel=0.35, abs=0.012)


def test_the_sample_stands_for_the_stack(threads: np.ndarray) -> None:
    """Fields and stacks of other sizes that show the same have the same quantities."""
    data = exposed(coloured(threads))
    whole = quantities(data)
    grid = Grid((9, 160, 130), GRID.voxel_um)
    part = quantities(np.ascontiguousarray(data[:, 2:11, 16:176, 30:160]), grid)
    for quantity in QUANTITIES:
        a, b = (quantity.scaled(found[quantity.name]) for found in (whole, part))
        most = 0.3 if quantity.name == "axial" else 0.12
        assert b == pytest.approx(a, abs=max(most, quantity.margin)), quantity.name


@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 3, 5), (1, 40, 2)])
def test_tiny_stacks_do_no_harm(shape: tuple[int, int, int]) -> None:
    data = RNG.integers(100, 900, (2, *shape), dtype=np.uint16)
    found = quantities(data, Grid(shape, GRID.voxel_um))
    assert all(np.isfinite(value) for value in found.values())


def test_a_black_stack_has_no_foreground() -> None:
    found = quantities(np.full((2, *GRID.shape), 100, np.uint16), norm=Normalisation(3.0, 1.0))
    assert found["foreground"] == 0
    assert "thickness_um" not in found
