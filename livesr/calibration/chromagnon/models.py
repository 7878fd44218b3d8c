"""Chromatic models from and for Chromagnon: seven numbers a channel in ``.chromagnon.csv``.

Chromagnon shows what stands in a channel at q at the place p of the reference's image

    q = c + M⁻¹ R⁻¹ (p - c) - t

in pixels (z, y, x), with the middle c = (n - 1) / 2 of the image, the shift t = (tz, ty, tx), the
magnification M = diag(mz, my, mx) and R⁻¹ (y, x) = (y cos rz - x sin rz, y sin rz + x cos rz). Its
numbers move a channel's image onto the reference; q as a function of p, a `ChromaticModel`, is
what it interpolates at. It reads TIFF, and all files but MRC and DeltaVision, with their rows
from the last to the first: there y and ty change sign, and so does rz.

Source: Chromagnon 0.95a, ``imgResample.trans3D_affine`` and ``generalIO.flipY``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from livesr.calibration.chromagnon.table import (
    NOTHING,
    Seven,
    Table,
    read_table,
    write_table,
    wrong,
)
from livesr.calibration.warp import ChromaticModel
from livesr.errors import CalibrationError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from livesr.types import Float64, Grid

VOXEL_TOLERANCE = 0.01
"""Voxels may differ by this share."""
LATTICE = 21
"""Points along each side of the field on which a model is approximated."""
SCALE = np.array([1.0, 1.0, 1.0, 0.1, 1e-3, 1e-3, 1e-3])
"""Change of each number that matters about as much as a pixel."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far Chromagnon's seven numbers are from the model they stand for, nm over the field."""

    xy_rms_nm: float
    xy_max_nm: float
    z_rms_nm: float
    z_max_nm: float


def read_chromagnon(
    path: Path,
    grid: Grid,
    channels: Sequence[str],
    reference: str = "",
    *,
    flipped: bool = True,
) -> dict[str, ChromaticModel]:
    """Return the chromatic model of each channel but the reference.

    Parameters
    ----------
    path : Path
        A ``.chromagnon.csv``.
    grid : Grid
        Of the images that the calibration is for. Chromagnon magnifies z about the middle plane,
        and the file's voxels must be these.
    channels : sequence of str
        Names of the file's channels, in its order: that of the image it was made from.
    reference : str
        Channel that the others are registered to; default: the file's.
    flipped : bool
        False if the file was made from MRC or DeltaVision images.

    Raises
    ------
    CalibrationError
        If the file is damaged, or of another count of channels or other voxels.
    """
    table = read_table(path)
    _check(table, grid, channels, path)
    name = reference or channels[table.reference]
    if name not in channels:
        raise CalibrationError(
            f"it has no channel {name!r}", where=str(path), fix=nearest(name, channels)
        )
    matrices = {
        channel: _matrix(numbers, grid, flipped=flipped)
        for channel, numbers in zip(channels, table.numbers, strict=True)
    }
    back = np.linalg.inv(matrices.pop(name))
    return {channel: _model(matrix @ back) for channel, matrix in matrices.items()}


def write_chromagnon(
    path: Path,
    models: Mapping[str, ChromaticModel],
    grid: Grid,
    channels: Sequence[str],
    wavelengths: Sequence[float] = (),
    *,
    flipped: bool = True,
) -> dict[str, Deviation]:
    """Write the seven numbers nearest to each model over the field: polynomials are lost.

    Parameters
    ----------
    path : Path
        Chromagnon knows it by the ending ``.chromagnon.csv``.
    models : mapping of str to ChromaticModel
        Of each channel but the reference.
    grid : Grid
        Of the images that the file is for.
    channels : sequence of str
        Names of the images' channels, in their order.
    wavelengths : sequence of float
        Of the channels as the images say them, nm: Chromagnon matches channels by them. Default:
        0, 1, …, its own numbers for images that say none.
    flipped : bool
        False if the file is for MRC or DeltaVision images.

    Returns
    -------
    dict of str to Deviation
        How far the written numbers are from each model.

    Raises
    ------
    CalibrationError
        If the models do not fit the channels, or one is no shift, turn and small magnification.
    StorageError
        If the file cannot be written.
    """
    name = _reference(models, channels, path)
    found = {
        channel: nearest_numbers(model, grid, flipped=flipped) for channel, model in models.items()
    }
    for channel, (numbers, _) in found.items():
        if said := wrong(numbers):
            raise CalibrationError(
                f"the model of {channel} cannot be said in Chromagnon's seven numbers: {said}",
                where=str(path),
                fix="keep the livesr profile; a mirrored channel is flipped in the layout",
            )
    waves = tuple(wavelengths) or tuple(range(len(channels)))
    rows = tuple(NOTHING if channel == name else found[channel][0] for channel in channels)
    write_table(path, Table(grid.voxel_um, list(channels).index(name), waves, rows))
    return {channel: deviation for channel, (_, deviation) in found.items()}


def nearest_numbers(
    model: ChromaticModel, grid: Grid, *, flipped: bool = True
) -> tuple[Seven, Deviation]:
    """Return the seven numbers nearest to a model over the field, and how far they are from it.

    Least squares on a lattice of the first, middle and last plane.
    """
    points, true = _lattice(model, grid)
    # one plane says nothing of the magnification along z
    free = np.array([True] * 4 + [grid.shape[0] > 1] + [True] * 2)

    def whole(some: Float64) -> Seven:
        numbers = np.array(NOTHING)
        numbers[free] += some * SCALE[free]
        tz, ty, tx, rz, mz, my, mx = map(float, numbers)
        return tz, ty, tx, rz, mz, my, mx

    def missed(some: Float64) -> Float64:
        matrix = _matrix(whole(some), grid, flipped=flipped)
        miss: Float64 = points @ matrix[:3, :3].T + matrix[:3, 3] - true
        return miss

    best = least_squares(
        lambda some: missed(some).ravel(), np.zeros(free.sum()), xtol=1e-12, ftol=1e-12, gtol=1e-12
    ).x
    miss = missed(best) * 1e3
    lateral, axial = np.hypot(miss[:, 1], miss[:, 2]), np.abs(miss[:, 0])
    return whole(best), Deviation(
        _rms(lateral), float(lateral.max()), _rms(axial), float(axial.max())
    )


def _matrix(numbers: Seven, grid: Grid, *, flipped: bool) -> Float64:
    """Return where points of the reference appear, (4, 4), on µm as `ChromaticModel` has them."""
    tz, ty, tx, rz, mz, my, mx = numbers
    turn = radians(-rz if flipped else rz)
    middle = (grid.shape[0] - 1) / 2.0
    pixels = np.array(
        [
            [1.0 / mz, 0.0, 0.0, middle - middle / mz - tz],
            [0.0, cos(turn) / my, -sin(turn) / my, ty if flipped else -ty],
            [0.0, sin(turn) / mx, cos(turn) / mx, -tx],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
    size = np.array([*grid.voxel_um, 1.0])
    matrix: Float64 = pixels * size[:, None] / size[None, :]
    return matrix


def _model(matrix: Float64) -> ChromaticModel:
    z, y, x = matrix[:3].tolist()
    return ChromaticModel((tuple(z), tuple(y), tuple(x)))


def _lattice(model: ChromaticModel, grid: Grid) -> tuple[Float64, Float64]:
    """Return points of the reference and where they appear, (n, 3) each, µm."""
    (nz, ny, nx), (vz, vy, vx) = grid.shape, grid.voxel_um
    side = np.linspace(-0.5, 0.5, LATTICE)
    y, x = (a.ravel() for a in np.meshgrid(side * (ny - 1) * vy, side * (nx - 1) * vx))
    points, moved = [], []
    for z in np.unique([0.0, (nz - 1) * vz / 2.0, (nz - 1) * vz]).tolist():
        points.append(np.column_stack([np.full(len(y), z), y, x]))
        moved.append(np.column_stack(model.displacement(y, x, z)))
    reference = np.concatenate(points)
    return reference, reference + np.concatenate(moved)


def _rms(values: Float64) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _check(table: Table, grid: Grid, channels: Sequence[str], path: Path) -> None:
    """Refuse a file of other channels or other voxels."""
    if len(channels) != len(table.numbers):
        waves = ", ".join(f"{wave:g}" for wave in table.wavelengths)
        raise CalibrationError(
            f"it has {len(table.numbers)} channels ({waves} nm), the image has {len(channels)} "
            f"({', '.join(channels)})",
            where=str(path),
            fix="use the file of an image with these channels, in this order",
        )
    pairs: list[tuple[float, float]] = list(zip(table.voxel_um, grid.voxel_um, strict=True))
    if grid.shape[0] == 1:
        pairs = pairs[1:]  # one plane has no z step
    if any(abs(theirs / ours - 1.0) > VOXEL_TOLERANCE for theirs, ours in pairs):
        theirs, ours = (" × ".join(f"{v:g}" for v in voxel) for voxel in zip(*pairs, strict=True))
        raise CalibrationError(
            f"it was made from voxels of {theirs} µm (z, y, x), the image's are {ours} µm",
            where=str(path),
            fix="use the file of this microscope and z step; if Chromagnon only knew a wrong "
            "voxel, correct the file's row pxlsize_z_y_x",
        )


def _reference(models: Mapping[str, ChromaticModel], channels: Sequence[str], path: Path) -> str:
    """Return the one channel that has no model."""
    left = [channel for channel in channels if channel not in models]
    if len(left) != 1 or len(models) != len(channels) - 1:
        raise CalibrationError(
            f"the image's channels are {', '.join(channels)}, the models are of "
            f"{', '.join(models) or 'none'}: each channel but one, the reference, has a model",
            where=str(path),
            fix="name the image's channels, in its order",
        )
    return left[0]
