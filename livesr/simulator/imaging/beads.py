"""Fluorescent beads, dark frames and evenly lit fields: what calibrations are made from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from livesr.simulator.imaging.optics import PEDESTAL_LATERAL_UM, PIXEL_UM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.simulator.imaging.optics import Optics
    from livesr.simulator.view import View
    from livesr.types import Float32, Float64

Triple = tuple[float, float, float]
REACH = 5.0
"""Standard deviations within which a bead's image is drawn: 4e-6 of its peak at the border."""
NARROWEST_PX = 0.1
"""Least standard deviation before a pixel collects the light."""
TRIES = 50


@dataclass(frozen=True, slots=True)
class BeadRow:
    """One bead of the truth.

    Attributes
    ----------
    identity : int
        From 1.
    z_um, y_um, x_um : float
        Its centre in the sample.
    photons : tuple of float
        In yellow, red and green: all that one frame of 50 ms in best focus holds of it.
    """

    identity: int
    z_um: float
    y_um: float
    x_um: float
    photons: Triple


class Beads:
    """Beads that shine in all channels, on the cover slip or in a gel.

    Parameters
    ----------
    seed : int
        Equal seeds give equal beads.
    count : int
        Beads in the field.
    photons : tuple of float
        Range of a bead's photons in yellow, drawn uniformly: all that one frame of 50 ms in best
        focus holds of it.
    z_um : tuple of float
        Lowest and highest centre: equal for beads on a plane.
    diameter_um : float
    field_um : tuple of float
        Extent (y, x) around the origin in which they lie.
    gap_um : float
        Least lateral distance between two of them; 0: anywhere.
    colours : tuple of float
        Photons in yellow, red and green as a share of ``photons``.
    background : tuple of float
        Photons of the empty field in yellow, red and green, for a pixel of 0.0668 µm.

    Attributes
    ----------
    z_um, y_um, x_um : ndarray, (n,), float64
        Centres.
    photons : ndarray, (3, n), float64
        In yellow, red and green.

    Raises
    ------
    ValueError
        If so many beads do not fit so far apart.
    """

    def __init__(
        self,
        seed: int,
        *,
        count: int = 250,
        photons: tuple[float, float] = (2000.0, 6000.0),
        z_um: tuple[float, float] = (0.0, 0.0),
        diameter_um: float = 0.1,
        field_um: tuple[float, float] = (80.0, 80.0),
        gap_um: float = 0.0,
        colours: Triple = (1.0, 1.0, 1.0),
        background: Triple = (0.0, 0.0, 0.0),
    ) -> None:
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0xBEAD5]))
        self.y_um, self.x_um = _places(rng, count, field_um, gap_um)
        self.z_um: Float64 = rng.uniform(*z_um, count)
        self.photons: Float64 = np.outer(colours, rng.uniform(*photons, count))
        self.diameter_um = diameter_um
        self._background = background

    def rows(self) -> list[BeadRow]:
        """Return the truth, a row a bead."""
        columns = zip(self.z_um, self.y_um, self.x_um, self.photons.T, strict=True)
        return [
            BeadRow(number, float(z), float(y), float(x), (float(p[0]), float(p[1]), float(p[2])))
            for number, (z, y, x, p) in enumerate(columns, start=1)
        ]

    def background(self, channel: int, view: View) -> float:
        """Return photons a pixel of the empty field, before shading."""
        return self._background[channel] * (view.pixel_um / PIXEL_UM) ** 2

    def places(self, channel: int, view: View, optics: Optics) -> Float64:
        """Return where a channel shows the beads.

        Returns
        -------
        ndarray, (n, 3), float64
            z in µm, y and x in pixels of the view: pixel centres at integers.
        """
        z, y, x = self.z_um, self.y_um, self.x_um
        model = optics.model(channel)
        if model is not None:
            cy, cx = view.center_um
            dz, dy, dx = model.displacement(y - cy, x - cx)
            # displacements are taken at z = 0, and are linear in z
            (a, *_), (b, *_), (c, *_) = model.affine
            z, y, x = z + dz + (a - 1.0) * z, y + dy + b * z, x + dx + c * z
        return np.stack([z, *view.pixels(y, x)], axis=1)

    def emission(
        self, z_um: Sequence[float], view: View, optics: Optics, *, channels: Sequence[int] = (0, 1)
    ) -> Float32:
        """Return what reaches the camera.

        The image of a point is a Gaussian collected over pixels. As the optics' widths are those
        of recorded images, the pixel's own variance (size² / 12) is taken off before. A bead
        widens the image by the variance of a ball, diameter² / 20 an axis, and the optics'
        pedestal lies under it.

        Parameters
        ----------
        z_um : sequence of float
            Heights of the planes in the sample.
        view : View
        optics : Optics
        channels : sequence of int

        Returns
        -------
        ndarray, (channels, planes, y, x), float32
            Expected photons a pixel in a frame of 50 ms at nominal light, with chromatic offset,
            shading and background.
        """
        planes = np.asarray(z_um, np.float64).ravel()
        out = np.zeros((len(channels), len(planes), *view.shape), np.float32)
        for image, channel in zip(out, channels, strict=True):
            places = self.places(channel, view, optics)
            for share, lateral, axial in self._parts(channel, optics):
                light = share * self.photons[channel]
                _add_beads(places, light, lateral / view.pixel_um, axial, planes, image)
            image += np.float32(self.background(channel, view))
            image *= optics.shading(channel, *view.field())
        return out

    def _parts(self, channel: int, optics: Optics) -> list[Triple]:
        """Return share in focus, lateral and axial sigma (µm) of peak and pedestal."""
        ball = self.diameter_um**2 / 20.0
        sharp = float(np.sqrt(optics.sigma_z(channel) ** 2 + ball))
        wide = float(np.sqrt(optics.pedestal_sigma_um**2 + ball))
        # of equal light, the share in one plane goes as 1 / axial width
        low, high = optics.pedestal / wide, (1.0 - optics.pedestal) / sharp
        lateral = [
            float(np.sqrt(s**2 + ball)) for s in (optics.sigma_xy(channel), PEDESTAL_LATERAL_UM)
        ]
        parts = [(high / (low + high), lateral[0], sharp), (low / (low + high), lateral[1], wide)]
        return [part for part in parts if part[0] > 0.0]


def blank(frames: int, view: View, channels: Sequence[int] = (0, 1)) -> Float32:
    """Return the photons of frames without light, (channels, frames, y, x), read-only zeros."""
    return np.broadcast_to(np.float32(0.0), (len(channels), frames, *view.shape))


def flat(
    level: float, frames: int, view: View, optics: Optics, channels: Sequence[int] = (0, 1)
) -> Float32:
    """Return the photons of frames of a sea of dye, evenly bright but for the optics' shading.

    Parameters
    ----------
    level : float
        Photons a pixel where nothing is lost.
    frames : int
    view : View
    optics : Optics
    channels : sequence of int

    Returns
    -------
    ndarray, (channels, frames, y, x), float32
        Read-only: all frames are one.
    """
    field = view.field()
    shades = np.stack([optics.shading(channel, *field) for channel in channels])
    images = (np.float32(level) * shades)[:, None]
    return np.broadcast_to(images, (len(channels), frames, *view.shape))


def _places(
    rng: np.random.Generator, count: int, field_um: tuple[float, float], gap_um: float
) -> tuple[Float64, Float64]:
    """Return y and x of beads at least ``gap_um`` apart."""
    half = np.asarray(field_um) / 2.0
    kept = rng.uniform(-half, half, (count, 2))
    if gap_um > 0.0:
        kept = _apart(kept, gap_um)
    for _ in range(TRIES):
        if len(kept) >= count:
            return kept[:count, 0], kept[:count, 1]
        kept = _apart(np.concatenate([kept, rng.uniform(-half, half, (count, 2))]), gap_um)
    raise ValueError(f"{count} beads do not fit into {field_um} µm, {gap_um} µm apart")


def _apart(points: Float64, gap_um: float) -> Float64:
    """Return the points (n, 2) without those too near to an earlier one that stays."""
    out = np.zeros(len(points), np.bool_)
    for first, second in sorted(cKDTree(points).query_pairs(gap_um)):
        if not out[first]:
            out[second] = True
    return points[~out]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _profile(center: float, sigma: float, size: int) -> tuple[int, Float64]:
    """Return the first pixel and the shares of light of the pixels of a line of ``size``."""
    reach = REACH * sigma + 0.5
    first = max(int(np.ceil(center - reach)), 0)
    last = min(int(np.floor(center + reach)), size - 1)
    # the pixel's own width is part of sigma: taken off before light is collected over pixels
    scale = 1.0 / np.sqrt(2.0 * max(sigma * sigma - 1.0 / 12.0, NARROWEST_PX**2))
    shares = np.empty(max(last - first + 1, 0))
    for k in range(len(shares)):
        way = first + k - center
        shares[k] = 0.5 * (math.erf((way + 0.5) * scale) - math.erf((way - 0.5) * scale))
    return first, shares


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _add_beads(
    places: Float64,
    photons: Float64,
    sigma_px: float,
    sigma_z: float,
    planes: Float64,
    out: Float32,
) -> None:
    """Add Gaussians at ``places`` (z µm, y px, x px), of ``photons`` in focus, to every plane."""
    _, height, width = out.shape
    for i in range(len(places)):
        top, column = _profile(places[i, 1], sigma_px, height)
        left, row = _profile(places[i, 2], sigma_px, width)
        for k in range(len(planes)):
            way = (planes[k] - places[i, 0]) / sigma_z
            if abs(way) > REACH:
                continue
            light = photons[i] * np.exp(-0.5 * way * way)
            for a in range(len(column)):
                line = out[k, top + a, left : left + len(row)]
                share = light * column[a]
                for b in range(len(row)):
                    line[b] += share * row[b]
