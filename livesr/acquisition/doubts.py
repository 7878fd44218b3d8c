"""What is wrong with the pictures of a preview, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.acquisition.finding.alike import band, factor_for, peak, shrunk
from livesr.acquisition.finding.refusal import least_structure, shaded, structure
from livesr.acquisition.finding.turns import TURNS, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.types import Float32, UInt16

_FULL_SHARE = 1e-4
"""Share of saturated pixels that is too much."""
_BLACK = 0.08
"""A channel with so little of the other's structure is black."""
_CLEAR, _BETTER = 8.0, 1.3
"""A peak of the correlation counts from so many standard deviations, and beats another by this."""
_OFF_PX = 6
"""Pixels between the channels beyond which their rectangles are in doubt; a calibration holds
less."""
_SWAPPED = 0.12
"""Droplets shine yellow: by so much (natural logarithm) their ratio lies above the rest's if the
channels are swapped."""
_FINEST_UM, _COARSEST_UM = 0.15, 0.40
"""Finest period that a picture of cells in focus holds: light allows none below, and cells in focus
have some up to there."""
_SAMPLED = 0.38
"""From here on the camera's pixels, not the optics, limit what is resolved, cycles a pixel."""
_CAMERA_PIXEL_UM = 1.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that is wrong.

    Attributes
    ----------
    kind : str
        saturated, black, dim, flipped, displaced, swapped or pixel_size.
    what, fix : str
    """

    kind: str
    what: str
    fix: str

    def as_dict(self) -> dict[str, str]:
        """Return what ``--json`` prints."""
        return asdict(self)


def doubts(
    channels: Mapping[str, UInt16], *, offset: float, full: int, pixel_um: float
) -> list[Doubt]:
    """Return what is wrong with a picture.

    Parameters
    ----------
    channels : mapping of str to ndarray, (y, x), uint16
        By name, yellow first; as the layout cuts them out.
    offset : float
        Camera counts without light.
    full : int
        Counts of a full pixel.
    pixel_um : float
        As the configuration has it; 0 if it has none.
    """
    found = [*_saturated(channels, full)]
    light = {
        name: image.astype(np.float32) - np.float32(offset) for name, image in channels.items()
    }
    networks = dict(list(light.items())[:2])  # others may well show next to nothing, as leaks do
    black = list(_black(networks))
    found += black
    if not black and len(light) > 1:
        found += _against_each_other(light)
    found += _pixel_size(next(iter(light.values())), pixel_um, focused=not (black or found))
    return found


def _saturated(channels: Mapping[str, UInt16], full: int) -> Iterator[Doubt]:
    for name, image in channels.items():
        share = float(np.mean(image >= full))
        if share > _FULL_SHARE:
            yield Doubt(
                "saturated",
                f"{name}: {share:.2%} of the pixels are saturated; their ratio is false",
                "lower the exposure or the laser's power",
            )


def _black(light: Mapping[str, Float32]) -> Iterator[Doubt]:
    contrast = {name: structure(image) for name, image in light.items()}
    most = max(contrast.values())
    if most == 0:
        yield Doubt(
            "black",
            "no channel shows cells",
            "focus on a stained cell; raise laser or exposure; check shutter and filters",
        )
        return
    for name, value in contrast.items():
        if value >= _BLACK * most:
            continue
        if _BLACK * most < least_structure(light[name]) or shaded(light[name]):
            yield Doubt(
                "dim",
                f"{name} is too dim here for what another channel shows",
                "focus higher into the cell (near the glass there is little but plasma membrane,"
                " and that is dim in red), or raise laser or exposure",
            )
        else:
            yield Doubt(
                "black",
                f"{name} is black while another channel shows cells",
                "check the splitter's filters and shutters and the channel's rectangle (F finds"
                " the rectangles)",
            )


def _against_each_other(light: Mapping[str, Float32]) -> Iterator[Doubt]:
    """Yield doubts about how the second channel lies on the first one."""
    (first, one), (second, two) = list(light.items())[:2]
    factor = factor_for((one.shape[0], one.shape[1]))
    reference = band(shrunk(one, factor))
    as_it_is = peak(reference, band(shrunk(two, factor)))
    best, turn = as_it_is.clear, Turn()
    for other in TURNS[1:]:
        turned = np.ascontiguousarray(other.of(two))
        if turned.shape == one.shape:
            found = peak(reference, band(shrunk(turned, factor))).clear
            if found > best:
                best, turn = found, other
    if turn != Turn() and best > max(_CLEAR, _BETTER * as_it_is.clear):
        yield Doubt(
            "flipped",
            f"{second} agrees with {first} when it is {turn.words} ({best:.0f} σ, as it is"
            f" {as_it_is.clear:.0f} σ)",
            f"set flip and quarter_turns of {second} in the layout, or let the rectangles be found"
            " (F)",
        )
        return
    off = factor * float(np.hypot(as_it_is.y, as_it_is.x))
    if as_it_is.clear > _CLEAR and off > _OFF_PX:
        yield Doubt(
            "displaced",
            f"{second} lies {off:.0f} pixels off {first}: the rectangles do not fit",
            "let the rectangles be found (F), or drag them",
        )
        return
    if as_it_is.clear > _CLEAR and droplets_ratio(one, two, factor) > _SWAPPED:
        yield Doubt(
            "swapped",
            f"{first} and {second} seem to be swapped: lipid droplets shine in yellow, here they"
            f" shine in {second}",
            "swap the channels' names in the layout (X), or check the emission filters",
        )


def droplets_ratio(one: Float32, two: Float32, factor: int = 1) -> float:
    """Return by how much (natural logarithm) two / one of small bright spots lies above the rest's.

    Parameters
    ----------
    one, two : ndarray, (y, x), float32
        Counts above the offset.
    factor : int
        By which both are shrunk first.
    """
    a, b = (cv2.GaussianBlur(np.maximum(shrunk(c, factor), 0), (0, 0), 1.2) for c in (one, two))
    both = a + b
    fine = cv2.GaussianBlur(both, (0, 0), 1.5) - cv2.GaussianBlur(both, (0, 0), 5.0)
    spots = fine > np.percentile(fine, 99.7)
    cells = (both > np.percentile(both, 60)) & ~spots
    ratio = np.log((b + 2.0) / (a + 2.0))
    return float(np.median(ratio[spots]) - np.median(ratio[cells]))


def _pixel_size(light: Float32, pixel_um: float, *, focused: bool) -> Iterator[Doubt]:
    """Yield a doubt where the pixel size cannot be, by what the picture resolves."""
    if pixel_um <= 0:
        yield Doubt(
            "pixel_size",
            "the configuration has no pixel size",
            "calibrate it in Micro-Manager (ConfigPixelSize, PixelSize_um), or give"
            " microscope.pixel_um",
        )
        return
    if pixel_um >= _CAMERA_PIXEL_UM:
        yield Doubt(
            "pixel_size",
            f"a pixel of {pixel_um:g} µm is the camera's own, not the sample's",
            "divide it by the magnification: PixelSize_um in the .cfg, or microscope.pixel_um",
        )
        return
    finest = finest_cycles(light)
    if finest is None or not focused:
        return
    period = pixel_um / finest
    if period < _FINEST_UM:
        yield Doubt(
            "pixel_size",
            f"with pixels of {pixel_um:g} µm the picture would resolve {1000 * period:.0f} nm,"
            " finer than light allows: the pixel size is too small",
            "correct PixelSize_um in the .cfg (camera pixel × binning / magnification)",
        )
    elif period > _COARSEST_UM and finest < _SAMPLED:
        yield Doubt(
            "pixel_size",
            f"with pixels of {pixel_um:g} µm the picture resolves {1000 * period:.0f} nm only: it"
            " is out of focus, or the pixel size is too large",
            "focus; if it is in focus, correct PixelSize_um in the .cfg (camera pixel × binning /"
            " magnification)",
        )


_SIDE, _BINS = 256, 128
_ABOVE = 1.6
"""Times the noise's power, that a frequency must hold to be resolved."""


def finest_cycles(light: Float32) -> float | None:
    """Return the highest frequency that is above the noise, cycles a pixel; None if hardly any."""
    n = min(_SIDE, *light.shape)
    top, left = ((size - n) // 2 for size in light.shape)
    root = np.sqrt(np.maximum(light[top : top + n, left : left + n], 0) + 2.0)
    window = np.outer(np.hanning(n), np.hanning(n))
    power = np.abs(np.fft.fft2((root - root.mean()) * window)) ** 2
    fy, fx = np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n), indexing="ij")
    bins = (np.hypot(fy, fx) * _BINS).astype(int).ravel()
    profile = np.bincount(bins, power.ravel()) / np.maximum(np.bincount(bins), 1)
    half = _BINS // 2
    profile = profile[: half + 1] / np.median(profile[half - 6 : half])
    below = profile < _ABOVE
    runs = (k for k in range(4, half - 2) if below[k : k + 3].all())
    last = next(runs, half)
    return last / _BINS if last > 8 else None
