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
from livesr.plain import there
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
_IMAGE = re.compile(r"i([1-9]\d{0,5})")
_IMAGEJ_SIZE = re.compile(r"(?:images|slices|frames|channels)=(\d+)")


class TiffRecording:
    """One image of a TIFF file; thread-safe.

    Parameters
    ----------
    path : Path
        The file; of several images that it holds ``FILE/i2``.
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
            path, number = image_of(path)
            self._file = tifffile.TiffFile(path)
            try:
                _check_declared(self._file, path)
                own = _own_series(self._file)
                image, self._series = own[number - 1]
                self.dtype = check(np.dtype(self._series.dtype), path)
                check_size(self._series.shape, self.dtype, path)
                _check_whole(self._file, path, heard.messages)
                self.description = _describe(self._file, self._series, image)
            except BaseException:
                self._file.close()
                raise
        except _DAMAGE as error:
            raise _damaged(path, str(error)) from error
        finally:
            logger.removeHandler(heard)
        if len(own) > 1 and path == self.path:
            _log.warning("%s holds %d images; the first is played", path, len(own))

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


def image_of(path: Path) -> tuple[Path, int]:
    """Return the TIFF file and the number of its image, from 1, that a path names."""
    match = _IMAGE.fullmatch(path.name)
    if match and there(path.parent) == "file":
        return path.parent, int(match[1])
    return path, 1


def count_images(path: Path) -> int:
    """Return how many images a TIFF file holds by itself; 1 where that cannot be read."""
    try:
        with tifffile.TiffFile(path) as file:
            text = str(file.pages[0].description) if file.is_ome else ""
            _check_declared(file, path)
            return len(_own_series(file)) if text.count("<Image ") > 1 else 1
    except (*_DAMAGE, HardwareError):
        return 1


def _own_series(file: tifffile.TiffFile) -> list[tuple[int, tifffile.TiffPageSeries]]:
    """Return the series whose planes lie in a file, each with its number in the metadata.

    A file a position, as pymmcore-plus writes them, describes the other positions too.
    """
    numbered = list(enumerate(file.series))
    if len(numbered) == 1:
        return numbered
    own = [(k, s) for k, s in numbered if s.keyframe.parent.filename == file.filename]
    return own or numbered[:1]


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


def _describe(file: tifffile.TiffFile, series: tifffile.TiffPageSeries, image: int) -> Description:
    axes = series.axes
    declared = axes if not set(axes) & set("IQ") else None
    shape = tuple(int(size) for size in series.shape)
    if file.is_ome:
        return _describe_ome(file.ome_metadata, declared, shape, image)
    if file.is_imagej:
        return _describe_imagej(file, declared, shape)
    if file.is_stk:
        return _describe_stk(file, "TZYX"[-len(shape) :], shape)
    return Description(declared, shape)


def _describe_ome(xml: str, axes: str | None, shape: tuple[int, ...], number: int) -> Description:
    image = tifffile.xml2dict(xml)["OME"]["Image"]
    pixels = (image[number] if isinstance(image, list) else image)["Pixels"]
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


def _describe_stk(file: tifffile.TiffFile, axes: str, shape: tuple[int, ...]) -> Description:
    """Describe a MetaMorph stack: its sizes stand in tags of its own."""
    said = file.stk_metadata or {}
    unit = said.get("CalibrationUnits")
    unit = unit.strip() if isinstance(unit, str) else None
    y, x = (to_um(_number(said.get(f"{axis}Calibration")), unit) if unit else None for axis in "YX")
    steps = [abs(_number(step)) for step in np.ravel(said.get("ZDistance", 0.0))]
    return Description(
        axes,
        shape,
        pixel_um=(y, x) if y and x else None,
        z_step_um=to_um(float(np.median(steps)), None) if steps else None,
    )


def _number(value: Any) -> float:
    known = isinstance(value, int | float | np.floating) and np.isfinite(value)
    return float(value) if known else 0.0
