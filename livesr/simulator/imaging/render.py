"""Planes of a scene: points splatted, volumes as columns, blur, pedestal."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numba import njit

from livesr.simulator.imaging.splat import (
    ERF_REACH,
    GROUP,
    add_column,
    bin_points,
    blur,
    splat_planes,
    unfold,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.calibration.warp import ChromaticModel
    from livesr.simulator.anatomy.layer import Layer
    from livesr.simulator.view import View
    from livesr.types import Bool, Float32, Float64

MARGIN_UM = 1.1
"""Rendered beyond the field, so that what lies just outside blurs in and a chromatic shift moves it
in."""
SHRINK = 4
Z_BIN_UM = 0.5
Z_BINS = 40
PEDESTAL_LATERAL_UM = 0.6
NODES = 33
_MOST_KEPT = 4
"""Scratch arrays that are kept for the next planes: one a thread."""


@dataclass(frozen=True, slots=True)
class Column:
    """A volume between two height fields over a rectangle of the rendered image.

    Attributes
    ----------
    rows, columns : slice
        The rectangle in the image with its margin.
    low, high : ndarray, (y, x), float32
        µm; nothing where high <= low.
    weights : tuple of float
        Brightness in yellow, red and green, added inside.
    replaced : tuple of float
        What of its surroundings' brightness these weights take away.
    kind : str
        ``cell``, ``nucleus``, ``nucleolus`` or ``chromosomes``.
    owner : int
        Number of the cell or identity of the nucleus.
    extent : tuple of float
        Lowest and highest of the volume, µm.
    tops : ndarray, (y,), float32
        Highest of each row.
    """

    rows: slice
    columns: slice
    low: Float32
    high: Float32
    weights: tuple[float, float, float]
    replaced: tuple[float, float, float]
    kind: str
    owner: int
    extent: tuple[float, float]
    tops: Float32

    def shows(self, z: float, sigma_z: float) -> bool:
        """Return whether a plane sees anything of it."""
        reach = ERF_REACH * np.sqrt(2.0) * sigma_z
        return bool(self.extent[0] - reach < z < self.extent[1] + reach)


def margin(view: View) -> int:
    """Return the pixels that are rendered beyond each side of the field."""
    return int(np.ceil(MARGIN_UM / view.pixel_um))


def frame_of(view: View) -> Float64:
    """Return how sample coordinates become pixels of the image with its margin."""
    rows, columns = view.shape
    return np.array(
        [
            *view.center_um,
            view.pixel_um,
            (rows - 1) / 2.0 + margin(view),
            (columns - 1) / 2.0 + margin(view),
        ]
    )


def wide_shape(view: View) -> tuple[int, int]:
    """Return the shape (y, x) of an image with its margin."""
    return view.shape[0] + 2 * margin(view), view.shape[1] + 2 * margin(view)


def crop(image: Float32, view: View) -> Float32:
    """Return an image without its margin."""
    m = margin(view)
    return image[..., m:-m, m:-m]


def displacement(view: View, chromatic: ChromaticModel | None) -> Float32:
    """Return the displacement (z µm, y px, x px) on a lattice over the image; one node for none."""
    if chromatic is None or chromatic.is_identity:
        return np.zeros((3, 1, 1), np.float32)
    half = [(n - 1) / 2.0 * view.pixel_um for n in wide_shape(view)]
    y, x = (np.linspace(-h, h, NODES) for h in half)
    dz, dy, dx = chromatic.displacement(y[:, None], x[None, :])
    return np.stack([dz, dy / view.pixel_um, dx / view.pixel_um]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """What shines in one channel, and how it is blurred.

    Attributes
    ----------
    layers : sequence of Layer
    masses : sequence of ndarray, (n,)
        Of each layer's points.
    columns : sequence of Column
    weights : sequence of float
        Of each column.
    sigma_z, sigma_xy : float
        Standard deviations of a point's image, µm.
    warp : ndarray, (3, m, m), float32
        Displacement of the channel (`displacement`).
    """

    layers: Sequence[Layer]
    masses: Sequence[Float32]
    columns: Sequence[Column]
    weights: Sequence[float]
    sigma_z: float
    sigma_xy: float
    warp: Float32


def drawn(light: Light, planes: Float64, view: View) -> Iterator[Float32]:
    """Yield the blurred image of each plane, with its margin, to be used before the next.

    Parameters
    ----------
    light : Light
    planes : ndarray, (planes,)
        Ascending heights, µm.
    view : View
    """
    frame = frame_of(view)
    shape = wide_shape(view)
    # masses become density: µm⁻³ times mass
    density = np.float32(1.0 / view.pixel_um**2)
    with _scratch(shape) as (together, images):
        for first in range(0, len(planes), GROUP):
            some = planes[first : first + GROUP]
            # a group that is not full ends in planes far above everything
            group = np.concatenate([some, np.full(GROUP - len(some), 1e6)])
            for layer, mass in zip(light.layers, light.masses, strict=True):
                splat_planes(layer.points, mass, frame, light.warp, group, light.sigma_z, together)
            unfold(together, density, images)
            for z, image in zip(some.tolist(), images, strict=False):
                for column, weight in zip(light.columns, light.weights, strict=True):
                    if column.shows(z, light.sigma_z):
                        target = image[column.rows, column.columns]
                        surfaces = column.low, column.high, column.tops
                        add_column(*surfaces, z, light.sigma_z, weight, target)
                blur(image, light.sigma_xy / view.pixel_um)
                yield image


_kept: deque[tuple[Float32, Float32]] = deque(maxlen=_MOST_KEPT)


@contextmanager
def _scratch(shape: tuple[int, int]) -> Iterator[tuple[Float32, Float32]]:
    """Lend an empty array to splat into and one for planes; they are used again and again."""
    try:
        together, images = _kept.pop()
    except IndexError:
        together = images = np.zeros((0, 0, 0), np.float32)
    if images.shape[1:] != shape:
        together = np.zeros((*shape, GROUP), np.float32)
        images = np.empty((GROUP, *shape), np.float32)
    try:
        yield together, images
    except BaseException:
        together.fill(0.0)
        raise
    finally:
        _kept.append((together, images))


def image_of(light: Light, planes: Float64, view: View) -> Float32:
    """Return the blurred image, (planes, y, x), without margin."""
    return np.stack([crop(plane, view).copy() for plane in drawn(light, planes, view)])


def alone(columns: Sequence[Column], name: str) -> list[Column]:
    """Return the columns of the cytosol or of the nucleus by itself, without what they replace.

    Columns add up: a nucleus carries the difference between its light and the cytosol's.
    """
    inner = ("nucleus", "opening")
    if name == "cytosol":
        around = [column for column in columns if column.kind == "cell"]
        without = [column for column in columns if column.kind in inner]
        return [*around, *(_weighted(c, -np.array(c.replaced)) for c in without)]
    if name == "nucleus":
        cores = [column for column in columns if column.kind in inner]
        own = [_weighted(c, np.array(c.weights) + np.array(c.replaced)) for c in cores]
        return [*own, *(column for column in columns if column.kind == "nucleolus")]
    return []


def _weighted(column: Column, weights: Float64) -> Column:
    yellow, red, green = (float(w) for w in weights)
    return replace(column, weights=(yellow, red, green))


def warped(columns: Sequence[Column], warp: Float32, view: View) -> list[Column]:
    """Return the columns as the other channel sees them."""
    if warp.shape[1] == 1:
        return list(columns)
    size = wide_shape(view)[::-1]
    dz, dy, dx = (_spread(field, size) for field in warp)
    moved = []
    for column in columns:
        part = (column.rows, column.columns)
        height, width = column.low.shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        at = (x - dx[part], y - dy[part])
        low, high = (
            cv2.remap(f, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) + dz[part]
            for f in (column.low, column.high)
        )
        lift = float(dz.min()), float(dz.max())
        extent = (column.extent[0] + lift[0], column.extent[1] + lift[1])
        tops = high.max(axis=1)
        moved.append(replace(column, low=low, high=high, extent=extent, tops=tops))
    return moved


def _spread(field: Float32, size: tuple[int, int]) -> Float32:
    """Return a lattice of displacements on every pixel (its corners on the image's corners)."""
    width, height = size
    x = np.linspace(0, field.shape[1] - 1, width, dtype=np.float32)
    y = np.linspace(0, field.shape[0] - 1, height, dtype=np.float32)
    grid_x, grid_y = np.meshgrid(x, y)
    return np.asarray(cv2.remap(field, grid_x, grid_y, cv2.INTER_LINEAR), np.float32)


def coarse(layers: Sequence[Layer], masses: Sequence[Float32], view: View) -> Float32:
    """Return the light of the points in coarse bins, for the pedestal."""
    shape = wide_shape(view)
    out = np.zeros((Z_BINS, -(-shape[0] // SHRINK), -(-shape[1] // SHRINK)), np.float32)
    frame = frame_of(view)
    for layer, mass in zip(layers, masses, strict=True):
        bin_points(layer.points, mass, frame, SHRINK, Z_BIN_UM, out)
    sigma = PEDESTAL_LATERAL_UM / (SHRINK * view.pixel_um)
    for plane in out:
        cv2.GaussianBlur(plane, (0, 0), sigma, dst=plane, borderType=cv2.BORDER_REPLICATE)
    out /= np.float32((SHRINK * view.pixel_um) ** 2)
    return out


def pedestal(bins: Float32, planes: Float64, sigma_z: float) -> Float32:
    """Return the light that each plane gets from a wide axial range, (planes, y', x') coarse.

    Parameters
    ----------
    bins : ndarray
        From `coarse`.
    planes : ndarray, (planes,)
    sigma_z : float
        Axial standard deviation of the pedestal, µm.
    """
    centers = (np.arange(Z_BINS) + 0.5) * Z_BIN_UM - 1.0
    weights = np.exp(-0.5 * ((planes[:, None] - centers) / sigma_z) ** 2)
    weights /= np.sqrt(2 * np.pi) * sigma_z
    wide = weights.astype(np.float32) @ bins.reshape(Z_BINS, -1)
    return np.asarray(wide.reshape(-1, *bins.shape[1:]), np.float32)


def enlarged(small: Float32, shape: tuple[int, int]) -> Float32:
    """Return one coarse plane on the image's pixels, with its margin."""
    size = (small.shape[1] * SHRINK, small.shape[0] * SHRINK)
    big = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(big[: shape[0], : shape[1]], np.float32)


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def exposed(
    image: Float32,
    wide: Float32,
    shade: Float32,
    scale: np.float32,
    wide_scale: np.float32,
    floor: np.float32,
    out: Float32,
) -> None:
    """Write photons: image and pedestal to scale, the medium's light, and shading.

    Parameters
    ----------
    image, wide : ndarray, (y + 2 margins, x + 2 margins), float32
    shade, out : ndarray, (y, x), float32
    scale, wide_scale, floor : float
    """
    rim = (image.shape[0] - out.shape[0]) // 2
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            sharp, soft = image[i + rim, j + rim], wide[i + rim, j + rim]
            out[i, j] = (scale * sharp + wide_scale * soft + floor) * shade[i, j]


def mask_of(light: Light, planes: Float64, view: View) -> Bool:
    """Return where the blurred image reaches one half, (planes, y, x)."""
    masks = [crop(plane, view) >= np.float32(0.5) for plane in drawn(light, planes, view)]
    return np.stack(masks)
