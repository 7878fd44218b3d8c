"""Light and dye: what was received, and how much of the dye it left.

Light bleaches the dye in proportion to the dose; fresh dye comes from the medium. The bright share
b of the dye in a field follows

    db/dt = (1 - b) / exchange - rate · power · b,

solved exactly over each exposure and each dark time between, so that the answer depends on the
exposures alone and not on when or in which order it is asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.simulator.parameters import LightParameters
    from livesr.simulator.view import View

NOMINAL_FRAME_S = 0.05
"""A dose of 1 is this long at nominal power."""
STACK_FRAMES = 24
"""Nominal frames of the stack in which bleaching is quoted."""


@dataclass(frozen=True, slots=True)
class Bleaching:
    """How fast the dye of a sample bleaches and is renewed.

    Attributes
    ----------
    rate_per_s : float
        Of bleaching at nominal power.
    exchange_s : float
        Time constant of the dye's exchange with the medium.
    """

    rate_per_s: float
    exchange_s: float

    @classmethod
    def draw(cls, seed: int, p: LightParameters) -> Bleaching:
        """Return the bleaching of the sample of a seed."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0xB1EAC4]))
        stack_s = STACK_FRAMES * NOMINAL_FRAME_S
        return cls(
            1.0 / (stack_s * float(rng.uniform(*p.bleaching_stacks))),
            60.0 * float(rng.uniform(*p.exchange_min)),
        )

    def after(self, bright: float, duration_s: float, power: float) -> float:
        """Return the bright share after a time in steady light; power 1 is nominal."""
        rate = 1.0 / self.exchange_s + self.rate_per_s * power
        steady = 1.0 / (self.exchange_s * rate)
        return steady + (bright - steady) * exp(-rate * duration_s)

    def steady(self, power: float) -> float:
        """Return the bright share that steady light leads to."""
        return 1.0 / (1.0 + self.exchange_s * self.rate_per_s * power)


@dataclass(frozen=True, slots=True)
class Dose:
    """Light received: illumination, not a measure of harm.

    Attributes
    ----------
    ms : float
        Milliseconds at nominal power.
    j_cm2 : float or None
        Radiant exposure, J/cm², if the irradiance is known.
    """

    ms: float
    j_cm2: float | None


class LightRecord:
    """The exposures that a sample received, and what they left of its dye.

    Parameters
    ----------
    bleaching : Bleaching
    irradiance_w_cm2 : float, optional
        At nominal power in the sample, if it was measured.
    """

    def __init__(self, bleaching: Bleaching, irradiance_w_cm2: float | None = None) -> None:
        self.bleaching = bleaching
        self.irradiance_w_cm2 = irradiance_w_cm2
        self._began = array("d")
        self._duration = array("d")
        self._power = array("d")
        self._field = array("q")
        self._fields: list[View] = []
        self._index: dict[View, int] = {}
        self._tracks: dict[View, _Track] = {}

    def __len__(self) -> int:
        """Return the number of exposures."""
        return len(self._began)

    def add(self, began_s: float, duration_s: float, power: float, view: View) -> None:
        """Add an exposure.

        Parameters
        ----------
        began_s, duration_s : float
            When the light came on, and for how long, s. In the order of time; where two overlap,
            the later one takes over.
        power : float
            In units of the nominal power.
        view : View
            The field that was lit.

        Raises
        ------
        ValueError
            If it began before the one added last, or duration or power is negative.
        """
        if self._began and began_s < self._began[-1]:
            raise ValueError(f"exposure at {began_s} s is added after that at {self._began[-1]} s")
        if duration_s < 0 or power < 0:
            raise ValueError(f"exposure of {duration_s} s at power {power}")
        if view not in self._index:
            self._index[view] = len(self._fields)
            self._fields.append(view)
        self._began.append(began_s)
        self._duration.append(duration_s)
        self._power.append(power)
        self._field.append(self._index[view])

    def remaining(self, time_s: float, view: View) -> float:
        """Return the bright share of the dye in a field, in (0, 1].

        Light on part of the field counts in proportion to the overlap.

        Parameters
        ----------
        time_s : float
            Any time; only what was received before it counts, part of an exposure included.
        view : View
        """
        track = self._tracks.setdefault(view, _Track())
        self._extend(track, view)
        last = bisect_right(self._began, time_s) - 1
        return 1.0 if last < 0 else self._bright(track, last, time_s)

    def dose(self, view: View | None = None) -> Dose:
        """Return the light that a field received so far, or that was spent in all (None)."""
        share = np.ones(len(self._fields))
        if view is not None:
            share = np.array([overlap(lit, view) for lit in self._fields])
        seconds = 0.0
        if len(self):
            power = np.array(self._power) * share[np.array(self._field)]
            seconds = float(power @ np.array(self._duration))
        irradiance = self.irradiance_w_cm2
        return Dose(1000.0 * seconds, None if irradiance is None else irradiance * seconds)

    def _extend(self, track: _Track, view: View) -> None:
        """Follow the field up to the last exposure: each is looked at once."""
        for lit in self._fields[len(track.overlaps) :]:
            track.overlaps.append(overlap(lit, view))
        for this in range(len(track.before), len(self)):
            bright = self._bright(track, this - 1, self._began[this]) if this else 1.0
            track.before.append(bright)

    def _bright(self, track: _Track, last: int, time_s: float) -> float:
        """Return the bright share at a time at or after the beginning of exposure ``last``."""
        since = time_s - self._began[last]
        lit = min(since, self._duration[last])
        power = self._power[last] * track.overlaps[self._field[last]]
        bright = self.bleaching.after(track.before[last], lit, power)
        return self.bleaching.after(bright, since - lit, 0.0)


class _Track:
    """A field's bright share before each exposure, and its overlap with each field lit."""

    def __init__(self) -> None:
        self.before = array("d")
        self.overlaps = array("d")


def overlap(lit: View, view: View) -> float:
    """Return the share of ``view`` that lies inside ``lit``."""
    share = 1.0
    for axis in (0, 1):
        half_lit, half = lit.half_um()[axis], view.half_um()[axis]
        distance = abs(lit.center_um[axis] - view.center_um[axis])
        inside = min(2.0 * half, 2.0 * half_lit, half_lit + half - distance)
        share *= max(inside, 0.0) / (2.0 * half)
    return share
