"""What a recorded file says of itself, alike for TIFF and OME-Zarr."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

from livesr.errors import ConfigError, HardwareError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    DtypeCheck = Callable[[np.dtype[Any], Path], np.dtype[Any]]

MOST_PLANES = 2**22
"""Of one file: a fortnight of a stack of two planes each second."""
MOST_PLANE_BYTES = 2**30
LARGEST = 1e7
"""Of a voxel (µm) or an interval (s); what is larger is not said at all."""
_MICROMETRES = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "\\u00b5m": 1.0, "nm": 1e-3, "nanometer": 1e-3, "Å": 1e-4, "angstrom": 1e-4, "pm": 1e-6,
    "picometer": 1e-6, "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "centimeter": 1e4,
    "m": 1e6, "meter": 1e6,
}  # fmt: skip
_SECONDS = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "ms": 1e-3, "millisecond": 1e-3, "µs": 1e-6, "μs": 1e-6,
    "us": 1e-6, "microsecond": 1e-6, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Description:
    """Axes and scales of a recorded file.

    Attributes
    ----------
    axes : str or None
        One letter of "TCZYX" an axis, in the file's order; None if the file does not say.
    shape : tuple of int
        Along those axes.
    pixel_um : tuple of float or None
        (y, x), µm; None where the file does not say, as in the next two.
    z_step_um, interval_s : float or None
    channels : tuple of str
        Names, empty if unknown.
    """

    axes: str | None
    shape: tuple[int, ...]
    pixel_um: tuple[float, float] | None = None
    z_step_um: float | None = None
    interval_s: float | None = None
    channels: tuple[str, ...] = ()


class RecordedFile(Protocol):
    """One file of recorded planes, read a plane at a time."""

    path: Path
    dtype: np.dtype[Any]
    description: Description

    def read(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return the plane at an index of the axes before the last two (all axes but y and x)."""

    def missing(self) -> list[tuple[int, ...]]:
        """Return the indices, as for `read`, of planes that the file ought to hold but does not."""

    def close(self) -> None:
        """Close the file."""


def to_um(value: float, unit: str | None) -> float | None:
    """Return a length in µm (the unit of a bare number); None for zero or an unknown unit."""
    factor = _MICROMETRES.get(unit or "µm")
    return value * factor if factor and 0 < value * factor < LARGEST else None


def to_seconds(value: float, unit: str | None) -> float | None:
    """Return a time in s (the unit of a bare number); None for zero or an unknown unit."""
    factor = _SECONDS.get(unit or "s")
    return value * factor if factor and 0 < value * factor < LARGEST else None


def check_size(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> None:
    """Refuse what a few bytes declare larger than any recording.

    Raises
    ------
    HardwareError
        If a plane has no pixel or more than memory holds, or there are planes without end.
    """
    planes, plane = prod(shape[:-2]), prod(shape[-2:]) * dtype.itemsize
    if len(shape) < 2 or not 1 <= planes <= MOST_PLANES or not 1 <= plane <= MOST_PLANE_BYTES:
        raise HardwareError(
            f"the recording declares the shape {shape}: no camera gives that",
            where=str(path),
            fix="the file is damaged: copy it again from where it was recorded",
        )


def check_dtype(dtype: np.dtype[Any], path: Path) -> np.dtype[Any]:
    """Return the dtype of a recording, refusing what no camera gives.

    Raises
    ------
    HardwareError
        If the pixels are neither uint8 nor uint16.
    """
    if dtype.name not in ("uint8", "uint16"):
        raise HardwareError(
            f"the recording's pixels are {dtype.name}, livesr plays camera counts: uint8 or uint16",
            where=str(path),
            fix="export the camera's own images: no background subtracted, nothing deconvolved "
            "or rescaled",
        )
    return dtype


def any_dtype(dtype: np.dtype[Any], path: Path) -> np.dtype[Any]:
    """Return the dtype of a label image, refusing what cannot be one.

    Raises
    ------
    HardwareError
        If the pixels are no real numbers.
    """
    if dtype.kind not in "buif":
        raise HardwareError(
            f"the pixels are {dtype.name}, label images hold numbers",
            where=str(path),
            fix="save the mask again as 8-bit",
        )
    return dtype


def choose_axes(description: Description, axes: str | None, path: Path) -> str:
    """Return the axes to read by: those of the session file, else those the file declares.

    Raises
    ------
    ConfigError
        If neither says, or they do not fit the shape, or are not of T, C, Z, Y, X.
    """
    chosen = (axes or description.axes or "").upper()
    shape = description.shape
    if not chosen:
        raise ConfigError(
            f"the recording does not say what its axes are; its shape is {shape}",
            where=str(path),
            fix=f"set `recording.axes` in the session to {len(shape)} letters of tczyx, such as "
            f"{'tzcyx'[-len(shape) :]!r}",
        )
    unfit = set(chosen) - set("TCZYX") or len(set(chosen)) != len(chosen)
    if unfit or len(chosen) != len(shape) or set(chosen[-2:]) != {"Y", "X"}:
        raise ConfigError(
            f"axes {chosen.lower()!r} do not describe a recording of shape {shape}: livesr reads "
            f"t, c and z in any order, once each, then y and x",
            where=str(path),
            fix="correct `recording.axes` in the session; colour (RGB) and further axes are not "
            "camera channels: save each channel as its own grey image",
        )
    return chosen


def by_axis(axes: str, sizes: tuple[int, ...]) -> Mapping[str, int]:
    """Return axis → size, 1 for the axes of "TCZYX" that are absent."""
    return dict.fromkeys("TCZYX", 1) | dict(zip(axes, sizes, strict=True))
