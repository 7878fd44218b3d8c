"""The composed warp against crop, affine and zoom one after the other: time, and truth."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from livesr.bench.rows import Row
from livesr.calibration.fitting.axis_fit import rms
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.simulator.imaging.optics import Optics
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.types import Float32, Float64, UInt16

GRID = Grid((24, 1200, 1200), (0.3, 0.0668, 0.0668))
SMALL = Grid((12, 400, 400), (0.3, 0.0668, 0.0668))
VOXEL_UM = (0.3, 0.1, 0.1)
OFFSET = 100.0
TIMES = 3
FASTER = 5.0
WAVES_UM = (0.9, 0.45, 0.35)
"""Periods of the pattern: the finest are about two widths of the point-spread function."""


def warp_rows() -> Iterator[Row]:
    """Measure both on one stack, in turn."""
    model = Optics.from_seed(70_000).chromatic
    ours, theirs = _seconds(model)
    yield Row(
        "warp of 2×24×1200×1200 to the networks' grid",
        ours,
        "s",
        peer="scipy.ndimage: crop, affine, zoom",
        peer_value=theirs,
        ratio=theirs / ours,
        bound="5 times faster",
        attained=min(theirs / ours / FASTER, 1.0),
        detail="least of three each, in turn; linear both",
    )
    mine, other = _errors(model)
    yield Row(
        "error of the warped red image, share of its contrast",
        100 * mine,
        "%",
        peer="scipy.ndimage: crop, affine, zoom",
        peer_value=100 * other,
        ratio=other / mine,
        bound="closer to the truth",
        attained=min(other / mine, 1.0),
        detail="a pattern that is known everywhere; root mean square",
    )


def _seconds(model: ChromaticModel) -> tuple[float, float]:
    rng = np.random.default_rng(70_000)
    z, y, x = GRID.shape
    sensor = rng.integers(90, 900, (z, y, 2 * x), dtype=np.uint16)
    warp = Warp(GRID, VOXEL_UM, {1: model})
    stack = np.stack([sensor[:, :, :x], sensor[:, :, x:]])
    warp.apply(stack, OFFSET)
    ours, theirs = [], []
    for _ in range(TIMES):
        began = time.perf_counter()
        warp.apply(stack, OFFSET)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        one_after_the_other(sensor, model, GRID)
        theirs.append(time.perf_counter() - began)
    return min(ours), min(theirs)


def one_after_the_other(sensor: UInt16, model: ChromaticModel, grid: Grid) -> list[Float32]:
    """Return both channels by crop, affine transform and zoom, as scripts do it.

    Parameters
    ----------
    sensor : ndarray, (z, y, 2 x), uint16
        Yellow on the left, red on the right.
    model : ChromaticModel
        Of red; its affine part alone, as an affine transform holds no more.
    grid : Grid
        Of one channel.
    """
    width = grid.shape[2]
    channels = []
    for number in (0, 1):
        image = sensor[:, :, number * width : (number + 1) * width].astype(np.float32) - OFFSET
        if number:
            matrix, shift = _in_voxels(model, grid)
            image = ndimage.affine_transform(image, matrix, shift, order=1, mode="nearest")
        channels.append(
            ndimage.zoom(
                image, np.array(grid.voxel_um) / VOXEL_UM, order=1, mode="nearest", grid_mode=True
            )
        )
    return channels


def _in_voxels(model: ChromaticModel, grid: Grid) -> tuple[Float64, Float64]:
    voxel = np.array(grid.voxel_um)
    affine = np.array(model.affine)
    matrix = affine[:, :3] * voxel[None, :] / voxel[:, None]
    middle = np.array([0.0, *((n - 1) / 2 for n in grid.shape[1:])])
    return matrix, affine[:, 3] / voxel + middle - matrix @ middle


def _errors(model: ChromaticModel) -> tuple[float, float]:
    """Return the errors of both on a pattern that is known everywhere, as shares of its spread."""
    linear = ChromaticModel(model.affine)
    nz, ny, nx = SMALL.shape
    vz, vy, vx = SMALL.voxel_um
    z = np.arange(nz)[:, None, None] * vz
    y = ((np.arange(ny) - (ny - 1) / 2) * vy)[None, :, None]
    x = ((np.arange(nx) - (nx - 1) / 2) * vx)[None, None, :]
    back = np.linalg.inv(np.array(linear.affine)[:, :3])
    shift = np.array(linear.affine)[:, 3]
    moved = [side - d for side, d in zip((z, y, x), shift, strict=True)]
    red = _pattern(*(sum(back[k, j] * moved[j] for j in range(3)) for k in range(3)))
    counts = np.rint(red + OFFSET).astype(np.uint16)
    warp = Warp(SMALL, VOXEL_UM, {1: linear})
    ours = warp.apply(np.stack([counts, counts]), OFFSET)[1]
    theirs = one_after_the_other(np.concatenate([counts, counts], axis=2), linear, SMALL)[1]
    planes, height, width = (min(a, b) for a, b in zip(ours.shape, theirs.shape, strict=True))
    target = warp.target
    rows = ((np.arange(height) + 0.5) * target.voxel_um[1] / vy - 0.5 - (ny - 1) / 2) * vy
    columns = ((np.arange(width) + 0.5) * target.voxel_um[2] / vx - 0.5 - (nx - 1) / 2) * vx
    true = _pattern(
        np.arange(planes)[:, None, None] * target.voxel_um[0],
        rows[None, :, None],
        columns[None, None, :],
    )
    inner = (slice(2, -2), slice(12, -12), slice(12, -12))
    spread = float(true.std())
    errors = [
        rms((image[:planes, :height, :width] - true)[inner].ravel()) / spread
        for image in (ours, theirs)
    ]
    return errors[0], errors[1]


def _pattern(z: Float64, y: Float64, x: Float64) -> Float64:
    """Return counts of a pattern at places, µm."""
    waves = [
        np.cos(2 * np.pi * (y * np.cos(turn) + x * np.sin(turn)) / period + 2 * z)
        for turn, period in zip((0.3, 1.2, 2.2), WAVES_UM, strict=True)
    ]
    out: Float64 = 1000.0 + 300.0 * (waves[0] + waves[1] + waves[2])
    return out
