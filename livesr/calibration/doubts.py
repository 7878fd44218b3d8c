"""What makes a calibration worse than it could be, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.calibration.beads.find import Beads
    from livesr.calibration.found import Calibration

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
LATERAL_UM = (0.09, 0.6)
"""Usual lateral widths of a bead's image …"""
LENGTH = (1.5, 8.0)
"""… and its length along z in widths."""


def doubts(found: Calibration) -> Iterator[str]:
    """Yield what a user should know and can mend."""
    points = found.points
    for name, channel in found.channels.items():
        fit, n = channel.fit, int(channel.fit.used.sum())
        if n < ENOUGH:
            yield f"{name}: {n} {points}; {ENOUGH} or more make a good calibration"
        if fit.coverage < COVERED:
            yield (
                f"{name}: the {points} cover {fit.coverage:.0%} of the field; outside their hull"
                " the calibration is a guess"
            )
        lost = 1 - n / len(channel.pairs)
        if lost > LOST:
            yield f"{name}: {lost:.0%} of the pairs do not fit the model: do beads move or clump?"
        unsteady = 1e3 * float(np.hypot(fit.lateral.misfit_um, fit.lateral.misfit_um))
        if unsteady > UNSTEADY_NM:
            yield (
                f"{name}: the {points} scatter by {unsteady:.0f} nm more than their noise: did they"
                " move between the channels, or is the field's shape not smooth?"
            )
        held = channel.heldout_rms_nm
        if held is not None and max(h / t for h, t in zip(held, fit.tre_nm, strict=True)) > UNLIKE:
            yield (
                f"{name}: held-out {points} are off by {held[0]:.0f} nm xy, {held[1]:.0f} nm z,"
                " far more than those of the fit: is it the same light path, and the same day?"
            )
    for name, parts in found.beads.items():
        yield from _widths(name, parts)
        bright = sum(part.refused["saturated"] for part in parts)
        if bright > sum(map(len, parts)) / 4:
            yield f"{name}: {bright} beads are saturated: less light or a shorter exposure"


def _widths(name: str, parts: Sequence[Beads]) -> Iterator[str]:
    """Doubt the scales where beads are wider, narrower or longer than any objective images them."""
    widths = np.concatenate([part.fwhm_um for part in parts])
    if not len(widths):
        return
    axial, wide, _ = np.median(widths, axis=0)
    if not LATERAL_UM[0] < wide < LATERAL_UM[1] or not LENGTH[0] < axial / wide < LENGTH[1]:
        yield (
            f"{name}: beads are {1e3 * wide:.0f} nm wide and {1e3 * axial:.0f} nm long, which no"
            " usual objective does: are the pixel and the step of the planes right?"
        )
