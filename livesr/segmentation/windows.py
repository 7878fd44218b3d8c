"""One window for the whole field if memory allows, else windows that are cropped and stitched.

Networks without instance normalisation depend on nothing beyond their receptive field. So windows
that overlap by it and begin at multiples of the network's pooling give exactly what one window
would: nothing is blended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.types import Float32, UInt8

MAX_VOXELS = 2**25
"""Voxels of one window: 24 planes of 1182 x 1182, a few GiB for a network of fifteen outputs."""
MAX_PLANES = 32
"""Planes of one window: taller stacks are outside what networks were trained on."""


@dataclass(frozen=True, slots=True)
class Span:
    """One axis of a window: it sees ``start`` to ``stop``, kept is ``first`` to ``last``."""

    start: int
    stop: int
    first: int
    last: int

    @property
    def seen(self) -> slice:
        """What the window sees of the padded whole."""
        return slice(self.start, self.stop)

    @property
    def kept(self) -> slice:
        """Where its kept part lies in the whole."""
        return slice(self.first, self.last)

    @property
    def inner(self) -> slice:
        """Where its kept part lies in the window."""
        return slice(self.first - self.start, self.last - self.start)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the whole: ``n`` voxels, in windows that overlap by twice the halo."""

    n: int
    multiple: int
    halo: int
    count: int = 1

    @property
    def padded(self) -> int:
        """Voxels after padding to the multiple."""
        return _up(self.n, self.multiple)

    @property
    def size(self) -> int:
        """Voxels of each window."""
        overlap = 2 * _up(self.halo, self.multiple)
        share = ceil((self.padded + (self.count - 1) * overlap) / self.count)
        return min(self.padded, _up(share, self.multiple))

    @property
    def divisible(self) -> bool:
        """True if more windows would be smaller ones."""
        return self.size > 2 * _up(self.halo, self.multiple) + self.multiple

    def spans(self) -> list[Span]:
        """Return the windows; borders between them lie in the middle of their overlaps."""
        size, last = self.size, self.padded - self.size
        step = size - 2 * _up(self.halo, self.multiple)
        starts = sorted({min(i * step, last) for i in range(self.count)}) if last else [0]
        borders = [0, *((a + size + b) // 2 for a, b in pairwise(starts)), self.n]
        return [
            Span(start, start + size, first, last)
            for start, (first, last) in zip(starts, pairwise(borders), strict=True)
        ]


def plan(
    shape: tuple[int, int, int],
    multiple: tuple[int, int, int],
    halo: tuple[int, int, int],
    max_voxels: int = MAX_VOXELS,
    max_planes: int = MAX_PLANES,
) -> tuple[Axis, Axis, Axis]:
    """Return how each axis (z, y, x) is divided: no more than the limits demand."""
    highest_halo = max(0, (max_planes // multiple[0] - 1) // 2 * multiple[0])
    z = Axis(shape[0], multiple[0], min(halo[0], highest_halo))
    while z.size > max_planes and z.divisible:
        z = replace(z, count=z.count + 1)
    y, x = (Axis(shape[i], multiple[i], halo[i]) for i in (1, 2))
    while z.size * y.size * x.size > max_voxels and (y.divisible or x.divisible):
        if y.divisible and (y.size >= x.size or not x.divisible):
            y = replace(y, count=y.count + 1)
        else:
            x = replace(x, count=x.count + 1)
    return z, y, x


def predict(
    predictor: Callable[[Float32, UInt8 | None], UInt8],
    data: Float32,
    outputs: int,
    *,
    multiple: tuple[int, int, int],
    halo: tuple[int, int, int],
    max_voxels: int = MAX_VOXELS,
    max_planes: int = MAX_PLANES,
) -> UInt8:
    """Return what the predictor gives for the whole of ``data``.

    Parameters
    ----------
    predictor : callable
        Takes (1, c, z, y, x) float32 and where to write, if that is known, and returns
        (1, outputs, z, y, x) uint8.
    data : ndarray, (c, z, y, x), float32
        Padded at its ends to the multiples by repeating the outermost voxels; what was padded is
        cropped off again.
    outputs : int
    multiple : tuple of int
        What the sizes (z, y, x) of a window must be multiples of.
    halo : tuple of int
        How far (z, y, x) an output voxel looks. Along z it is cut to what `max_planes` allows.
    max_voxels, max_planes : int
        Largest window.

    Returns
    -------
    ndarray, (outputs, z, y, x), uint8
    """
    z, y, x = plan(data.shape[1:], multiple, halo, max_voxels, max_planes)
    padded = _padded(data, (z.padded, y.padded, x.padded))
    if z.count == y.count == x.count == 1:
        whole = np.empty((1, outputs, *padded.shape[1:]), np.uint8)
        nz, ny, nx = data.shape[1:]
        return predictor(padded[None], whole)[0, :, :nz, :ny, :nx]
    out = np.empty((outputs, *data.shape[1:]), np.uint8)
    for iz, iy, ix in product(z.spans(), y.spans(), x.spans()):
        result = predictor(padded[None, :, iz.seen, iy.seen, ix.seen], None)[0]
        out[:, iz.kept, iy.kept, ix.kept] = result[:, iz.inner, iy.inner, ix.inner]
    return out


def _up(n: int, multiple: int) -> int:
    return ceil(n / multiple) * multiple


def _padded(data: Float32, shape: tuple[int, int, int]) -> Float32:
    """Return ``data`` with its outermost voxels repeated at the ends of z, y and x."""
    if shape == data.shape[1:]:
        return data
    z, y, x = data.shape[1:]
    out = np.empty((len(data), *shape), np.float32)
    out[:, :z, :y, :x] = data
    out[:, :z, :y, x:] = data[..., -1:]
    out[:, :z, y:] = out[:, :z, y - 1 : y]
    out[:, z:] = out[:, z - 1 : z]
    return out
