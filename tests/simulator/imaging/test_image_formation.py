from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from simulated_pieces import (
    VIEW,
    flat_sheet,
    image,
    layer,
    light,
    straight_tube,
    width,
)

from livesr.simulator.anatomy.layer import TRUTH
from livesr.simulator.anatomy.primitives import (
    FWHM,
    SIGMA_XY,
    SIGMA_Z,
    SPACING_UM,
    balls,
)
from livesr.simulator.imaging import render
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.view import View

DIRECTIONS = [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 0.3, 0.1)]
BANDS = [(0.115, 0.385), (0.135, 0.450), (0.150, 0.500)]
"""Lateral and axial widths of green, yellow and red, µm."""
CAMERA = View((0.0, 0.0), 0.0668, (41, 41))


@pytest.mark.parametrize("offset", [0.0, 0.011, 0.03])
@pytest.mark.parametrize("band", BANDS)
def test_point_has_the_width_asked_for(offset: float, band: tuple[float, float]) -> None:
    lateral, axial = band
    point = layer(np.array([[0.0, offset, -offset]]), np.ones(1))
    planes = np.arange(-1.0, 1.01, 0.05)
    shown = image(point, planes, lateral / FWHM, axial / FWHM, 0, VIEW).astype(float)
    z, y, x = np.unravel_index(shown.argmax(), shown.shape)
    assert width(shown[z, y], VIEW.pixel_um) == pytest.approx(lateral, rel=0.04)
    assert width(shown[z, :, x], VIEW.pixel_um) == pytest.approx(lateral, rel=0.04)
    assert width(shown[:, y, x], 0.05) == pytest.approx(axial, rel=0.02)


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("offset", [0.0, 0.02, 0.033, 0.05])
def test_point_keeps_its_light_width_and_place_in_a_cameras_pixels(
    offset: float, band: tuple[float, float]
) -> None:
    y, x = CAMERA.field()
    sigma, sigma_z = (fwhm / FWHM for fwhm in band)
    point = layer(np.array([[0.0, offset, 2 * offset]]), np.ones(1))
    shown = image(point, np.array([0.0]), sigma, sigma_z, 0, CAMERA)[0].astype(float)
    peak = 1.0 / (np.sqrt(2 * np.pi) * sigma_z)
    assert shown.sum() * CAMERA.pixel_um**2 == pytest.approx(peak, rel=2e-4)
    shown /= shown.sum()
    assert (shown * y).sum() == pytest.approx(offset, abs=5e-4)
    assert (shown * x).sum() == pytest.approx(2 * offset, abs=5e-4)
    variance = (shown * (x - 2 * offset) ** 2).sum()
    assert np.sqrt(variance) == pytest.approx(sigma, rel=0.05)


def test_images_of_two_structures_add() -> None:
    tube, sheet = straight_tube((0, 0, 1), 0.04), flat_sheet((0, 1, 0))
    both = render.image_of(light([tube, sheet], SIGMA_XY, SIGMA_Z, 0), np.zeros(1), VIEW)
    parts = [image(p, np.zeros(1), SIGMA_XY, SIGMA_Z, 0, VIEW) for p in (tube, sheet)]
    np.testing.assert_allclose(both, parts[0] + parts[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("radius", [0.04, 0.2])
def test_truth_of_a_tube_peaks_at_one_whatever_its_direction(
    direction: tuple[float, float, float], radius: float
) -> None:
    shown = image(straight_tube(direction, radius), np.zeros(1), SIGMA_XY, SIGMA_Z, TRUTH, VIEW)
    assert shown[0, 50, 50] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("normal", DIRECTIONS)
def test_truth_of_a_sheet_peaks_at_one_whatever_its_direction(
    normal: tuple[float, float, float],
) -> None:
    shown = image(flat_sheet(normal), np.zeros(1), SIGMA_XY, SIGMA_Z, TRUTH, VIEW)
    assert shown[0, 50, 50] == pytest.approx(1.0, abs=0.03)


def test_thin_tube_and_sheet_are_as_wide_as_the_blur() -> None:
    for piece in (straight_tube((0, 0, 1), 0.03), flat_sheet((0, 1, 0))):
        mask = image(piece, np.zeros(1), SIGMA_XY, SIGMA_Z, TRUTH, VIEW)[0] >= 0.5
        assert mask[:, 50].sum() * VIEW.pixel_um == pytest.approx(0.135, abs=VIEW.pixel_um)


@pytest.mark.parametrize("diameter", [0.15, 0.3, 0.4, 0.6, 0.9])
def test_vesicle_is_where_its_blurred_ball_reaches_half(diameter: float) -> None:
    radius, step = diameter / 2, 0.03
    axis = np.array([[0.0, 0.0, 1.0]])
    points, _, truth, _ = balls(np.array([radius]), np.ones(1), axis)
    shown = image(layer(points, truth), np.zeros(1), SIGMA_XY, SIGMA_Z, TRUTH, VIEW)[0]
    axis = np.arange(-1.2, 1.21, step)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    ball = (z**2 + y**2 + x**2 < radius**2).astype(float)
    blurred = ndimage.gaussian_filter(ball, (SIGMA_Z / step, SIGMA_XY / step, SIGMA_XY / step))
    middle = len(axis) // 2
    profile = blurred[middle, middle] / blurred.max()
    assert shown[50, 50] == pytest.approx(1.0, abs=0.05)
    assert (shown[50] >= 0.5).sum() == pytest.approx((profile >= 0.5).sum(), abs=1)


def test_emission_of_a_tube_does_not_depend_on_its_direction() -> None:
    totals = [straight_tube(direction, 0.04).masses[0].sum() for direction in DIRECTIONS]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)


@pytest.mark.parametrize("preset", ["standard", "sim", "sted"])
def test_lattices_of_points_leave_no_pattern(preset: str) -> None:
    p = parameters(preset)
    spacing = p.sampling.spacing_um
    lateral, axial = (
        min(fwhm.yellow, fwhm.red) for fwhm in (p.optics.lateral_fwhm_nm, p.optics.axial_fwhm_nm)
    )
    view = View((0.0, 0.0), 0.015, (101, 101))
    pieces = (
        flat_sheet((1, 0, 0), spacing),
        flat_sheet((0, 1, 0), spacing),
        straight_tube((0, 0, 1), 0.04, 0.9 * spacing, spacing),
        straight_tube((0, 0, 1), 0.22, 0.9 * spacing, spacing),
    )
    for piece in pieces:
        shown = image(piece, np.zeros(1), lateral / FWHM / 1e3, axial / FWHM / 1e3, 0, view)[0]
        along = shown[50, 20:-20]
        assert np.ptp(along) / 2.0 < 0.02 * along.mean()
        # no dip in the middle of a tube either
        assert shown[50, 50] > 0.93 * shown[20:-20, 50].max()


def test_sheet_keeps_its_light_across_pixels() -> None:
    """A camera's pixels and the points' lattice make no moiré."""
    shown = image(flat_sheet((1, 0, 0), SPACING_UM), np.zeros(1), SIGMA_XY, SIGMA_Z, 0, CAMERA)[0]
    inner = shown[10:-10, 10:-10]
    assert np.ptp(inner) / 2.0 < 0.025 * inner.mean()


def test_planes_may_come_in_any_number() -> None:
    tube = straight_tube((1, 0, 1), 0.04)
    planes = np.linspace(-1.0, 1.0, 11)
    together = image(tube, planes, SIGMA_XY, SIGMA_Z, 0, VIEW)
    for k in (0, 7, 8, 10):
        alone = image(tube, planes[k : k + 1], SIGMA_XY, SIGMA_Z, 0, VIEW)
        np.testing.assert_allclose(alone[0], together[k], rtol=1e-4, atol=1e-4)


def test_red_image_is_where_the_chromatic_model_says() -> None:
    view = View((10.0, -20.0), 0.0668, (121, 141))
    optics = Optics.from_seed(60_001)
    sample_yx = np.array([12.0, -22.5])
    field = sample_yx - np.array(view.center_um)
    dz, dy, dx = optics.chromatic.displacement(field[0], field[1])
    point = layer(np.array([[1.0, *sample_yx]]), np.ones(1))
    planes = np.arange(0.0, 2.01, 0.1)
    warp = render.displacement(view, optics.chromatic)
    shone = light([point], optics.sigma_xy(1), optics.sigma_z(1), 1, warp)
    shown = render.image_of(shone, planes, view).astype(float)
    y, x = view.field()
    total = shown.sum()
    assert (shown * y).sum() / total == pytest.approx(field[0] + dy, abs=0.002)
    assert (shown * x).sum() / total == pytest.approx(field[1] + dx, abs=0.002)
    assert (shown * planes[:, None, None]).sum() / total == pytest.approx(1.0 + dz, abs=0.005)


def column(high: np.ndarray) -> render.Column:
    rows, columns = (slice(0, n) for n in high.shape)
    none = (0.0, 0.0, 0.0)
    weights = (1.0, 1.0, 1.0)
    low, extent = np.zeros_like(high), (0.0, float(high.max()))
    return render.Column(
        rows, columns, low, high, weights, none, "cell", 10, extent, high.max(axis=1)
    )


def test_volumes_are_moved_with_the_points() -> None:
    view = View((0.0, 0.0), 0.0668, (64, 64))
    warp = np.zeros((3, 33, 33), np.float32)
    warp[0], warp[1], warp[2] = 0.2, 3.0, -2.0
    high = np.zeros(render.wide_shape(view), np.float32)
    high[30:50, 30:50] = 2.0
    (moved,) = render.warped([column(high)], warp, view)
    np.testing.assert_allclose(moved.high[36:50, 30:46], 2.2, atol=1e-5)
    assert moved.low[40, 40] == pytest.approx(0.2)


def test_volume_is_bright_inside_and_half_at_its_faces() -> None:
    view = View((0.0, 0.0), 0.0668, (64, 64))
    high = np.full(render.wide_shape(view), 3.0, np.float32)
    made = column(high)
    planes = np.array([-2.0, 0.0, 1.5, 3.0, 5.0])
    shone = render.Light([], [], [made], [0.7], SIGMA_Z, SIGMA_XY, np.zeros((3, 1, 1), np.float32))
    shown = render.image_of(shone, planes, view)[:, 32, 32]
    np.testing.assert_allclose(shown, [0.0, 0.35, 0.7, 0.35, 0.0], atol=0.005)


def test_pedestal_is_light_of_a_wide_axial_range() -> None:
    view = View((0.0, 0.0), 0.0668, (160, 160))
    point = layer(np.array([[3.0, 0.0, 0.0]]), np.ones(1))
    bins = render.coarse([point], [point.masses[0]], view)
    planes = np.arange(-3.0, 9.0, 0.5)
    wide = render.pedestal(bins, planes, 1.5)
    total = wide.sum(axis=(1, 2)) * (render.SHRINK * view.pixel_um) ** 2
    assert total.sum() * 0.5 == pytest.approx(1.0, rel=0.02)
    assert planes[total.argmax()] == pytest.approx(3.0, abs=0.5)
    spread = np.sqrt((total * (planes - 3.0) ** 2).sum() / total.sum())
    assert spread == pytest.approx(1.5, rel=0.1)
