"""A data set: recordings of your microscope with masks of some structures, in one folder.

``dataset.yaml`` says what each sample has and how each label was made. A sample is a folder::

    cell-1/image.ome.tif                  channels yellow, red and, if there was one, green
    cell-1/labels/mitochondria.ome.tif    0 or 1, on the image's voxels

A sample is written beside its place and moved there when it is whole, and counts from when
``dataset.yaml`` lists it. A structure without a label is not known, which is not empty.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from livesr import __version__, catalog
from livesr.calibration.datafile import read_record
from livesr.calibration.profile import ChannelTransform
from livesr.calibration.warp import ChromaticModel
from livesr.errors import LivesrError, StorageError
from livesr.storage.disk import disk_errors, free_bytes, replace_text
from livesr.storage.ome_tiff import TiffSeries
from livesr.training.labelled import LabelledStack
from livesr.training.labels.images import read_counts, read_mask
from livesr.training.labels.records import CELL_CHANNELS, Contents, Label, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from livesr.types import Bool, UInt16

FILE = "dataset.yaml"
IMAGE = "image.ome.tif"
LABELS = "labels"
HEADER = "# livesr data set: what each sample has, and how each label was made (docs/labels.md)\n"
MEND = "make the data set again (livesr label), or restore the file from a copy"
MOST_FOLDER_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set on disk.

    Attributes
    ----------
    folder : Path
    samples : tuple of Sample
    """

    folder: Path
    samples: tuple[Sample, ...]

    @property
    def structures(self) -> tuple[str, ...]:
        """Structures that some sample has a label for, in the catalogue's order."""
        known = {name for sample in self.samples for name in sample.labels}
        return tuple(name for name in catalog.NAMES if name in known)

    def image(self, sample: Sample) -> UInt16:
        """Return a sample's channels, (c, z, y, x).

        Raises
        ------
        StorageError
            If the file is missing, damaged, or not what ``dataset.yaml`` says.
        """
        path = self.folder / sample.name / IMAGE
        # A single plane's height stands in no file.
        found = read_counts(path, sample.voxel_um if sample.shape[0] == 1 else None)
        expected = (len(sample.channels), *sample.shape)
        _expect(path, found.data.shape, expected, found.voxel_um, sample)
        return found.data

    def mask(self, sample: Sample, structure: str) -> Bool:
        """Return a label, (z, y, x); raises as `image` does."""
        path = self.folder / sample.name / LABELS / f"{structure}.ome.tif"
        found = read_mask(path, shape=sample.shape)
        _expect(path, found.data.shape, sample.shape, found.voxel_um or sample.voxel_um, sample)
        mask: Bool = found.data != 0
        voxels = int(np.count_nonzero(mask))
        if voxels != sample.labels[structure].voxels:
            raise StorageError(
                f"the mask has {voxels} voxels, {FILE} says {sample.labels[structure].voxels}",
                where=str(path),
                fix=MEND,
            )
        return mask

    def labelled(self, sample: Sample) -> LabelledStack:
        """Return a sample with its masks; raises as `image` does."""
        seen = [k for k, name in enumerate(sample.channels) if name in CELL_CHANNELS]
        return LabelledStack(
            self.image(sample)[seen],
            sample.grid,
            sample.offset,
            sample.model("red"),
            {name: self.mask(sample, name) for name in sample.labels},
            sample.name,
        )

    def summary(self) -> dict[str, Any]:
        """Return what ``livesr label --json`` prints."""
        return {
            "dataset": str(self.folder),
            "structures": list(self.structures),
            "samples": [
                {
                    "name": sample.name,
                    "shape": list(sample.shape),
                    "voxel_um": list(sample.voxel_um),
                    "channels": list(sample.channels),
                    "labels": {
                        name: label.model_dump(mode="json", exclude_none=True)
                        for name, label in sample.labels.items()
                    },
                }
                for sample in self.samples
            ],
        }


def open_dataset(folder: Path) -> DataSet:
    """Open a data set and check every file of it.

    Raises
    ------
    StorageError
        If this is no data set; or with everything that is damaged in it, at once.
    """
    dataset = listed(folder)
    wrong: list[str] = []
    for sample in dataset.samples:
        try:
            dataset.image(sample)
        except LivesrError as error:
            wrong.append(f"{sample.name}, image: {error.what}")
        for name in sample.labels:
            try:
                dataset.mask(sample, name)
            except LivesrError as error:
                wrong.append(f"{sample.name}, {name}: {error.what}")
    if wrong:
        raise StorageError("; ".join(wrong), where=str(folder), fix=MEND)
    return dataset


def read_dataset(folder: Path) -> Iterator[LabelledStack]:
    """Yield every sample with its masks, one after the other.

    Raises
    ------
    StorageError
        If this is no data set, or a file in it is damaged.
    """
    dataset = listed(folder)
    for sample in dataset.samples:
        yield dataset.labelled(sample)


def listed(folder: Path) -> DataSet:
    """Return what ``dataset.yaml`` says, without a look at the files.

    Raises
    ------
    StorageError
        If there is none, or it is damaged.
    """
    if not (folder / FILE).is_file():
        raise StorageError(
            f"this is no data set: it has no {FILE}",
            where=str(folder),
            fix="give the folder that `livesr label` wrote",
        )
    return DataSet(folder, read_record(folder / FILE, Contents, StorageError, MEND).samples)


def write_sample(
    folder: Path,
    stack: LabelledStack,
    labels: Mapping[str, Label] | None = None,
    *,
    green: UInt16 | None = None,
    chromatic_green: ChromaticModel | None = None,
    sources: Sequence[str] = (),
) -> Sample:
    """Add a sample to a data set, which is begun if there is none; return what is listed of it.

    Parameters
    ----------
    folder : Path
        Of the data set.
    stack : LabelledStack
        Its name is the sample's; each of its masks becomes a label.
    labels : mapping of str to Label, optional
        How they were made; manual where nothing is said.
    green : ndarray, (z, y, x), uint16, optional
        Kept too.
    chromatic_green : ChromaticModel, optional
        Green against yellow.
    sources : sequence of str
        Files that the image is from.

    Raises
    ------
    StorageError
        If there is a sample of this name, or the disk has no room or fails.
    """
    known = listed(folder).samples if (folder / FILE).is_file() else ()
    if any(sample.name == stack.name for sample in known):
        raise StorageError(
            f"there is a sample {stack.name} already",
            where=str(folder),
            fix="give another name, or another folder with --out",
        )
    data = stack.data if green is None else np.concatenate([stack.data, green[None]])
    models = {"red": stack.chromatic, "green": chromatic_green or ChromaticModel.identity()}
    channels = (*CELL_CHANNELS[: len(stack.data)], *(() if green is None else ("green",)))
    how = labels or {}
    sample = Sample(
        name=stack.name,
        channels=channels,
        shape=stack.grid.shape,
        voxel_um=stack.grid.voxel_um,
        offset=stack.offset,
        chromatic={
            name: ChannelTransform.of(model)
            for name, model in models.items()
            if name in channels and not model.is_identity
        },
        sources=tuple(sources),
        labels={
            name: how.get(name, Label()).model_copy(update={"voxels": int(np.count_nonzero(mask))})
            for name, mask in stack.truth.items()
        },
    )
    check_room(folder, bytes_of(sample))
    _write_files(folder, sample, data, stack.truth)
    write_listing(folder, (*known, sample))
    return sample


def write_listing(folder: Path, samples: Sequence[Sample]) -> None:
    """Write ``dataset.yaml``, whole or not at all; raises StorageError."""
    contents = Contents(made_by=f"livesr {__version__}", samples=tuple(samples))
    text = yaml.safe_dump(
        contents.model_dump(mode="json", exclude_none=True),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
    )
    with disk_errors(f"{FILE} could not be written", folder):
        replace_text(folder / FILE, HEADER + text)


def write_mask(path: Path, mask: Bool, sample: Sample) -> None:
    """Write one label of a sample in place of what stands there; raises StorageError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        _write_tiff(draft, mask[None].astype(np.uint8), sample, ())
        with disk_errors("the mask could not be written", path):
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def bytes_of(sample: Sample) -> int:
    """Return the room that a sample takes at most."""
    voxels = int(np.prod(sample.shape))
    return voxels * (2 * len(sample.channels) + len(sample.labels)) + MOST_FOLDER_BYTES


def check_room(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises
    ------
    StorageError
        With the bytes needed and free.
    """
    free = free_bytes(folder)
    if free < needed:
        raise StorageError(
            f"the data set needs up to {needed / 1e6:.0f} MB, the disk has {free / 1e6:.0f} MB",
            where=str(folder),
            fix="free space, or choose another disk with --out",
        )


def _write_files(folder: Path, sample: Sample, data: UInt16, masks: Mapping[str, Bool]) -> None:
    """Write a sample's folder; what a killed program left under the name was never listed."""
    place = folder / sample.name
    draft = folder / f".{sample.name}.{os.getpid()}.draft"
    with disk_errors(f"sample {sample.name} could not be written", folder):
        (draft / LABELS).mkdir(parents=True)
    try:
        _write_tiff(draft / IMAGE, data[None], sample, sample.channels)
        for name, mask in masks.items():
            path = draft / LABELS / f"{name}.ome.tif"
            _write_tiff(path, mask[None].astype(np.uint8), sample, ())
        with disk_errors(f"sample {sample.name} could not be moved to its place", folder):
            shutil.rmtree(place, ignore_errors=True)
            draft.replace(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_tiff(
    path: Path, data: npt.NDArray[Any], sample: Sample, channels: Sequence[str]
) -> None:
    """Write one time point, (1, c, z, y, x) counts, or a compressed mask (1, z, y, x)."""
    series = TiffSeries(
        path,
        data.shape,
        data.dtype,
        sample.grid,
        channels=channels,
        identity=f"{sample.name}/{path.name}",
        compressed=not channels,
    )
    series.write(0, data[0])
    series.close()


def _expect(
    path: Path,
    shape: tuple[int, ...],
    expected: tuple[int, ...],
    voxel_um: tuple[float, float, float],
    sample: Sample,
) -> None:
    off = [a for a, b in zip(voxel_um, sample.voxel_um, strict=True) if abs(a / b - 1) > 0.01]
    if shape != expected or off:
        raise StorageError(
            f"it is {shape} with voxels of {voxel_um} µm, {FILE} says {expected} with "
            f"{sample.voxel_um} µm",
            where=str(path),
            fix=MEND,
        )
