"""Planes are warped while the camera still exposes the rest of their stack.

What is left once the last plane is there is to interpolate along z and to make features. The planes
are the same, bit for bit, as if they were all warped at the end.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.types import AS_CALIBRATED

if TYPE_CHECKING:
    from livesr.calibration.warp import Warp
    from livesr.types import ChannelOffset, Stack, StackIndex, UInt16

STACKS = 2
"""Stacks of which planes are held: one that is exposed, one that waits for its turn."""


@dataclass(slots=True)
class _Early:
    """A stack's planes as far as they came, and by how much (dy, dx) each was shifted."""

    planes: UInt16
    shifts: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)


class EarlyPlanes:
    """Planes that were warped as they arrived. Not shared between threads.

    Parameters
    ----------
    warp : Warp
    channels : int
        That features are made of; planes of others are left.
    """

    def __init__(self, warp: Warp, channels: int) -> None:
        self._warp = warp
        self._shape = (channels, warp.source.shape[0], *warp.target.shape[1:])
        self._offset: ChannelOffset = AS_CALIBRATED
        self._stacks: OrderedDict[StackIndex, _Early] = OrderedDict()
        self._spare: list[UInt16] = []

    def arrived(self, index: StackIndex, c: int, z: int, plane: UInt16) -> None:
        """Warp one plane (y, x), shifted as the latest stack was."""
        if c >= self._shape[0]:
            return
        if index not in self._stacks:
            self._begin(index)
        self._move(self._stacks[index], c, z, plane)

    def forget(self, index: StackIndex) -> None:
        """Drop what arrived of a stack: it was not what it seemed, or will not become whole."""
        early = self._stacks.pop(index, None)
        if early is not None:
            self._spare.append(early.planes)

    def clear(self) -> None:
        """Drop everything: another session begins, whose stacks have the same indices."""
        for index in tuple(self._stacks):
            self.forget(index)

    def take(self, stack: Stack, offset: ChannelOffset) -> UInt16 | None:
        """Return a stack's planes, all warped and shifted by its offset, or None if none arrived.

        What did not arrive yet or was shifted otherwise is warped now.

        Returns
        -------
        ndarray, (c, z, y', x'), uint16
            As `Warp.move` gives them; they hold until the next plane arrives.
        """
        self._offset = offset
        early = self._stacks.get(stack.index)
        if early is None:
            return None
        for c, z in np.ndindex(self._shape[:2]):
            if early.shifts.get((c, z)) != self._shift(c):
                self._move(early, c, z, stack.data[c, z])
        self.forget(stack.index)
        return early.planes

    def _move(self, early: _Early, c: int, z: int, plane: UInt16) -> None:
        self._warp.shifted(self._offset).move(c, plane, early.planes[c, z])
        early.shifts[c, z] = self._shift(c)

    def _shift(self, c: int) -> tuple[int, int]:
        _, y, x = self._offset.get(c, (0, 0, 0))
        return y, x

    def _begin(self, index: StackIndex) -> None:
        """Make room for a stack; where all is taken that of the oldest one."""
        if len(self._stacks) == STACKS:
            self.forget(next(iter(self._stacks)))
        planes = self._spare.pop() if self._spare else np.empty(self._shape, np.uint16)
        self._stacks[index] = _Early(planes)
