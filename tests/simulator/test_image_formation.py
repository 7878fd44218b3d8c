from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from simulated_pieces import VIEW, flat_sheet, image, layer, straight_tube, width

from livesr.simulator import render
from livesr.simulator.cloud import FWHM, SIGMA_XY, SIGMA_Z, balls
from livesr.simulator.optics import Optics
from livesr.simulator.view import View

DIRECTIONS = [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 0.3, 0.1)]


@pytest.mark.parametrize("offset", [0.0, 0.011, 0.03])
def test_point_has_the_width_asked_for(offset: float) -> None:
    point = layer(np.array([[0.0, offset, -offset]]), np.ones(1))
    planes = np.arange(-1.0, 1.01, 0.05)
    for lateral, axial in ((0.135, 0.450), (0.150, 0.500)):
        shown = image(point, planes, lateral / FWHM, axial / FWHM, 0, VIEW)
        z, y, x = np.unravel_index(shown.argmax(), shown.shape)
        assert width(shown[z, y].astype(float), VIEW.pixel_um) == pytest.approx(lateral, rel=0.04)
        assert width(shown[z, :, x].astype(float), VIEW.pixel_um) == pytest.approx(
            lateral, rel=0.04
        )
        assert width(shown[:, y, x].astype(float), 0.05) == pytest.approx(axial, rel=0.02)


def test_point_keeps_its_light_and_place_wherever_it_lies_in_a_pixel() -> None:
    view = View((0.0, 0.0), 0.0668, (41, 41))
    y, x = view.field()
    for offset in (0.0, 0.02, 0.033, 0.05):
        point = layer(np.array([[0.0, offset, 2 * offset]]), np.ones(1))
        shown = image(point, np.array([0.0]), SIGMA_XY, SIGMA_Z, 0, view)[0].astype(float)
        peak = 1.0 / (np.sqrt(2 * np.pi) * SIGMA_Z)
        assert shown.sum() * view.pixel_um**2 == pytest.approx(peak, rel=1e-4)
        assert (shown * y).sum() / shown.sum() == pytest.approx(offset, abs=1e-4)
        assert (shown * x).sum() / shown.sum() == pytest.approx(2 * offset, abs=1e-4)


def test_images_of_two_structures_add() -> None:
    tube, sheet = straight_tube((0, 0, 1), 0.04), flat_sheet((0, 1, 0))
    both = render.canvas(1, VIEW)
    render.add_points(
        both, [tube, sheet], 0, np.zeros(1), SIGMA_Z, VIEW, np.zeros((3, 1, 1), np.float32)
    )
    render.blur_planes(both, SIGMA_XY / VIEW.pixel_um)
    parts = [image(p, np.zeros(1), SIGMA_XY, SIGMA_Z, 0, VIEW) for p in (tube, sheet)]
    np.testing.assert_allclose(render.crop(both), parts[0] + parts[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("radius", [0.04, 0.2])
def test_truth_of_a_tube_peaks_at_one_whatever_its_direction(
    direction: tuple[float, float, float], radius: float
) -> None:
    shown = image(straight_tube(direction, radius), np.zeros(1), SIGMA_XY, SIGMA_Z, 2, VIEW)
    assert shown[0, 50, 50] == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("normal", DIRECTIONS)
def test_truth_of_a_sheet_peaks_at_one_whatever_its_direction(
    normal: tuple[float, float, float],
) -> None:
    shown = image(flat_sheet(normal), np.zeros(1), SIGMA_XY, SIGMA_Z, 2, VIEW)
    assert shown[0, 50, 50] == pytest.approx(1.0, abs=0.03)


def test_thin_tube_and_sheet_are_as_wide_as_the_blur() -> None:
    for piece in (straight_tube((0, 0, 1), 0.03), flat_sheet((0, 1, 0))):
        mask = image(piece, np.zeros(1), SIGMA_XY, SIGMA_Z, 2, VIEW)[0] >= 0.5
        assert mask[:, 50].sum() * VIEW.pixel_um == pytest.approx(0.135, abs=VIEW.pixel_um)


@pytest.mark.parametrize("diameter", [0.15, 0.3, 0.4, 0.6, 0.9])
def test_vesicle_is_where_its_blurred_ball_reaches_half(diameter: float) -> None:
    radius, step = diameter / 2, 0.03
    points, _, truth, _ = balls(np.zeros((1, 3)), np.array([radius]))
    shown = image(layer(points, truth), np.zeros(1), SIGMA_XY, SIGMA_Z, 2, VIEW)[0]
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


def test_red_image_is_where_the_chromatic_model_says() -> None:
    view = View((10.0, -20.0), 0.0668, (121, 141))
    optics = Optics.from_seed(60_001)
    sample_yx = np.array([12.0, -22.5])
    field = sample_yx - np.array(view.center_um)
    dz, dy, dx = optics.chromatic.displacement(field[0], field[1])
    point = layer(np.array([[1.0, *sample_yx]]), np.ones(1))
    planes = np.arange(0.0, 2.01, 0.1)
    out = render.canvas(len(planes), view)
    warp = render.displacement(view, optics.chromatic)
    render.add_points(out, [point], 1, planes, optics.sigma_z(1), view, warp)
    shown = render.crop(out).astype(float)
    y, x = view.field()
    total = shown.sum()
    assert (shown * y).sum() / total == pytest.approx(field[0] + dy, abs=0.002)
    assert (shown * x).sum() / total == pytest.approx(field[1] + dx, abs=0.002)
    assert (shown * planes[:, None, None]).sum() / total == pytest.approx(1.0 + dz, abs=0.005)


def test_volumes_are_moved_with_the_points() -> None:
    view = View((0.0, 0.0), 0.0668, (64, 64))
    warp = np.zeros((3, 33, 33), np.float32)
    warp[0], warp[1], warp[2] = 0.2, 3.0, -2.0
    high = np.zeros((80, 80), np.float32)
    high[30:50, 30:50] = 2.0
    column = render.Column(
        slice(0, 80), slice(0, 80), np.zeros_like(high), high, (1.0, 1.0), "cell"
    )
    (moved,) = render.warped([column], warp, view)
    np.testing.assert_allclose(moved.high[36:50, 30:46], 2.2, atol=1e-5)
    assert moved.low[40, 40] == pytest.approx(0.2)
