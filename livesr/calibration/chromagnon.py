"""Chromagnon's text parameter file, ``.chromagnon.csv``: seven numbers a channel.

Chromagnon shows what stands in a channel at q at the place p of the reference's image

    q = c + M⁻¹ R⁻¹ (p - c) - t

with pixels (z, y, x), the middle c = (n - 1) / 2 of the image, the shift t = (tz, ty, tx), the
magnification M = diag(mz, my, mx) and R, which turns (y, x) by rz degrees:
R⁻¹ (y, x) = (y cos rz - x sin rz, y sin rz + x cos rz). So the numbers move the channel's image
onto the reference, while `ChromaticModel` goes the way of q. TIFF and most other files are read
with their rows from the last to the first, which turns the signs of y; MRC and DeltaVision files
are not. (Chromagnon 0.95a: imgResample.trans3D_affine, chromformat, generalIO.flipY.)
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from math import cos, isfinite, radians, sin
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import least_squares

from livesr.calibration.warp import ChromaticModel
from livesr.errors import CalibrationError, StorageError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from livesr.types import Float64

Triple = tuple[float, float, float]
NAMES = ("tz", "ty", "tx", "rz", "mz", "my", "mx")
NOTHING = (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
MOST_BYTES = 2**18
MOST_CHANNELS = 64
MOST_PIXELS = 1e5
"""Larger shifts are no registration."""
MAGNIFICATION = (0.5, 2.0)
VOXEL_TOLERANCE = 0.01
"""Voxels may differ by this share."""
LATTICE = 21
"""Points along each side of the field on which a model is approximated."""
FIX = "calibrate again in Chromagnon, or take the file from a backup"


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far Chromagnon's seven numbers are from the model they stand for, nm over the field."""

    xy_rms_nm: float
    xy_max_nm: float
    z_rms_nm: float
    z_max_nm: float


@dataclass(frozen=True, slots=True)
class Table:
    """What the file says.

    Attributes
    ----------
    voxel_um : tuple of float
        (z, y, x) of the image it was made from.
    reference : int
        Row of the reference channel.
    wavelengths : tuple of float
        Of each channel, nm; running numbers where the image did not say.
    numbers : ndarray, (channels, 7), float64
        Columns as `NAMES`: pixels, degrees.
    """

    voxel_um: Triple
    reference: int
    wavelengths: tuple[float, ...]
    numbers: Float64


def read_chromagnon(
    path: Path,
    shape_zyx: tuple[int, int, int],
    *,
    channels: Sequence[str],
    reference: str = "",
    voxel_um: Triple | None = None,
    flipped: bool = True,
) -> dict[str, ChromaticModel]:
    """Return the chromatic model of each channel but the reference.

    Parameters
    ----------
    path : Path
        A ``.chromagnon.csv``.
    shape_zyx : tuple of int
        Of the images that the calibration is for; Chromagnon magnifies z about the middle plane.
    channels : sequence of str
        Names of the file's channels, in its order: that of the image it was made from.
    reference : str
        Channel that the others are registered to; default: the file's.
    voxel_um : tuple of float, optional
        (z, y, x) of the images that the calibration is for; default: what the file says.
    flipped : bool
        False if it was made from an MRC or DeltaVision file.

    Raises
    ------
    CalibrationError
        If the file is damaged, larger than any such file, of another count of channels, or of
        other voxels.
    """
    table = read_table(path)
    if len(channels) != len(table.numbers):
        waves = ", ".join(f"{wave:g}" for wave in table.wavelengths)
        raise CalibrationError(
            f"it has {len(table.numbers)} channels ({waves} nm), not {len(channels)} "
            f"({', '.join(channels)})",
            where=str(path),
            fix="use the file of an image with these channels, in this order",
        )
    _check_voxel(path, table.voxel_um, voxel_um)
    name = reference or channels[table.reference]
    if name not in channels:
        raise CalibrationError(
            f"there is no channel {name!r}", where=str(path), fix=nearest(name, channels)
        )
    matrices = {
        channel: _matrix(numbers, shape_zyx[0], table.voxel_um, flipped)
        for channel, numbers in zip(channels, table.numbers, strict=True)
    }
    back = np.linalg.inv(matrices[name])
    return {
        channel: ChromaticModel(_rows(matrix @ back))
        for channel, matrix in matrices.items()
        if channel != name
    }


def write_chromagnon(
    path: Path,
    models: Mapping[str, ChromaticModel],
    *,
    voxel_um: Triple,
    shape_zyx: tuple[int, int, int],
    channels: Sequence[str],
    wavelengths: Sequence[float] = (),
    flipped: bool = True,
) -> dict[str, Deviation]:
    """Write the seven numbers nearest to each model over the field: polynomials are lost.

    Parameters
    ----------
    path : Path
        Chromagnon knows it by the ending ``.chromagnon.csv``.
    models : mapping of str to ChromaticModel
        Of each channel but the reference.
    voxel_um, shape_zyx : tuple
        Of the images (z, y, x).
    channels : sequence of str
        Names of the image's channels, in its order.
    wavelengths : sequence of float
        Of the channels as the image says them, nm: Chromagnon matches channels by them. Default:
        0, 1, … as it gives to images that say none.
    flipped : bool
        False if the file is for MRC or DeltaVision images.

    Returns
    -------
    dict of str to Deviation
        How far the written numbers are from each model.

    Raises
    ------
    CalibrationError
        If the models do not fit the channels, or one is no shift, small turn and magnification.
    StorageError
        If the file cannot be written.
    """
    name = _reference(models, channels, path)
    waves = list(wavelengths) or list(range(len(channels)))
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(("nt", 1))
    rows.writerow(("nw", len(channels)))
    rows.writerow(("pxlsize_z_y_x", *voxel_um))
    rows.writerow(("refwave", channels.index(name)))
    rows.writerow(("t", "wavelength", *NAMES))
    found = {}
    for channel, wave in zip(channels, waves, strict=True):
        numbers = NOTHING
        if channel != name:
            numbers, found[channel] = nearest_numbers(
                models[channel], shape_zyx, voxel_um, flipped=flipped
            )
            _check_numbers(numbers, channel, path)
        rows.writerow((0, wave, *numbers))
    _save(path, text.getvalue())
    return found


def read_table(path: Path) -> Table:
    """Return what a ``.chromagnon.csv`` says, with every number checked.

    Raises
    ------
    CalibrationError
        If it cannot be read or is damaged.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        return _table(iter(lines))
    except OSError as problem:
        raise CalibrationError(f"cannot be read: {problem}", where=str(path), fix=FIX) from None
    except UnicodeDecodeError:
        raise CalibrationError(
            "it is not text: Chromagnon's local maps (.chromagnon.tif) are not read",
            where=str(path),
            fix="calibrate in Chromagnon with local alignment 'None', or calibrate with livesr",
        ) from None
    except (ValueError, csv.Error) as problem:
        raise CalibrationError(
            f"damaged, no .chromagnon.csv: {problem}", where=str(path), fix=FIX
        ) from None


def nearest_numbers(
    model: ChromaticModel,
    shape_zyx: tuple[int, int, int],
    voxel_um: Triple,
    *,
    flipped: bool = True,
) -> tuple[tuple[float, ...], Deviation]:
    """Return the seven numbers closest to a model over the field, and how far they are from it."""
    points = _lattice(shape_zyx, voxel_um)
    true = np.concatenate(
        [
            np.column_stack([part[:, 0], part[:, 1], part[:, 2]])
            + np.column_stack(model.displacement(part[:, 1], part[:, 2], float(part[0, 0])))
            for part in points
        ]
    )
    flat = points.reshape(-1, 3)

    def missed(numbers: Float64) -> Float64:
        matrix = _matrix(tuple(numbers), shape_zyx[0], voxel_um, flipped)
        miss: Float64 = flat @ matrix[:3, :3].T + matrix[:3, 3] - true
        return miss

    # one plane says nothing of the magnification along z
    free = np.array([True] * 4 + [shape_zyx[0] > 1] + [True] * 2)
    numbers = np.array(NOTHING)

    def residual(some: Float64) -> Float64:
        numbers[free] = some
        return missed(numbers).ravel()

    scale = np.array([1.0, 1.0, 1.0, 0.1, 1e-3, 1e-3, 1e-3])[free]
    best = least_squares(residual, numbers[free], x_scale=scale, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    numbers[free] = best.x
    miss = missed(numbers) * 1e3
    lateral, axial = np.hypot(miss[:, 1], miss[:, 2]), np.abs(miss[:, 0])
    deviation = Deviation(_rms(lateral), float(lateral.max()), _rms(axial), float(axial.max()))
    return tuple(float(value) for value in numbers), deviation


def _matrix(numbers: Sequence[float], planes: int, voxel_um: Triple, flipped: bool) -> Float64:
    """Return where a point of the reference appears, (4, 4), on µm as `ChromaticModel` has them."""
    tz, ty, tx, rz, mz, my, mx = numbers
    turn = radians(-rz if flipped else rz)
    middle = (planes - 1) / 2.0
    pixels = np.array(
        [
            [1.0 / mz, 0.0, 0.0, middle - middle / mz - tz],
            [0.0, cos(turn) / my, -sin(turn) / my, ty if flipped else -ty],
            [0.0, sin(turn) / mx, cos(turn) / mx, -tx],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
    size = np.array([*voxel_um, 1.0])
    matrix: Float64 = pixels * size[:, None] / size[None, :]
    return matrix


def _rows(matrix: Float64) -> tuple[tuple[float, float, float, float], ...]:
    z, y, x = (tuple(map(float, row)) for row in matrix[:3])
    return z, y, x


def _lattice(shape_zyx: tuple[int, int, int], voxel_um: Triple) -> Float64:
    """Return points of the first, middle and last plane, (planes, n, 3), µm."""
    (nz, ny, nx), (vz, vy, vx) = shape_zyx, voxel_um
    y = np.linspace(-0.5, 0.5, LATTICE) * (ny - 1) * vy
    x = np.linspace(-0.5, 0.5, LATTICE) * (nx - 1) * vx
    z = np.linspace(0.0, (nz - 1) * vz, 3 if nz > 1 else 1)
    return np.stack(np.meshgrid(z, y, x, indexing="ij"), axis=-1).reshape(len(z), -1, 3)


def _rms(values: Float64) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _table(rows: Iterator[list[str]]) -> Table:
    """Return the table of a file's rows; ValueError says what is wrong."""
    times = _count(_row(rows, "nt")[0], "nt", 10_000)
    if times != 1:
        raise ValueError(f"it holds {times} time points, a calibration has one")
    channels = _count(_row(rows, "nw")[0], "nw", MOST_CHANNELS)
    sizes = [_number(text, "pxlsize_z_y_x") for text in _row(rows, "pxlsize_z_y_x") if text]
    if len(sizes) != 3 or min(sizes) <= 0.0:
        raise ValueError(f"pxlsize_z_y_x is {sizes}, not three sizes in µm")
    reference = _count(_row(rows, "refwave")[0], "refwave", channels - 1, least=0)
    names = _row(rows, "t")
    if tuple(names) != ("wavelength", *NAMES):
        raise ValueError(f"its columns are {names}, not wavelength, {', '.join(NAMES)}")
    found = [_numbers(rows) for _ in range(channels)]
    return Table(
        (sizes[0], sizes[1], sizes[2]),
        reference,
        tuple(wave for wave, _ in found),
        np.array([numbers for _, numbers in found]),
    )


def _row(rows: Iterator[list[str]], name: str) -> list[str]:
    """Return what stands after a row's name."""
    row = next(rows, [])
    if len(row) < 2 or row[0] != name:
        said = ",".join(row)[:60]
        raise ValueError(f"a row {name!r} is missing, there stands {said!r}")
    return [text.strip() for text in row[1:]]


def _numbers(rows: Iterator[list[str]]) -> tuple[float, tuple[float, ...]]:
    """Return the wavelength and the seven numbers of a channel."""
    row = _row(rows, "0")
    if len(row) != 1 + len(NAMES):
        raise ValueError(f"a channel has {len(row) - 1} numbers, not {len(NAMES)}")
    numbers = tuple(_number(text, name) for text, name in zip(row[1:], NAMES, strict=True))
    if wrong := _wrong(numbers):
        raise ValueError(wrong)
    return _number(row[0], "wavelength"), numbers


def _wrong(numbers: Sequence[float]) -> str:
    """Return what of the seven numbers is no registration; empty if nothing."""
    for name, value in zip(NAMES, numbers, strict=True):
        low, high = {"t": (-MOST_PIXELS, MOST_PIXELS), "r": (-360.0, 360.0)}.get(
            name[0], MAGNIFICATION
        )
        if not low <= value <= high:
            return f"{name} is {value:g}, not {low:g} to {high:g}"
    return ""


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text[:60]!r}, not a number") from None
    if not isfinite(value):
        raise ValueError(f"{name} is {text!r}")
    return value


def _count(text: str, name: str, most: int, *, least: int = 1) -> int:
    value = _number(text, name)
    if value != int(value) or not least <= value <= most:
        raise ValueError(f"{name} is {text[:60]!r}, not a whole number from {least} to {most}")
    return int(value)


def _check_voxel(path: Path, found: Triple, wanted: Triple | None) -> None:
    if wanted is None:
        return
    if any(abs(a / b - 1.0) > VOXEL_TOLERANCE for a, b in zip(found, wanted, strict=True)):
        told = [" × ".join(f"{v:g}" for v in voxel) for voxel in (found, wanted)]
        raise CalibrationError(
            f"it was made from voxels of {told[0]} µm (z, y, x), the image's are {told[1]} µm",
            where=str(path),
            fix="use the file of this microscope and z step; if only the image's pixel size was "
            "wrong in Chromagnon, correct the row pxlsize_z_y_x of the file",
        )


def _reference(models: Mapping[str, ChromaticModel], channels: Sequence[str], path: Path) -> str:
    """Return the one channel that has no model."""
    left = [channel for channel in channels if channel not in models]
    if len(left) != 1 or len(models) != len(channels) - 1:
        raise CalibrationError(
            f"channels {', '.join(channels)} with models of {', '.join(models) or 'none'}: one "
            "channel, the reference, has no model, and each other one has",
            where=str(path),
            fix="name the image's channels, in its order",
        )
    return left[0]


def _check_numbers(numbers: Sequence[float], channel: str, path: Path) -> None:
    if wrong := _wrong(numbers):
        raise CalibrationError(
            f"the model of {channel} cannot be said in Chromagnon's seven numbers: {wrong}",
            where=str(path),
            fix="keep the livesr profile; a mirrored channel is flipped in the layout",
        )


def _save(path: Path, text: str) -> None:
    """Write the file whole or not at all."""
    draft = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        raise StorageError(
            f"the calibration cannot be written: {problem}",
            where=str(path),
            fix="choose a folder that you may write to",
        ) from None
