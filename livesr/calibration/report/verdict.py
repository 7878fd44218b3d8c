"""Is this calibration good enough? In plain words, with the numbers behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from livesr.calibration.found import Calibration, ChannelCalibration
    from livesr.calibration.profile import PointSpread, Profile

PIXEL_SHARE = 1.0 / 3.0
"""A shift by this share of a pixel makes false ratios at every membrane's edge."""
EASY = 0.5
"""An error below this share of the limit leaves room for drift."""
USUAL_LENGTH = 3.3
"""Axial over lateral width of a point's image, where beads did not tell."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One channel's.

    Attributes
    ----------
    grade : str
        ``good``, ``fair`` or ``honest`` (not good enough): classes of the page's style.
    text : str
    error_nm, limit_nm : tuple of float
        xy, z.
    """

    grade: Literal["good", "fair", "honest"]
    text: str
    error_nm: tuple[float, float]
    limit_nm: tuple[float, float]


def verdict(found: Calibration, profile: Profile, name: str) -> Verdict:
    """Return whether a channel's calibration is good enough for the ratio image.

    Its error is that of beads which were not in the fit: of another recording if there is one,
    else each left out once. Laterally a third of a pixel is allowed, axially the same share of a
    point's image.
    """
    channel = found.channels[name]
    pixel = 1e3 * found.stacks[0].grid.voxel_um[1]
    error = channel.heldout_rms_nm or channel.fit.tre_nm
    spread = profile.psf.get(name) or profile.psf.get(found.reference)
    limit = limits_nm(pixel, spread)
    worst = max(error[0] / limit[0], error[1] / limit[1])
    grade: Literal["good", "fair", "honest"] = (
        "good" if worst <= EASY else "fair" if worst <= 1.0 else "honest"
    )
    text = f"{name}: {_HEADS[grade]} {_numbers(channel, error, limit, pixel)}"
    if spread is not None:
        text += (
            f" That is {error[0] / 10 / spread.lateral_um:.0f} % of the width and "
            f"{error[1] / 10 / spread.axial_um:.0f} % of the length of a point's image "
            f"({1e3 * spread.lateral_um:.0f} and {1e3 * spread.axial_um:.0f} nm)."
        )
    return Verdict(grade, text + _cover(channel), error, limit)


_HEADS = {
    "good": "good enough for the ratio image.",
    "fair": "usable, with little room for drift.",
    "honest": "not good enough for the ratio image.",
}


def limits_nm(pixel_nm: float, spread: PointSpread | None) -> tuple[float, float]:
    """Return the errors (xy, z) from which on the overlay makes false ratios."""
    length = USUAL_LENGTH if spread is None else spread.axial_um / spread.lateral_um
    return PIXEL_SHARE * pixel_nm, PIXEL_SHARE * pixel_nm * length


def _numbers(
    channel: ChannelCalibration,
    error: tuple[float, float],
    limit: tuple[float, float],
    pixel_nm: float,
) -> str:
    held = channel.heldout_nm is not None
    which = "Beads of another recording" if held else "Beads that were left out of the fit"
    return (
        f"{which} lie {error[0]:.1f} nm (xy) and {error[1]:.1f} nm (z) off, root mean square, with "
        f"their own noise; {limit[0]:.0f} nm, a third of a pixel ({pixel_nm:.0f} nm), and "
        f"{limit[1]:.0f} nm along z are the most that leaves membranes' edges right."
    )


def _cover(channel: ChannelCalibration) -> str:
    fit = channel.fit
    text = (
        f" The model itself is expected to be {fit.model_nm[0]:.1f} nm (xy) and "
        f"{fit.model_nm[1]:.1f} nm (z) off where there are beads: they cover {fit.coverage:.0%} of "
        "the field"
    )
    if fit.z_um[1] - fit.z_um[0] < 1.0:
        return text + " in one plane: what changes with depth was not measured."
    return text + f" and {fit.z_um[1] - fit.z_um[0]:.1f} µm of depth."
