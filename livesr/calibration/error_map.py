"""The expected error of a calibration over the field: a small array beside its file."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.calibration.fitting.field import field_grid
from livesr.errors import CalibrationError, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from livesr.calibration.fitting.ladder import Fit
    from livesr.types import Bool, Float32

POINTS = 41
"""Along each side of the field."""
MOST_BYTES = 8 * 2**20
_DAMAGE = (
    OSError, ValueError, TypeError, KeyError, EOFError, RuntimeError, MemoryError, OverflowError,
    SyntaxError, TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and zipfile raise for archives that are damaged or made by others."""


@dataclass(frozen=True, slots=True)
class ErrorMap:
    """One channel's expected error.

    Attributes
    ----------
    xy_nm, z_nm : ndarray, (y, x), float32
        Root mean square at a grid over the field, outer points on its edge.
    inside : ndarray, (y, x), bool
        Whether the place is covered by the points of the calibration; beyond them the error is
        extrapolated as the model is.
    """

    xy_nm: Float32
    z_nm: Float32
    inside: Bool


def error_map(fit: Fit) -> ErrorMap:
    """Return the error map of a fit."""
    y, x = field_grid(fit.field_um, POINTS)
    xy, z = fit.error_nm(y, x)
    return ErrorMap(xy.astype(np.float32), z.astype(np.float32), fit.inside(y, x))


def save_error_maps(maps: Mapping[str, ErrorMap], path: Path) -> None:
    """Write the maps of all channels into one ``.npz``.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    arrays = {
        f"{name}_{what}": getattr(one, what)
        for name, one in maps.items()
        for what in ("xy_nm", "z_nm", "inside")
    }
    try:
        np.savez_compressed(path, allow_pickle=False, **arrays)
    except OSError as problem:
        raise StorageError(
            f"the error map cannot be written: {problem}",
            where=str(path),
            fix="choose a folder that you may write to",
        ) from None


def load_error_maps(path: Path) -> dict[str, ErrorMap]:
    """Return the maps by channel.

    Raises
    ------
    CalibrationError
        If the file is missing or damaged.
    """
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as file:
            names = [key.removesuffix("_xy_nm") for key in file.files if key.endswith("_xy_nm")]
            return {name: _one(file, name) for name in names}
    except _DAMAGE as problem:
        raise CalibrationError(
            f"the error map cannot be read: {problem}",
            where=str(path),
            fix="calibrate again, or take the file from a backup",
        ) from None


def _one(file: Mapping[str, Any], name: str) -> ErrorMap:
    """Return one channel's map; ValueError if its parts are none."""
    xy, z, inside = (file[f"{name}_{what}"] for what in ("xy_nm", "z_nm", "inside"))
    kinds = (xy.dtype.kind, z.dtype.kind, inside.dtype.kind)
    if kinds != ("f", "f", "b") or xy.ndim != 2 or not xy.shape == z.shape == inside.shape:
        raise ValueError(f"the maps of {name} are {xy.dtype} {xy.shape}, {z.shape}, {inside.shape}")
    if not (np.isfinite(xy).all() and np.isfinite(z).all()):
        raise ValueError(f"the maps of {name} are not finite")
    return ErrorMap(xy, z, inside)


def _check_size(path: Path) -> None:
    """Refuse what could fill the memory."""
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"it holds more than {MOST_BYTES:,} bytes")
