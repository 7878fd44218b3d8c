"""Planes are warped while the camera still exposes the rest of their stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from livesr.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from livesr.storage.spool import SpoolReader
    from livesr.types import Bool, StackIndex, UInt16


class Early(Protocol):
    """Takes planes before their stack is whole: to a graphics card, or warped in memory."""

    def clear(self) -> None:
        """Drop everything: another session begins."""

    def arrived(self, index: StackIndex, c: int, z: int, plane: UInt16) -> None:
        """Take one plane (y, x); what it needs of it is copied."""
        ...

    def forget(self, index: StackIndex) -> None:
        """Drop what arrived of a stack."""
        ...


class Arrivals:
    """Looks into the spool for planes that are new.

    Parameters
    ----------
    spool : SpoolReader
    early : mapping of int to Early
        By the planes of a stack, what takes them.
    """

    def __init__(self, spool: SpoolReader, early: Mapping[int, Early]) -> None:
        self._spool = spool
        self._early = early
        self._sent: dict[StackIndex, Bool] = {}

    def look(self, until: Callable[[], bool] = lambda: False) -> None:
        """Send what arrived since the last look, but no more once ``until`` says true."""
        arriving = list(self._spool.arriving())
        known = {index for _, index, _ in arriving}
        self._sent = {index: sent for index, sent in self._sent.items() if index in known}
        for number, index, arrived in arriving:
            early = self._early.get(arrived.shape[1])
            if early is None:
                continue
            sent = self._sent.setdefault(index, np.zeros_like(arrived))
            for c, z in np.argwhere(arrived & ~sent):
                if until() or not self._send(early, number, index, int(c), int(z)):
                    break
                sent[c, z] = True

    def _send(self, early: Early, number: int, index: StackIndex, c: int, z: int) -> bool:
        """Send one plane; return whether the slot still held the stack once it was taken."""
        try:
            early.arrived(index, c, z, self._spool.view(number, index)[c, z])
            self._spool.view(number, index)
        except StorageError:
            early.forget(index)
            return False
        return True
