"""Write an image with a channel a structure as OME-Zarr 0.5: (t, c, z, y, x), uint8 or uint16.

For what a session keeps beside the masks if asked to: probabilities, and masks × intensity. One
volume is written at a time, so that fifteen of them need not stand in memory together. A chunk is
one plane, a shard one volume.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

import numpy as np
from yaozarrs import DimSpec, v05
from yaozarrs.write.v05 import prepare_image

from livesr import catalog
from livesr.errors import StorageError
from livesr.storage.disk import disk_errors, storage_error
from livesr.storage.journal import plain
from livesr.storage.ngff import (
    GROUP_FILE,
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
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import tensorstore as ts

    from livesr.types import Grid, UInt8, UInt16


class StructureImageWriter:
    """An image of structures, open for writing by one thread.

    Attributes
    ----------
    path : Path
        Folder of the image.
    """

    def __init__(self, path: Path, store: ts.TensorStore) -> None:
        self.path = path
        self._store = store

    @classmethod
    def create(
        cls,
        path: Path,
        structures: Sequence[str],
        grid: Grid,
        timepoints: int,
        dtype: Literal["uint8", "uint16"],
        *,
        name: str,
        interval_s: float,
        brightest: float,
        attributes: Mapping[str, object] | None = None,
    ) -> StructureImageWriter:
        """Create the image with every planned time point declared.

        Parameters
        ----------
        path : Path
            New folder. What a kill left of an earlier creation is replaced.
        structures : sequence of str
            Names from `livesr.catalog`: the channels.
        grid : Grid
            Of one volume.
        timepoints : int
            As planned; more can be written.
        dtype : {"uint8", "uint16"}
        name : str
            The image's name, shown by viewers.
        interval_s : float
            Planned time between stacks, s; 0 if they follow at once.
        brightest : float
            Value that viewers show fully bright at first.
        attributes : mapping, optional
            What stands under ``livesr`` in the image's attributes.

        Raises
        ------
        StorageError
            If there is an image already, or the disk is full.
        """
        if (path / GROUP_FILE).exists():
            raise StorageError(
                "there is an image already", where=str(path), fix="give a new folder with --out"
            )
        shape = (max(timepoints, 1), len(structures), *grid.shape)
        # The group's file is written last: an image is there once it is whole.
        part = path.with_name(f".{path.name}.part")
        with disk_errors("the image cannot be created", path):
            shutil.rmtree(part, ignore_errors=True)
            prepare_image(
                part,
                _metadata(structures, grid, name, interval_s, np.iinfo(dtype).max, brightest),
                (shape, dtype),
                extra_attributes={"livesr": plain(dict(attributes or {}))},
                chunks=(1, 1, 1, *grid.shape[1:]),
                shards=(1, 1, *grid.shape),
                writer="tensorstore",
                compression="blosc-lz4",
            )
            sync_groups(part)
            part.replace(path)
        return cls(path, open_array(path / "0", axes=5))

    @classmethod
    def open(cls, path: Path, *, shared: bool = False) -> StructureImageWriter:
        """Open an image to go on with it; `ImageWriter.open` says what ``shared`` is.

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

    def write(self, t: int, volumes: Iterable[UInt8 | UInt16]) -> None:
        """Write time point ``t``, one structure after the other, and wait until it is durable.

        Writing a time point again replaces it.

        Parameters
        ----------
        t : int
        volumes : iterable of ndarray, (z, y, x)
            One for each structure, in their order; taken one at a time.

        Raises
        ------
        StorageError
            If a volume does not fit the image, or the disk is full or fails.
        """
        try:
            if t >= self.shape[0]:
                self._store = resize(self._store, t + 1)
            for c, volume in enumerate(volumes):
                self._check(t, volume)
                write_all([(self._store[t, c], volume)])
        except (OSError, ValueError) as error:
            what = f"{self.path.name} could not take t {t} (raw is safe)"
            raise storage_error(what, error, self.path) from error

    def trim(self, timepoints: int) -> None:
        """Shorten the image to the time points that exist, when a session ended early.

        Raises
        ------
        StorageError
            If the disk fails; what was written is safe.
        """
        with disk_errors(f"{self.path.name} could not be shortened; it is safe", self.path):
            self._store = resize(self._store, max(timepoints, 1))

    def show_up_to(self, brightest: float) -> None:
        """Set the value that viewers show fully bright.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        omero = read_attributes(self.path)["ome"]["omero"]
        for channel in omero["channels"]:
            channel["window"] |= {"end": brightest}
        with disk_errors("the display windows could not be set", self.path):
            update_attributes(self.path, {"ome": {"omero": omero}})

    def _check(self, t: int, volume: UInt8 | UInt16) -> None:
        dtype = self._store.dtype.numpy_dtype
        if volume.shape != self.shape[2:] or volume.dtype != dtype:
            raise StorageError(
                f"a volume of t {t} is {volume.dtype} {volume.shape}, the image takes {dtype} "
                f"{self.shape[2:]}",
                where=str(self.path),
                fix="use the model package and the grid that the session began with",
            )


def _metadata(
    structures: Sequence[str],
    grid: Grid,
    name: str,
    interval_s: float,
    highest: int,
    brightest: float,
) -> v05.Image:
    axes = [time_axis(interval_s), DimSpec(name="c", type="channel"), *space_axes(grid)]
    window = {"min": 0, "max": highest, "start": 0, "end": brightest}
    channels = [
        {
            "label": structure.name,
            "color": structure.color,
            "active": True,
            "window": window,
        }
        for structure in (catalog.structure(name) for name in structures)
    ]
    omero = {"name": name, "channels": channels, "rdefs": {"model": "color"}}
    return v05.Image(
        multiscales=[v05.Multiscale.from_dims(axes, name=name)],
        omero=v05.Omero.model_validate(omero),
    )
