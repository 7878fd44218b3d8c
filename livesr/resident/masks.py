"""From probabilities to packed masks on a device, and from packed masks to volumes.

Probabilities are interpolated as OpenCV does it for `livesr.segmentation.segment.mask_on`, in whole
numbers: weights of 11 bits along x, then along y. So masks are the same, not nearly the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from livesr.segmentation.segment import planes_between

if TYPE_CHECKING:
    from torch import Tensor

    from livesr.types import Grid, UInt8

_ONE = 2048
_GATHER_BITS = 0x0102040810204080
"""Times eight bytes of 0 or 1 this has their bits, the first lowest, in its highest byte."""


def packed_bytes(grid: Grid) -> int:
    """Return the bytes of one packed mask."""
    return -(-int(np.prod(grid.shape)) // 8)


def unpacked(packed: UInt8, grid: Grid) -> UInt8:
    """Return a mask (z, y, x), uint8, 0 or 1, of its bits; the first voxel is the lowest bit."""
    count = int(np.prod(grid.shape))
    return np.unpackbits(packed, count=count, bitorder="little").reshape(grid.shape)


class _Taps:
    """Along one axis: the two voxels around each target voxel, and their weights out of 2048."""

    def __init__(self, n: int, size: float, m: int, pixel: float, device: torch.device) -> None:
        at = ((np.arange(m) + 0.5) * (1 / (size / pixel)) - 0.5).astype(np.float32)
        first = np.floor(at)
        weight = at - first
        self.low, self.high = (
            torch.from_numpy(np.clip(first + i, 0, n - 1).astype(np.int32)).to(device)
            for i in (0, 1)
        )
        self.low_weight, self.high_weight = (
            torch.from_numpy(np.rint(w * np.float32(_ONE)).astype(np.int32)).to(device)
            for w in (1 - weight, weight)
        )


class MaskMaker:
    """Makes masks on one grid of probabilities on another.

    Parameters
    ----------
    network : Grid
        Of the probabilities.
    grid : Grid
        Of the masks.
    device : torch.device
    """

    def __init__(self, network: Grid, grid: Grid, device: torch.device) -> None:
        self._same = network == grid
        self._grid = grid
        self._y, self._x = (
            _Taps(network.shape[i], network.voxel_um[i], grid.shape[i], grid.voxel_um[i], device)
            for i in (1, 2)
        )
        below, above, weight = zip(*planes_between(grid, network), strict=True)
        self._planes = (
            None
            if below == tuple(range(network.shape[0])) and not any(weight)
            else (
                torch.tensor(below, device=device),
                torch.tensor(above, device=device),
                torch.tensor(weight, dtype=torch.float32, device=device)[:, None, None],
            )
        )
        # Whole groups of eight; what is beyond the volume stays 0.
        self._flat = torch.zeros(8 * packed_bytes(grid), dtype=torch.bool, device=device)
        self._mask = self._flat[: int(np.prod(grid.shape))].view(grid.shape)

    def pack(self, probability: Tensor, threshold: int, out: Tensor) -> None:
        """Write one structure's packed mask.

        Parameters
        ----------
        probability : Tensor, (z, y, x), uint8
        threshold : int
            Smallest probability that makes a voxel part of the mask.
        out : Tensor, (bytes,), uint8
            Of `packed_bytes`.
        """
        if self._same:
            torch.ge(probability, threshold, out=self._mask)
        else:
            self._resize(self._along_z(probability), threshold)
        bits = self._flat.view(torch.int64) * _GATHER_BITS
        out.copy_(bits.bitwise_right_shift_(56).bitwise_and_(255))

    def _along_z(self, probability: Tensor) -> Tensor:
        if self._planes is None:
            return probability
        below, above, weight = self._planes
        low, high = (probability.index_select(0, k).to(torch.float32) for k in (below, above))
        return (low * (1 - weight)).add_(high * weight).round_().to(torch.uint8)

    def _resize(self, probability: Tensor, threshold: int) -> None:
        x, y = self._x, self._y
        wide = probability.index_select(2, x.low) * x.low_weight
        wide += probability.index_select(2, x.high) * x.high_weight
        wide = wide.bitwise_right_shift_(4).to(torch.int16)
        low = (wide.index_select(1, y.low) * y.low_weight[:, None]).bitwise_right_shift_(16)
        high = (wide.index_select(1, y.high) * y.high_weight[:, None]).bitwise_right_shift_(16)
        # (sum + 2) >> 2 >= threshold
        torch.ge(low.add_(high), 4 * threshold - 2, out=self._mask)
