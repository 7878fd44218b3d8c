"""Write masks as OME-Zarr labels beside the raw image: ``labels/<structure>``, (t, z, y, x).

Binary uint8, one array a structure, on the camera's grid or the networks' (the scale says which).
A chunk is one plane, a shard one stack; blosc-lz4 with bit shuffle: measured on fifteen masks of
24 × 1200 × 1200, 145 ms of writing a stack on two cores where zstd takes 400 ms, for files of a
sixth of raw's size. Another process than the one that writes raw does this; it touches nothing
outside ``labels/``.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
from yaozarrs import v05
from yaozarrs.write.v05 import prepare_image

from livesr import catalog
from livesr.errors import StorageError
from livesr.storage.disk import disk_errors, replace_text, storage_error
from livesr.storage.folder import is_plain_name
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
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import tensorstore as ts

    from livesr.types import Grid, Masks, UInt8

_ALPHA = 255


class LabelWriter:
    """The masks of one image, open for writing by one thread.

    Attributes
    ----------
    folder : Path
        ``image.ome.zarr/labels``.
    """

    def __init__(self, folder: Path, stores: dict[str, ts.TensorStore]) -> None:
        self.folder = folder
        self._stores = stores

    @classmethod
    def create(
        cls,
        image: Path,
        structures: Sequence[str],
        grid: Grid,
        timepoints: int,
        *,
        interval_s: float,
        attributes: Mapping[str, object] | None = None,
    ) -> LabelWriter:
        """Create one label array a structure.

        Parameters
        ----------
        image : Path
            ``image.ome.zarr``, which exists.
        structures : sequence of str
            Names from `livesr.catalog`.
        grid : Grid
            The masks' grid.
        timepoints : int
            As planned; more can be written.
        interval_s : float
            Planned time between stacks, s; 0 if they follow at once.
        attributes : mapping, optional
            What stands under ``livesr`` in the attributes of each label: package, engine, flags.

        Raises
        ------
        StorageError
            If the image has labels already, or the disk is full.
        ConfigError
            If a structure is unknown.
        """
        folder = image / "labels"
        if (folder / GROUP_FILE).exists():
            raise StorageError(
                "the image has labels already",
                where=str(folder),
                fix="give a new folder with --out",
            )
        known = [catalog.structure(name) for name in structures]
        stores = {}
        with disk_errors("the labels cannot be created", folder):
            shutil.rmtree(folder, ignore_errors=True)  # left by a creation that was cut short
            for structure in known:
                path = folder / structure.name
                stores[structure.name] = _create_label(
                    path, structure, grid, (max(timepoints, 1), *grid.shape), interval_s, attributes
                )
            sync_groups(folder)
            _list_labels(folder, structures)  # last: labels are there once they are listed
        return cls(folder, stores)

    @classmethod
    def open(cls, image: Path, *, shared: bool = False) -> LabelWriter:
        """Open the labels of an image to go on with them; `ImageWriter.open` says when ``shared``.

        Raises
        ------
        StorageError
            If there are none, or they are damaged.
        """
        folder = image / "labels"
        names = label_names(image)
        if not names:
            raise StorageError(
                "the image has no labels",
                where=str(folder),
                fix="create them: nothing of this image was segmented yet",
            )
        stores = {name: open_array(folder / name / "0", axes=4, shared=shared) for name in names}
        return cls(folder, stores)

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the structures, in order."""
        return tuple(self._stores)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(t, z, y, x) as declared."""
        t, z, y, x = next(iter(self._stores.values())).shape
        return (t, z, y, x)

    def write(self, t: int, masks: Masks) -> None:
        """Write the masks of time point ``t``, all structures at once, and wait until durable.

        Writing a time point again replaces it.

        Parameters
        ----------
        t : int
        masks : Masks
            One volume (z, y, x), uint8, for every structure of the writer; not copied.

        Raises
        ------
        StorageError
            If a volume is missing or has another shape, or the disk is full or fails.
        """
        volumes = {name: self._fitting(t, name, masks) for name in self._stores}
        try:
            if t >= self.shape[0]:
                self._resize(t + 1)
            write_all([(self._stores[name][t], volume) for name, volume in volumes.items()])
        except (OSError, ValueError) as error:
            what = f"the masks of t {t} could not be stored (raw is safe)"
            raise storage_error(what, error, self.folder) from error

    def trim(self, timepoints: int) -> None:
        """Shorten the labels to the time points that exist, when a session ended early.

        Raises
        ------
        StorageError
            If the disk fails; the masks are safe.
        """
        with disk_errors("the labels could not be shortened; the masks are safe", self.folder):
            self._resize(max(timepoints, 1))

    def close(self) -> None:
        """Let go of the arrays; everything is durable already."""
        self._stores = {}

    def _resize(self, timepoints: int) -> None:
        self._stores = {name: resize(store, timepoints) for name, store in self._stores.items()}

    def _fitting(self, t: int, name: str, masks: Masks) -> UInt8:
        volume = masks.volumes.get(name)
        if volume is None or volume.shape != self.shape[1:] or volume.dtype != np.uint8:
            found = "missing" if volume is None else f"{volume.dtype} {volume.shape}"
            raise StorageError(
                f"the mask of {name} at t {t} is {found}, expected uint8 {self.shape[1:]}",
                where=str(self.folder),
                fix="use the model package and the grid that the session began with",
            )
        return volume


def label_names(image: Path) -> tuple[str, ...]:
    """Return the structures that have masks in an image, in order; empty without labels.

    Raises
    ------
    StorageError
        If the list is damaged.
    """
    folder = image / "labels"
    if not (folder / GROUP_FILE).is_file():
        return ()
    ome = read_attributes(folder).get("ome", {})
    names = ome.get("labels", ()) if isinstance(ome, dict) else None
    if not isinstance(names, list | tuple) or not all(map(is_plain_name, names)):
        raise StorageError(
            f"the list of labels is damaged: {names!r:.200}",
            where=str(folder / GROUP_FILE),
            fix="restore this file from a copy; raw is not affected",
        )
    return tuple(names)


def _create_label(
    path: Path,
    structure: catalog.Structure,
    grid: Grid,
    shape: tuple[int, int, int, int],
    interval_s: float,
    attributes: Mapping[str, object] | None,
) -> ts.TensorStore:
    axes = [time_axis(interval_s), *space_axes(grid)]
    multiscale = v05.Multiscale.from_dims(axes, name=structure.name)
    _, arrays = prepare_image(
        path,
        v05.LabelImage.model_validate({"multiscales": [multiscale], "image-label": {}}),
        (shape, "uint8"),
        extra_attributes={"livesr": plain(dict(attributes))} if attributes else None,
        chunks=(1, 1, *grid.shape[1:]),
        shards=(1, *grid.shape),
        writer="tensorstore",
        compression="blosc-lz4",
    )
    update_attributes(path, {"ome": {"image-label": image_label(structure)}})
    return arrays["0"]


def image_label(structure: catalog.Structure) -> dict[str, object]:
    """Return the ``image-label`` metadata of a structure's mask.

    Made by hand: yaozarrs writes label values as 1.0, which ome-zarr-py and napari refuse.
    """
    color = [*bytes.fromhex(structure.color), _ALPHA]
    properties = {"label-value": 1, "name": structure.name, "title": structure.title}
    return {
        "colors": [{"label-value": 1, "rgba": color}],
        "properties": [{**properties, "go": structure.go}],
        "source": {"image": "../../"},
    }


def _list_labels(folder: Path, names: Sequence[str]) -> None:
    attributes = {"ome": v05.LabelsGroup(labels=list(names)).model_dump(mode="json")}
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    replace_text(folder / GROUP_FILE, json.dumps(group, indent=2))
