"""Single tubes, sheets and points on a fine view, for tests of image and truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator import render
from livesr.simulator.cloud import sheet_masses, tube
from livesr.simulator.view import View

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

VIEW = View((0.0, 0.0), 0.03, (101, 101))
"""A view finer than a camera's, so that widths are read to a few nm."""


def layer(points: Float64, truth: Float64, emission: Float64 | None = None) -> render.Layer:
    order = np.argsort(points[:, 0])
    emission = truth if emission is None else emission
    masses = np.stack([emission, emission, truth])[:, order]
    return render.Layer("piece", points[order].astype(np.float32), masses.astype(np.float32))


def image(
    piece: render.Layer, planes: Float64, sigma_xy: float, sigma_z: float, mass: int, view: View
) -> Float32:
    out = render.canvas(len(planes), view)
    flat = np.zeros((3, 1, 1), np.float32)
    render.add_points(out, [piece], mass, np.asarray(planes, float), sigma_z, view, flat)
    render.blur_planes(out, sigma_xy / view.pixel_um)
    return render.crop(out)


def straight_tube(direction: tuple[float, float, float], radius: float) -> render.Layer:
    u = np.array(direction) / np.linalg.norm(direction)
    t = np.arange(-2.5, 2.5, 0.04)
    piece = tube(
        t[:, None] * u, np.tile(u, (t.size, 1)), np.full(t.size, 0.04), np.full(t.size, radius)
    )
    return layer(piece.points, piece.truth, piece.emission)


def flat_sheet(normal: tuple[float, float, float]) -> render.Layer:
    n = np.array(normal) / np.linalg.norm(normal)
    a = np.cross(n, [0.0, 0.0, 1.0] if abs(n[2]) < 0.9 else [0.0, 1.0, 0.0])
    a /= np.linalg.norm(a)
    b = np.cross(n, a)
    s = np.arange(-2.5, 2.5, 0.06)
    u, v = (g.ravel()[:, None] for g in np.meshgrid(s, s, indexing="ij"))
    points = u * a + v * b
    emission, truth = sheet_masses(np.full(len(points), n[0]), np.full(len(points), 0.06**2))
    return layer(points, truth, emission)


def width(profile: Float64, step: float) -> float:
    """Return the full width at half of the profile's maximum, interpolated."""
    half = profile.max() / 2.0
    above = np.flatnonzero(profile >= half)
    first, last = above[0], above[-1]
    left = first - (profile[first] - half) / (profile[first] - profile[first - 1])
    right = last + (profile[last] - half) / (profile[last] - profile[last + 1])
    return float(right - left) * step
