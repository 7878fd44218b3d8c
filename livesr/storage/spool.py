"""The spool: a ring of memory-mapped stack files between the camera and everything else.

The acquisition writes planes into a slot as they come; segmenter, viewer and a resumed session
read them. Slots are made once, with their room on the disk reserved (a full disk is met then, not
when a mapped page is touched), and used again. A kill leaves them as they were; a power cut may
not, and what must outlive that is what the journal lists.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import StorageError
from livesr.plain import read_json
from livesr.storage.disk import disk_errors
from livesr.storage.slot import Slot, StackShape, make_slot, slot_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from livesr.types import Bool, StackIndex, UInt16

_log = logging.getLogger(__name__)

_FORMAT = 1
MOST_BYTES = 2**35
"""Of a slot; what declares more is damaged."""
_DESCRIPTION = "spool.json"


class Spool:
    """The writing side, owned by the acquisition; it takes over what a killed one left.

    Parameters
    ----------
    folder : Path
        ``SESSION/spool``.
    shape : tuple of int
        (c, z, y, x) of the tallest stacks.
    slots : int
        Slots made at once.
    max_slots : int, optional
        The ring grows up to this many while none is free; by default it does not grow.

    Raises
    ------
    StorageError
        If the disk has no room for the slots, or the folder holds stacks of another shape.
    """

    def __init__(
        self, folder: Path, shape: StackShape, slots: int, *, max_slots: int | None = None
    ) -> None:
        self.folder = folder
        self.shape = shape
        self._lock = threading.Lock()
        _clear_other_shape(folder, shape)
        with disk_errors("the spool cannot be made", folder):
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"format": _FORMAT, "shape": list(shape), "dtype": "uint16"})
            (folder / _DESCRIPTION).write_text(text, encoding="utf-8")
            count = max(slots, len(list(folder.glob("slot-*.dat"))))
            self._slots = [make_slot(slot_path(folder, k), k, shape) for k in range(count)]
        self.max_slots = max(count, max_slots or 0)

    def acquire(self, index: StackIndex, planes: int = 0) -> Slot | None:
        """Return a free slot, now held for ``index``, or None if every slot is held.

        Its stack has so many ``planes``, or those of the tallest.

        Raises
        ------
        StorageError
            If the ring has to grow and the disk has no room.
        """
        with self._lock:
            slot = next((slot for slot in self._slots if slot.index is None), None)
            if slot is None and len(self._slots) < self.max_slots:
                slot = self._grow()
            if slot is not None:
                slot.hold(index, planes)
            return slot

    def release(self, number: int) -> None:
        """Give a slot back: its stack is stored, and nobody reads it any more."""
        with self._lock:
            self._slots[number].free()

    def held(self) -> list[Slot]:
        """Return the slots that hold a stack, earliest first; after a kill, what it left."""
        with self._lock:
            held = {slot.index: slot for slot in self._slots if slot.index is not None}
        return [held[index] for index in sorted(held)]

    def close(self, *, remove: bool) -> None:
        """Unmap the slots; with ``remove`` delete the folder, once all it held is stored."""
        with self._lock:
            for slot in self._slots:
                slot.unmap()
            self._slots.clear()
        if remove:
            _remove(self.folder)

    @classmethod
    def attach(cls, folder: Path) -> SpoolReader:
        """Return the reading side, for the segmenter and other processes."""
        return SpoolReader(folder)

    def _grow(self) -> Slot:
        number = len(self._slots)
        with disk_errors("the spool cannot grow", self.folder):
            slot = make_slot(slot_path(self.folder, number), number, self.shape)
        self._slots.append(slot)
        return slot


class SpoolReader:
    """The reading side of a spool, for another process.

    Parameters
    ----------
    folder : Path
        ``SESSION/spool``.

    Attributes
    ----------
    shape : tuple of int
        (c, z, y, x) of the tallest stacks.

    Raises
    ------
    StorageError
        If there is no spool, or its description is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shape = _read_shape(folder)
        self._slots: dict[int, Slot] = {}

    def index(self, number: int) -> StackIndex | None:
        """Return which stack a slot holds, None if it is free."""
        return self._slot(number).index

    def arriving(self) -> Iterator[tuple[int, StackIndex, Bool]]:
        """Yield the slots whose stack is not whole yet: number, stack, and which planes are there.

        Which are there is (c, z), bool.
        """
        for number in range(len(list(self.folder.glob("slot-*.dat")))):
            slot = self._slot(number)
            index = slot.index  # first: planes are forgotten before a slot is held anew
            arrived = slot.arrived
            if index is not None and not arrived.all():
                yield number, index, arrived

    def view(self, number: int, index: StackIndex | None = None) -> UInt16:
        """Return the slot's stack without a copy, (c, z, y, x), uint16, read-only.

        It is the stack only until the slot is released.

        Raises
        ------
        StorageError
            If there is no such slot, or it does not hold ``index`` (any more).
        """
        slot = self._slot(number)
        if index is not None and slot.index != index:
            raise StorageError(
                f"slot {number} holds {slot.index or 'nothing'}, not {index}",
                where=str(slot.path),
                fix="read the stack from the session's image instead",
            )
        return slot.data

    def read(self, number: int, index: StackIndex | None = None) -> UInt16:
        """Return a private copy of the slot's stack, (c, z, y, x), uint16.

        Raises
        ------
        StorageError
            If there is no such slot, or it did not hold ``index`` until the copy was whole.
        """
        copy = np.array(self.view(number, index), dtype=np.uint16)
        self.view(number, index)
        return copy

    def close(self) -> None:
        """Unmap the slots."""
        for slot in self._slots.values():
            slot.unmap()
        self._slots.clear()

    def _slot(self, number: int) -> Slot:
        if number not in self._slots:
            path = slot_path(self.folder, number)
            with disk_errors(f"slot {number} of the spool cannot be read", path):
                self._slots[number] = Slot(path, number, self.shape, writable=False)
        return self._slots[number]


def slot_path(folder: Path, number: int) -> Path:
    """Return the file of a slot."""
    return folder / f"slot-{number:03d}.dat"


def _read_shape(folder: Path) -> StackShape:
    path = folder / _DESCRIPTION
    try:
        description = read_json(path)
        return _checked(tuple(int(size) for size in description["shape"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise StorageError(
            f"this is no spool: {error}",
            where=str(path),
            fix="give the spool folder of a session that runs or was interrupted",
        ) from error


def _checked(shape: tuple[int, ...]) -> StackShape:
    """Return a stack's shape; ValueError if no stack has it."""
    c, z, y, x = shape
    if min(shape) < 1 or slot_bytes((c, z, y, x)) > MOST_BYTES:
        raise ValueError(f"its stacks are {c} × {z} × {y} × {x}")
    return (c, z, y, x)


def _clear_other_shape(folder: Path, shape: StackShape) -> None:
    """Delete empty slots that were made for another shape; stacks in them are never deleted."""
    if not (folder / _DESCRIPTION).is_file():
        return
    reader = SpoolReader(folder)
    if reader.shape == shape:
        return
    numbers = range(len(list(folder.glob("slot-*.dat"))))
    held = [str(reader.index(number)) for number in numbers if reader.index(number)]
    reader.close()
    if held:
        raise StorageError(
            f"the spool holds stacks of shape {reader.shape} ({'; '.join(held)}), those of the "
            f"session are {shape}",
            where=str(folder),
            fix="move this folder away once its stacks are safe",
        )
    _remove(folder)


def _remove(folder: Path) -> None:
    """Delete the spool; a file that another program still maps (Windows) is left and named."""
    for path in (*folder.glob("slot-*.dat"), folder / _DESCRIPTION):
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            _log.warning("%s is in use and was left; it may be deleted by hand", path)
            return
    try:
        folder.rmdir()
    except OSError:
        _log.warning("%s holds other files and was left", folder)
