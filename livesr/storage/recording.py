"""Recorded images, to be played as a camera would give them: TIFF or OME-Zarr, plane by plane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import ConfigError, HardwareError
from livesr.plain import there
from livesr.storage.recorded_file import by_axis, choose_axes
from livesr.storage.recorded_nd import NdRecording, stage_of
from livesr.storage.recorded_tiff import TiffRecording, image_of
from livesr.storage.recorded_zarr import ZarrRecording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from livesr.storage.recorded_file import RecordedFile
    from livesr.types import UInt16

_NAMED_AT_MOST = 6
_UNEVEN = 0.01  # pixels whose sides differ by more than this share are not square


@dataclass(frozen=True, slots=True)
class _Scales:
    pixel_um: float
    z_step_um: float
    interval_s: float


class Recording:
    """One recording of one field; made by `open_recording`.

    Attributes
    ----------
    shape : tuple of int
        (t, c, z, y, x).
    dtype : dtype
        As in the file, uint8 or uint16; `plane` gives uint16 always.
    pixel_um : float
        Size of a pixel, µm.
    z_step_um : float
        Distance of the planes, µm; 0 for a single plane.
    interval_s : float
        Time between stacks, s; 0 for a single one, or where nobody knows.
    channels : tuple of str
        Names from the file; empty if it has none.
    """

    def __init__(self, files: Sequence[RecordedFile], axes: Sequence[str], scales: _Scales) -> None:
        self._files = tuple(files)
        self._axes = tuple(axes)
        size = by_axis(axes[0], files[0].description.shape)
        channels = len(files) if len(files) > 1 else size["C"]
        self.shape = (size["T"], channels, size["Z"], size["Y"], size["X"])
        self.dtype = files[0].dtype
        self.pixel_um = scales.pixel_um
        self.z_step_um = scales.z_step_um
        self.interval_s = scales.interval_s
        self.channels = files[0].description.channels if len(files) == 1 else ()

    def plane(self, t: int, c: int, z: int) -> UInt16:
        """Return one plane, (y, x), uint16, an array of its own.

        Raises
        ------
        IndexError
            If there is no such plane in `shape`.
        HardwareError
            If the file is damaged there.
        """
        if not all(0 <= k < size for k, size in zip((t, c, z), self.shape, strict=False)):
            raise IndexError(f"no plane t {t}, c {c}, z {z} in a recording of {self.shape}")
        number, channel = (c, 0) if len(self._files) > 1 else (0, c)
        at = {"T": t, "C": channel, "Z": z}
        axes = self._axes[number]
        image = self._files[number].read(tuple(at[axis] for axis in axes[:-2]))
        return np.array(image.T if axes.endswith("XY") else image, dtype=np.uint16, order="C")

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_recording(
    paths: str | Path | Sequence[str | Path],
    *,
    axes: str | None = None,
    pixel_um: float | None = None,
    z_step_um: float | None = None,
    interval_s: float | None = None,
) -> Recording:
    """Open recorded images; what is given here wins over what the file says.

    Parameters
    ----------
    paths : path or sequence of paths
        One OME-TIFF, ImageJ, STK or plain TIFF (of several images in it ``FILE/i2``), one OME-Zarr
        image, one MetaMorph ``.nd`` (of several stage positions ``FILE.nd/s2``), or a livesr
        session; or several files of one shape, one a channel, in the order of the channels.
    axes : str, optional
        Letters of "tczyx" in the files' order; needed where a file does not declare them.
    pixel_um, z_step_um, interval_s : float, optional
        Scales, µm and s; needed where a file does not say (the interval never is).

    Raises
    ------
    ConfigError
        If a file does not exist, axes or scales are not known, or channels have unlike shapes.
    HardwareError
        If a file is damaged, cut short, misses planes, or has pixels that are no camera counts.
    """
    listed = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    files: list[RecordedFile] = []
    try:
        for path in listed:
            files.append(_open_file(path))  # noqa: PERF401, those already open are closed on error
        chosen = [choose_axes(file.description, axes, file.path) for file in files]
        _check_channels(files, chosen)
        for file, order in zip(files, chosen, strict=True):
            _check_planes(file, order)
            file.read((0,) * (len(order) - 2))  # a codec that is missing is met now
        given = _Scales(pixel_um or 0.0, z_step_um or 0.0, interval_s or 0.0)
        return Recording(files, chosen, _scales(files[0], chosen[0], given))
    except BaseException:
        for file in files:
            file.close()
        raise


def frame_axes(path: Path) -> str | None:
    """Return the axes to read a plain series of frames by; None where a file declares its own.

    Raises
    ------
    ConfigError, HardwareError
        As `open_recording` does.
    """
    file = _open_file(path)
    try:
        said = file.description
        return None if said.axes else "tyx"[-len(said.shape) :]
    finally:
        file.close()


def _open_file(path: Path) -> RecordedFile:
    if there(path) == "folder":
        return ZarrRecording(path)
    if stage_of(path) is not None:
        return NdRecording(path)
    if there(image_of(path)[0]) == "file":
        return TiffRecording(path)
    raise ConfigError(
        "there is no such recording", where=str(path), fix="correct `recording.paths`"
    )


def _check_channels(files: Sequence[RecordedFile], axes: Sequence[str]) -> None:
    """Refuse files that are not one channel each of one recording."""
    if not files:
        raise ConfigError("no recording is named", fix="set `recording.paths` in the session")
    if len(files) == 1:
        return
    sizes = [by_axis(a, f.description.shape) for a, f in zip(axes, files, strict=True)]
    found = "; ".join(f"{f.path.name} {f.description.shape}" for f in files)
    if any(size != sizes[0] or size["C"] != 1 for size in sizes):
        raise ConfigError(
            f"several files are one channel each, of one shape; these are {found}",
            where=str(files[0].path.parent),
            fix="name the two channels of one recording, or one file that holds both",
        )


def _check_planes(file: RecordedFile, axes: str) -> None:
    missing = file.missing()
    if not missing:
        return
    named = [
        " ".join(f"{axis.lower()} {k}" for axis, k in zip(axes, index, strict=False))
        for index in missing[:_NAMED_AT_MOST]
    ]
    more = ", …" if len(missing) > len(named) else ""
    raise HardwareError(
        f"the recording misses {len(missing)} of its planes: {', '.join(named)}{more}",
        where=str(file.path),
        fix="copy the file again from where it was recorded, or save the complete part of it "
        "from Fiji",
    )


def _scales(file: RecordedFile, axes: str, given: _Scales) -> _Scales:
    """Return the scales: given, else of the file."""
    said = file.description
    size = by_axis(axes, said.shape)
    y, x = said.pixel_um or (0.0, 0.0)
    if not given.pixel_um and abs(y - x) > _UNEVEN * x:
        raise ConfigError(
            f"the recording's pixels are {y:g} × {x:g} µm, not square",
            where=str(file.path),
            fix="set `recording.pixel_um` if the file is wrong, or resample the recording",
        )
    scales = _Scales(
        given.pixel_um or x,
        (given.z_step_um or said.z_step_um or 0.0) if size["Z"] > 1 else 0.0,
        (given.interval_s or said.interval_s or 0.0) if size["T"] > 1 else 0.0,
    )
    for key, value, needed in (
        ("pixel_um", scales.pixel_um, True),
        ("z_step_um", scales.z_step_um, size["Z"] > 1),
    ):
        if needed and not value:
            raise ConfigError(
                f"the recording does not say its {key}",
                where=str(file.path),
                fix=f"set `recording.{key}` in the session, in µm",
            )
    return scales
