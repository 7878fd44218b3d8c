"""Point-spread function and chromatic offset of the simulated optics, read off single points.

Points are drawn by the renderer of beads and by that of cells, and fitted by Gaussians.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import least_squares

from livesr.bench.rows import Row, attained
from livesr.calibration.warp import ChromaticModel
from livesr.simulator.anatomy.layer import Layer
from livesr.simulator.imaging import render
from livesr.simulator.imaging.beads import Beads
from livesr.simulator.imaging.optics import CHANNELS, FWHM, PIXEL_UM, Optics
from livesr.simulator.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.types import Float32, Float64

SEED = 70_000
PLANES_UM = np.arange(-1.2, 1.21, 0.15)
GAP_UM = 4.0
"""Between points, so that each stands alone."""
DRAWN = {"beads": "", "cells": "_cells"}
"""Renderers that draw points, and what they add to the names of rows."""
HALF_PX = 6
"""Pixels on each side of a point that its fit sees."""


def rows(*, small: bool = False) -> Iterator[Row]:
    """Measure both with both renderers; ``small``: a few points in a part of the field."""
    field, points = (400, 8) if small else (1200, 40)
    for row in (psf_row, chromatic_row):
        for way in DRAWN:
            yield row(way, field, points)


def psf_row(way: str, field: int, points: int) -> Row:
    """Return the worst relative error of a point's width, over channels, axes and points."""
    optics = Optics.from_seed(SEED)
    errors = {}
    for channel, name in enumerate(CHANNELS):
        lateral = optics.lateral_fwhm_um[channel] / PIXEL_UM
        wanted = (optics.axial_fwhm_um[channel], lateral, lateral)
        found = np.array([p.fwhm for p in _fitted(way, channel, optics, field, points)])
        errors[name] = found / wanted - 1.0
    worst = max(float(np.abs(error).max()) for error in errors.values())
    said = ", ".join(f"{n} {e.min():+.4f} to {e.max():+.4f}" for n, e in errors.items())
    return Row(
        f"psf_width_error{DRAWN[way]}",
        worst,
        "relative",
        bound="0.03 asked",
        attained=attained(worst, 0.03),
        detail=f"3-D Gaussian fits to {points} points in each channel, drawn as {way}: {said}",
    )


def chromatic_row(way: str, field: int, points: int) -> Row:
    """Return how far the offset that fitted points show is from the optics' own, RMS in 3-D."""
    optics = Optics.from_seed(SEED)
    yellow, *others = (
        np.array([p.center for p in _fitted(way, channel, optics, field, points)])
        for channel in range(len(CHANNELS))
    )
    errors = {
        CHANNELS[channel]: _offset_errors_nm(optics, channel, yellow, shown, field)
        for channel, shown in enumerate(others, start=1)
    }
    worst = max(_rms(error) for error in errors.values())
    said = ", ".join(f"{n} {_rms(e):.3f} (largest {e.max():.3f})" for n, e in errors.items())
    return Row(
        f"chromatic_nm{DRAWN[way]}",
        worst,
        "nm",
        bound="1 nm asked",
        attained=attained(worst, 1.0),
        detail=f"{points} noiseless points against yellow, drawn as {way}: {said}",
    )


def _rms(errors: Float64) -> float:
    return float(np.sqrt((errors**2).mean()))


def _offset_errors_nm(
    optics: Optics, channel: int, yellow: Float64, shown: Float64, field: int
) -> Float64:
    """Return how far each point's offset is from the optics' own."""
    model = optics.model(channel) or ChromaticModel.identity()
    size = (1.0, PIXEL_UM, PIXEL_UM)
    z, y, x = ((yellow - (0.0, (field - 1) / 2, (field - 1) / 2)) * size).T
    wanted = [np.ravel(model.displacement(*at)) for at in zip(y, x, z.tolist(), strict=True)]
    errors: Float64 = 1e3 * np.linalg.norm((shown - yellow) * size - wanted, axis=1)
    return errors


def _fitted(way: str, channel: int, optics: Optics, field: int, points: int) -> list[Point]:
    """Return fits to noiseless points near a plane."""
    extent = (field - 40) * PIXEL_UM
    beads = Beads(
        SEED,
        count=points,
        z_um=(-0.1, 0.1),
        diameter_um=0.0,
        field_um=(extent, extent),
        gap_um=min(GAP_UM, extent / points**0.5 / 2),
    )
    view = View((0.0, 0.0), PIXEL_UM, (field, field))
    draw = _as_cells if way == "cells" else _as_beads
    stack = draw(beads, channel, view, optics)
    about = beads.places(channel, view, optics)
    return [fit_point(stack, PLANES_UM, float(y), float(x)) for _, y, x in about]


def _as_beads(beads: Beads, channel: int, view: View, optics: Optics) -> Float32:
    """Return what the renderer of beads draws, (z, y, x), pedestal in."""
    stack: Float32 = beads.emission(PLANES_UM.tolist(), view, optics, channels=(channel,))[0]
    return stack


def _as_cells(beads: Beads, channel: int, view: View, optics: Optics) -> Float32:
    """Return what the renderer of cells draws of such points, (z, y, x), without pedestal."""
    points = np.stack([beads.z_um, beads.y_um, beads.x_um], axis=1).astype(np.float32)
    masses = np.ones((len(CHANNELS) + 1, len(points)), np.float32)
    layer = Layer("points", points, masses, np.zeros(len(points), np.int64))
    light = render.Light(
        [layer],
        [masses[channel]],
        [],
        [],
        optics.sigma_z(channel),
        optics.sigma_xy(channel),
        render.displacement(view, optics.model(channel)),
    )
    return render.image_of(light, PLANES_UM, view)


class Point(NamedTuple):
    """A fitted point: centre (z µm; y, x pixels) and full widths at half maximum (the same)."""

    center: Float64
    fwhm: Float64


def fit_point(stack: Float32, z_um: Float64, y_px: float, x_px: float) -> Point:
    """Fit a three-dimensional Gaussian on a constant.

    Parameters
    ----------
    stack : ndarray, (z, y, x), float32
    z_um : ndarray, (z,), float64
        Heights of the planes.
    y_px, x_px : float
        About where the point is.
    """
    top, left = (round(at) - HALF_PX for at in (y_px, x_px))
    size = 2 * HALF_PX + 1
    part = stack[:, top : top + size, left : left + size].astype(np.float64)
    axes = (z_um, top + np.arange(size), left + np.arange(size))
    low, high = float(np.median(part)), float(part.max())
    peak = z_um[np.unravel_index(part.argmax(), part.shape)[0]]

    def misfit(p: Float64) -> Float64:
        z, y, x = (
            np.exp(-0.5 * ((axis - at) / width) ** 2)
            for axis, at, width in zip(axes, p[2:5], p[5:], strict=True)
        )
        model = p[0] + p[1] * z[:, None, None] * (y[:, None] * x)
        return np.asarray((model - part).ravel() / high)

    found = least_squares(misfit, [low, high - low, peak, y_px, x_px, 0.2, 0.9, 0.9]).x
    return Point(found[2:5], np.abs(found[5:]) * FWHM)
