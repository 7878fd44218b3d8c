"""Single tubes, sheets and points on a fine view, for tests of image and truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.layer import Layer
from livesr.simulator.anatomy.primitives import SPACING_UM, sheet_masses, tube
from livesr.simulator.imaging import render
from livesr.simulator.view import View

if TYPE_CHECKING:
    from livesr.types import Float32, Float64

VIEW = View((0.0, 0.0), 0.03, (101, 101))
"""A view finer than a camera's, so that widths are read to a few nm."""
FLAT = np.zeros((3, 1, 1), np.float32)
"""No displacement between channels."""


def layer(points: Float64, truth: Float64, emission: Float64 | None = None) -> Layer:
    emission = truth if emission is None else emission
    masses = np.stack([emission, emission, emission, truth]).astype(np.float32)
    return Layer("piece", points.astype(np.float32), masses, np.zeros(len(points), np.int64))


def light(
    pieces: list[Layer], sigma_xy: float, sigma_z: float, mass: int, warp: Float32 = FLAT
) -> render.Light:
    masses = [piece.masses[mass] for piece in pieces]
    return render.Light(pieces, masses, [], [], sigma_z, sigma_xy, warp)


def image(
    piece: Layer, planes: Float64, sigma_xy: float, sigma_z: float, mass: int, view: View
) -> Float32:
    shone = light([piece], sigma_xy, sigma_z, mass)
    return render.image_of(shone, np.asarray(planes, float), view)


def straight_tube(
    direction: tuple[float, float, float],
    radius: float,
    step: float = 0.04,
    spacing_um: float = SPACING_UM,
) -> Layer:
    u = np.array(direction) / np.linalg.norm(direction)
    t = np.arange(-2.5, 2.5, step)
    lengths, radii = np.full(t.size, step), np.full(t.size, radius)
    points, emission, truth, _ = tube(
        t[:, None] * u, np.tile(u, (t.size, 1)), lengths, radii, spacing_um
    )
    return layer(points, truth, emission)


def flat_sheet(normal: tuple[float, float, float], step: float = 0.06) -> Layer:
    n = np.array(normal) / np.linalg.norm(normal)
    a = np.cross(n, [0.0, 0.0, 1.0] if abs(n[2]) < 0.9 else [0.0, 1.0, 0.0])
    a /= np.linalg.norm(a)
    b = np.cross(n, a)
    s = np.arange(-2.5, 2.5, step)
    u, v = (g.ravel()[:, None] for g in np.meshgrid(s, s, indexing="ij"))
    points = u * a + v * b
    emission, truth = sheet_masses(np.full(len(points), n[0]), np.full(len(points), step**2))
    return layer(points, truth, emission)


def width(profile: Float64, step: float) -> float:
    """Return the full width at half of the profile's maximum, interpolated."""
    half = profile.max() / 2.0
    above = np.flatnonzero(profile >= half)
    first, last = above[0], above[-1]
    left = first - (profile[first] - half) / (profile[first] - profile[first - 1])
    right = last + (profile[last] - half) / (profile[last] - profile[last + 1])
    return float(right - left) * step
