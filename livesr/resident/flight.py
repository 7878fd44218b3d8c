"""Which stack is in which slot: planes go up as frames arrive, a stack's masks are asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from livesr.types import AS_CALIBRATED

if TYPE_CHECKING:
    from livesr.resident.resident import Found, Resident
    from livesr.types import ChannelOffset, Normalisation, Stack, StackIndex, UInt16


class Flight:
    """Stacks on their way through the slots of a `Resident`.

    Parameters
    ----------
    resident : Resident
    slots : int
        That it has.
    """

    def __init__(self, resident: Resident, slots: int) -> None:
        self._resident = resident
        # The slot that is taken next comes first.
        self._holds: OrderedDict[int, StackIndex | None] = OrderedDict.fromkeys(range(slots))

    def arrived(self, index: StackIndex, c: int, z: int, plane: UInt16) -> None:
        """Let one plane go up as it arrives.

        Parameters
        ----------
        index : StackIndex
        c, z : int
        plane : ndarray, (y, x), uint16
            Copied.
        """
        self._resident.put_plane(self._slot(index), c, z, plane)

    def forget(self, index: StackIndex) -> None:
        """Drop what arrived of a stack: it was not what it seemed, or will not become whole."""
        for slot, held in self._holds.items():
            if held == index:
                self._free(slot)
                return

    def clear(self) -> None:
        """Drop everything: another session begins, whose stacks have the same indices."""
        for slot in tuple(self._holds):
            self._free(slot)

    def segment(
        self, stack: Stack, norm: Normalisation, offset: ChannelOffset = AS_CALIBRATED
    ) -> Found:
        """Return what the device finds in a stack; planes that are not there yet go up first.

        Parameters
        ----------
        stack : Stack
        norm : Normalisation
        offset : mapping of int to tuple of int
            Translation of its channels beyond the calibration; planes that arrived before it was
            known go up again.
        """
        self._resident.shift(offset)
        slot = self._slot(stack.index)
        try:
            for c, z in sorted(self._resident.due(slot), key=lambda plane: plane[::-1]):
                self._resident.put_plane(slot, c, z, stack.data[c, z])
            return self._resident.segment(slot, norm)
        finally:
            self._free(slot)

    def _slot(self, index: StackIndex) -> int:
        """Return the slot of a stack; a new one takes a free slot, or the longest unused."""
        slot = next((slot for slot, held in self._holds.items() if held == index), None)
        if slot is None:
            slot = next(iter(self._holds))
            self._resident.drop(slot)
            self._holds[slot] = index
        self._holds.move_to_end(slot)
        return slot

    def _free(self, slot: int) -> None:
        self._resident.drop(slot)
        self._holds[slot] = None
        self._holds.move_to_end(slot, last=False)
