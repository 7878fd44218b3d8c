from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import curve_fit

from livesr.analysis.photon_transfer import photon_transfer
from livesr.calibration.warp import ChromaticModel, exponents
from livesr.simulator.imaging.beads import Beads, blank, flat
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import CHANNELS, FWHM, Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.view import View

if TYPE_CHECKING:
    from livesr.types import Float64

PLAIN = Optics()
VIEW = View((0.0, 0.0), 0.0668, (101, 101))


def gaussian(at: Float64, center: float, sigma: float, peak: float, floor: float) -> Float64:
    value: Float64 = floor + peak * np.exp(-0.5 * ((at - center) / sigma) ** 2)
    return value


def fitted(profile: Float64, at: Float64, sigma: float) -> tuple[float, float]:
    """Return centre and standard deviation of a Gaussian on a floor, fitted to samples."""
    start = (at[profile.argmax()], sigma, profile.max() - profile.min(), profile.min())
    (center, width, *_), _ = curve_fit(gaussian, at, profile, start)
    return float(center), abs(float(width))


@pytest.mark.parametrize(
    ("preset", "pixel_um"), [("standard", 0.0668), ("sim", 0.04), ("sted", 0.02)]
)
@pytest.mark.parametrize("channel", range(3))
def test_beads_are_as_wide_as_the_optics_say(preset: str, pixel_um: float, channel: int) -> None:
    p = parameters(preset).optics
    optics, view = Optics.from_seed(60_301, p), View((0.0, 0.0), pixel_um, (101, 101))
    bead = Beads(60_300, count=1, z_um=(1.013, 1.013), field_um=(0.1, 0.1))
    z, y, x = bead.places(channel, view, optics)[0]
    planes = z + np.arange(-0.8, 0.81, 0.1)
    ball = bead.diameter_um**2 / 20.0
    (stack,) = bead.emission(planes.tolist(), view, optics, channels=[channel]).astype(float)
    row, column = round(y), round(x)
    near = slice(column - 10, column + 11)
    along_x = fitted(stack[8, row, near], np.arange(-10, 11) * pixel_um, 0.05)[1]
    along_z = fitted(stack[:, row, column], planes, 0.2)[1]
    widths = FWHM * np.sqrt(np.square([along_x, along_z]) - ball)
    set_widths = (optics.lateral_fwhm_um[channel], optics.axial_fwhm_um[channel])
    assert widths == pytest.approx(set_widths, rel=0.01)
    # and the day's widths are those of the parameters but for their spread
    nominal = [getattr(w, CHANNELS[channel]) for w in (p.lateral_fwhm_nm, p.axial_fwhm_nm)]
    assert 1000.0 * widths == pytest.approx(nominal, rel=0.03)


def test_ball_widens_the_image_like_a_ball() -> None:
    # the exact image of a ball: the point's image averaged over its volume
    diameter, sigma = 0.1, PLAIN.sigma_xy(0)
    grid = np.linspace(-0.5, 0.5, 41) * diameter
    z, y, x = (g.ravel() for g in np.meshgrid(grid, grid, grid, indexing="ij"))
    inside = z**2 + y**2 + x**2 <= (diameter / 2) ** 2
    at = np.arange(-5, 6) * VIEW.pixel_um
    exact = np.exp(-0.5 * ((at[:, None] - x[inside]) ** 2 + y[inside] ** 2) / sigma**2).mean(axis=1)
    bead = Beads(60_302, count=1, field_um=(0.0, 0.0))
    (image,) = bead.emission([0.0], VIEW, Optics(pedestal=0.0), channels=[0])[0].astype(float)
    shown = image[50, 45:56]
    np.testing.assert_allclose(shown / shown[5], exact / exact[5], atol=0.002)


def test_photons_are_those_of_the_plane_in_focus_whatever_the_pixel() -> None:
    bead = Beads(60_303, count=1, z_um=(1.0, 1.0), field_um=(0.1, 0.1), colours=(1.0, 0.5, 0.25))
    row = bead.rows()[0]
    for pixel_um, size in ((0.0668, 161), (0.1, 101)):
        view = View((0.0, 0.0), pixel_um, (size, size))
        images = bead.emission([1.0], view, PLAIN, channels=(0, 1, 2))[:, 0].astype(float)
        np.testing.assert_allclose(images.sum(axis=(1, 2)), row.photons, rtol=1e-3)
    assert 2000.0 <= row.photons[0] <= 6000.0
    assert row.photons == (row.photons[0], row.photons[0] / 2, row.photons[0] / 4)


def test_pedestal_is_the_share_of_all_light_that_the_optics_say() -> None:
    bead = Beads(60_304, count=1, field_um=(0.0, 0.0), diameter_um=0.0)
    view = View((0.0, 0.0), 0.15, (81, 81))
    planes = np.arange(-8.0, 8.01, 0.1)
    with_it, without = (
        bead.emission(planes.tolist(), view, Optics(pedestal=share), channels=[0])[0]
        for share in (0.02, 0.0)
    )
    far = np.abs(planes) > 1.0
    total = with_it.sum(dtype=float)
    inside_far = 0.505  # of a Gaussian of 1.5 µm, beyond 1 µm on both sides
    assert with_it[far].sum(dtype=float) / total == pytest.approx(0.02 * inside_far, rel=0.02)
    assert without[far].sum(dtype=float) / total < 1e-5


def test_chromatic_field_is_recovered_from_noiseless_beads_to_a_nanometre() -> None:
    optics, view = Optics.from_seed(60_305), View((3.0, -2.0), 0.0668, (700, 700))
    beads = Beads(60_305, count=280, z_um=(1.0, 1.0), field_um=(42.0, 42.0), gap_um=1.6)
    planes = np.arange(0.2, 1.81, 0.1)
    stacks = beads.emission(planes.tolist(), view, optics, channels=(0, 1, 2)).astype(float)
    found = [
        _located(stack, beads.places(c, view, optics), planes) for c, stack in enumerate(stacks)
    ]
    inside = np.all([np.isfinite(f).all(axis=1) for f in found], axis=0)
    assert inside.sum() > 150
    at = found[0][inside]
    y, x = ((at[:, axis] - 349.5) * view.pixel_um for axis in (1, 2))
    for channel in (1, 2):
        moved = (found[channel] - found[0])[inside] * (1.0, view.pixel_um, view.pixel_um)
        true = np.stack(optics.model(channel).displacement(y, x), axis=1)  # type: ignore[union-attr]
        assert np.abs(moved - true).max() < 0.001
        # and the field between the beads, from a fit of the form that the model has
        fit = np.linalg.lstsq(_basis(y, x), moved, rcond=None)[0]
        side = np.linspace(-17.0, 17.0, 21)
        v, u = (g.ravel() for g in np.meshgrid(side, side, indexing="ij"))
        between = np.stack(optics.model(channel).displacement(v, u), axis=1)  # type: ignore[union-attr]
        assert np.abs(_basis(v, u) @ fit - between).max() < 0.001


def _located(stack: Float64, places: Float64, planes: Float64) -> Float64:
    """Return centres (z µm, y px, x px) by centroids in focus and an axial fit; nan at the edge."""
    found = np.full(places.shape, np.nan)
    for bead, (z, y, x) in enumerate(places):
        row, column = round(y), round(x)
        if not (6 <= row < stack.shape[1] - 6 and 6 <= column < stack.shape[2] - 6):
            continue
        crop = stack[:, row - 6 : row + 7, column - 6 : column + 7]
        focus = crop[np.abs(planes - z).argmin()]
        way = np.arange(-6, 7)
        light = focus.sum()
        found[bead, 1] = row + (focus.sum(axis=1) @ way) / light
        found[bead, 2] = column + (focus.sum(axis=0) @ way) / light
        found[bead, 0] = fitted(crop[:, 5:8, 5:8].sum(axis=(1, 2)), planes, 0.2)[0]
    return found


def _basis(y: Float64, x: Float64) -> Float64:
    return np.stack([(y / 23.4) ** i * (x / 23.4) ** j for i, j in exponents(5)], axis=1)


def test_a_model_that_tilts_and_stretches_z_is_followed_too() -> None:
    model = ChromaticModel(
        ((1.01, 0.001, -0.002, 0.1), (0.003, 1.0, 0.0, 0.2), (-0.001, 0.0, 1.0, 0.0))
    )
    view, beads = View((1.0, 2.0), 0.1, (50, 60)), Beads(60_306, count=5, z_um=(0.0, 4.0))
    places = beads.places(1, view, Optics(chromatic=model))
    for (z, y, x), row in zip(places, beads.rows(), strict=True):
        field = (row.y_um - 1.0, row.x_um - 2.0)
        dz, dy, dx = model.displacement(*field, row.z_um)
        expected = view.pixels(row.y_um + dy, row.x_um + dx)
        np.testing.assert_allclose((z, y, x), (row.z_um + dz, *expected), atol=1e-9)


def test_beads_lie_where_they_were_asked_for() -> None:
    flat_beads = Beads(60_307, count=400, field_um=(20.0, 30.0), gap_um=0.6)
    again = Beads(60_307, count=400, field_um=(20.0, 30.0), gap_um=0.6)
    assert flat_beads.rows() == again.rows()
    assert flat_beads.rows() != Beads(60_308, count=400, field_um=(20.0, 30.0), gap_um=0.6).rows()
    assert not np.any(flat_beads.z_um)
    assert np.abs(flat_beads.y_um).max() <= 10.0
    assert np.abs(flat_beads.x_um).max() <= 15.0
    points = np.stack([flat_beads.y_um, flat_beads.x_um], axis=1)
    distance = np.linalg.norm(points[:, None] - points, axis=2) + 9.0 * np.eye(400)
    assert distance.min() > 0.6
    deep = Beads(60_307, count=400, z_um=(1.0, 6.0))
    assert deep.z_um.min() == pytest.approx(1.0, abs=0.1)
    assert deep.z_um.max() == pytest.approx(6.0, abs=0.1)
    with pytest.raises(ValueError, match="do not fit"):
        Beads(60_307, count=400, field_um=(5.0, 5.0), gap_um=1.0)


def test_background_is_what_lies_between_beads() -> None:
    beads = Beads(60_309, count=1, field_um=(0.1, 0.1), background=(4.0, 2.0, 1.0))
    view = View((40.0, 0.0), 0.1, (20, 20))
    shown = beads.emission([1.0, 2.0], view, PLAIN, channels=(0, 1, 2))
    assert shown.shape == (3, 2, 20, 20)
    area = (0.1 / 0.0668) ** 2
    for channel, level in enumerate((4.0, 2.0, 1.0)):
        np.testing.assert_allclose(shown[channel], level * area, rtol=1e-5)
        assert beads.background(channel, view) == pytest.approx(level * area)


def test_flat_frames_show_each_channels_shading_and_calibrate_the_camera() -> None:
    optics, view = Optics.from_seed(60_310), View((0.0, 0.0), 0.5, (120, 160))
    camera = CameraModel(seed=60_310)
    dark = blank(4, view)
    assert dark.shape == (2, 4, 120, 160)
    assert not np.any(dark)
    levels = [dark, *(flat(level, 4, view, optics) for level in (50.0, 400.0, 3000.0))]
    for channel in (0, 1):
        shade = levels[-1][channel, 0] / 3000.0
        np.testing.assert_allclose(shade, optics.shading(channel, *view.field()), rtol=1e-6)
        counts = [
            camera.expose(level[channel], np.random.default_rng(60_310 + place))
            for place, level in enumerate(levels)
        ]
        found = photon_transfer(counts)
        assert found.gain_e_per_adu == pytest.approx(1.2, rel=0.02)
    assert (
        np.abs(levels[-1][0] / levels[-1][1] - 1.0).max() > 0.01
    )  # a false ratio, to be corrected
