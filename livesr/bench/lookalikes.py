"""Stacks that a microscope might deliver and that are not the networks' cells.

Two of them stand for real recordings that cannot be shipped: `yeast` for mitochondria of living
yeast at low light, `pollen` for a confocal plane of a pollen tube in a dye like Nile Red.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.types import Float32, UInt16

GRID = Grid((16, 192, 192), (0.3, 0.0668, 0.0668))
OFFSET = 100.0
SEED = 60_000


class LookAlike(NamedTuple):
    """A recording: counts (c, z, y, x), their grid, and the counts without light."""

    data: UInt16
    grid: Grid
    offset: float


def lookalikes() -> dict[str, LookAlike]:
    """Return every look-alike of three dimensions by its name."""
    return {
        made.__name__: LookAlike(made(), GRID, OFFSET)
        for made in (beads, nothing, brightfield, yeast)
    }


def exposed(photons: Float32) -> UInt16:
    """Return what a camera makes of photons (c, z, y, x)."""
    rng = np.random.default_rng(SEED)
    counts = rng.poisson(np.maximum(photons, 0)) + rng.normal(OFFSET, 1.4, photons.shape)
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16)


def coloured(yellow: Float32, ratio: float = 0.35) -> Float32:
    """Return both channels of something of one ratio."""
    return np.stack([yellow, ratio * yellow]).astype(np.float32)


def blurred(volume: Float32, pixels: float, planes: float) -> Float32:
    """Return a volume (z, y, x) seen through a Gaussian of these standard deviations."""
    flat = np.stack([cv2.GaussianBlur(plane, (0, 0), pixels) for plane in volume])
    z, y, x = flat.shape
    deep = cv2.GaussianBlur(flat.reshape(z, y * x), (1, 0), sigmaX=1e-6, sigmaY=planes)
    seen: Float32 = deep.reshape(z, y, x)
    return seen


def beads(count: int = 60) -> UInt16:
    """Return points of light in the dark."""
    rng = np.random.default_rng(SEED + 1)
    volume = np.zeros(GRID.shape, np.float32)
    volume[tuple(rng.integers(0, n, count) for n in GRID.shape)] = 40_000.0
    return exposed(coloured(blurred(volume, 0.9, 0.7)) + 4)


def nothing() -> UInt16:
    """Return a field without cells."""
    return exposed(np.full((2, *GRID.shape), 6.0, np.float32))


def brightfield() -> UInt16:
    """Return grey everywhere, lighter and darker: transmitted light."""
    rng = np.random.default_rng(SEED + 2)
    noise = rng.normal(size=GRID.shape).astype(np.float32)
    return exposed(coloured(800 + 2500 * blurred(noise, 4.0, 2.0), 0.9))


def yeast() -> UInt16:
    """Return small round cells with a thick tube along their wall, dim, in one channel."""
    volume = np.zeros(GRID.shape, np.float32)
    for row, column in ((60, 70), (120, 110), (80, 140)):
        for k in range(5, 11):
            cv2.circle(volume[k], (column, row), 24, 3.0, -1)
            cv2.ellipse(volume[k], (column, row), (18, 14), 20.0 * k, 0, 200, 20.0, 5)
    return exposed(blurred(volume, 1.2, 0.8)[None] + 3)


def pollen() -> LookAlike:
    """Return one confocal plane of a wide tube in coarse pixels of 8 bits, smoothed."""
    y, x = np.mgrid[:256, :256]
    wall = np.exp(-(((np.hypot(y - 128, 0.2 * x) - 45) / 6) ** 2))
    light = 20 * (np.hypot(y - 128, 0.2 * x) < 45) + 70 * wall + 8 * np.sin(x / 9) * wall
    smooth = cv2.GaussianBlur(light.astype(np.float32), (0, 0), 2.0)
    data = np.rint(np.stack([smooth, 1.9 * smooth])).astype(np.uint16)[:, None]
    return LookAlike(data, Grid((1, 256, 256), (1.0, 0.24, 0.24)), 0.0)


def out_of_focus(data: UInt16) -> UInt16:
    """Return the same stack through an objective of a fifth of the resolution."""
    light = data.astype(np.float32) - np.float32(OFFSET)
    return exposed(np.stack([blurred(channel, 5.0, 2.0) for channel in light]))
