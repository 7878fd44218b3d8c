"""Point-spread functions from recordings of beads: widths, asymmetry, best focus over the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.beads.find import Beads, Widths, find_beads
from livesr.calibration.beads.widths import ball_fwhm2
from livesr.calibration.measure import USUAL
from livesr.calibration.psf.field import FieldFit, fit_field
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from livesr.calibration.found import BeadStack
    from livesr.types import Float64, Grid

    Say = Callable[[str], None]

FEWEST = 3
"""Beads of a channel without which there is no median worth its name."""
FLAT_UM = 0.5
"""Beads whose heights scatter by more than this around a bowl do not lie on a cover slip."""


@dataclass(frozen=True, slots=True)
class Middle:
    """A median with its standard error."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class ChannelPsf:
    """One channel's point-spread function.

    Attributes
    ----------
    name : str
    beads : Beads
        Of all recordings, as they were recorded.
    recording : ndarray, (n,), int64
        Which one each bead is of.
    fwhm_um : ndarray, (n, 3), float64
        Axial, wider and narrower lateral width, the beads' own size taken off, the camera's pixel
        within.
    focus_um : ndarray, (n,), float64
        Height of each bead's best focus over the median of its recording.
    lateral, axial : Middle
        Of the beads, µm; lateral is the geometric mean of wider and narrower.
    asymmetry : float
        Wider over narrower of the beads' mean image: of single beads noise makes more.
    angle : float
        Of the wider axis of the mean image against x, towards y, degrees.
    fields : dict of str to FieldFit
        ``lateral``, ``axial``, ``asymmetry`` (1) and ``focus`` over the field, µm.
    """

    name: str
    beads: Beads
    recording: npt.NDArray[np.int64]
    fwhm_um: Float64
    focus_um: Float64
    lateral: Middle
    axial: Middle
    asymmetry: float
    angle: float
    fields: dict[str, FieldFit]

    def __len__(self) -> int:
        return len(self.beads)

    @property
    def lateral_um(self) -> Float64:
        """Lateral width of each bead."""
        return lateral_of(self.fwhm_um)

    @property
    def flat(self) -> bool:
        """Whether the beads lie on one plane, so that best focus tells of the field."""
        return self.fields["focus"].scatter < FLAT_UM


@dataclass(frozen=True, slots=True)
class Psf:
    """What was measured.

    Attributes
    ----------
    channels : dict of str to ChannelPsf
    stacks : tuple of BeadStack
    refused : dict of str to dict of str to int
        By channel, how many beads were refused for each reason.
    diameter_um : float
        Of the beads.
    """

    channels: dict[str, ChannelPsf]
    stacks: tuple[BeadStack, ...]
    refused: dict[str, dict[str, int]]
    diameter_um: float

    @property
    def grid(self) -> Grid:
        """Grid of a channel's image."""
        return self.stacks[0].grid

    @property
    def field_um(self) -> tuple[float, float]:
        """Extent (y, x) of a channel's image."""
        return self.stacks[0].field_um


def measure_psf(
    stacks: Sequence[BeadStack],
    diameter_um: float = 0.1,
    *,
    expected: Widths = USUAL,
    say: Say = lambda _: None,
) -> Psf:
    """Measure the point-spread function of each channel.

    Parameters
    ----------
    stacks : sequence of BeadStack
        Recordings of one light path; their beads are pooled.
    diameter_um : float
        Of the beads: a ball of diameter d adds the variance d² / 20 along each axis.
    expected : Widths
        Where the search for beads begins.
    say : callable
        Takes a line of progress.

    Raises
    ------
    CalibrationError
        Recordings that do not belong together, too few beads, or beads larger than their images.
    """
    _check(stacks)
    channels, refused = {}, {}
    for name in stacks[0].channels:
        parts = [
            find_beads(stack.data[stack.channels.index(name)], stack.grid, stack.offset, expected)
            for stack in stacks
        ]
        refused[name] = {
            reason: sum(part.refused[reason] for part in parts) for reason in parts[0].refused
        }
        say(f"{name}: {sum(map(len, parts))} beads")
        channels[name] = _channel(name, parts, refused[name], diameter_um, stacks[0].field_um)
    return Psf(channels, tuple(stacks), refused, diameter_um)


def lateral_of(fwhm_um: Float64) -> Float64:
    """Return lateral widths of widths (n, 3): geometric mean of the wider and the narrower."""
    out: Float64 = np.sqrt(fwhm_um[:, 1] * fwhm_um[:, 2])
    return out


def _check(stacks: Sequence[BeadStack]) -> None:
    first = stacks[0]
    for stack in stacks[1:]:
        if (stack.channels, stack.grid) != (first.channels, first.grid):
            raise CalibrationError(
                f"{stack.source} has other channels, pixels or planes than {first.source}",
                where=stack.source,
                fix="measure recordings of one light path, of one size; the others on their own",
            )


def _channel(
    name: str,
    parts: Sequence[Beads],
    refused: dict[str, int],
    diameter_um: float,
    field_um: tuple[float, float],
) -> ChannelPsf:
    beads = pooled_beads(parts)
    if len(beads) < FEWEST:
        raise _too_few(name, len(beads), refused)
    widths = _own(name, beads.fwhm_um, diameter_um)
    recording = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    asymmetry, angle = _mean_shape(widths, beads.angle)
    focus = beads.place_um[:, 0].copy()
    for number in range(len(parts)):
        mine = recording == number
        if mine.any():
            focus[mine] -= np.median(focus[mine])
    values = {
        "lateral": lateral_of(widths),
        "axial": widths[:, 0],
        "asymmetry": widths[:, 1] / widths[:, 2],
        "focus": focus,
    }
    place = beads.place_um[:, 1:]
    return ChannelPsf(
        name=name,
        beads=beads,
        recording=recording,
        fwhm_um=widths,
        focus_um=focus,
        lateral=middle(values["lateral"]),
        axial=middle(values["axial"]),
        asymmetry=asymmetry,
        angle=angle,
        fields={key: fit_field(place, value, field_um) for key, value in values.items()},
    )


def pooled_beads(parts: Sequence[Beads]) -> Beads:
    """Return the beads of several recordings as one; the camera's noise is the first's."""
    first = parts[0]

    def joined(name: str) -> Float64:
        return np.concatenate([getattr(part, name) for part in parts])

    return Beads(
        place_um=joined("place_um"),
        error_um=joined("error_um"),
        peak=joined("peak"),
        background=joined("background"),
        fwhm_um=joined("fwhm_um"),
        fwhm_error_um=joined("fwhm_error_um"),
        angle=joined("angle"),
        chi2=joined("chi2"),
        refused=first.refused,
        gain=first.gain,
        read_noise=first.read_noise,
    )


def middle(values: Float64) -> Middle:
    """Return the median and its standard error, from the median absolute deviation."""
    value = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - value)))
    return Middle(value, float(np.sqrt(np.pi / 2.0 / len(values))) * spread)


def _own(name: str, fwhm_um: Float64, diameter_um: float) -> Float64:
    """Return widths without the beads' own size; noise may leave a bead's width at a tenth."""
    ball = ball_fwhm2(diameter_um)
    typical = np.median(fwhm_um, axis=0)
    if np.any(typical**2 < 2.0 * ball):
        raise CalibrationError(
            f"beads of {diameter_um:g} µm make most of the width that channel {name} shows"
            f" ({1e3 * typical.min():.0f} nm): what is left is not known",
            where="--diameter",
            fix="give the beads' true diameter in µm, use smaller ones (0.1 µm), or check the pixel"
            " size: --pixel",
        )
    out: Float64 = np.sqrt(np.maximum(fwhm_um**2 - ball, (0.1 * typical) ** 2))
    return out


def _mean_shape(fwhm_um: Float64, angle: Float64) -> tuple[float, float]:
    """Return asymmetry and angle of the beads' mean lateral covariance: noise averages out."""
    wide, narrow = fwhm_um[:, 1] ** 2, fwhm_um[:, 2] ** 2
    doubled = 2.0 * np.deg2rad(angle)
    along = float(np.mean((wide - narrow) * np.cos(doubled)))
    across = float(np.mean((wide - narrow) * np.sin(doubled)))
    size, odd = float(np.mean(wide + narrow)), float(np.hypot(along, across))
    return float(np.sqrt((size + odd) / (size - odd))), float(
        np.rad2deg(np.arctan2(across, along)) / 2.0
    )


def _too_few(name: str, count: int, refused: dict[str, int]) -> CalibrationError:
    reasons = ", ".join(f"{many} {reason}" for reason, many in refused.items() if many)
    found = f" (refused: {reasons})" if reasons else ""
    return CalibrationError(
        f"channel {name} shows {count} usable beads{found}, {FEWEST} are needed at least and 30 or"
        " more for maps of the field",
        where="psf",
        fix="single beads in the field, their focus well within the stack, no saturated pixels",
    )
