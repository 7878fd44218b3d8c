"""What a simulation knows beside a recording: label images of any numbers, images without noise.

A session's masks are binary (`livesr.storage.labels`). A simulation also has label images whose
numbers mean something, structures or single objects, and the light before the camera's noise.
Both are OME-Zarr 0.5, written a time point at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yaozarrs import DimSpec, v05
from yaozarrs.write.v05 import prepare_image

from livesr.errors import StorageError
from livesr.storage.disk import disk_errors, storage_error
from livesr.storage.labels import label_names
from livesr.storage.ngff import space_axes, sync_groups, time_axis, update_attributes, write_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt
    import tensorstore as ts

    from livesr.types import Grid, RecordingInfo


class SeriesWriter:
    """One array of a time series, open for writing by one thread.

    Attributes
    ----------
    path : Path
        Folder of the image or label image.
    """

    def __init__(self, path: Path, store: ts.TensorStore) -> None:
        self.path = path
        self._store = store

    def write(self, t: int, data: npt.NDArray[Any]) -> None:
        """Write time point ``t`` and wait until it is durable.

        Parameters
        ----------
        t : int
        data : ndarray
            Of the array's shape without time, and of its dtype; not copied.

        Raises
        ------
        StorageError
            If it does not fit, or the disk is full or fails.
        """
        target = self._store[t]
        if data.shape != target.shape or data.dtype != self._store.dtype.numpy_dtype:
            raise StorageError(
                f"t {t} is {data.dtype} {data.shape}, expected "
                f"{self._store.dtype.numpy_dtype} {target.shape}",
                where=str(self.path),
                fix="write what the array was made for",
            )
        try:
            write_all([(target, data)])
        except (OSError, ValueError) as error:
            raise storage_error(f"t {t} could not be stored", error, self.path) from error


def create_label_image(
    image: Path,
    name: str,
    dtype: str,
    grid: Grid,
    timepoints: int,
    *,
    interval_s: float,
    colors: Mapping[int, str] | None = None,
    names: Mapping[int, str] | None = None,
) -> SeriesWriter:
    """Add a label image (t, z, y, x) to those of an image.

    Parameters
    ----------
    image : Path
        ``image.ome.zarr``, which exists, with or without labels.
    name : str
        Of the label image; new.
    dtype : str
        ``uint8`` … ``int32``.
    grid : Grid
    timepoints : int
    interval_s : float
        Time between stacks, s; 0 if none was planned.
    colors, names : mapping, optional
        Label value → six hexadecimal digits, and what it stands for.

    Raises
    ------
    StorageError
        If there is one of this name, or the disk is full.
    """
    listed = label_names(image)
    path = image / "labels" / name
    if name in listed:
        raise StorageError(
            "there is a label image of this name", where=str(path), fix="give a new folder"
        )
    axes = [time_axis(interval_s), *space_axes(grid)]
    shape = (max(timepoints, 1), *grid.shape)
    with disk_errors("the label image cannot be created", path):
        _, arrays = prepare_image(
            path,
            v05.LabelImage.model_validate(
                {"multiscales": [v05.Multiscale.from_dims(axes, name=name)], "image-label": {}}
            ),
            (shape, dtype),
            chunks=(1, 1, *grid.shape[1:]),
            shards=(1, *grid.shape),
            writer="tensorstore",
            compression="blosc-lz4",
        )
        update_attributes(path, {"ome": {"image-label": _image_label(colors or {}, names or {})}})
        sync_groups(path)
        _list_label(image / "labels", [*listed, name])
    return SeriesWriter(path, arrays["0"])


def create_clean_image(path: Path, info: RecordingInfo, *, name: str) -> SeriesWriter:
    """Create an image (t, c, z, y, x) of expected photons, float32.

    Parameters
    ----------
    path : Path
        New folder.
    info : RecordingInfo
        Of the recording without whose noise it is.
    name : str

    Raises
    ------
    StorageError
        If the disk is full.
    """
    channel = DimSpec(name="c", type="channel")
    axes = [time_axis(info.interval_s), channel, *space_axes(info.grid)]
    with disk_errors("the image cannot be created", path):
        _, arrays = prepare_image(
            path,
            v05.Image(multiscales=[v05.Multiscale.from_dims(axes, name=name)]),
            ((max(info.timepoints, 1), *info.shape), "float32"),
            extra_attributes={"livesr": {"unit": "photons", "channels": list(info.channels)}},
            chunks=(1, 1, 1, *info.shape[2:]),
            shards=(1, 1, *info.shape[1:]),
            writer="tensorstore",
            compression="blosc-lz4",
        )
        sync_groups(path)
    return SeriesWriter(path, arrays["0"])


def _image_label(colors: Mapping[int, str], names: Mapping[int, str]) -> dict[str, object]:
    """Return ``image-label`` metadata; by hand, as `livesr.storage.labels.image_label` says."""
    return {
        "colors": [
            {"label-value": value, "rgba": [*bytes.fromhex(color), 255]}
            for value, color in colors.items()
        ],
        "properties": [{"label-value": value, "name": text} for value, text in names.items()],
        "source": {"image": "../../"},
    }


def _list_label(folder: Path, names: list[str]) -> None:
    group = {"ome": v05.LabelsGroup(labels=names).model_dump(mode="json")}
    update_attributes(folder, group)
