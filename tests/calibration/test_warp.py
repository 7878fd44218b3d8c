from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, zoom

from livesr.calibration.warp import IDENTITY, ChromaticModel, Warp, exponents, target_grid
from livesr.types import Grid

PIXEL = 0.0668
VOXEL_UM = (0.3, 0.1, 0.1)
TILTED = ChromaticModel(
    affine=(
        (1.0, 0.0005, -0.0003, 0.15),
        (0.0, 1.0012, 0.0017, 0.13),
        (0.0, -0.0017, 1.0012, -0.2),
    ),
    polynomial=((0.0, 0.0, 0.0, 0.08, 0.0, 0.08), (0.01,) * 6, (-0.008,) * 6),
    degree=2,
    radius_um=10.0,
)


def scene(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return a smooth analytic sample, counts at field coordinates in µm."""
    waves = np.sin(1.3 * y + 0.4) * np.cos(1.1 * x - 0.3) + 0.6 * np.sin(0.7 * x + 0.9 * z)
    return 1000 + 350 * waves + 120 * z


def coordinates(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    (nz, ny, nx), (vz, vy, vx) = grid.shape, grid.voxel_um
    return (
        (np.arange(nz) * vz)[:, None, None],
        ((np.arange(ny) - (ny - 1) / 2) * vy)[None, :, None],
        ((np.arange(nx) - (nx - 1) / 2) * vx)[None, None, :],
    )


def target_coordinates(warp: Warp) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the target's voxels lie in the source's field coordinates."""
    (_, ny, nx), (_, vy, vx) = warp.source.shape, warp.source.voxel_um
    (tz, ty, tx), (wz, wy, wx) = warp.target.shape, warp.target.voxel_um
    y = (np.arange(ty) + 0.5) * wy - ny * vy / 2
    x = (np.arange(tx) + 0.5) * wx - nx * vx / 2
    return (np.arange(tz) * wz)[:, None, None], y[None, :, None], x[None, None, :]


def recorded(grid: Grid, model: ChromaticModel) -> np.ndarray:
    """Return the red image of `scene`: what stands at p is the sample at model⁻¹(p)."""
    z, y, x = coordinates(grid)
    dz, dy, dx = model.inverse_displacement(y[0], x[0])
    counts = scene(z + dz[None], y + dy[None], x + dx[None])
    return np.rint(counts).astype(np.uint16)


@pytest.mark.parametrize("z_step", [0.3, 0.2, 0.5])
def test_channels_land_on_each_other(z_step: float) -> None:
    grid = Grid((9, 150, 170), (z_step, PIXEL, PIXEL))
    data = np.stack([recorded(grid, ChromaticModel.identity()), recorded(grid, TILTED)])
    warp = Warp(grid, VOXEL_UM, {1: TILTED})
    out = warp.apply(data, offset=100.0)
    assert out.dtype == np.float32
    expected = scene(*target_coordinates(warp)) - 100
    inner = np.s_[1:-2, 5:-5, 5:-5]
    for channel in out:
        assert np.abs(channel - expected)[inner].max() < 7
    unregistered = Warp(grid, VOXEL_UM).apply(data, offset=100.0)
    assert np.abs(unregistered[1] - expected)[inner].max() > 60


def test_the_grid_convention_is_that_of_scipys_grid_mode() -> None:
    rng = np.random.default_rng(60_300)
    smooth = 1000 + 2000 * gaussian_filter(rng.normal(0, 1, (60, 90)), 3)
    data = np.rint(smooth).astype(np.uint16)[None, None]
    warp = Warp(Grid((1, 60, 90), (1.0, 0.1, 0.1)), (0.3, 0.15, 0.15), {})
    expected = zoom(data[0, 0].astype(float), 2 / 3, order=1, grid_mode=True, mode="nearest")
    assert warp.target.shape == (1, 40, 60)
    np.testing.assert_allclose(warp.apply(data, 0.0)[0, 0], expected, atol=0.6)


def test_the_papers_field_becomes_802() -> None:
    target = target_grid(Grid((24, 1200, 1200), (0.3, PIXEL, PIXEL)), VOXEL_UM)
    assert target == Grid((24, 802, 802), VOXEL_UM)


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 3000),
    pixel=st.floats(0.02, 0.5),
    planes=st.integers(1, 80),
    step=st.floats(0.05, 1.0),
)
def test_the_target_covers_the_source(n: int, pixel: float, planes: int, step: float) -> None:
    source = Grid((planes, n, n), (step, pixel, pixel))
    target = target_grid(source, VOXEL_UM)
    excess = target.shape[1] * 0.1 - n * pixel
    assert -0.001 <= excess < 0.1 + 1e-9 or target.shape[1] == 1
    depth = (planes - 1) * step - (target.shape[0] - 1) * target.voxel_um[0]
    assert abs(depth) <= target.voxel_um[0] / 2 + 1e-9


def test_steps_that_agree_are_not_interpolated() -> None:
    grid = Grid((5, 20, 20), (0.302, PIXEL, PIXEL))
    data = np.random.default_rng(60_301).integers(100, 900, (1, *grid.shape), np.uint16)
    warp = Warp(grid, VOXEL_UM)
    assert warp.target.voxel_um[0] == 0.302
    single = Warp(replace(grid, shape=(1, 20, 20)), VOXEL_UM)
    for k in range(5):
        alone = single.apply(data[:, k : k + 1], 100.0)
        np.testing.assert_array_equal(warp.apply(data, 100.0)[:, k], alone[:, 0])


def test_flipped_and_turned_views_are_read_like_copies() -> None:
    sensor = np.random.default_rng(60_302).integers(90, 900, (1, 3, 40, 40), np.uint16)
    view = np.rot90(sensor[..., ::-1], axes=(2, 3))
    warp = Warp(Grid((3, 40, 40), (0.3, PIXEL, PIXEL)), VOXEL_UM, {0: TILTED})
    np.testing.assert_array_equal(warp.apply(view, 0.0), warp.apply(view.copy(), 0.0))


def test_one_plane_and_one_channel_pass() -> None:
    grid = Grid((1, 30, 40), (1.0, PIXEL, PIXEL))
    out = Warp(grid, VOXEL_UM, {0: TILTED}).apply(np.full((1, *grid.shape), 300, np.uint16), 100.0)
    np.testing.assert_array_equal(out, np.full((1, 1, 21, 27), 200, np.float32))


def test_a_stack_of_another_shape_is_an_error() -> None:
    warp = Warp(Grid((2, 30, 40), (0.3, PIXEL, PIXEL)), VOXEL_UM)
    with pytest.raises(ValueError, match="not"):
        warp.apply(np.zeros((1, 2, 30, 41), np.uint16), 0.0)


def test_a_model_can_be_undone() -> None:
    y, x = np.mgrid[-40:40:9j, -40:40:9j]
    dz, dy, dx = TILTED.inverse_displacement(y, x)
    fz, fy, fx = TILTED.displacement(y + dy, x + dx)
    np.testing.assert_allclose((dz, dy, dx), (-fz, -fy, -fx), atol=1e-6)


def test_a_shift_moves_everything_alike() -> None:
    y, x = np.mgrid[-10:10:5j, -10:10:5j]
    before = np.stack(TILTED.displacement(y, x))
    after = np.stack(TILTED.shifted(0.1, -0.2, 0.3).displacement(y, x))
    expected = np.broadcast_to(np.array([0.1, -0.2, 0.3])[:, None, None], before.shape)
    np.testing.assert_allclose(after - before, expected, atol=1e-12)


def test_displacement_is_the_affine_plus_the_polynomial() -> None:
    y, x = 3.0, -2.0
    v, u = y / 10, x / 10
    terms = [v**i * u**j for i, j in exponents(2)]
    dz, dy, dx = TILTED.displacement(y, x)
    assert float(dy) == pytest.approx(0.0012 * y + 0.0017 * x + 0.13 + 0.01 * sum(terms))
    assert float(dx) == pytest.approx(-0.0017 * y + 0.0012 * x - 0.2 - 0.008 * sum(terms))
    assert float(dz) == pytest.approx(0.0005 * y - 0.0003 * x + 0.15 + 0.08 * (v * v + u * u))


@pytest.mark.parametrize(
    "parts",
    [
        {"degree": 6},
        {"radius_um": 0.0},
        {"polynomial": ((0.0,), (0.0,), (0.0,)), "degree": 2},
        {"polynomial": ((0.0,), (0.0,))},
        {"affine": IDENTITY[:2]},
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        ChromaticModel(**parts)  # type: ignore[arg-type]


SHIFT_NM = (40, -25, 63)


@pytest.mark.parametrize("model", [TILTED, ChromaticModel.identity()])
@pytest.mark.parametrize("planes", [1, 6])
@pytest.mark.parametrize("shift", [SHIFT_NM, (0, -25, 63), (40, 0, 0)])
def test_a_shifted_warp_is_the_warp_of_the_shifted_model(
    model: ChromaticModel, planes: int, shift: tuple[int, int, int]
) -> None:
    grid = Grid((planes, 60, 70), (0.3, PIXEL, PIXEL))
    warp = Warp(grid, VOXEL_UM, {1: model})
    data = np.stack([recorded(grid, ChromaticModel.identity()), recorded(grid, model)])
    found = warp.shifted({1: shift}).apply(data, 100.0)
    exact = Warp(grid, VOXEL_UM, {1: model.shifted(*(s / 1000 for s in shift))})
    np.testing.assert_allclose(found, exact.apply(data, 100.0), atol=1.01)
    assert np.mean(found == exact.apply(data, 100.0)) > 0.7
    np.testing.assert_array_equal(found[0], warp.apply(data, 100.0)[0])


def test_a_shifted_warp_is_made_once_and_leaves_the_first_as_it_is() -> None:
    grid = Grid((6, 60, 70), (0.3, PIXEL, PIXEL))
    warp = Warp(grid, VOXEL_UM, {1: TILTED})
    before = warp.channel(1)
    assert warp.shifted({}) is warp
    assert warp.shifted({1: (0, 0, 0)}) is warp
    assert warp.shifted({1: SHIFT_NM}) is warp.shifted({1: SHIFT_NM})
    assert warp.shifted({1: SHIFT_NM}).channel(0) is warp.channel(0)
    assert warp.channel(1) is before


def test_planes_that_were_moved_before_give_the_same_stack() -> None:
    grid = Grid((6, 60, 70), (0.2, PIXEL, PIXEL))
    for models in ({1: TILTED}, {}):
        warp = Warp(grid, VOXEL_UM, models)
        data = np.stack([recorded(grid, ChromaticModel.identity())] * 2)
        moved = np.empty((2, 6, *warp.target.shape[1:]), np.uint16)
        for c, z in np.ndindex(2, 6):
            warp.move(c, data[c, z], moved[c, z])
        np.testing.assert_array_equal(warp.apply(data, 100.0, moved), warp.apply(data, 100.0))
