"""The networks' two images, intensity and ratio, and what makes them comparable between days.

The paper divides red by yellow and averages them. Absolute values carry neither from day to day
nor from rig to rig, so both images are divided by their median over membrane foreground. The plain
physical ratio, in tables and pictures, is left as it is: it is the biology.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING

import cv2
import numba
import numpy as np

from livesr.contrast import BEND, compress
from livesr.types import Features, Normalisation

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from livesr.calibration.matching import Matching
    from livesr.calibration.warp import Warp
    from livesr.types import Bool, Float32, Grid, UInt8, UInt16

SEEN = 2
"""Channels of a stack that the networks see."""
SOFTENING = 0.2
"""ε of the ratio as a share of the foreground's intensity: 10 to 20 counts at Prime 95B levels (ER
60 to 150 photons), two to four times the background's noise. The same share at every exposure
makes the ratio independent of gain."""
MIN_SOFTENING = 5.0
"""ε in counts at least, so that read noise alone gives no ratio in very dim stacks."""
MAX_RATIO = 4.0
"""The ratio is clipped here; the highest expected, cytosol, is about 1.4 times the membranes'."""

SAMPLE_UM = 0.2
"""Pixel to which stacks are binned to estimate the normalisation, µm."""
SAMPLE_STEP_UM = 0.6
"""Distance of the planes that the estimate looks at, µm."""
SURROUND_UM = 1.0
"""Membranes stand out from their surround, blurred by a Gaussian of this σ, µm …"""
CONTRAST = 0.25
"""… by this share of it, which out-of-focus haze does not …"""
NOISE = 5.0
"""… and by this many standard deviations of the background's noise."""
DARK = 1.0 / 3.0
"""What is darker than this share of the foreground's median is no foreground."""
LEAST_UM3 = 0.5
"""Foreground has at least this volume: a few bright pixels are none."""
MIN_COUNTS = 3.0
"""Foreground with fewer counts above offset is noise."""
NO_FOREGROUND = Normalisation(intensity=MIN_COUNTS, ratio=1.0)
"""The estimate for a stack without membranes: usable, and not followed."""


def make_features(
    stack_data: UInt16,
    warp: Warp,
    offset: float,
    norm: Normalisation,
    moved: UInt16 | None = None,
    matching: Matching | None = None,
) -> Features:
    """Return the networks' input for one stack. Pure: the same input gives the same bits.

    Parameters
    ----------
    stack_data : ndarray, (c, z, y, x), uint16
        Camera counts; channel 0 yellow (the reference), channel 1 red if there is one.
    warp : Warp
        Registers and resamples to the networks' grid.
    offset : float
        Camera counts without light.
    norm : Normalisation
        Value of this stack, as journalled.
    moved : ndarray, (c, z, y', x'), uint16, optional
        The stack's planes as ``warp.move`` gives them, if that was done while they arrived.
    matching : Matching, optional
        Gives the channels one width of their point-spread functions before they are divided.

    Returns
    -------
    Features
        Channel 0: compressed mean of the channels over ``norm.intensity``. Channel 1:
        ``(R + ε·r0) / (Y + ε) / r0`` with r0 = ``norm.ratio``, clipped to 0 … `MAX_RATIO`: 1 on
        membranes and where there is no light, all zeros without a second channel.

    Raises
    ------
    ValueError
        If the normalisation is not positive and finite.
    """
    check_usable(norm)
    channels = warp.apply(stack_data[:SEEN], offset, moved)
    if len(channels) == 1:
        data = np.zeros((2, *warp.target.shape), np.float32)
        data[0] = compress(channels[0] / np.float32(norm.intensity))
        return Features(data, warp.target, has_ratio=False)
    if matching is not None:
        matching.apply(channels, warp.target.voxel_um)
    softening = softening_of(norm)
    yellow, red = channels.reshape(2, -1)
    intensity, ratio = np.float32(norm.intensity), np.float32(norm.ratio)
    _to_features(yellow, red, intensity, ratio, np.float32(softening))
    return Features(channels, warp.target, has_ratio=True)


def check_usable(norm: Normalisation) -> None:
    """Raise ValueError if a normalisation is not positive and finite."""
    if not (0 < norm.intensity < np.inf and 0 < norm.ratio < np.inf):
        raise ValueError(f"{norm} is not positive and finite")


def softening_of(norm: Normalisation) -> float:
    """Return ε of the ratio, counts."""
    return max(MIN_SOFTENING, SOFTENING * norm.intensity)


def _features_in_place(
    yellow: Float32, red: Float32, intensity: np.float32, ratio: np.float32, softening: np.float32
) -> None:
    """Turn yellow into the intensity channel and red into the ratio channel."""
    zero, highest = np.float32(0), np.float32(MAX_RATIO)
    bend, low = np.float32(BEND), np.float32(sqrt(BEND))
    scale = np.float32(1 / (sqrt(1 + BEND) - sqrt(BEND)))
    half = np.float32(0.5) / intensity
    red_scale = np.float32(1) / ratio
    for i in range(yellow.size):
        y, r = yellow[i], red[i]
        yellow[i] = (np.sqrt(max((y + r) * half + bend, zero)) - low) * scale
        red[i] = min((max(r, zero) * red_scale + softening) / (max(y, zero) + softening), highest)


_to_features: Callable[[Float32, Float32, np.float32, np.float32, np.float32], None] = numba.njit(
    nogil=True, cache=True, error_model="numpy"
)(_features_in_place)


def estimate_normalisation(data: UInt16, grid: Grid, offset: float) -> Normalisation:
    """Return the medians of intensity and ratio over the membrane foreground of one stack.

    On a binned copy, membranes are what stands out from its surround (`SURROUND_UM`, `CONTRAST`,
    `NOISE`); of these the brightest n are foreground, n being the smallest number for which the
    next has less than `DARK` of their median. All is decided locally or counted from the bright
    end, so that the empty share of the field does not matter.

    Parameters
    ----------
    data : ndarray, (c, z, y, x), uint16
        Camera counts; channel 0 yellow, channel 1 red if there is one. The few pixels that an
        unregistered red channel is off matter little at `SAMPLE_UM`.
    grid : Grid
        Of one channel.
    offset : float
        Camera counts without light.

    Returns
    -------
    Normalisation
        `NO_FOREGROUND` where the stack shows none (black, saturated, constant, noise).
    """
    channels = _binned(data[:2], grid, offset)
    mean = channels.mean(axis=0)
    membranes = _stands_out(mean, grid)
    values = mean[membranes]
    n = _foreground_size(np.sort(values)[::-1], grid)
    if n == 0:
        return NO_FOREGROUND
    brightest = np.argpartition(values, len(values) - n)[len(values) - n :]
    intensity = _middle(values[brightest])
    if intensity < MIN_COUNTS:
        return NO_FOREGROUND
    if len(channels) == 1:
        return Normalisation(intensity, 1.0)
    yellow, red = channels[:, membranes][:, brightest]
    ratio = float(np.median(red / np.maximum(yellow, 1.0)))
    return Normalisation(intensity, ratio) if ratio > 0 else NO_FOREGROUND


def _middle(values: Float32) -> float:
    """Return the mean of the middle fifth: a median that does not jump between whole counts."""
    low, high = np.percentile(values, (40, 60))
    return float(values[(values >= low) & (values <= high)].mean())


def _binned(data: UInt16, grid: Grid, offset: float) -> Float32:
    """Return a coarse copy in counts above offset, (c, z, y, x): every so many planes, binned."""
    step = max(1, round(SAMPLE_STEP_UM / grid.voxel_um[0]))
    by, bx = (_binning(v) for v in grid.voxel_um[1:])
    planes = data[:, ::step]
    ny, nx = max(1, data.shape[2] // by), max(1, data.shape[3] // bx)
    out = np.empty((*planes.shape[:2], ny, nx), np.float32)
    for index in np.ndindex(planes.shape[:2]):
        plane = planes[index][: ny * by, : nx * bx].astype(np.float32)
        cv2.resize(plane, (nx, ny), out[index], interpolation=cv2.INTER_AREA)
    out -= np.float32(offset)
    return out


def _binning(pixel_um: float) -> int:
    return max(1, round(SAMPLE_UM / pixel_um))


def _stands_out(image: Float32, grid: Grid) -> Bool:
    """Return where a coarse copy (z, y, x) is brighter than its surround."""
    sigma_y, sigma_x = (SURROUND_UM / (v * _binning(v)) for v in grid.voxel_um[1:])
    noise = np.float32(NOISE * _noise(image))
    out = np.empty(image.shape, bool)
    for plane, target in zip(image, out, strict=True):
        surround = cv2.GaussianBlur(
            plane, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT
        )
        np.greater(plane - surround, np.maximum(np.float32(CONTRAST) * surround, noise), out=target)
    return out


def _noise(image: Float32) -> float:
    """Return the noise (standard deviation) of the darker half, from neighbours' differences."""
    rows = image[:, ::4]
    difference = np.diff(rows, axis=2)[rows[..., 1:] <= np.median(rows)]
    return 1.4826 / sqrt(2) * float(np.median(np.abs(difference))) if difference.size else 0.0


def _foreground_size(order: Float32, grid: Grid) -> int:
    """Return how many of the pixels, sorted from bright to dark, are foreground; 0 for none."""
    pixel_y, pixel_x = (v * _binning(v) for v in grid.voxel_um[1:])
    least = max(16, round(LEAST_UM3 / (pixel_y * pixel_x * SAMPLE_STEP_UM)))
    if len(order) < least:
        return 0
    n = np.arange(least, len(order))
    darker = order[least:] < np.float32(DARK) * order[n // 2]
    return least + int(np.argmax(darker)) if darker.any() else len(order)


class NormalisationFollower:
    """Follows the normalisation over a session, one stack after the other.

    Slow on purpose: bleaching and dye uptake take hundreds of stacks, while a cell that comes into
    the field changes the estimate at once and must not change the other cells' masks.

    Parameters
    ----------
    start : Normalisation, optional
        Last value of the session, from the journal, when it is resumed.
    """

    WEIGHT = 0.05
    """Share of the (logarithmic) difference that one stack closes: a time constant of 20 stacks."""
    STEP = 0.01
    """Greatest change by one stack: 1 %."""

    def __init__(self, start: Normalisation | None = None) -> None:
        self._value = start

    def update(self, estimate: Normalisation) -> Normalisation:
        """Return the value to use for the stack that ``estimate`` is from.

        The first valid estimate is adopted whole; those without foreground are ignored.
        """
        if estimate == NO_FOREGROUND:
            return self._value or estimate
        if self._value is None:
            self._value = estimate
        else:
            self._value = Normalisation(
                self._follow(self._value.intensity, estimate.intensity),
                self._follow(self._value.ratio, estimate.ratio),
            )
        return self._value

    def _follow(self, value: float, estimate: float) -> float:
        step = self.WEIGHT * log(estimate / value)
        return value * exp(min(max(step, -self.STEP), self.STEP))


def polarity_image(
    yellow: npt.NDArray[np.generic],
    red: npt.NDArray[np.generic],
    *,
    ratio_range: tuple[float, float] = (0.0, 0.6),
    brightest: float | None = None,
) -> UInt8:
    """Return the composite of the paper's Fig. 1a: hue is the ratio, brightness the intensity.

    Parameters
    ----------
    yellow, red : ndarray, (y, x)
        Registered counts above offset; the ratio shown is the plain red / yellow.
    ratio_range : tuple of float
        Ratios shown blue (ordered or apolar membrane) and red (polar membrane).
    brightest : float, optional
        Mean of the channels that is shown fully bright; the 99.5th percentile if not given.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        Red, green, blue.
    """
    y, r = (np.maximum(np.asarray(channel, np.float32), 0) for channel in (yellow, red))
    mean = (y + r) / 2
    top = float(np.percentile(mean, 99.5)) if brightest is None else brightest
    low, high = ratio_range
    place = np.clip((r / np.maximum(y, 1e-6) - low) / (high - low), 0, 1)
    hue = np.where(mean > 0, 240 * (1 - place), 0)
    value = np.clip(mean / max(top, 1e-6), 0, 1)
    hsv = np.stack([hue, np.ones_like(hue), value], axis=-1).astype(np.float32)
    rgb: Float32 = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.rint(rgb * 255).astype(np.uint8)
