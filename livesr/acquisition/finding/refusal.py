"""Why no channels were found, in words that say how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import cv2
import numpy as np

from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.acquisition.finding.pairs import Pair
    from livesr.acquisition.finding.turns import Box
    from livesr.types import Float32, UInt16

_WHERE = "layout"
_SATURATED = 0.002
"""Share of saturated pixels above which shapes are lost."""
_STRUCTURE = 3.0
"""Counts above the rest that a structure must have after smoothing …"""
_NOISES = 8.0
"""… and times the noise."""
_BROAD_PX, _SHADE = 8.0, 1.0
"""Smoothing, and counts between dark and bright parts of a field, that only light makes."""
_BLACK = 0.08
"""A part with so little of another one's structure is black beside it."""


def check_light(frames: UInt16, full: int) -> None:
    """Refuse pictures in which too much is saturated.

    Raises
    ------
    CalibrationError
    """
    share = float(np.mean(frames >= full))
    if share > _SATURATED:
        raise CalibrationError(
            f"{share:.1%} of the pixels are saturated, so their shapes are lost",
            where=_WHERE,
            fix="lower exposure or laser until no pixel is full",
        )


def structure(light: Float32) -> float:
    """Return by how many counts the structures of a picture stand out; 0 if noise does as well."""
    contrast, least = _contrast(light)
    return contrast if contrast > least else 0.0


def least_structure(light: Float32) -> float:
    """Return by how many counts structures of a picture must stand out to be seen."""
    return _contrast(light)[1]


def _contrast(light: Float32) -> tuple[float, float]:
    smooth = cv2.GaussianBlur(light, (0, 0), 2.0)
    fine = smooth - cv2.GaussianBlur(light, (0, 0), 8.0)
    middle, high = (float(v) for v in np.percentile(fine, (50, 99.5)))
    noise = 1.4826 * float(np.median(np.abs(light - smooth))) / 7.0  # what smoothing leaves of it
    return high - middle, max(_STRUCTURE, _NOISES * noise)


def shaded(light: Float32) -> bool:
    """Return whether a picture holds light, however little: broad shades above its noise.

    A channel that is too dim for structures still tells cells from what lies beside them.
    """
    noise = 1.4826 * float(np.median(np.abs(light - cv2.GaussianBlur(light, (0, 0), 2.0))))
    broad = cv2.GaussianBlur(light, (0, 0), _BROAD_PX)
    low, high = (float(v) for v in np.percentile(broad, (5, 95)))
    left = noise / (2.0 * np.sqrt(np.pi) * _BROAD_PX)  # what smoothing leaves of white noise
    return bool(high - low > max(_SHADE, _NOISES * left))


def refuse_ambiguous(pairs: Iterable[Pair], rival: float) -> None:
    """Refuse pairs of which another displacement or turn is nearly as good.

    Raises
    ------
    CalibrationError
    """
    for pair in pairs:
        if pair.peak.second > rival * pair.peak.clear:
            raise CalibrationError(
                "the channels' rectangles are ambiguous: another displacement or flip agrees"
                f" nearly as well ({pair.peak.second:.0f} σ beside {pair.peak.clear:.0f} σ)",
                where=_WHERE,
                fix="take a field whose cells are unlike each other, and more of them; grids and"
                " single beads look alike in several ways",
            )


def refuse_parted() -> NoReturn:
    """Refuse a sensor that may be parted in two ways.

    Raises
    ------
    CalibrationError
    """
    raise CalibrationError(
        "the sensor can be parted side by side as well as one above the other: turned by 180° it"
        " shows the same",
        where=_WHERE,
        fix="take a field whose cells reach across the channels' border, and channels that differ"
        " in brightness; otherwise write the rectangles out or drag them in the window",
    )


def refuse_uneven() -> NoReturn:
    """Refuse parts that show the same, but not one channel each.

    Raises
    ------
    CalibrationError
    """
    raise CalibrationError(
        "the parts of the sensor that agree do not hold one channel each: how bright one is beside"
        " the other changes across them, or a border runs through them",
        where=_WHERE,
        fix="take a field with cells all over it, and check that the camera's region of interest"
        " holds all channels whole; otherwise write the rectangles out or drag them in the window",
    )


def refuse_unlike(light: Float32, parts: Iterable[tuple[Box, ...]], clear: float) -> NoReturn:
    """Say why no parts of the sensor are alike.

    Parameters
    ----------
    light : ndarray, (y, x), float32
    parts : iterable of tuple of Box
        Ways of parting the sensor.
    clear : float
        The best peak, standard deviations.

    Raises
    ------
    CalibrationError
    """
    contrasts = [[structure(box.of(light)) for box in boxes] for boxes in parts]
    if not any(max(two) for two in contrasts):
        raise CalibrationError(
            "there is nothing to compare: the picture is flat, without cells in focus",
            where=_WHERE,
            fix="focus on well stained cells, or raise exposure or laser until they stand out",
        )
    if any(min(two) < _BLACK * max(two) for two in contrasts):
        raise CalibrationError(
            "only a part of the sensor shows cells: another channel is black",
            where=_WHERE,
            fix="check the splitter's shutters, filters and field stop, and that the camera's "
            "region of interest holds all channels",
        )
    raise CalibrationError(
        f"no two parts of the sensor show the same cells (best agreement {clear:.1f} σ)",
        where=_WHERE,
        fix="check that all channels are in focus and well exposed, and how many channels the"
        " splitter has; otherwise write the rectangles out or drag them in the window",
    )
