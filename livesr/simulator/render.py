"""Planes of a scene: points splatted, volumes as columns, blur, pedestal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.simulator.splat import add_column, bin_points, blur, splat_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.calibration.warp import ChromaticModel
    from livesr.simulator.view import View
    from livesr.types import Bool, Float32, Float64

MARGIN = 8
"""Pixels rendered beyond the field, so that what lies just outside blurs in."""
SHRINK = 4
Z_BIN_UM = 0.5
Z_BINS = 40
PEDESTAL_LATERAL_UM = 0.6
NODES = 33


@dataclass(frozen=True, slots=True)
class Layer:
    """Points of one structure of one cell at one time, sorted by z.

    Attributes
    ----------
    name : str
    points : ndarray, (n, 3), float32
    masses : ndarray, (3, n), float32
        Yellow emission, red emission, truth.
    """

    name: str
    points: Float32
    masses: Float32


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
        Brightness in yellow and red, added inside.
    kind : str
        ``cell``, ``nucleus`` or ``nucleolus``.
    """

    rows: slice
    columns: slice
    low: Float32
    high: Float32
    weights: tuple[float, float]
    kind: str


def frame_of(view: View) -> Float64:
    """Return how sample coordinates become pixels of the image with its margin."""
    rows, columns = view.shape
    return np.array(
        [
            *view.center_um,
            view.pixel_um,
            (rows - 1) / 2.0 + MARGIN,
            (columns - 1) / 2.0 + MARGIN,
        ]
    )


def canvas(planes: int, view: View) -> Float32:
    """Return an empty image with its margin."""
    return np.zeros((planes, view.shape[0] + 2 * MARGIN, view.shape[1] + 2 * MARGIN), np.float32)


def crop(image: Float32) -> Float32:
    """Return an image without its margin."""
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def displacement(view: View, chromatic: ChromaticModel | None) -> Float32:
    """Return the displacement (z µm, y px, x px) on a lattice over the image; one node for none."""
    if chromatic is None or chromatic.is_identity:
        return np.zeros((3, 1, 1), np.float32)
    half = [((n - 1) / 2.0 + MARGIN) * view.pixel_um for n in view.shape]
    y, x = (np.linspace(-h, h, NODES) for h in half)
    dz, dy, dx = chromatic.displacement(y[:, None], x[None, :])
    return np.stack([dz, dy / view.pixel_um, dx / view.pixel_um]).astype(np.float32)


def add_points(
    out: Float32,
    layers: Sequence[Layer],
    mass: int,
    planes: Float64,
    sigma_z: float,
    view: View,
    warp: Float32,
) -> None:
    """Splat the layers into ``out``: masses become density (µm⁻³ times mass)."""
    frame = frame_of(view)
    reach = 3.6 * sigma_z + float(np.abs(warp[0]).max())
    for layer in layers:
        z = layer.points[:, 0]
        first, last = np.searchsorted(z, [planes[0] - reach, planes[-1] + reach])
        splat_planes(
            layer.points[first:last],
            layer.masses[mass, first:last],
            frame,
            warp,
            planes,
            sigma_z,
            out,
        )
    out /= np.float32(view.pixel_um**2)


def add_columns(
    out: Float32,
    columns: Sequence[Column],
    weights: Sequence[float],
    planes: Float64,
    sigma_z: float,
) -> None:
    """Add volumes, each with its weight, to every plane."""
    for column, weight in zip(columns, weights, strict=True):
        for k, z in enumerate(planes):
            target = out[k, column.rows, column.columns]
            add_column(column.low, column.high, float(z), sigma_z, weight, target)


def warped(columns: Sequence[Column], warp: Float32, view: View) -> list[Column]:
    """Return the columns as the other channel sees them."""
    if warp.shape[1] == 1:
        return list(columns)
    size = (view.shape[1] + 2 * MARGIN, view.shape[0] + 2 * MARGIN)
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
        moved.append(Column(column.rows, column.columns, low, high, column.weights, column.kind))
    return moved


def _spread(field: Float32, size: tuple[int, int]) -> Float32:
    """Return a lattice of displacements on every pixel (its corners on the image's corners)."""
    width, height = size
    x = np.linspace(0, field.shape[1] - 1, width, dtype=np.float32)
    y = np.linspace(0, field.shape[0] - 1, height, dtype=np.float32)
    grid_x, grid_y = np.meshgrid(x, y)
    return np.asarray(cv2.remap(field, grid_x, grid_y, cv2.INTER_LINEAR), np.float32)


def coarse(layers: Sequence[Layer], channel: int, view: View) -> Float32:
    """Return the light of the points in coarse bins, for the pedestal."""
    shape = canvas(1, view).shape[1:]
    out = np.zeros((Z_BINS, -(-shape[0] // SHRINK), -(-shape[1] // SHRINK)), np.float32)
    frame = frame_of(view)
    for layer in layers:
        bin_points(layer.points, layer.masses[channel], frame, SHRINK, Z_BIN_UM, out)
    sigma = PEDESTAL_LATERAL_UM / (SHRINK * view.pixel_um)
    for plane in out:
        cv2.GaussianBlur(plane, (0, 0), sigma, dst=plane, borderType=cv2.BORDER_REPLICATE)
    out /= np.float32((SHRINK * view.pixel_um) ** 2)
    return out


def add_pedestal(
    image: Float32, bins: Float32, planes: Float64, sigma_z: float, share: float
) -> None:
    """Replace ``share`` of every plane's light by light from a wide axial range."""
    centers = (np.arange(Z_BINS) + 0.5) * Z_BIN_UM - 1.0
    weights = np.exp(-0.5 * ((planes[:, None] - centers) / sigma_z) ** 2)
    weights *= share / (np.sqrt(2 * np.pi) * sigma_z)
    wide = (weights.astype(np.float32) @ bins.reshape(Z_BINS, -1)).reshape(-1, *bins.shape[1:])
    size = (bins.shape[2] * SHRINK, bins.shape[1] * SHRINK)
    image *= np.float32(1.0 - share)
    for plane, small in zip(image, wide, strict=True):
        big = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)
        plane += big[: plane.shape[0], : plane.shape[1]]


def points_mask(
    layers: Sequence[Layer], planes: Float64, sigma_z: float, sigma_xy: float, view: View
) -> Bool:
    """Return where the layers' blurred truth masses reach one half."""
    image = canvas(len(planes), view)
    add_points(image, layers, 2, planes, sigma_z, view, displacement(view, None))
    blur_planes(image, sigma_xy / view.pixel_um)
    return np.asarray(crop(image) >= np.float32(0.5))


def columns_mask(
    columns: Sequence[Column], planes: Float64, sigma_z: float, sigma_xy: float, view: View
) -> Bool:
    """Return where the columns' blurred volumes reach one half."""
    image = canvas(len(planes), view)
    add_columns(image, columns, [1.0] * len(columns), planes, sigma_z)
    blur_planes(image, sigma_xy / view.pixel_um)
    return np.asarray(crop(image) >= np.float32(0.5))


def blur_planes(image: Float32, sigma_px: float) -> None:
    """Blur every plane in place."""
    for plane in image:
        if plane.any():
            blur(plane, sigma_px)
