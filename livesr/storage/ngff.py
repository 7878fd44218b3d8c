"""What image and labels share of OME-Zarr 0.5: axes and scales, group metadata, array handles."""

from __future__ import annotations

import json
import os
from math import prod
from typing import TYPE_CHECKING, Any

import tensorstore as ts
from yaozarrs import DimSpec

from livesr.errors import StorageError
from livesr.plain import read_json
from livesr.storage.disk import disk_errors, replace_text, sync_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from livesr.types import Grid, UInt8, UInt16

GROUP_FILE = "zarr.json"
MOST_VOLUME_BYTES = 2**31
"""Of one channel of a stack: 2304 × 2304 pixels in 200 planes."""
NO_INTERVAL = 1.0
"""Scale of the time axis, s, where no interval is planned: a scale of zero is not allowed."""


def time_axis(interval_s: float) -> DimSpec:
    """Return the time axis in seconds, with `NO_INTERVAL` where no interval is planned."""
    return DimSpec(name="t", type="time", unit="second", scale=interval_s or NO_INTERVAL)


def space_axes(grid: Grid) -> list[DimSpec]:
    """Return the axes z, y, x in micrometres."""
    return [
        DimSpec(name=name, type="space", unit="micrometer", scale=scale)
        for name, scale in zip("zyx", grid.voxel_um, strict=True)
    ]


def read_attributes(group: Path) -> dict[str, Any]:
    """Return the attributes of a zarr group or array.

    Raises
    ------
    StorageError
        If it is missing or its ``zarr.json`` is damaged.
    """
    path = group / GROUP_FILE
    reason = "its attributes are no mapping"
    try:
        attributes = read_json(path).get("attributes", {})
    except (OSError, ValueError, AttributeError) as error:
        attributes, reason = None, str(error)
    if not isinstance(attributes, dict):
        raise StorageError(
            f"no readable OME-Zarr: {reason}",
            where=str(path),
            fix="give the path of an OME-Zarr image, or restore its zarr.json from a copy",
        )
    return attributes


def update_attributes(group: Path, change: Mapping[str, object]) -> None:
    """Set attributes of a group (those of ``ome`` are merged into it); old or new, never half.

    Raises
    ------
    OSError
        If the disk is full, or (Windows) another program has the file open.
    """
    path = group / GROUP_FILE
    node = read_json(path)
    attributes = node.setdefault("attributes", {})
    for key, value in change.items():
        if key == "ome" and isinstance(value, dict):
            attributes.setdefault("ome", {}).update(value)
        else:
            attributes[key] = value
    replace_text(path, json.dumps(node, indent=2, ensure_ascii=False))


def open_array(path: Path, *, axes: int, shared: bool = False) -> ts.TensorStore:
    """Open an existing array for writing and clear the lock files that a kill left.

    Parameters
    ----------
    path : Path
    axes : int
        That it must have.
    shared : bool
        Other processes write other shards of it meanwhile: their lock files are left alone.

    Raises
    ------
    StorageError
        If it is missing or damaged.
    """
    with disk_errors("the array cannot be opened", path):
        read_json(path / GROUP_FILE)
        store = ts.open(_spec(path), open=True).result()
        check_array(store, axes)
        for lock in () if shared else path.rglob("*.__lock"):
            lock.unlink()
    return store


def open_for_reading(path: Path, *, axes: int) -> ts.TensorStore:
    """Open an existing array for reading, also while another process writes it.

    Raises
    ------
    ValueError
        If it is missing or damaged, has another number of axes, or declares volumes that no
        memory holds.
    """
    read_json(path / GROUP_FILE)
    store = ts.open(_spec(path), open=True, read=True).result()
    check_array(store, axes)
    return store


def check_array(store: ts.TensorStore, axes: int) -> None:
    """Refuse an array that a few bytes of metadata declare larger than any recording.

    Raises
    ------
    ValueError
        With its shape.
    """
    kind = store.dtype.numpy_dtype
    if store.rank != axes or kind.name not in ("uint8", "uint16"):
        raise ValueError(f"it is {kind} {store.shape}, not {axes} axes of uint8 or uint16")
    chunk = [size or 1 for size in store.chunk_layout.read_chunk.shape or ()]
    for what, shape in (("volumes", store.shape[-3:]), ("chunks", chunk)):
        if prod(shape) * kind.itemsize > MOST_VOLUME_BYTES or min(shape, default=0) < 1:
            raise ValueError(f"it declares {what} of {' × '.join(map(str, shape))}")


def resize(store: ts.TensorStore, timepoints: int) -> ts.TensorStore:
    """Give the array another number of time points; use the handle returned, not the old one.

    Raises
    ------
    ValueError
        If the disk fails.
    """
    end = [timepoints] + [None] * (store.rank - 1)
    return store.resize(exclusive_max=end).result()


def write_all(parts: Sequence[tuple[ts.TensorStore, UInt8 | UInt16]]) -> None:
    """Write whole shards at once and wait until all are durable.

    The arrays are not copied, so none may be in use when this returns: it waits for every write,
    also after one failed.

    Raises
    ------
    ValueError
        The first error, as tensorstore raises it.
    """
    writes = [
        target.write(data, can_reference_source_data_indefinitely=True) for target, data in parts
    ]
    errors = [error for write in writes if (error := write.exception()) is not None]
    if errors:
        raise errors[0]


def sync_groups(root: Path) -> None:
    """Make a new hierarchy durable: yaozarrs writes its ``zarr.json`` files without sync."""
    for path in root.rglob(GROUP_FILE):
        with path.open("r+b") as file:
            os.fsync(file.fileno())
        sync_folder(path.parent)
    sync_folder(root.parent)


def _spec(path: Path) -> dict[str, object]:
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path.as_posix()}/"}}
