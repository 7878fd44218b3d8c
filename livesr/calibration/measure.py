"""A calibration from recordings of beads: found, fitted, paired and modelled, by channel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.calibration.beads.find import Beads, Widths, find_beads
from livesr.calibration.beads.pairing import match
from livesr.calibration.cells.pairs import UNSEEN_NM, pairs_from_cells
from livesr.calibration.doubts import doubts
from livesr.calibration.fitting.ladder import Fit, fit_ladder
from livesr.calibration.fitting.points import Pairs, pooled
from livesr.calibration.found import BeadStack, Calibration, ChannelCalibration
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.types import Bool, Float64

USUAL = Widths(lateral_um=0.08, axial_um=0.24)
"""Where the search for beads begins: an oil objective of high aperture."""


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
    return replace(found, warnings=tuple(doubts(found)))


def calibrate_on_cells(
    stacks: Sequence[BeadStack],
    *,
    reference: str = "",
    held_out: Sequence[BeadStack] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Measure how the channels lie against the reference from cells that both show.

    Parameters and errors as for `calibrate`, but of cells.
    """
    reference = reference or stacks[0].channels[0]
    _check(stacks, reference)
    _check([stacks[0], *held_out], reference)
    channels = {}
    for name in stacks[0].channels:
        if name != reference:
            pairs = _tiles(stacks, reference, name)
            say(f"{name}: {len(pairs)} tiles of cells")
            fit = fit_ladder(pairs, stacks[0].field_um)
            held = None if not held_out else _scored(fit, _tiles(held_out, reference, name))
            channels[name] = ChannelCalibration(name, pairs, fit, (), held, UNSEEN_NM)
    found = Calibration(reference, channels, {}, tuple(stacks), "tiles of cells")
    return replace(found, warnings=tuple(doubts(found)))


def _tiles(stacks: Sequence[BeadStack], reference: str, name: str) -> Pairs:
    first = stacks[0]
    return pairs_from_cells(
        [stack.data for stack in stacks],
        first.grid,
        first.offset,
        reference=first.channels.index(reference),
        other=first.channels.index(name),
    )


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
    return ChannelCalibration(name, pairs, fit, matched, _scored(fit, held))


def _scored(fit: Fit, held: Pairs) -> Float64:
    """Return the errors of held-out points that can be compared, nm."""
    errors = 1e3 * errors_um(fit, held)
    return errors[_comparable(fit, held, errors)]


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
