"""Write a time series as one OME-TIFF, a time point at a time, as `livesr run` and Fiji read it."""

from __future__ import annotations

import uuid
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from livesr.errors import StorageError
from livesr.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.types import Grid


class TiffSeries:
    """One OME-TIFF in the making.

    Camera counts are written at once, uncompressed, so that a reader finds each plane by its
    place. Label images compress to a hundredth and are kept, compressed, until `close`.

    Parameters
    ----------
    path : Path
        New file, ``….ome.tif``.
    shape : tuple of int
        (t, c, z, y, x), or (t, z, y, x) of a label image.
    dtype : dtype
    grid : Grid
        Of one stack.
    interval_s : float
        Time between stacks, s; 0 if none was planned.
    channels : sequence of str
        Names, with axis c.
    identity : str
        What the file holds, in words that no other file shares: equal recordings make equal files.
    compressed : bool
    exposure_ms : float, optional
        Of every plane.
    position_um : tuple of float, optional
        Stage (x, y, z) of every plane.

    Raises
    ------
    StorageError
        If the file exists, or the disk is full; also from `write` and `close`.
    """

    def __init__(
        self,
        path: Path,
        shape: Sequence[int],
        dtype: npt.DTypeLike,
        grid: Grid,
        *,
        interval_s: float = 0.0,
        channels: Sequence[str] = (),
        identity: str = "",
        compressed: bool = False,
        exposure_ms: float | None = None,
        position_um: tuple[float, float, float] | None = None,
    ) -> None:
        if path.exists():
            raise StorageError("there is a file already", where=str(path), fix="give a new folder")
        self.path = path
        self._shape = tuple(shape)
        self._dtype = np.dtype(dtype)
        self._metadata = _metadata(self._shape, grid, interval_s, channels, identity)
        planes = int(np.prod(self._shape[:-2]))
        self._metadata |= _per_plane(planes, exposure_ms, position_um)
        self._planes: list[bytes] = []
        self._pixels: np.memmap[Any, Any] | None = None
        if not compressed:
            with disk_errors("the image cannot be created", path):
                self._pixels = tifffile.memmap(
                    path, shape=self._shape, dtype=self._dtype, **self._options()
                )

    def write(self, t: int, data: npt.NDArray[Any]) -> None:
        """Write time point ``t``, one after the other, (c, z, y, x) or (z, y, x)."""
        if data.shape != self._shape[1:] or data.dtype != self._dtype:
            raise StorageError(
                f"t {t} is {data.dtype} {data.shape}, expected {self._dtype} {self._shape[1:]}",
                where=str(self.path),
                fix="write what the file was made for",
            )
        if self._pixels is None:
            planes = data.reshape(-1, *data.shape[-2:])
            self._planes += [zlib.compress(np.ascontiguousarray(p).tobytes(), 4) for p in planes]
            return
        with disk_errors(f"t {t} could not be stored", self.path):
            self._pixels[t] = data

    def close(self) -> None:
        """Write what was kept, and let go of the file."""
        with disk_errors("the image could not be written", self.path):
            if self._pixels is not None:
                self._pixels.flush()
                self._pixels = None
            else:
                self._write_kept()

    def _write_kept(self) -> None:
        encoded: Iterator[bytes] = iter(self._planes)
        with tifffile.TiffWriter(self.path, ome=True) as file:
            file.write(
                encoded,
                shape=self._shape,
                dtype=self._dtype,
                compression="zlib",
                rowsperstrip=self._shape[-2],
                **self._options(),
            )
        self._planes = []

    def _options(self) -> dict[str, Any]:
        return {"photometric": "minisblack", "metadata": self._metadata}


def _metadata(
    shape: tuple[int, ...], grid: Grid, interval_s: float, channels: Sequence[str], identity: str
) -> dict[str, Any]:
    """Return what tifffile turns into OME-XML; the default UUID would be another each time."""
    z, y, x = grid.voxel_um
    made: dict[str, Any] = {"axes": "TCZYX" if len(shape) == 5 else "TZYX"}
    for axis, size in (("X", x), ("Y", y), ("Z", z)):
        made |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    if interval_s:
        made |= {"TimeIncrement": interval_s, "TimeIncrementUnit": "s"}
    if channels:
        made["Channel"] = {"Name": list(channels)}
    made["UUID"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"livesr:{identity}"))
    return made


def _per_plane(
    planes: int, exposure_ms: float | None, position_um: tuple[float, float, float] | None
) -> dict[str, Any]:
    """Return exposure and stage position as OME's planes have them."""
    plane: dict[str, Any] = {}
    if exposure_ms is not None:
        plane |= {
            "ExposureTime": [exposure_ms / 1000.0] * planes,
            "ExposureTimeUnit": ["s"] * planes,
        }
    if position_um is not None:
        for axis, value in zip("XYZ", position_um, strict=True):
            plane |= {f"Position{axis}": [value] * planes, f"Position{axis}Unit": ["µm"] * planes}
    return {"Plane": plane} if plane else {}
