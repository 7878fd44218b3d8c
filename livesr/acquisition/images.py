"""Which images a session has: one for each position, and one more for each further mode of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.types import RecordingInfo


class Images:
    """The images of a session in their order: the positions, then whatever a rule began.

    One array cannot hold two shapes, so that a position which is taken in another mode gets
    another image. Numbers are given in the order in which images begin: there is none without
    stacks. One thread asks for new ones; any may look.

    Parameters
    ----------
    info : RecordingInfo
    begun : sequence of tuple of int
        (position, mode) of the images beyond the positions' own that an interrupted session began.

    Attributes
    ----------
    on_begin : callable
        Called with the number, position and mode of an image that begins.
    """

    def __init__(self, info: RecordingInfo, begun: Sequence[tuple[int, int]] = ()) -> None:
        self._modes = [info.in_mode(k) for k in range(len(info.modes) + 1)]
        self._images = [(position, 0) for position in range(info.positions)]
        self._images += begun
        self.on_begin: Callable[[int, int, int], None] = lambda _number, _position, _mode: None

    def __len__(self) -> int:
        return len(self._images)

    def number(self, position: int, mode: int) -> int:
        """Return the number of a position's image in a mode; it begins if there is none yet."""
        if (position, mode) not in self._images:
            self.on_begin(len(self._images), position, mode)
            self._images.append((position, mode))
        return self._images.index((position, mode))

    def position(self, number: int) -> int:
        """Return which position an image shows."""
        return self._images[number][0]

    def mode(self, number: int) -> int:
        """Return the mode that an image was taken in; 0 is the session's own."""
        return self._images[number][1]

    def info(self, number: int) -> RecordingInfo:
        """Return what there is to say of an image: its shape, and its time points at most."""
        return self._modes[self.mode(number)]
