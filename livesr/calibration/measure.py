"""A calibration from recordings of beads: found, fitted, paired and modelled, by channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.axis_fit import rms
from livesr.calibration.beads import Beads, Widths, find_beads
from livesr.calibration.ladder import Fit, fit_ladder
from livesr.calibration.pairing import Matched, match
from livesr.calibration.points import Pairs, pooled
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from livesr.types import Bool, Float64, Grid, UInt16

USUAL = Widths(lateral_um=0.08, axial_um=0.24)
"""Where the search for beads begins: an oil objective of high aperture."""
ENOUGH = 60
"""Fewer beads than these are warned of."""
COVERED = 0.6
"""A smaller share of the field within the beads' hull is warned of."""
LOST = 0.25
"""A larger share of pairs that the model does not explain is warned of."""
UNLIKE = 2.0
"""Held-out errors so many times the leave-one-out ones are warned of."""
UNSTEADY_NM = 20.0
"""More than this beyond the noise, and beads moved or are not beads."""


@dataclass(frozen=True, slots=True)
class BeadStack:
    """One recording of beads.

    Attributes
    ----------
    source : str
        Its file, for people.
    data : ndarray, (c, z, y, x), uint16
    channels : tuple of str
    grid : Grid
    offset : float
        Camera counts without light.
    """

    source: str
    data: UInt16
    channels: tuple[str, ...]
    grid: Grid
    offset: float

    @property
    def field_um(self) -> tuple[float, float]:
        """Extent (y, x) of a channel's image."""
        (_, ny, nx), (_, vy, vx) = self.grid.shape, self.grid.voxel_um
        return ny * vy, nx * vx


@dataclass(frozen=True, slots=True)
class ChannelCalibration:
    """What was found for one channel against the reference.

    Attributes
    ----------
    pairs : Pairs
    fit : Fit
    matched : tuple of Matched
        One a recording.
    heldout_nm : ndarray, (n, 3), or None
        Errors z, y, x of the beads of another recording, if one was given, within the hull.
    """

    name: str
    pairs: Pairs
    fit: Fit
    matched: tuple[Matched, ...]
    heldout_nm: Float64 | None = None

    @property
    def heldout_rms_nm(self) -> tuple[float, float] | None:
        """Root mean square error (xy, z) of the held-out beads."""
        if self.heldout_nm is None:
            return None
        z, y, x = self.heldout_nm.T
        return rms(np.hypot(y, x)), rms(z)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration as measured.

    Attributes
    ----------
    reference : str
    channels : dict of str to ChannelCalibration
    beads : dict of str to tuple of Beads
        Of each channel, one a recording.
    stacks : tuple of BeadStack
    warnings : tuple of str
        What makes it worse than it could be.
    """

    reference: str
    channels: dict[str, ChannelCalibration]
    beads: dict[str, tuple[Beads, ...]]
    stacks: tuple[BeadStack, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def field_um(self) -> tuple[float, float]:
        """Extent (y, x) of a channel's image."""
        return self.stacks[0].field_um


def calibrate(
    stacks: Sequence[BeadStack],
    *,
    reference: str = "",
    held_out: Sequence[BeadStack] = (),
    expected: Widths = USUAL,
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Measure how the channels lie against the reference.

    Parameters
    ----------
    stacks : sequence of BeadStack
        Recordings of one light path; their beads are pooled.
    reference : str
        Channel that the others are registered to; default: the first.
    held_out : sequence of BeadStack
        Other recordings of the same light path: scored, not fitted.
    expected : Widths
        Where the search for beads begins.
    say : callable
        Takes a line of progress.

    Raises
    ------
    CalibrationError
        Recordings that do not belong together, or beads that make no calibration.
    """
    reference = reference or stacks[0].channels[0]
    _check(stacks, reference)
    _check([stacks[0], *held_out], reference)
    beads = _all_beads(stacks, expected, say)
    others = _all_beads(held_out, expected, say)
    channels = {
        name: _channel(name, reference, beads, others, stacks[0].field_um)
        for name in stacks[0].channels
        if name != reference
    }
    found = Calibration(reference, channels, beads, tuple(stacks))
    return Calibration(reference, channels, beads, tuple(stacks), tuple(_warnings(found)))


def _check(stacks: Sequence[BeadStack], reference: str) -> None:
    first = stacks[0]
    if len(first.channels) < 2:
        raise CalibrationError(
            f"{first.source} has one channel ({first.channels[0]}), a calibration needs two",
            where=first.source,
            fix="name one file a channel, or the session file with the channel layout: --session",
        )
    if reference not in first.channels:
        raise CalibrationError(
            f"there is no channel {reference!r}, only {', '.join(first.channels)}",
            where="--reference",
            fix=f"--reference {first.channels[0]}",
        )
    for stack in stacks[1:]:
        for what, mine, its in (
            ("channels", first.channels, stack.channels),
            ("a field (y, x) of", first.grid.shape[1:], stack.grid.shape[1:]),
            ("voxels (µm) of", _rounded(first), _rounded(stack)),
        ):
            if mine != its:
                raise CalibrationError(
                    f"{stack.source} has {what} {_words(its)}, {first.source} has {_words(mine)}:"
                    " recordings of one calibration are of one light path",
                    where=stack.source,
                    fix="calibrate each light path on its own",
                )


def _words(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _rounded(stack: BeadStack) -> tuple[float, ...]:
    return tuple(round(side, 5) for side in stack.grid.voxel_um)


def _all_beads(
    stacks: Sequence[BeadStack], expected: Widths, say: Callable[[str], None]
) -> dict[str, tuple[Beads, ...]]:
    found: dict[str, tuple[Beads, ...]] = {}
    for stack in stacks:
        for name, planes in zip(stack.channels, stack.data, strict=True):
            beads = find_beads(planes, stack.grid, stack.offset, expected)
            found[name] = (*found.get(name, ()), beads)
            say(f"{stack.source}, {name}: {len(beads)} beads")
    return found


def _channel(
    name: str,
    reference: str,
    beads: dict[str, tuple[Beads, ...]],
    others: dict[str, tuple[Beads, ...]],
    field_um: tuple[float, float],
) -> ChannelCalibration:
    matched = tuple(
        match(first, second, field_um, name)
        for first, second in zip(beads[reference], beads[name], strict=True)
    )
    pairs = pooled([one.pairs for one in matched])
    fit = fit_ladder(pairs, field_um)
    if not others:
        return ChannelCalibration(name, pairs, fit, matched)
    held = pooled(
        [match(first, second, field_um, name).pairs
         for first, second in zip(others[reference], others[name], strict=True)]
    )  # fmt: skip
    errors = 1e3 * errors_um(fit, held)
    return ChannelCalibration(name, pairs, fit, matched, errors[_comparable(fit, held, errors)])


def errors_um(fit: Fit, pairs: Pairs) -> Float64:
    """Return how far pairs lie from where a model puts them, (n, 3), µm."""
    z, y, x = pairs.reference.T
    return pairs.shift - np.stack(fit.model.displacement(y, x, z), axis=1)


def _comparable(fit: Fit, held: Pairs, errors_nm: Float64) -> Bool:
    """Return which held-out beads lie in the hull and are no mistakes (beyond 8 deviations)."""
    length = np.sqrt((errors_nm**2).sum(axis=1))
    usual = float(np.median(length))
    out: Bool = fit.inside(held.reference[:, 1], held.reference[:, 2]) & (length < 8 * usual + 1)
    return out


def _warnings(found: Calibration) -> Iterator[str]:
    for name, channel in found.channels.items():
        fit, n = channel.fit, int(channel.fit.used.sum())
        if n < ENOUGH:
            yield f"{name}: {n} beads; {ENOUGH} or more make a good calibration"
        if fit.coverage < COVERED:
            yield (
                f"{name}: the beads cover {fit.coverage:.0%} of the field; outside their hull the"
                " calibration is a guess"
            )
        lost = 1 - n / len(channel.pairs)
        if lost > LOST:
            yield f"{name}: {lost:.0%} of the pairs do not fit the model: do beads move or clump?"
        unsteady = 1e3 * float(np.hypot(fit.lateral.misfit_um, fit.lateral.misfit_um))
        if unsteady > UNSTEADY_NM:
            yield (
                f"{name}: beads scatter by {unsteady:.0f} nm more than their noise: did they move"
                " between the channels, or is the field's shape not smooth?"
            )
        held = channel.heldout_rms_nm
        if held is not None and max(h / t for h, t in zip(held, fit.tre_nm, strict=True)) > UNLIKE:
            yield (
                f"{name}: held-out beads are off by {held[0]:.0f} nm xy, {held[1]:.0f} nm z, far"
                " more than the beads of the fit: is it the same light path, and the same day?"
            )
    for name, parts in found.beads.items():
        bright = sum(part.refused["saturated"] for part in parts)
        if bright > sum(map(len, parts)) / 4:
            yield f"{name}: {bright} beads are saturated: less light or a shorter exposure"
