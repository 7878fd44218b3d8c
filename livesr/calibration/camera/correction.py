"""Counts as an even camera behind an even light would have given them.

    corrected = (raw - offset of the pixel) / response of the pixel / flat field of the channel

in counts of the camera's mean pixel, on a pedestal, rounded to whole counts: so that all that
follows (the warp, features, what is followed) takes them like the camera's own. One
multiplication and one addition a pixel. Hot pixels are replaced by the mean of four neighbours.
Raw data on disk are never corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.types import Bool, Float32, UInt16

Int32: TypeAlias = npt.NDArray[np.int32]

PEDESTAL = 100.0
"""Counts that corrected images have without light: noise below it is kept, not cut off."""
AROUND = 4
"""Neighbours that a hot pixel is replaced by."""
REACH = 3
"""How far away they are looked for, pixels."""


@dataclass(frozen=True, slots=True)
class HotPixels:
    """Pixels of one channel whose counts say nothing, and the pixels that stand in for them.

    Attributes
    ----------
    at : ndarray, (n,), int32
        Places in a plane, row after row.
    around : ndarray, (n, 4), int32
        Of each the nearest pixels that are not hot.
    """

    at: Int32
    around: Int32

    @classmethod
    def of(cls, hot: Bool) -> HotPixels:
        """Return the pixels of a map (y, x)."""
        y, x = (at[:, None] for at in np.nonzero(hot))
        dy, dx = _nearest_first()
        rows, columns = y + dy, x + dx
        height, width = hot.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        places = np.where(inside, rows * width + columns, 0)
        usable = inside & ~hot.ravel()[places]
        order = np.argsort(~usable, axis=1, kind="stable")[:, :AROUND]
        chosen = np.take_along_axis(places, order, axis=1)
        good = np.take_along_axis(usable, order, axis=1)
        own = (y * width + x).astype(np.int32)
        # where fewer than four are usable the nearest stands for the others; where none, itself
        chosen = np.where(good, chosen, np.where(good[:, :1], chosen[:, :1], own))
        return cls(own[:, 0], np.ascontiguousarray(chosen, np.int32))


def _nearest_first() -> tuple[Int32, Int32]:
    """Return the places around a pixel, (dy, dx), from near to far."""
    steps = np.arange(-REACH, REACH + 1, dtype=np.int32)
    dy, dx = (d.ravel() for d in np.meshgrid(steps, steps, indexing="ij"))
    far = dy**2 + dx**2
    order = np.argsort(far, kind="stable")[1:]
    return dy[order], dx[order]


@dataclass(frozen=True, slots=True)
class Correction:
    """What is done to each channel of a session's stacks, in the geometry in which they are stored.

    Attributes
    ----------
    factor, term : ndarray, (c, y, x), float32
        Corrected counts are ``raw * factor + term``.
    hot : tuple of HotPixels
        One a channel.
    """

    factor: Float32
    term: Float32
    hot: tuple[HotPixels, ...]

    @classmethod
    def of(cls, offset: Float32, response: Float32, hot: Bool, flat: Float32) -> Correction:
        """Return the correction of maps, (c, y, x) each.

        Parameters
        ----------
        offset : ndarray
            Counts without light.
        response : ndarray
            Counts of a pixel beside those of the mean pixel, for the same light.
        hot : ndarray of bool
        flat : ndarray
            Light of a place beside the channel's mean.
        """
        factor = (1.0 / (response.astype(np.float64) * flat)).astype(np.float32)
        term = (PEDESTAL - offset.astype(np.float64) * factor).astype(np.float32)
        return cls(factor, term, tuple(HotPixels.of(one) for one in hot))

    def plane(self, c: int, raw: UInt16, out: UInt16) -> UInt16:
        """Correct one plane (y, x) of a channel into ``out``, a contiguous array; return it.

        Raises
        ------
        ValueError
            If the plane is not of the correction's shape.
        """
        if raw.shape != self.factor.shape[1:] or out.shape != raw.shape:
            raise ValueError(f"plane {raw.shape} into {out.shape}, not {self.factor.shape[1:]}")
        hot = self.hot[c]
        _correct(
            np.ascontiguousarray(raw).reshape(-1),
            self.factor[c].reshape(-1),
            self.term[c].reshape(-1),
            hot.at,
            hot.around,
            out.reshape(-1),
        )
        return out

    def stack(self, data: UInt16, out: UInt16) -> UInt16:
        """Correct a stack (c, z, y, x) into ``out``; return it."""
        for c, planes in enumerate(data):
            for plane, target in zip(planes, out[c], strict=True):
                self.plane(c, plane, target)
        return out


def _correct_plane(
    raw: UInt16, factor: Float32, term: Float32, at: Int32, around: Int32, out: UInt16
) -> None:
    # float32 throughout and no fused operations: a graphics card gives the same counts
    half, zero, most = np.float32(0.5), np.float32(0), np.float32(65535)
    for i in range(raw.size):
        value = np.float32(raw[i]) * factor[i] + term[i]
        out[i] = np.uint16(np.int32(min(max(value, zero), most) + half))
    for i in range(at.size):
        total = np.uint32(2)
        for k in range(around.shape[1]):
            total += np.uint32(out[around[i, k]])
        out[at[i]] = np.uint16(total // np.uint32(4))


_correct: Callable[[UInt16, Float32, Float32, Int32, Int32, UInt16], None] = numba.njit(
    nogil=True, cache=True
)(_correct_plane)
