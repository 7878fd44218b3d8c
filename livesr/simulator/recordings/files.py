"""The images of a simulated recording on disk: raw, truth as labels, photons without noise.

OME-Zarr 0.5 as sessions write it, or OME-TIFF; both take a time point at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from livesr.catalog import STRUCTURES
from livesr.errors import StorageError
from livesr.storage.disk import disk_errors
from livesr.storage.image import ImageWriter
from livesr.storage.labels import LabelWriter
from livesr.storage.ome_tiff import TiffSeries
from livesr.storage.space import check_space, space_needed
from livesr.storage.truth import SeriesWriter, create_clean_image, create_label_image
from livesr.types import Masks, StackIndex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.types import Bool, Float32, RecordingInfo, UInt16

Format = Literal["zarr", "tiff"]
EXCLUSIVE = "exclusive"
"""Label image with one structure a voxel: its place in the catalogue, from 1."""
COLORS = {"green": "4DAF4A"}
"""Display colours of channels that sessions do not have."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a recording holds.

    Attributes
    ----------
    info : RecordingInfo
    structures : tuple of str
        Binary masks.
    numbers : mapping of str to str
        Further label images and their dtype, such as ``{"exclusive": "uint8"}``.
    clean : bool
        Also the expected photons, float32.
    """

    info: RecordingInfo
    structures: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()
    clean: bool = False


class RecordingFiles(Protocol):
    """A recording in the making, written a time point at a time."""

    image: Path

    def raw(self, t: int, counts: UInt16) -> None:
        """Write camera counts (c, z, y, x)."""

    def masks(self, t: int, masks: Mapping[str, Bool]) -> None:
        """Write the binary masks, each (z, y, x)."""

    def numbers(self, t: int, name: str, labels: npt.NDArray[Any]) -> None:
        """Write one of the further label images (z, y, x)."""

    def clean(self, t: int, photons: Float32) -> None:
        """Write expected photons (c, z, y, x)."""

    def close(self) -> None:
        """Finish the files."""


class ZarrFiles:
    """The recording as OME-Zarr 0.5: ``image.ome.zarr`` with labels, ``clean.ome.zarr``."""

    def __init__(self, folder: Path, contents: Contents, name: str) -> None:
        info = contents.info
        self.image = folder / "image.ome.zarr"
        self._grid = info.grid
        self._raw = ImageWriter.create(self.image, info, name=name, colors=COLORS)
        self._masks: LabelWriter | None = None
        if contents.structures:
            self._masks = LabelWriter.create(
                self.image,
                contents.structures,
                info.grid,
                info.timepoints,
                interval_s=info.interval_s,
                attributes={"truth": "simulated"},
            )
        self._numbers = {
            label: create_label_image(
                self.image,
                label,
                dtype,
                info.grid,
                info.timepoints,
                interval_s=info.interval_s,
                **(_catalog_look() if label == EXCLUSIVE else {}),
            )
            for label, dtype in contents.numbers
        }
        self._clean: SeriesWriter | None = None
        if contents.clean:
            self._clean = create_clean_image(folder / "clean.ome.zarr", info, name=name)

    def raw(self, t: int, counts: UInt16) -> None:
        """Write camera counts (c, z, y, x)."""
        self._raw.write_raw(t, counts)

    def masks(self, t: int, masks: Mapping[str, Bool]) -> None:
        """Write the binary masks, each (z, y, x)."""
        if self._masks is not None:
            volumes = {name: mask.view(np.uint8) for name, mask in masks.items()}
            self._masks.write(t, Masks(volumes, self._grid, StackIndex(0, t)))

    def numbers(self, t: int, name: str, labels: npt.NDArray[Any]) -> None:
        """Write one of the further label images (z, y, x)."""
        self._numbers[name].write(t, labels)

    def clean(self, t: int, photons: Float32) -> None:
        """Write expected photons (c, z, y, x)."""
        if self._clean is not None:
            self._clean.write(t, photons)

    def close(self) -> None:
        """Finish the files."""
        self._raw.close()


class TiffFiles:
    """The recording as OME-TIFF: ``image.ome.tif``, ``labels/NAME.ome.tif``, ``clean.ome.tif``."""

    def __init__(self, folder: Path, contents: Contents, name: str) -> None:
        self._folder, self._info, self._name = folder, contents.info, name
        self.image = folder / "image.ome.tif"
        self._raw = self._series("image", "uint16", contents.info.channels)
        self._labels: dict[str, TiffSeries] = {}
        names = [*((s, "uint8") for s in contents.structures), *contents.numbers]
        if names:
            (folder / "labels").mkdir()
        for label, dtype in names:
            self._labels[label] = self._series(f"labels/{label}", dtype)
        self._clean: TiffSeries | None = None
        if contents.clean:
            self._clean = self._series("clean", "float32", contents.info.channels)

    def raw(self, t: int, counts: UInt16) -> None:
        """Write camera counts (c, z, y, x)."""
        self._raw.write(t, counts)

    def masks(self, t: int, masks: Mapping[str, Bool]) -> None:
        """Write the binary masks, each (z, y, x)."""
        for name, mask in masks.items():
            self._labels[name].write(t, mask.view(np.uint8))

    def numbers(self, t: int, name: str, labels: npt.NDArray[Any]) -> None:
        """Write one of the further label images (z, y, x)."""
        self._labels[name].write(t, labels)

    def clean(self, t: int, photons: Float32) -> None:
        """Write expected photons (c, z, y, x)."""
        if self._clean is not None:
            self._clean.write(t, photons)

    def close(self) -> None:
        """Finish the files."""
        for series in (self._raw, *self._labels.values(), self._clean):
            if series is not None:
                series.close()

    def _series(self, what: str, dtype: str, channels: Sequence[str] = ()) -> TiffSeries:
        info = self._info
        shape = info.shape if channels else info.shape[1:]
        return TiffSeries(
            self._folder / f"{what}.ome.tif",
            (max(info.timepoints, 1), *shape),
            dtype,
            info.grid,
            interval_s=info.interval_s,
            channels=channels,
            identity=f"{self._name}/{what}",
            compressed=not channels,
        )


def begin_recording(folder: Path, contents: Contents, form: Format, name: str) -> RecordingFiles:
    """Make a new folder and begin a recording in it.

    Parameters
    ----------
    folder : Path
        Does not exist yet.
    contents : Contents
    form : str
        ``zarr`` or ``tiff``.
    name : str
        Of the image; with the same name and data, files are the same.

    Raises
    ------
    StorageError
        If there is something of this name, or the disk has no room for all of it.
    """
    if folder.exists():
        raise StorageError(
            "there is something of this name already; nothing was written",
            where=str(folder),
            fix="give a new folder with --out",
        )
    check_space(folder, _bytes(contents))
    with disk_errors("the folder cannot be made", folder):
        folder.mkdir(parents=True)
    kind = ZarrFiles if form == "zarr" else TiffFiles
    return kind(folder, contents, name)


def _bytes(contents: Contents) -> int:
    """Return the room that a recording takes at most; labels are packed, noise is not."""
    info = contents.info
    voxels = info.timepoints * int(np.prod(info.shape))
    packed = len(contents.structures) + 4 * len(contents.numbers)
    return space_needed(info, packed) + (4 * voxels if contents.clean else 0)


def _catalog_look() -> dict[str, dict[int, str]]:
    """Return colours and names of the label values of an exclusive label image."""
    numbered = list(enumerate(STRUCTURES, start=1))
    return {
        "colors": {number: structure.color for number, structure in numbered},
        "names": {number: structure.name for number, structure in numbered},
    }
