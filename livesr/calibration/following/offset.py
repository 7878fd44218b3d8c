"""What a session's channels are off the stored calibration, measured on the session's own cells.

From one day to the next the splitter's offset drifts by up to a pixel while the field's shape
stays. All channels show the same membranes, so what is left between them after the stored model is
the drift: tiles with structure are compared one by one
(`livesr.calibration.following.correlation`) and combined such that a tile in which something else
differs counts little.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.following.correlation import Band, Tile, shifts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Float32, Float64, Grid, UInt16

Triple = tuple[float, float, float]
Offset = dict[int, "Residual"]

TILE = 96
"""Pixels of a tile along y and x."""
TILES = 4
"""Tiles along each side of the field at most: one with the most structure in each part of it."""
PLANES = 8
"""Planes of the reference that are compared in a tile."""
LEAST_PLANES = 3
"""With fewer left the reach shrinks."""
LEAST_SIDE = 32
"""Pixels that a tile needs."""
REACH_UM = 0.9
"""How far above and below its place a plane is looked for."""
SHRINK = 4
"""Pixels that are binned where structure is looked for."""
LOOKED_AT = 5
"""Planes that are looked at for structure."""
NOISE_COUNTS = 40.0
"""Added before the square root that makes noise even and bright droplets less loud; as many as the
membranes of the dimmer channel have, or noise in the dark would count as much as they do."""
STRUCTURE = 0.02
"""Variance of the root of binned counts that a tile must have: noise alone has 0.001."""
SIGNIFICANT = 8.0
"""Peak of the correlation in standard deviations below which nothing was seen."""
AGREEING = 0.1
"""Share of a tile's power that both channels must show: noise alone has up to 0.07."""
BIAS = (0.04, 0.03, 0.03)
"""Planes and pixels by which colours and widths of point-spread functions mislead a stack; part
of its error."""
MISLED = 0.03
"""Planes or pixels by which what only one channel shows misleads a tile, over its agreement: so
that no tile counts alone, and dim ones less."""
HUBER = 1.5


@dataclass(frozen=True, slots=True)
class Residual:
    """A channel's translation beyond its stored model, as one stack shows it.

    Attributes
    ----------
    shift_um, sigma_um : tuple of float
        dz, dy, dx and their standard errors; infinite along z where planes are too few.
    scatter_um : tuple of float
        Standard deviation between the tiles beyond their own errors: the field's shape.
    tiles : int
        That both channels show.
    """

    shift_um: Triple
    sigma_um: Triple
    scatter_um: Triple
    tiles: int


def estimate_offset(
    data: UInt16, grid: Grid, camera_offset: float, models: Mapping[int, ChromaticModel]
) -> Offset:
    """Return how far each channel lies off its stored model; nothing where nothing is seen.

    Parameters
    ----------
    data : ndarray, (c, z, y, x), uint16
        Camera counts; channel 0 is the reference.
    grid : Grid
        Of one channel.
    camera_offset : float
        Camera counts without light.
    models : mapping of int to ChromaticModel
        Stored models of the other channels.

    Returns
    -------
    dict of int to Residual
        Without the channels that show too little, or nothing that the reference shows.
    """
    found = {
        channel: _estimate(data[0], data[channel], grid, camera_offset, model)
        for channel, model in models.items()
        if 0 < channel < len(data)
    }
    return {channel: residual for channel, residual in found.items() if residual is not None}


def _estimate(
    reference: UInt16, other: UInt16, grid: Grid, camera_offset: float, model: ChromaticModel
) -> Residual | None:
    cut = _Cut(reference, other, grid, camera_offset, model)
    corners = _with_structure(reference, camera_offset, cut)
    if not corners:
        return None
    band = Band(cut.side, grid.voxel_um[1:])
    tiles, at_lag = [], []
    for corner in corners:
        of_reference, of_other, lag = cut.tile(*corner)
        tiles.append(Tile.of(band.spectra(of_reference), band.spectra(of_other)))
        at_lag.append(lag)
    seen = shifts(tiles, np.array(at_lag), band)
    clear = seen.agreement > AGREEING
    if seen.significance < SIGNIFICANT or not clear.any():
        return None
    sigma = np.hypot(seen.sigma, MISLED / np.maximum(seen.agreement, AGREEING)[:, None])
    return _combined(seen.shift[clear], sigma[clear], grid.voxel_um)


class _Cut:
    """Cuts tiles out of both channels, the other's warped by the stored model."""

    def __init__(
        self,
        reference: UInt16,
        other: UInt16,
        grid: Grid,
        camera_offset: float,
        model: ChromaticModel,
    ) -> None:
        self._reference, self._other, self._model = reference, other, model
        self._dark = np.float32(camera_offset - NOISE_COUNTS)
        self._voxel_um = grid.voxel_um
        self._shape = nz, ny, nx = grid.shape
        half = [(n - 1) / 2 * pixel for n, pixel in zip((ny, nx), grid.voxel_um[1:], strict=True)]
        edge = np.array([-1.0, 0.0, 1.0])
        middle = (nz - 1) * grid.voxel_um[0] / 2
        away = model.displacement(half[0] * edge[:, None], half[1] * edge, middle)
        dz, *dyx = (float(np.abs(d).max() / v) for d, v in zip(away, grid.voxel_um, strict=True))
        self.margin = int(max(dyx)) + 2
        self.side = min(TILE, (min(ny, nx) - 2 * self.margin) // 2 * 2)
        most = max(round(REACH_UM / grid.voxel_um[0]), 2)
        off = 0 if nz == 1 else round(dz)
        self.lags = max(0, min(most, (nz - LEAST_PLANES) // 2 - off))
        self.planes = min(PLANES, nz - 2 * (self.lags + off))

    def tile(self, plane: int, top: int, left: int) -> tuple[Float32, Float32, float]:
        """Return one tile's planes in both channels, and at which lag the other's are expected.

        Parameters
        ----------
        plane : int
            Where it has most structure.
        top, left : int
            Its corner.
        """
        (vz, vy, vx), n, side = self._voxel_um, self.planes, self.side
        (nz, ny, nx), lags = self._shape, self.lags
        edge = side / 2
        y = (top + edge - ny / 2 + edge * np.array([0, -1, 1, 0, 0])) * vy
        x = (left + edge - nx / 2 + edge * np.array([0, 0, 0, -1, 1])) * vx
        dz, dy, dx = self._model.displacement(y, x, plane * vz)
        lag = 0.0 if nz == 1 else float(dz[0] / vz)
        whole = round(lag)
        first = min(max(plane - n // 2, lags - min(whole, 0)), nz - n - lags - max(whole, 0))
        # within a tile the field is as good as affine
        away = np.arange(side) - (side - 1) / 2
        at_y, at_x = (
            self.margin
            + (side - 1) / 2
            + (d[0] + away[:, None] * (d[2] - d[1]) / side + away * (d[4] - d[3]) / side)
            + own
            for d, own in ((dy / vy, away[:, None]), (dx / vx, away))
        )
        maps = np.float32(at_x), np.float32(at_y)
        around = np.s_[
            first + whole - lags : first + whole + n + lags,
            top - self.margin : top + side + self.margin,
            left - self.margin : left + side + self.margin,
        ]
        moved = [
            cv2.remap(counts, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for counts in self._other[around]
        ]
        here = self._reference[first : first + n, top : top + side, left : left + side]
        return self._rooted(here), self._rooted(np.stack(moved)), lag - whole

    def _rooted(self, counts: UInt16) -> Float32:
        return np.asarray(np.sqrt(np.maximum(counts - self._dark, 0)), np.float32)


def _with_structure(
    reference: UInt16, camera_offset: float, cut: _Cut
) -> list[tuple[int, int, int]]:
    """Return plane, top and left of a tile in each part of the field that shows something."""
    side, (nz, ny, nx) = cut.side, reference.shape
    if side < LEAST_SIDE or cut.planes < 1:
        return []
    planes = np.unique(np.linspace(nz // 8, nz - 1 - nz // 4, LOOKED_AT).astype(int))
    window = side // SHRINK
    structure = np.stack([_structure(reference[z], camera_offset, window) for z in planes])
    best = structure.max(axis=0)
    inside = -(-cut.margin // SHRINK) + window // 2
    found = []
    for rows in _parts(ny, inside, side):
        for columns in _parts(nx, inside, side):
            part = best[rows, columns]
            y, x = np.unravel_index(np.argmax(part), part.shape)
            y, x = int(y) + rows.start, int(x) + columns.start
            if best[y, x] > STRUCTURE:
                top, left = ((at - window // 2) * SHRINK for at in (y, x))
                found.append((int(planes[np.argmax(structure[:, y, x])]), top, left))
    return found


def _parts(n: int, inside: int, side: int) -> list[slice]:
    """Return where middles of tiles may lie along one axis, in binned pixels, part by part."""
    first, last = inside, max(n // SHRINK - inside, inside + 1)
    count = min(TILES, max(1, n // side))
    borders = np.linspace(first, last, count + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(borders)]


def _structure(plane: UInt16, camera_offset: float, window: int) -> Float32:
    """Return how much a binned plane's root varies within tiles around each pixel."""
    size = plane.shape[1] // SHRINK, plane.shape[0] // SHRINK
    whole = plane[: size[1] * SHRINK, : size[0] * SHRINK]
    binned = cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    root = np.sqrt(np.maximum(binned - np.float32(camera_offset - NOISE_COUNTS), 0))
    root -= cv2.GaussianBlur(root, (0, 0), 3.0)
    return np.asarray(cv2.blur(root * root, (window, window)), np.float32)


def _combined(shift: Float64, sigma: Float64, voxel_um: Triple) -> Residual:
    axes = [_robust(shift[:, i], sigma[:, i], BIAS[i], voxel_um[i]) for i in range(3)]
    shift_um, sigma_um, scatter_um = zip(*axes, strict=True)
    return Residual(shift_um, sigma_um, scatter_um, len(shift))


def _robust(values: Float64, sigma: Float64, bias: float, voxel_um: float) -> Triple:
    """Return mean of the tiles, its error, and their scatter beyond their errors, µm.

    Huber's weights; the scatter from the median distance, so that single tiles do not make it.
    """
    if not np.all(np.isfinite(sigma)):
        return 0.0, float("inf"), 0.0
    middle, scatter = float(np.median(values)), 0.0
    weight = sigma**-2.0
    for _ in range(10):
        away = np.abs(values - middle)
        scatter = max((1.4826 * np.median(away)) ** 2 - np.median(sigma) ** 2, 0.0) ** 0.5
        spread = np.hypot(sigma, scatter)
        weight = np.minimum(1, HUBER * spread / np.maximum(away, 1e-9)) / spread**2
        middle = float(np.average(values, weights=weight))
    error = float(np.hypot(weight.sum() ** -0.5, bias))
    return middle * voxel_um, error * voxel_um, float(scatter) * voxel_um
