"""Planes go up to the graphics card while the camera still exposes the rest of their stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.errors import StorageError

if TYPE_CHECKING:
    from livesr.resident import Flight
    from livesr.storage.spool import SpoolReader
    from livesr.types import Bool, StackIndex


class Arrivals:
    """Looks into the spool for planes that are new.

    Parameters
    ----------
    spool : SpoolReader
    flight : Flight
        Takes them up.
    """

    def __init__(self, spool: SpoolReader, flight: Flight) -> None:
        self._spool = spool
        self._flight = flight
        self._sent: dict[StackIndex, Bool] = {}

    def look(self) -> None:
        """Send up what arrived since the last look."""
        arriving = list(self._spool.arriving())
        known = {index for _, index, _ in arriving}
        self._sent = {index: sent for index, sent in self._sent.items() if index in known}
        for number, index, arrived in arriving:
            sent = self._sent.setdefault(index, np.zeros_like(arrived))
            for c, z in np.argwhere(arrived & ~sent):
                if not self._send(number, index, int(c), int(z)):
                    break
                sent[c, z] = True

    def _send(self, number: int, index: StackIndex, c: int, z: int) -> bool:
        """Send one plane; return whether the slot still held the stack once it was copied."""
        try:
            self._flight.arrived(index, c, z, self._spool.view(number, index)[c, z])
            self._spool.view(number, index)
        except StorageError:
            self._flight.forget(index)
            return False
        return True
