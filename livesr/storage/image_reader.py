"""Read one image of a session: raw stacks and masks, while they are written or afterwards.

Which stacks exist is what the journal says: a stack that was not stored is an error here, never
an image of zeros. Reads by tensorstore: a plane of 1200 × 1200 takes a tenth of the time that
zarr-python takes, and on Windows it does not keep a writer from replacing a file.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from livesr.errors import StorageError, nearest
from livesr.storage.labels import label_names
from livesr.storage.ngff import GROUP_FILE, open_for_reading, read_attributes
from livesr.types import Grid, StackIndex

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
    from pathlib import Path

    import tensorstore as ts

    from livesr.storage.ledger import Ledger
    from livesr.types import UInt8, UInt16

DAMAGE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError,
    ArithmeticError, MemoryError,
)  # fmt: skip
"""What zarr and tensorstore raise for metadata or shards that are damaged."""


AXES = 5
LARGEST = 1e7
"""Of a voxel (µm) or an interval (s)."""


class ImageReader:
    """One image of a session.

    Parameters
    ----------
    path : Path
        ``image.ome.zarr`` or a later one.
    number : int
        Its number in the session.
    ledger : Ledger
        What the journal says; kept current by the session's reader.

    Attributes
    ----------
    channels : tuple of str
    attributes : mapping
        What the writer noted under ``livesr``: session, calibration, package, flags.

    Raises
    ------
    StorageError
        If it is missing or damaged.
    """

    def __init__(self, path: Path, number: int, ledger: Ledger) -> None:
        self.path = path
        self.number = number
        self._ledger = ledger
        self._arrays: dict[str, tuple[int, ts.TensorStore]] = {}
        attributes = read_attributes(path)
        with _damage(path):
            self.channels = tuple(
                str(channel["label"]) for channel in attributes["ome"]["omero"]["channels"]
            )
            self._scale = _scale(attributes, AXES)
            self.attributes: dict[str, Any] = _notes(attributes)
            if len(self.channels) != self.shape[1]:
                raise ValueError(f"it names {len(self.channels)} channels of {self.shape[1]}")

    @property
    def shape(self) -> tuple[int, ...]:
        """(t, c, z, y, x) as declared at present; `stored` says which t exist."""
        return tuple(self._array("0").shape)

    @property
    def voxel_um(self) -> tuple[float, float, float]:
        """Size of a voxel along (z, y, x), µm."""
        z, y, x = self._scale[-3:]
        return (z, y, x)

    @property
    def interval_s(self) -> float:
        """Planned time between stacks, s; 1.0 stands where none was planned."""
        return self._scale[0]

    @property
    def grid(self) -> Grid:
        """Grid of the raw stacks."""
        z, y, x = self.shape[-3:]
        return Grid((z, y, x), self.voxel_um)

    @property
    def structures(self) -> tuple[str, ...]:
        """Structures that have masks; empty until the first are created."""
        return label_names(self.path)

    def stored(self) -> set[int]:
        """Return the time points whose raw stack is stored."""
        return {index.t for index in self._ledger.stored if index.image == self.number}

    def segmented(self) -> set[int]:
        """Return the time points whose masks are stored."""
        return {index.t for index in self._ledger.segmented if index.image == self.number}

    def flags(self) -> dict[int, Sequence[Mapping[str, Any]]]:
        """Return by time point what is unlike the package's training, as journalled."""
        flags = self._ledger.flags
        return {index.t: flags[index] for index in flags if index.image == self.number}

    def raw(self, t: int, c: int, z: int | None = None) -> UInt16:
        """Return one channel of a stack, (z, y, x), or one plane of it, (y, x), uint16.

        Raises
        ------
        StorageError
            If the stack was not stored, or its file is damaged.
        """
        self._require(t, self._ledger.stored, "stored")
        return self._read("0", (t, c), z, np.uint16)

    def mask(self, name: str, t: int, z: int | None = None) -> UInt8:
        """Return the mask of a structure, (z, y, x), or one plane of it, (y, x), uint8, 0 or 1.

        Raises
        ------
        StorageError
            If the stack was not segmented, there is no such structure, or a file is damaged.
        """
        self._require(t, self._ledger.segmented.keys(), "segmented")
        return self._read(self._label(name), (t,), z, np.uint8)

    def mask_grid(self, name: str) -> Grid:
        """Return the grid of a structure's masks: the camera's, or the networks'."""
        label = self._label(name)
        z, y, x = self._array(label).shape[-3:]
        path = self.path / "labels" / name
        with _damage(path):
            dz, dy, dx = _scale(read_attributes(path), AXES - 1)[-3:]
        return Grid((z, y, x), (dz, dy, dx))

    def mask_notes(self, name: str) -> dict[str, Any]:
        """Return what the writer of a structure's masks noted: package, checksums, calibration."""
        self._label(name)
        path = self.path / "labels" / name
        with _damage(path):
            return _notes(read_attributes(path))

    def _label(self, name: str) -> str:
        if name not in self.structures:
            raise StorageError(
                f"there are no masks of {name!r}",
                where=str(self.path),
                fix=nearest(name, self.structures) if self.structures else "nothing is segmented",
            )
        return f"labels/{name}/0"

    def _require(self, t: int, known: Container[StackIndex], done: str) -> None:
        if StackIndex(self.number, t) not in known:
            raise StorageError(
                f"the stack of image {self.number}, t {t} is not {done}",
                where=str(self.path),
                fix=f"the journal lists the stacks that are {done}",
            )

    def _array(self, name: str) -> ts.TensorStore:
        """Open an array, again whenever its metadata changed (it grew, or was shortened)."""
        path = self.path / name
        with _damage(path):
            changed = (path / GROUP_FILE).stat().st_mtime_ns
            known = self._arrays.get(name)
            if known is None or known[0] != changed:
                known = (changed, open_for_reading(path, axes=AXES if name == "0" else AXES - 1))
                self._arrays[name] = known
            return known[1]

    def _read(
        self, name: str, first: tuple[int, ...], z: int | None, dtype: type[np.generic]
    ) -> npt.NDArray[Any]:
        array = self._array(name)
        index = first if z is None else (*first, z)
        if not all(0 <= k < size for k, size in zip(index, array.shape, strict=False)):
            raise StorageError(
                f"there is no {index} in an array of {array.shape}",
                where=str(self.path / name),
                fix="count time points, channels and planes from 0",
            )
        with _damage(self.path / name):
            return np.asarray(array[index].read().result(), dtype=dtype)


def _scale(attributes: dict[str, Any], axes: int) -> list[float]:
    dataset = attributes["ome"]["multiscales"][0]["datasets"][0]
    scale = [float(size) for size in dataset["coordinateTransformations"][0]["scale"]]
    if len(scale) != axes or not all(0 < size < LARGEST for size in scale):
        raise ValueError(f"its scale is {scale}, not {axes} sizes")
    return scale


def _notes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what the writer noted; ValueError if it is of another kind."""
    notes = attributes.get("livesr", {})
    if not isinstance(notes, dict):
        raise TypeError(f"its notes are {notes!r:.60}")
    unreliable = notes.get("unreliable_without_ratio", [])
    if not isinstance(unreliable, list) or not all(isinstance(name, str) for name in unreliable):
        raise TypeError(f"its unreliable structures are {unreliable!r:.60}")
    return notes


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise StorageError(
            f"the image is damaged: {error}",
            where=str(path),
            fix="restore this file from a copy; other stacks of the session are not affected",
        ) from error
