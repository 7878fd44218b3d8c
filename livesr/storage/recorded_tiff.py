"""Recorded TIFF: OME-TIFF, ImageJ, MetaMorph STK and plain files, read a plane at a time."""

from __future__ import annotations

import logging
import lzma
import re
import struct
import threading
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from livesr.errors import HardwareError
from livesr.storage.recorded_file import (
    MOST_PLANES,
    Description,
    check_dtype,
    check_size,
    to_seconds,
    to_um,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from livesr.storage.recorded_file import DtypeCheck

_log = logging.getLogger(__name__)

_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, RuntimeError, AttributeError, ArithmeticError,
    AssertionError, MemoryError, SyntaxError, struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What tifffile and its codecs raise for files that are damaged or cut short."""
_OME_SIZE = re.compile(r'Size[ZCT]="(\d+)"')
_IMAGEJ_SIZE = re.compile(r"(?:images|slices|frames|channels)=(\d+)")


class TiffRecording:
    """One TIFF file; thread-safe.

    Parameters
    ----------
    path : Path
    check : callable
        Refuses pixels of the wrong kind: by default what is no camera counts.

    Raises
    ------
    HardwareError
        If it is missing, damaged, cut short, or has pixels of the wrong kind.
    """

    def __init__(self, path: Path, check: DtypeCheck = check_dtype) -> None:
        self.path = path
        self._lock = threading.Lock()
        heard = _Errors()
        logger = logging.getLogger("tifffile")
        logger.addHandler(heard)
        try:
            self._file = tifffile.TiffFile(path)
            try:
                _check_declared(self._file, path)
                self._series = self._file.series[0]
                self.dtype = check(np.dtype(self._series.dtype), path)
                check_size(self._series.shape, self.dtype, path)
                _check_whole(self._file, path, heard.messages)
                self.description = _describe(self._file, self._series)
            except BaseException:
                self._file.close()
                raise
        except _DAMAGE as error:
            raise _damaged(path, str(error)) from error
        finally:
            logger.removeHandler(heard)
        if len(self._file.series) > 1:
            _log.warning("%s holds %d images; the first is played", path, len(self._file.series))

    def read(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Return the plane at an index of the axes before the last two."""
        series = self._series
        number = int(np.ravel_multi_index(index, series.shape[:-2])) if index else 0
        with self._lock:
            if series.dataoffset is not None:
                return self._read_contiguous(number)
            try:
                return np.asarray(series.pages[number].asarray())
            except _DAMAGE as error:
                raise _damaged(self.path, f"page {number}: {error}") from error

    def missing(self) -> list[tuple[int, ...]]:
        """Return the planes without a page, or whose pixels lie beyond the end of the file."""
        series = self._series
        outer = series.shape[:-2]
        count = int(np.prod(outer))
        if series.dataoffset is not None:
            plane = int(np.prod(series.shape[-2:])) * series.dtype.itemsize
            whole = (self._file.filehandle.size - series.dataoffset) // plane
            absent = list(range(min(whole, count), count))
        else:
            pages = series.pages
            absent = [k for k in range(count) if k >= len(pages) or not self._is_there(pages[k])]
        return [tuple(int(i) for i in np.unravel_index(k, outer)) if outer else () for k in absent]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_there(self, page: Any) -> bool:
        if page is None:
            return False
        parts = zip(page.dataoffsets, page.databytecounts, strict=True)
        return all(at > 0 and at + size <= self._file.filehandle.size for at, size in parts)

    def _read_contiguous(self, number: int) -> npt.NDArray[Any]:
        series = self._series
        shape = series.shape[-2:]
        dtype = np.dtype(series.dtype).newbyteorder(self._file.byteorder)
        size = int(np.prod(shape))
        self._file.filehandle.seek(series.dataoffset + number * size * dtype.itemsize)
        return np.asarray(self._file.filehandle.read_array(dtype, size)).reshape(shape)


class _Errors(logging.Handler):
    """Hear the errors that tifffile logs: of a file cut short it silently reads what is left."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _check_declared(file: tifffile.TiffFile, path: Path) -> None:
    """Refuse a description of more planes than any recording has: tifffile would list them all."""
    text = str(file.pages[0].description)
    for wanted in (_OME_SIZE, _IMAGEJ_SIZE):
        # of OME-XML with several images, each has its sizes
        declared = [float(number) for number in wanted.findall(text)]
        if max(declared, default=0) > MOST_PLANES:
            raise _damaged(path, f"it declares {max(declared):.3g} planes")


def _check_whole(file: tifffile.TiffFile, path: Path, heard: list[str]) -> None:
    pages = len(file.pages)
    if heard:
        raise _damaged(path, f"{pages} planes can be read; {heard[0]}")
    if path.name.lower().endswith((".ome.tif", ".ome.tiff")) and not file.is_ome:
        raise _damaged(path, f"it has no OME metadata; {pages} planes can be read")


def _damaged(path: Path, why: str) -> HardwareError:
    if "imagecodecs" in why:
        return HardwareError(
            f"the recording's compression needs one more package: {why}",
            where=str(path),
            fix="python -m pip install imagecodecs",
        )
    return HardwareError(
        f"the recording is damaged or cut short: {why}",
        where=str(path),
        fix="copy the file again from where it was recorded, or save it again from Fiji",
    )


def _describe(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Description:
    axes = series.axes
    declared = axes if not set(axes) & set("IQ") else None
    shape = tuple(int(size) for size in series.shape)
    if file.is_ome:
        return _describe_ome(file.ome_metadata, declared, shape)
    if file.is_imagej:
        return _describe_imagej(file, declared, shape)
    return Description(declared, shape)


def _describe_ome(xml: str, axes: str | None, shape: tuple[int, ...]) -> Description:
    image = tifffile.xml2dict(xml)["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
    sizes = [
        to_um(float(pixels.get(f"PhysicalSize{axis}", 0)), pixels.get(f"PhysicalSize{axis}Unit"))
        for axis in "YXZ"
    ]
    y, x, z = sizes
    increment = float(pixels.get("TimeIncrement", 0))
    channels = pixels.get("Channel", [])
    channels = channels if isinstance(channels, list) else [channels]
    names = tuple(str(channel["Name"]) for channel in channels if "Name" in channel)
    return Description(
        axes,
        shape,
        pixel_um=(y, x) if y and x else None,
        z_step_um=z,
        interval_s=to_seconds(increment, pixels.get("TimeIncrementUnit")),
        channels=names if len(names) == len(channels) else (),
    )


def _describe_imagej(
    file: tifffile.TiffFile, axes: str | None, shape: tuple[int, ...]
) -> Description:
    metadata = file.imagej_metadata or {}
    unit = metadata.get("unit")
    tags = file.pages[0].tags
    sizes = []
    for name in ("YResolution", "XResolution"):
        pixels, per = tags[name].value if name in tags else (0, 1)
        sizes.append(to_um(per / pixels, unit) if pixels and unit else None)
    y, x = sizes
    return Description(
        axes,
        shape,
        pixel_um=(y, x) if y and x else None,
        z_step_um=to_um(float(metadata.get("spacing", 0)), unit) if unit else None,
        interval_s=to_seconds(float(metadata.get("finterval", 0)), metadata.get("tunit")),
    )
