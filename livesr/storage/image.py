"""Write a session's raw images as OME-Zarr 0.5: (t, c, z, y, x), uint16.

A chunk is one plane, a shard one z-stack of a channel, written whole and not copied; blosc-lz4
with byte shuffle (on stacks of shot noise a third of zstd's processor time for four fifths of its
ratio). What was written is durable when the call returns.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from yaozarrs import DimSpec, v05
from yaozarrs.write.v05 import prepare_image

from livesr.errors import StorageError
from livesr.storage.disk import disk_errors, storage_error
from livesr.storage.journal import plain
from livesr.storage.ngff import (
    GROUP_FILE,
    NO_INTERVAL,
    open_array,
    read_attributes,
    resize,
    space_axes,
    sync_groups,
    time_axis,
    update_attributes,
    write_all,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import tensorstore as ts

    from livesr.types import RecordingInfo, UInt16

_log = logging.getLogger(__name__)

CHANNEL_COLORS: dict[str, str] = {"yellow": "FFD92F", "red": "E41A1C"}
"""Display colours of the channels, six hexadecimal digits."""

_OTHER_COLOR = "FFFFFF"
_FIRST_WINDOW = 1000.0
_WINDOW_PERCENTILES = (1.0, 99.9)


class ImageWriter:
    """One image of a session, open for writing by one thread.

    Attributes
    ----------
    path : Path
        ``image.ome.zarr``.
    """

    def __init__(self, path: Path, store: ts.TensorStore) -> None:
        self.path = path
        self._store = store
        self._written: list[int] = []
        self._windows: list[tuple[float, float]] | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        info: RecordingInfo,
        *,
        name: str,
        colors: Mapping[str, str] | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> ImageWriter:
        """Create the image with every planned time point declared.

        Parameters
        ----------
        path : Path
            New folder, named as `livesr.storage.folder.image_path` says. What a kill left of an
            earlier creation, without any data, is replaced.
        info : RecordingInfo
            Shape, channels, voxel, interval, camera offset.
        name : str
            The image's name, shown by viewers.
        colors : mapping, optional
            Channel name → six hexadecimal digits, beside `CHANNEL_COLORS`.
        attributes : mapping, optional
            What stands under ``livesr`` in the image's attributes: session, calibration used or
            "none", package, whether the microscope was simulated, flags.

        Raises
        ------
        StorageError
            If there is an image already, or the disk is full.
        """
        if path.exists():
            _clear_unfinished(path)
        shape = (max(info.timepoints, 1), *info.shape)
        chunk = (1, 1, 1, *info.shape[2:])
        extra = {"livesr": plain({**(attributes or {}), **_assumed(info)})}
        with disk_errors("the image cannot be created", path):
            _, arrays = prepare_image(
                path,
                _metadata(info, name, {**CHANNEL_COLORS, **(colors or {})}),
                (shape, "uint16"),
                extra_attributes=extra,
                chunks=chunk,
                shards=(1, 1, *info.shape[1:]),
                writer="tensorstore",
                compression="blosc-lz4",
            )
            sync_groups(path)
        return cls(path, arrays["0"])

    @classmethod
    def open(cls, path: Path, *, shared: bool = False) -> ImageWriter:
        """Open an image to go on with it; the journal says which of its stacks are there.

        Several processes may hold one that is ``shared``, each writing stacks of its own within
        the time points declared.

        Raises
        ------
        StorageError
            If there is none, or it is damaged.
        """
        read_attributes(path)
        return cls(path, open_array(path / "0", axes=5, shared=shared))

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(t, c, z, y, x) as declared."""
        t, c, z, y, x = self._store.shape
        return (t, c, z, y, x)

    def write_raw(self, t: int, data: UInt16) -> None:
        """Write the stack of time point ``t`` and wait until it is durable.

        A time point beyond those declared makes the image longer.

        Parameters
        ----------
        t : int
        data : ndarray, (c, z, y, x), uint16
            Not copied: must stay as it is until the call returns; a slot of the spool may be given.

        Raises
        ------
        StorageError
            If the stack does not fit the image, or the disk is full or fails; it says what is
            safe all the same. A later call may try the same stack again.
        """
        if data.shape != self.shape[1:] or data.dtype != np.uint16:
            raise StorageError(
                f"the stack of t {t} is {data.dtype} {data.shape}, the image takes uint16 "
                f"{self.shape[1:]}",
                where=str(self.path),
                fix="begin the session's next image: one array cannot hold two shapes",
            )
        try:
            if t >= self.shape[0]:
                self._store = resize(self._store, t + 1)
            write_all([(self._store[t, c], data[c]) for c in range(data.shape[0])])
        except (OSError, ValueError) as error:
            raise storage_error(self._not_stored(t), error, self.path) from error
        self._written.append(t)
        if self._windows is None:
            self._windows = display_windows(data)

    def stored_bytes(self, t: int) -> int:
        """Return the bytes that the stack of ``t`` takes on the disk; a dark shard has no file."""
        shards = [self.path / "0" / "c" / f"{t}/{c}/0/0/0" for c in range(self.shape[1])]
        return sum(shard.stat().st_size for shard in shards if shard.exists())

    def show(self, windows: list[tuple[float, float]]) -> None:
        """Let `close` set these display windows, of a stack that another process wrote."""
        self._windows = self._windows or windows

    def trim(self, timepoints: int) -> None:
        """Shorten the image to the time points that exist, when a session ended early.

        Raises
        ------
        StorageError
            If the disk fails; the stacks are safe.
        """
        with disk_errors("the image could not be shortened; its stacks are safe", self.path):
            self._store = resize(self._store, max(timepoints, 1))

    def close(self) -> None:
        """Set the display windows from the first stack written; every stack is durable already."""
        if self._windows is None:
            return
        omero = read_attributes(self.path)["ome"]["omero"]
        for channel, (start, end) in zip(omero["channels"], self._windows, strict=True):
            channel["window"] |= {"start": start, "end": end}
        try:
            update_attributes(self.path, {"ome": {"omero": omero}})
        except OSError as error:
            _log.warning("display windows of %s were left as they were: %s", self.path, error)
        self._windows = None

    def _not_stored(self, t: int) -> str:
        safe = "all that the journal lists is safe"
        if self._written:
            safe = f"{len(self._written)} stacks up to t {max(self._written)} are safe"
        return f"the stack of t {t} could not be stored ({safe})"


def _metadata(info: RecordingInfo, name: str, colors: Mapping[str, str]) -> v05.Image:
    axes = [
        time_axis(info.interval_s),
        DimSpec(name="c", type="channel"),
        *space_axes(info.grid),
    ]
    start = info.camera_offset
    channels = [
        {
            "label": channel,
            "color": colors.get(channel, _OTHER_COLOR),
            "active": True,
            "window": {"min": 0, "max": 65535, "start": start, "end": start + _FIRST_WINDOW},
        }
        for channel in info.channels
    ]
    omero = {"name": name, "channels": channels, "rdefs": {"model": "color"}}
    return v05.Image(
        multiscales=[v05.Multiscale.from_dims(axes, name=name)],
        omero=v05.Omero.model_validate(omero),
    )


def _assumed(info: RecordingInfo) -> dict[str, Any]:
    """Return what of the scales is not measured but stands in for nothing known."""
    assumed = {}
    if not info.interval_s:
        assumed["time_scale"] = (
            f"no interval was planned, {NO_INTERVAL} s stands for it: true times are in "
            "planes.parquet"
        )
    if not info.z_step_um:
        assumed["z_scale"] = "single plane: 1.0 µm stands for the z step"
    return assumed


def display_windows(data: UInt16) -> list[tuple[float, float]]:
    """Return a window to show each channel in, from a sample of its pixels (some ms)."""
    levels = [np.percentile(channel[::3, ::8, ::8], _WINDOW_PERCENTILES) for channel in data]
    return [(float(low), max(float(high), float(low) + 1)) for low, high in levels]


def _clear_unfinished(path: Path) -> None:
    """Remove an image whose creation was cut short; one that has data is never touched."""
    entries = {entry.name for entry in path.iterdir()} if path.is_dir() else {""}
    if not entries <= {GROUP_FILE, "0"} or (path / "0" / "c").exists():
        raise StorageError(
            "there is an image already",
            where=str(path),
            fix="give a new folder with --out",
        )
    shutil.rmtree(path)
