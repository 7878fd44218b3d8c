"""The masks in space, by casting rays on the processor: no graphics card, no OpenGL, any display.

Parallel rays walk through the label volume; where one enters a structure, its shaded colour is laid
under what is in front of it. Structures that enclose others are drawn as glass. A whole field is
first made coarser, thin structures winning, so that turning it stays fluid. No Qt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from livesr.catalog import NAMES, STRUCTURES
from livesr.viewer.compose import PAINT_ORDER

if TYPE_CHECKING:
    from livesr.types import Float32, Float64, UInt8

SIDE = 560
"""Pixels along each side of a picture in space."""
MOST_VOXELS = 256
"""Voxels along each side of the volume that is looked at."""
GLASS = {
    "extracellular": 0.0,
    "cytosol": 0.05,
    "plasma_membrane": 0.1,
    "nucleus": 0.22,
    "nuclear_membrane": 0.22,
    "er": 0.35,
}
"""Opacity of what would hide the rest; the others are solid."""
_BACKGROUND = (0x08, 0x09, 0x0B)
_AMBIENT = 0.38
_ENOUGH = 0.97


@dataclass(frozen=True, slots=True)
class Solid:
    """The volume that is looked at.

    Attributes
    ----------
    labels : ndarray, (z, y, x), uint8
        0, or the structure's place in the catalogue, from 1.
    voxel_um : tuple of float
    """

    labels: UInt8
    voxel_um: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SolidPicture:
    """The masks in space, seen from one side.

    Attributes
    ----------
    image : ndarray, (y, x, 3), uint8
    pixel_um : float
    turn : tuple of float
        From where, as in `View`.
    corners : ndarray, (8, 2), float64
        Corners of the field in the picture, pixels (x, y): lower four first.
    """

    image: UInt8
    pixel_um: float
    turn: tuple[float, float]
    corners: Float64


def coarse(labels: UInt8, voxel_um: tuple[float, float, float]) -> Solid:
    """Return the volume with at most `MOST_VOXELS` along each side; the thinner structure wins."""
    _, rows, columns = labels.shape
    step = max(1, math.ceil(max(rows, columns) / MOST_VOXELS))
    if step == 1:
        return Solid(np.ascontiguousarray(labels), voxel_um)
    dz, dy, dx = voxel_um
    return Solid(
        _pooled(np.ascontiguousarray(labels), step, _RANK, _BY_RANK), (dz, dy * step, dx * step)
    )


def draw(solid: Solid, turn: tuple[float, float], side: int = SIDE) -> SolidPicture:
    """Return the picture from one side.

    Parameters
    ----------
    solid : Solid
    turn : tuple of float
        Around the optical axis, and away from it, degrees.
    side : int
        Pixels along each side of the picture.
    """
    size = np.array(solid.labels.shape) * np.array(solid.voxel_um)
    right, up, ahead = _axes(*turn)
    pixel = float(np.linalg.norm(size)) / side * 0.94
    image = np.empty((side, side, 3), np.uint8)
    image[:] = _BACKGROUND
    step = 0.7 * min(solid.voxel_um)
    _cast(
        solid.labels,
        np.array(solid.voxel_um),
        right,
        up,
        ahead,
        pixel,
        step,
        _COLOURS,
        _ALPHA,
        image,
    )
    ends = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)]) - 0.5
    places = ends * size
    corners = np.stack([places @ right, -(places @ up)], -1) / pixel + side / 2
    return SolidPicture(image, pixel, turn, corners)


def _axes(around: float, away: float) -> tuple[Float64, Float64, Float64]:
    """Return the picture's right and up and the line of sight, each as (z, y, x)."""
    a, e = math.radians(around), math.radians(away)
    right = np.array([0.0, math.sin(a), math.cos(a)])
    ahead = np.array([-math.cos(e), -math.sin(e) * math.cos(a), math.sin(e) * math.sin(a)])
    up = np.array([math.sin(e), -math.cos(e) * math.cos(a), math.cos(e) * math.sin(a)])
    return right, up, ahead


def _tables() -> tuple[Float32, Float32, UInt8, UInt8]:
    colours, alpha = np.zeros((256, 3), np.float32), np.zeros(256, np.float32)
    rank, by_rank = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for number, structure in enumerate(STRUCTURES, start=1):
        colours[number] = list(bytes.fromhex(structure.color))
        alpha[number] = GLASS.get(structure.name, 1.0)
    for place, name in enumerate(PAINT_ORDER, start=1):
        number = NAMES.index(name) + 1
        rank[number], by_rank[place] = place, number
    return colours, alpha, rank, by_rank


_COLOURS, _ALPHA, _RANK, _BY_RANK = _tables()


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]  # numba has no types
def _pooled(
    labels: UInt8, step: int, rank: UInt8, by_rank: UInt8
) -> UInt8:  # pragma: no cover - compiled
    planes, rows, columns = labels.shape
    small = np.zeros((planes, (rows + step - 1) // step, (columns + step - 1) // step), np.uint8)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                place = rank[labels[z, y, x]]
                if place > small[z, y // step, x // step]:
                    small[z, y // step, x // step] = place
    for z in range(planes):
        for y in range(small.shape[1]):
            for x in range(small.shape[2]):
                small[z, y, x] = by_rank[small[z, y, x]]
    return small


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _light(
    labels: UInt8, k: int, i: int, j: int, voxel: Float64, ahead: Float64
) -> float:  # pragma: no cover - compiled
    """Return the brightness of a surface voxel: how squarely it faces the line of sight."""
    label = labels[k, i, j]
    nz = ny = nx = 0.0
    for dz in range(-1, 2):
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                z, y, x = k + dz, i + dy, j + dx
                inside = (
                    0 <= z < labels.shape[0]
                    and 0 <= y < labels.shape[1]
                    and 0 <= x < labels.shape[2]
                )
                if inside and labels[z, y, x] == label:
                    nz -= dz * voxel[0]
                    ny -= dy * voxel[1]
                    nx -= dx * voxel[2]
    length = math.sqrt(nz * nz + ny * ny + nx * nx)
    if length < 1e-9:
        return 0.75
    facing = -(nz * ahead[0] + ny * ahead[1] + nx * ahead[2]) / length
    return float(_AMBIENT + (1.0 - _AMBIENT) * max(facing, 0.0))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _span(
    start: Float64, ahead: Float64, size: Float64
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return where a ray enters and leaves the field, µm along it."""
    near, far = -1e9, 1e9
    for axis in range(3):
        half = 0.5 * size[axis]
        if abs(ahead[axis]) < 1e-9:
            if abs(start[axis]) > half:
                return 1.0, 0.0
            continue
        one = (-half - start[axis]) / ahead[axis]
        two = (half - start[axis]) / ahead[axis]
        near, far = max(near, min(one, two)), min(far, max(one, two))
    return near, far


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cast(
    labels: UInt8,
    voxel: Float64,
    right: Float64,
    up: Float64,
    ahead: Float64,
    pixel: float,
    step: float,
    colours: Float32,
    alphas: Float32,
    image: UInt8,
) -> None:  # pragma: no cover - compiled
    planes, rows, columns = labels.shape
    size = np.array([planes * voxel[0], rows * voxel[1], columns * voxel[2]])
    side = image.shape[0]
    for v in range(side):
        for u in range(side):
            start = right * ((u + 0.5 - side / 2) * pixel) - up * ((v + 0.5 - side / 2) * pixel)
            near, far = _span(start, ahead, size)
            opaque, before = 0.0, np.uint8(0)
            red = green = blue = 0.0
            along = near + 0.5 * step
            while along < far and opaque < _ENOUGH:
                k = int((start[0] + along * ahead[0]) / voxel[0] + planes / 2)
                i = int((start[1] + along * ahead[1]) / voxel[1] + rows / 2)
                j = int((start[2] + along * ahead[2]) / voxel[2] + columns / 2)
                along += step
                if not (0 <= k < planes and 0 <= i < rows and 0 <= j < columns):
                    continue
                label = labels[k, i, j]
                if label != before and alphas[label] > 0:
                    shade = _light(labels, k, i, j, voxel, ahead)
                    own = alphas[label]
                    if own < 1:
                        own = min(1.0, own * (2.2 - 1.6 * shade))  # glass is denser at its rim
                    share = (1 - opaque) * own
                    red += share * shade * colours[label, 0]
                    green += share * shade * colours[label, 1]
                    blue += share * shade * colours[label, 2]
                    opaque += share
                before = label
            image[v, u, 0] = np.uint8(min(255.0, red + (1 - opaque) * image[v, u, 0]))
            image[v, u, 1] = np.uint8(min(255.0, green + (1 - opaque) * image[v, u, 1]))
            image[v, u, 2] = np.uint8(min(255.0, blue + (1 - opaque) * image[v, u, 2]))
