"""Where to begin: the whole shift between two channels, by correlation, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.cells.overlay import band_passed
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from livesr.types import Float32

FINE, WIDE = 1.5, 6.0
"""Band of the images that are compared, pixels: wide enough for what a turn leaves unaligned."""
LOCAL = 12.0
"""Pixels over which brightness is evened out, so that a few bright droplets do not decide."""
MOST_PX = 16
"""Largest shift that is looked for along y and x."""
MOST_PLANES = 3
CLEAR = 8.0
"""A peak counts that is so many standard deviations of the correlation above its mean."""
FLIPS = {"upside down": (0,), "mirrored left to right": (1,), "turned by 180°": (0, 1)}


@dataclass(frozen=True, slots=True)
class Shift:
    """Planes and pixels by which the other channel is moved, and how clear that is."""

    z: int
    y: int
    x: int
    clear: float


def coarse_shift(reference: Float32, other: Float32, *, where: str = "") -> Shift:
    """Return the shift of the other channel that makes it most alike.

    Parameters
    ----------
    reference, other : ndarray, (y, x, z), float32
    where : str
        Names the recording in an error.

    Raises
    ------
    CalibrationError
        The channels have nothing in common, or one is mirrored.
    """
    one, two = _evened(reference), _evened(other)
    flat_one, flat_two = one.sum(axis=2), two.sum(axis=2)
    y, x, clear = _peak(flat_one, flat_two)
    mirrored = {name: _peak(flat_one, np.flip(flat_two, axes))[2] for name, axes in FLIPS.items()}
    likely = max(mirrored, key=lambda name: mirrored[name])
    if mirrored[likely] > max(clear, CLEAR):
        raise CalibrationError(
            f"the other channel is {likely}: so it agrees with the reference (peak of the"
            f" correlation {mirrored[likely]:.0f} σ), as it is it does not ({clear:.0f} σ)",
            where=where,
            fix="set the flip of the channel's rectangle in the layout",
        )
    if clear < CLEAR:
        raise CalibrationError(
            f"the channels do not show the same cells: their correlation has no clear peak within"
            f" {MOST_PX} pixels ({clear:.1f} σ above its mean, needed {CLEAR:g})",
            where=where,
            fix="check the channels' rectangles and their order, that cells are in focus and well"
            " exposed in both, or calibrate with beads",
        )
    return Shift(_plane(one, two, y, x), y, x, clear)


def _evened(data: Float32) -> Float32:
    """Return the band of membranes with its local brightness evened out."""
    band = band_passed(data, FINE, WIDE)
    power = cv2.GaussianBlur((band * band).mean(axis=2), (0, 0), LOCAL)
    # what is much darker than the rest is noise, and stays so
    scale = 1.0 / np.sqrt(power + np.median(power) + 1e-6)
    return np.asarray(band * scale[..., None], np.float32)


def _peak(one: Float32, two: Float32) -> tuple[int, int, float]:
    """Return the shift (y, x) of the second image and its height over the correlation's spread."""
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in one.shape))
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (one, two)]
    whole = np.fft.irfft2(spectra[0].conj() * spectra[1], s=one.shape)
    centre = [n // 2 for n in one.shape]
    whole = np.roll(whole, centre, axis=(0, 1))
    cy, cx = centre
    reach_y, reach_x = min(MOST_PX, cy), min(MOST_PX, cx)
    near = whole[cy - reach_y : cy + reach_y + 1, cx - reach_x : cx + reach_x + 1]
    at = np.unravel_index(int(near.argmax()), near.shape)
    clear = (float(near.max()) - float(whole.mean())) / max(float(whole.std()), 1e-12)
    return int(at[0]) - reach_y, int(at[1]) - reach_x, clear


def _plane(one: Float32, two: Float32, y: int, x: int) -> int:
    """Return the shift along z at a lateral shift, planes."""
    height, width, planes = one.shape
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(height, height - y), min(width, width - x)
    one = one[top:bottom, left:right]
    two = two[top + y : bottom + y, left + x : right + x]
    scores = {}
    most = min(MOST_PLANES, planes - 2)
    for z in range(-most, most + 1):
        a = one[..., max(0, -z) : planes - max(0, z)]
        b = two[..., max(0, z) : planes - max(0, -z)]
        scores[z] = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-12))
    return max(scores, key=lambda z: scores[z])
