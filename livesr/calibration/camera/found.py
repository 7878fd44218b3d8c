"""What is measured of a camera and its light."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.calibration.camera.frames import Moments
    from livesr.config.layouts import Rectangle
    from livesr.types import Bool, Float32

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Region:
    """Where a channel lies on the camera's images.

    Attributes
    ----------
    name : str
    image : int
        Which image of a frame shows it.
    rectangle : Rectangle or None
        Its part of that image; None for the whole.
    """

    name: str
    image: int = 0
    rectangle: Rectangle | None = None

    @property
    def where(self) -> tuple[slice, slice]:
        """Rows and columns of its part."""
        r = self.rectangle
        if r is None:
            return slice(None), slice(None)
        return slice(r.y, r.y + r.height), slice(r.x, r.x + r.width)

    def cut(self, maps: npt.NDArray[T]) -> npt.NDArray[T]:
        """Return its part of maps (i, y, x), as it lies on the sensor: a view."""
        return maps[(self.image, *self.where)]

    def stored(self, part: npt.NDArray[T]) -> npt.NDArray[T]:
        """Return its part as a session stores it, flipped and turned."""
        return part if self.rectangle is None else self.rectangle.turned(part)


@dataclass(frozen=True, slots=True)
class CameraMaps:
    """Maps of a camera's images (i, y, x), and of each channel's light.

    Attributes
    ----------
    offset, read_noise : ndarray, (i, y, x), float32
        Counts without light, and their standard deviation.
    response : ndarray, (i, y, x), float32
        Counts for the same light, beside the mean pixel's; 1 outside all channels.
    hot : ndarray, (i, y, x), bool
        Pixels unlike the others: hot, dead or noisy.
    flat : ndarray, (c, y', x'), float32
        Light beside the channel's mean, as a session stores the channel.
    """

    offset: Float32
    response: Float32
    read_noise: Float32
    hot: Bool
    flat: Float32


@dataclass(frozen=True, slots=True)
class Level:
    """One level of light.

    Attributes
    ----------
    moments : Moments
        Without the offset.
    signal : tuple of float
        Mean counts above the offset of each channel.
    variance : tuple of float
        Mean counts² between frames of each channel.
    """

    moments: Moments
    signal: tuple[float, ...]
    variance: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FalseRatio:
    """Ratio of two channels over an evenly lit field, less its median: all of it is false.

    Attributes
    ----------
    before, after : ndarray, (y, x), float32
        Relative, as a spot of the point-spread function's size would have it: with one offset for
        all pixels, and corrected by maps that this level had no part in.
    noise : float
        Standard deviation that counting electrons leaves in both.
    signal : tuple of float
        Mean counts above the offset of both channels.
    apart : bool
        Whether the level had no part in the maps; with two levels all have.
    """

    before: Float32
    after: Float32
    noise: float
    signal: tuple[float, float]
    apart: bool = True


@dataclass(frozen=True, slots=True)
class CameraCalibration:
    """A camera and its light, as measured.

    Attributes
    ----------
    regions : tuple of Region
        The channels.
    dark : Moments
    levels : tuple of Level
        From dim to bright.
    gain_e_per_adu, read_noise_e : tuple of float
        Of each image: electrons a count, and the median pixel's noise in the dark, electrons.
    offset_error, response_error : float
        Standard error of one pixel's: counts, relative.
    transfer_error : float
        Relative standard error of one pixel's gain, had it been told from its own variance alone.
    linearity : tuple of float
        Gain of each level alone beside that of all, less 1.
    ratios : tuple of FalseRatio
        At the dimmest level and at the brightest; empty with one channel.
    warnings : tuple of str
    """

    regions: tuple[Region, ...]
    maps: CameraMaps
    dark: Moments
    levels: tuple[Level, ...]
    gain_e_per_adu: tuple[float, ...]
    read_noise_e: tuple[float, ...]
    offset_error: float
    response_error: float
    transfer_error: float
    linearity: tuple[float, ...]
    ratios: tuple[FalseRatio, ...] = ()
    warnings: tuple[str, ...] = field(default=())
