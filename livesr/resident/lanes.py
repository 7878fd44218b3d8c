"""CUDA streams and events; on the processor, where everything happens in order, nothing."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Mark:
    """A place in a lane: all work that was given to the lane before it.

    Parameters
    ----------
    event : torch.cuda.Event or None
        None where everything before is done already.
    """

    def __init__(self, event: torch.cuda.Event | None = None) -> None:
        self.event = event

    def wait(self) -> None:
        """Let the processor wait until the work is done."""
        if self.event is not None:
            self.event.synchronize()


class Lane:
    """Work on one device that is done in the order in which it is given.

    Parameters
    ----------
    device : torch.device
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def open(self) -> AbstractContextManager[object]:
        """Return a context whose work is given to this lane."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def mark(self) -> Mark:
        """Return the present place."""
        return Mark() if self._stream is None else Mark(self._stream.record_event())

    def after(self, mark: Mark) -> None:
        """Let what is given from now on begin after a place in another lane."""
        if self._stream is not None and mark.event is not None:
            self._stream.wait_event(mark.event)
