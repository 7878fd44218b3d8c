"""One stack file of the spool, mapped into memory.

A slot's file: header (magic, held, image, t, time, planes), one byte a plane (1 once it arrived),
then the stack (c, z, y, x), uint16, little-endian. It has room for the tallest stacks of the
session; of one with fewer planes the rest is not used. A mapped page survives a kill of the process
that wrote it: what a slot holds can be read afterwards.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from math import prod
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from livesr.errors import StorageError
from livesr.types import StackIndex

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Bool, UInt16

StackShape: TypeAlias = tuple[int, int, int, int]

_MAGIC = 0x4C53_5253  # "LSRS"; written last, so that a file without it was cut short
_HEADER = np.dtype(
    [
        ("magic", "<i8"),
        ("held", "<i8"),
        ("image", "<i8"),
        ("t", "<i8"),
        ("time_s", "<f8"),
        ("planes", "<i8"),
    ]
)
MOST = 10**9
"""Of images and time points."""
_PLANES_AT = 64
_PAGE = 4096
_ZEROS = bytes(1 << 20)


def slot_bytes(shape: StackShape) -> int:
    """Return the size of a slot's file for stacks of ``shape`` (c, z, y, x)."""
    return _data_at(shape) + prod(shape) * 2


class Slot:
    """One stack file, open for writing or reading.

    Parameters
    ----------
    path : Path
        The file, made by `make_slot`.
    number : int
        Its place in the ring.
    shape : tuple of int
        (c, z, y, x) of the tallest stack that it takes.
    writable : bool
    """

    def __init__(self, path: Path, number: int, shape: StackShape, *, writable: bool) -> None:
        self.path = path
        self.number = number
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        with path.open("r+b" if writable else "rb") as file:
            self._map = mmap.mmap(file.fileno(), slot_bytes(shape), access=access)
        self._tallest = shape
        self._header = np.frombuffer(self._map, _HEADER, 1)
        self._arrived: Bool = np.frombuffer(self._map, np.bool_, prod(shape[:2]), _PLANES_AT)
        self._pixels: UInt16 = np.frombuffer(self._map, "<u2", prod(shape), _data_at(shape))

    @property
    def whole(self) -> bool:
        """Whether the file was made to its end."""
        return bool(self._header["magic"][0] == _MAGIC)

    @property
    def shape(self) -> StackShape:
        """(c, z, y, x) of the stack that it holds."""
        c, tallest, y, x = self._tallest
        planes = int(self._header["planes"][0])
        return (c, planes if 0 < planes < tallest else tallest, y, x)

    @property
    def data(self) -> UInt16:
        """The mapped stack, (c, z, y, x), uint16: writing to it writes to the file.

        After ``data[c, z] = image`` say so with `mark`; `put` does both.
        """
        return self._pixels[: prod(self.shape)].reshape(self.shape)

    @property
    def index(self) -> StackIndex | None:
        """The stack that the slot holds, None while it is free."""
        if not self._header["held"][0]:
            return None
        image, t = int(self._header["image"][0]), int(self._header["t"][0])
        if not (0 <= image <= MOST and 0 <= t <= MOST):
            raise StorageError(
                f"slot {self.number} of the spool is damaged: it says image {image}, t {t}",
                where=str(self.path),
                fix="move this file away: the frames in it cannot be told apart any more",
            )
        return StackIndex(image, t)

    @property
    def time_s(self) -> float:
        """Start of the stack's first exposure, s; not-a-number before it was set."""
        return float(self._header["time_s"][0])

    @time_s.setter
    def time_s(self, value: float) -> None:
        self._header["time_s"] = value

    @property
    def arrived(self) -> Bool:
        """(c, z), bool: which planes arrived (a copy)."""
        arrived: Bool = self._marks.view(np.uint8) != 0
        return arrived

    @property
    def complete(self) -> bool:
        """Whether every plane arrived."""
        return bool(self._marks.all())

    def put(self, c: int, z: int, image: UInt16) -> None:
        """Write one plane, (y, x), uint16, and mark it as arrived.

        Raises
        ------
        StorageError
            If the image has another shape or dtype.
        """
        if image.shape != self.shape[2:] or image.dtype != np.uint16:
            raise StorageError(
                f"a plane is {image.dtype} {image.shape}, the stack takes uint16 {self.shape[2:]}",
                where=f"{self.index}, channel {c}, plane {z}",
                fix="the camera's region or binning changed: start a new session",
            )
        self.data[c, z] = image
        self.mark(c, z)

    def mark(self, c: int, z: int) -> None:
        """Note that plane ``data[c, z]`` is written."""
        self._marks[c, z] = True

    def hold(self, index: StackIndex, planes: int = 0) -> None:
        """Take the slot for a stack of so many planes, of which nothing arrived yet.

        Parameters
        ----------
        index : StackIndex
        planes : int
            Those of the tallest if it is 0.
        """
        self._arrived[...] = False
        self._header["planes"] = planes
        self._header["image"] = index.image
        self._header["t"] = index.t
        self._header["time_s"] = np.nan
        self._header["held"] = 1

    def free(self) -> None:
        """Let go of the stack."""
        self._header["held"] = 0

    def seal(self) -> None:
        """Note that the file is made to its end."""
        self._header["magic"] = _MAGIC

    def unmap(self) -> None:
        """Close the file; an array of it that is still in use elsewhere keeps it mapped."""
        del self._header, self._arrived, self._pixels
        with suppress(BufferError):
            self._map.close()

    @property
    def _marks(self) -> Bool:
        """(c, z) of the stack that it holds."""
        c, z, _, _ = self.shape
        return self._arrived[: c * z].reshape(c, z)


def make_slot(path: Path, number: int, shape: StackShape) -> Slot:
    """Open a slot that stands there whole, else make it and reserve its room on the disk.

    Raises
    ------
    OSError
        If the disk has no room.
    """
    if path.is_file() and path.stat().st_size == slot_bytes(shape):
        slot = Slot(path, number, shape, writable=True)
        if slot.whole:
            return slot
        slot.unmap()
    try:
        with path.open("wb") as file:
            _reserve(file.fileno(), slot_bytes(shape))
    except OSError:
        path.unlink(missing_ok=True)
        raise
    slot = Slot(path, number, shape, writable=True)
    slot.seal()
    return slot


def _data_at(shape: StackShape) -> int:
    """Return where the pixels begin: on a page of their own."""
    return -(-(_PLANES_AT + shape[0] * shape[1]) // _PAGE) * _PAGE


def _reserve(handle: int, size: int) -> None:
    """Give the file its blocks now: a mapped page without one kills the process on a full disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    while size > 0:
        size -= os.write(handle, _ZEROS[: min(size, len(_ZEROS))])
