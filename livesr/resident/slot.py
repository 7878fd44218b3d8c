"""What one stack in flight has on the device and in pinned memory, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from livesr.resident.lanes import Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from livesr.types import UInt16


class Download:
    """A result on the device and its place in the processor's memory.

    Parameters
    ----------
    shape : sequence of int
    dtype : torch.dtype
    device : torch.device
    """

    def __init__(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> None:
        self.device = torch.empty(tuple(shape), dtype=dtype, device=device)
        self.host = pinned(shape, dtype, device)

    def start(self) -> None:
        """Copy it down, in the lane that is open."""
        self.host.copy_(self.device, non_blocking=True)


class Slot:
    """Buffers of one stack, which planes of it are still due, and how far its work is.

    Parameters
    ----------
    shape : tuple of int
        (c, z, y, x) of a stack, as far as the networks see it.
    target : tuple of int
        (y', x') of a plane on the networks' grid.
    downloads : dict of str to Download
        What comes down of a stack.
    device : torch.device

    Attributes
    ----------
    moved : Tensor, (c, z, y', x'), float32
        Planes as they were warped on arrival.
    due : set of (c, z)
        Planes that did not come yet.
    uploaded, computed, down : Mark
        Ends of the latest upload, computation and download.
    unread : bool
        Whether the result of the latest stack still lies in ``downloads``.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        target: tuple[int, int],
        downloads: dict[str, Download],
        device: torch.device,
    ) -> None:
        self._staging = pinned(shape, torch.uint16, device)
        self._shape = shape
        self.moved = torch.empty((*shape[:2], *target), dtype=torch.float32, device=device)
        self.downloads = downloads
        self.due: set[tuple[int, int]] = set()
        self.uploaded, self.computed, self.down = Mark(), Mark(), Mark()
        self.unread = False
        self.clear()

    def clear(self) -> None:
        """Wait for the first plane of another stack."""
        self.due = {(c, z) for c in range(self._shape[0]) for z in range(self._shape[1])}

    @property
    def untouched(self) -> bool:
        """Whether nothing of a stack came yet."""
        return len(self.due) == self._shape[0] * self._shape[1]

    def stage(self, c: int, z: int, plane: UInt16) -> Tensor:
        """Return a pinned copy of a plane.

        Raises
        ------
        ValueError
            If the plane has another shape or dtype, or the stack no such plane.
        """
        if plane.shape != self._shape[2:] or plane.dtype != "uint16":
            raise ValueError(f"plane is {plane.dtype} {plane.shape}, not uint16 {self._shape[2:]}")
        if not (0 <= c < self._shape[0] and 0 <= z < self._shape[1]):
            raise ValueError(f"no plane {z} of channel {c} in a stack of {self._shape}")
        if self.untouched or (c, z) not in self.due:
            self.uploaded.wait()  # what is staged may still be on its way up
        staged = self._staging[c, z]
        staged.numpy()[...] = plane
        return staged


def pinned(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory of the processor that a CUDA device reads and writes by itself."""
    return torch.empty(tuple(shape), dtype=dtype, pin_memory=device.type == "cuda")
