"""Masks that were corrected, or drawn, by hand in a data set's folder are taken into its books.

Any program may have saved them: what is not 0 is in the mask, and voxels are the sample's.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from livesr import catalog
from livesr.errors import ConfigError, LivesrError
from livesr.training.labels.dataset import LABELS, listed, write_listing, write_mask
from livesr.training.labels.records import Label
from livesr.training.labels.sample import fitting_mask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livesr.training.labels.records import Sample
    from livesr.types import Bool

OWN = ".ome.tif"
_SUFFIXES = (".tif", ".tiff")


def take_corrections(folder: Path) -> list[str]:
    """Take in every mask of a data set that is not as it was listed; return a line for each.

    A mask is checked before anything is written: one that does not fit leaves the data set as it
    is.

    Raises
    ------
    StorageError
        If this is no data set, or the disk fails.
    ConfigError
        With every mask that does not fit its image, or is of no known structure.
    """
    dataset = listed(folder)
    found = [(sample, list(_changed(folder, sample))) for sample in _checked(folder)]
    samples, told = [], []
    for sample, changes in found:
        labels = dict(sample.labels)
        for path, name, mask in changes:
            known = labels.get(name, Label(source=str(path)))
            count = int(np.count_nonzero(mask))
            write_mask(folder / sample.name / LABELS / f"{name}{OWN}", mask, sample)
            today = dt.datetime.now(tz=dt.UTC).date()
            corrected = today if name in sample.labels else None
            labels[name] = known.model_copy(update={"voxels": count, "corrected": corrected})
            told.append(f"{sample.name}, {name}: {known.voxels:,} → {count:,} voxels")
            if path.name != f"{name}{OWN}":
                path.unlink()
        samples.append(sample.model_copy(update={"labels": labels}))
    if told:
        write_listing(dataset.folder, samples)
    return told


def _checked(folder: Path) -> tuple[Sample, ...]:
    """Return the samples, once every mask of all of them was read and fits."""
    samples = listed(folder).samples
    wrong: list[str] = []
    for sample in samples:
        try:
            for _ in _changed(folder, sample):
                pass
        except LivesrError as error:
            wrong.append(f"{error.where}: {error.what}")
    if wrong:
        raise ConfigError(
            "; ".join(wrong),
            where=str(folder),
            fix="draw on the sample's own image and save as TIFF, (z, y, x), named after the "
            "structure",
        )
    return samples


def _changed(folder: Path, sample: Sample) -> Iterator[tuple[Path, str, Bool]]:
    """Yield the masks in a sample's folder that its listing does not describe."""
    for path in sorted((folder / sample.name / LABELS).iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in _SUFFIXES:
            continue
        name = path.name.split(".")[0]
        catalog.structure(name)
        mask = fitting_mask(path, sample.grid, "any")
        known = sample.labels.get(name)
        same = known is not None and known.voxels == np.count_nonzero(mask)
        if not same or path.name != f"{name}{OWN}":
            yield path, name, mask
