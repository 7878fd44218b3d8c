"""The spool: a ring of memory-mapped stack files between the camera and everything else.

The acquisition writes planes into a slot as they come; segmenter, viewer and a resumed session
read them. Slots are made once, with their disk space reserved (a full disk is met then, not when
a mapped page is touched), and used again. What a slot holds stands in a header in the same file,
so it outlives a kill of the process. It need not outlive a power cut: only what the journal lists
does.

A slot's file: header (magic, state, image, t, time), one byte a plane (1 once it arrived), then
the stack (c, z, y, x), uint16, little-endian.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import StorageError
from livesr.storage.disk import disk_errors
from livesr.types import StackIndex

if TYPE_CHECKING:
    from livesr.types import Bool, UInt16

    Shape = tuple[int, int, int, int]

_log = logging.getLogger(__name__)

_FORMAT = 1
_MAGIC = 0x4C53_5253  # "LSRS"
_HEADER = np.dtype(
    [("magic", "<i8"), ("held", "<i8"), ("image", "<i8"), ("t", "<i8"), ("time_s", "<f8")]
)
_PLANES_AT = 64
_PAGE = 4096
_DESCRIPTION = "spool.json"


def slot_bytes(shape: Shape) -> int:
    """Return the size of one slot's file for stacks of ``shape`` (c, z, y, x)."""
    return _data_offset(shape) + int(np.prod(shape)) * 2


class Slot:
    """One stack file of the spool, mapped into memory.

    Attributes
    ----------
    number : int
        Its place in the ring.
    data : ndarray, (c, z, y, x), uint16
        The mapped stack; writing to it writes to the file. After ``data[c, z] = image`` say so
        with `mark`, or let `put` do both.
    """

    def __init__(self, path: Path, number: int, shape: Shape, *, writable: bool) -> None:
        self.path = path
        self.number = number
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        with path.open("r+b" if writable else "rb") as file:
            self._map = mmap.mmap(file.fileno(), slot_bytes(shape), access=access)
        planes = shape[0] * shape[1]
        self._header = np.frombuffer(self._map, _HEADER, 1)[0:1]
        arrived = np.frombuffer(self._map, np.bool_, planes, _PLANES_AT)
        self._arrived: Bool = arrived.reshape(shape[:2])
        pixels = np.frombuffer(self._map, "<u2", int(np.prod(shape)), _data_offset(shape))
        self.data: UInt16 = pixels.reshape(shape)

    @property
    def index(self) -> StackIndex | None:
        """The stack that the slot holds, None while it is free."""
        if not self._header["held"][0]:
            return None
        return StackIndex(int(self._header["image"][0]), int(self._header["t"][0]))

    @property
    def time_s(self) -> float:
        """Start of the stack's first exposure, s; not-a-number before it is set."""
        return float(self._header["time_s"][0])

    @time_s.setter
    def time_s(self, value: float) -> None:
        self._header["time_s"] = value

    @property
    def arrived(self) -> Bool:
        """(c, z), bool: which planes arrived; a copy."""
        return self._arrived.copy()

    @property
    def complete(self) -> bool:
        """Whether every plane arrived."""
        return bool(self._arrived.all())

    def put(self, c: int, z: int, image: UInt16) -> None:
        """Write one plane (y, x) and mark it as arrived.

        Raises
        ------
        StorageError
            If the image is not uint16 of the slot's (y, x).
        """
        if image.shape != self.data.shape[2:] or image.dtype != np.uint16:
            raise StorageError(
                f"a plane is {image.dtype} {image.shape}, the stack takes uint16 "
                f"{self.data.shape[2:]}",
                where=f"{self.index}, channel {c}, plane {z}",
                fix="the camera's region or binning changed: start a new session",
            )
        self.data[c, z] = image
        self.mark(c, z)

    def mark(self, c: int, z: int) -> None:
        """Note that plane ``data[c, z]`` is written."""
        self._arrived[c, z] = True

    def _hold(self, index: StackIndex) -> None:
        self._arrived[...] = False
        self._header["image"], self._header["t"] = index.image, index.t
        self._header["time_s"] = np.nan
        self._header["held"] = 1

    def _free(self) -> None:
        self._header["held"] = 0

    def _is_whole(self) -> bool:
        return bool(self._header["magic"][0] == _MAGIC)

    def _unmap(self) -> None:
        """Let go of the file; an array that someone else still holds keeps it mapped."""
        del self._header, self._arrived, self.data
        with suppress(BufferError):
            self._map.close()


class Spool:
    """The writing side, owned by the acquisition; it takes over what a killed one left.

    Parameters
    ----------
    folder : Path
        ``SESSION/spool``.
    shape : tuple of int
        (c, z, y, x) of every stack.
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
        self, folder: Path, shape: Shape, slots: int, *, max_slots: int | None = None
    ) -> None:
        self.folder = folder
        self.shape = shape
        self.max_slots = max(slots, max_slots or 0)
        self._lock = threading.Lock()
        self._slots: list[Slot] = []
        with disk_errors("the spool cannot be made", folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._clear_other_shape()
            text = json.dumps({"format": _FORMAT, "shape": list(shape), "dtype": "uint16"})
            (folder / _DESCRIPTION).write_text(text, encoding="utf-8")
            existing = len(list(folder.glob("slot-*.dat")))
            for number in range(max(slots, existing)):
                self._slots.append(_make_slot(folder, number, shape))
        self.max_slots = max(self.max_slots, len(self._slots))

    def acquire(self, index: StackIndex) -> Slot | None:
        """Return a free slot, now held for ``index``, or None if every slot is held.

        Raises
        ------
        StorageError
            If the ring has to grow and the disk has no room.
        """
        with self._lock:
            slot = next((slot for slot in self._slots if slot.index is None), None)
            if slot is None and len(self._slots) < self.max_slots:
                with disk_errors("the spool cannot grow", self.folder):
                    slot = _make_slot(self.folder, len(self._slots), self.shape)
                self._slots.append(slot)
            if slot is not None:
                slot._hold(index)
            return slot

    def release(self, number: int) -> None:
        """Give a slot back: its stack is stored, and nobody reads it any more."""
        with self._lock:
            self._slots[number]._free()

    def held(self) -> list[Slot]:
        """Return the slots that hold a stack, oldest stack first (after a kill: what it left)."""
        with self._lock:
            slots = [(slot.index, slot) for slot in self._slots]
        return [slot for index, slot in sorted((i, s.number) for i, s in slots if i) for slot in ()]

    def close(self, *, remove: bool) -> None:
        """Unmap the slots; with ``remove`` delete the folder, after a session that is complete."""
        with self._lock:
            for slot in self._slots:
                slot._unmap()
            self._slots.clear()
        if remove:
            _remove(self.folder)

    @classmethod
    def attach(cls, folder: Path) -> SpoolReader:
        """Return the reading side, for the segmenter, the viewer and other processes."""
        return SpoolReader(folder)

    def _clear_other_shape(self) -> None:
        """Delete the empty slots of another shape; stacks in them are never deleted."""
        if not (self.folder / _DESCRIPTION).is_file():
            return
        reader = SpoolReader(self.folder)
        try:
            left = reader.held() if reader.shape != self.shape else []
        finally:
            reader.close()
        if left:
            raise StorageError(
                f"the spool holds {len(left)} stacks of shape {reader.shape}, the session's "
                f"stacks are {self.shape}",
                where=str(self.folder),
                fix="resume the session that left them, or move the folder away",
            )
        if reader.shape != self.shape:
            _remove(self.folder)
            self.folder.mkdir()


class SpoolReader:
    """The reading side of a spool in another process.

    Parameters
    ----------
    folder : Path
        ``SESSION/spool``.

    Attributes
    ----------
    shape : tuple of int
        (c, z, y, x) of every stack.

    Raises
    ------
    StorageError
        If there is no spool, or its description is damaged.
    """
