"""How far a result can be trusted: probabilities made true, and stacks that look like no other.

Class weights and a loss that favours overlap make networks too sure or too unsure; scale and bias
of the logit, fitted on cells with known truth, put that right. And networks know only what they
were trained on: a stack outside of it is segmented all the same, and flagged. A package carries
both under ``trust``; `livesr.training.trust` fits them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from livesr.errors import ModelError
from livesr.segmentation.quantities import BY_NAME, Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.types import UInt8

HIGHEST = 255
TOGETHER = "together"
"""Name of the flag of a stack of which no single quantity is unusual."""
STEEPEST = 100.0
"""Of scale and bias of a logit: what a byte tells apart needs a few."""
MOST_TOLD = 3
"""Flags that a line for people holds."""
MEND = "fetch the package again, or train it again: livesr train"


# ------------------------------------------------------------------ probabilities


def table(scale: float, bias: float) -> UInt8:
    """Return the calibrated probability of each of the 256 values: sigmoid(scale·logit(p) + bias).

    It rises with p. 0 stays 0: the background, where a byte has no more to say.
    """
    p = np.clip(np.arange(HIGHEST + 1) / HIGHEST, 0.5 / HIGHEST, 1 - 0.5 / HIGHEST)
    logit = np.log(p / (1 - p))
    values = np.rint(HIGHEST / (1 + np.exp(-(scale * logit + bias)))).astype(np.uint8)
    values[0] = 0
    return values


def tables(trust: Mapping[str, Any], structures: Sequence[str]) -> dict[str, UInt8]:
    """Return each structure's lookup table from the network's to the calibrated probability.

    Parameters
    ----------
    trust : mapping
        ``trust`` of a package. Structures that it does not have keep the network's probability.
    structures : sequence of str

    Raises
    ------
    ModelError
        If a scale is not positive or a number is missing.
    """
    fitted = trust.get("probability") or {}
    as_given = np.arange(HIGHEST + 1, dtype=np.uint8)
    return {
        name: table(*_scale_and_bias(name, fitted[name])) if name in fitted else as_given
        for name in structures
    }


def _scale_and_bias(name: str, pair: Any) -> tuple[float, float]:
    try:
        scale, bias = (float(number) for number in pair)
    except (TypeError, ValueError, OverflowError):
        scale = bias = float("nan")
    if not (0 < scale <= STEEPEST and abs(bias) <= STEEPEST):
        raise ModelError(
            f"the package's calibration of {name} is {pair!r}, not a positive scale and a bias",
            where=f"trust.probability.{name}",
            fix=MEND,
        )
    return scale, bias


def calibrated(probability: UInt8, lookup: UInt8) -> UInt8:
    """Return a structure's calibrated probability.

    Parameters
    ----------
    probability : ndarray, (z, y, x), uint8
        As the network gives it, times 255.
    lookup : ndarray, (256,), uint8
        The structure's of `tables`.
    """
    flat: UInt8 = cv2.LUT(probability.reshape(len(probability), -1), lookup)
    return flat.reshape(probability.shape)


# --------------------------------------------------------- what the package has seen


@dataclass(frozen=True, slots=True)
class Flag:
    """A quantity of a stack that lies outside what the package was trained on.

    Attributes
    ----------
    quantity : str
        A name of `livesr.segmentation.quantities.QUANTITIES`, or `TOGETHER`.
    value : float
    low, high : float
        What the package saw.
    """

    quantity: str
    value: float
    low: float
    high: float

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Flag:
        """Return a flag as the journal keeps it; what has no number is not a number."""
        numbers = (
            float("nan") if said.get(key) is None else float(said[key])
            for key in ("value", "low", "high")
        )
        return cls(str(said.get("quantity", "")), *numbers)

    @property
    def words(self) -> str:
        """What is unusual and by how much, for people."""
        if self.quantity == TOGETHER:
            return (
                f"all in all the stack is {self.value / self.high:.1f} times as unusual as the "
                "most unusual that the package saw"
            )
        known = BY_NAME.get(self.quantity)
        title, unit = (known.title, known.unit) if known else (self.quantity, "")
        return (
            f"{title} is {self.value:.3g}{unit}, the package saw {self.low:.3g} to {self.high:.3g}"
        )

    def as_dict(self) -> dict[str, float | str]:
        """Return the flag as journals keep it."""
        return {
            "quantity": self.quantity,
            "value": float(f"{self.value:.4g}"),
            "low": float(f"{self.low:.4g}"),
            "high": float(f"{self.high:.4g}"),
        }


@dataclass(frozen=True, slots=True)
class Strangeness:
    """How unlike the training a stack is.

    Attributes
    ----------
    score : float
        From 0, the usual stack, over 1, the edge of what the package saw; the flags of a stack are
        there from 1 on.
    flags : tuple of Flag
        The farthest outside first.
    distance : float
        From the usual stack: root mean square over the quantities, in spreads.
    """

    score: float
    flags: tuple[Flag, ...]
    distance: float

    @property
    def words(self) -> str:
        """The farthest of the flags, for people; empty without flags."""
        return told(self.flags)


def told(flags: Sequence[Flag]) -> str:
    """Return the first flags in one line."""
    more = len(flags) - MOST_TOLD
    parts = [flag.words for flag in flags[:MOST_TOLD]]
    return "; ".join(parts + [f"and {more} more"] * (more > 0))


@dataclass(frozen=True, slots=True)
class Range:
    """What a package saw of one quantity, on the quantity's scale (`Quantity.scaled`)."""

    low: float
    middle: float
    high: float
    spread: float

    @classmethod
    def read(cls, quantity: Quantity, said: Mapping[str, Any]) -> Range:
        """Return the range that a package states in natural units."""
        low, middle, high = (quantity.scaled(float(said[key])) for key in ("low", "middle", "high"))
        return cls(low, middle, high, float(said["spread"]))

    def as_dict(self, quantity: Quantity) -> dict[str, float]:
        """Return the range in natural units; the spread is one of logarithms where they count."""
        ends = {"low": self.low, "middle": self.middle, "high": self.high}
        natural = {key: quantity.natural(value) for key, value in ends.items()}
        return {
            key: float(f"{value:.4g}") for key, value in (natural | {"spread": self.spread}).items()
        }

    def away(self, value: float) -> float:
        """Return the distance from the middle, in spreads."""
        return abs(value - self.middle) / self.spread

    def beyond(self, value: float) -> float:
        """Return how far outside the value lies: 0 inside, 1 a whole range away."""
        outside = max(self.low - value, value - self.high, 0.0)
        return outside / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the stacks that a package was trained on look like.

    Attributes
    ----------
    ranges : mapping of str to Range
        By the names of `livesr.segmentation.quantities.QUANTITIES`.
    farthest : float
        Largest distance (root mean square over the quantities, in spreads) that is usual.
    """

    ranges: Mapping[str, Range]
    farthest: float

    @classmethod
    def of(cls, trust: Mapping[str, Any]) -> Seen | None:
        """Return what a package's ``trust`` says, or None if it says nothing.

        Raises
        ------
        ModelError
            If it is damaged.
        """
        said = trust.get("seen")
        if not said:
            return None
        try:
            ranges = {
                name: Range.read(BY_NAME[name], limits)
                for name, limits in said["quantities"].items()
                if name in BY_NAME
            }
            farthest = float(said["farthest"])
            whole = all(r.spread > 0 and r.low < r.high for r in ranges.values()) and farthest > 0
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
            whole, farthest, ranges = False, float("nan"), {}
            reason = f": {problem!r}"
        else:
            reason = ""
        if not whole:
            raise ModelError(
                f"what the package says of its training stacks is damaged{reason}",
                where="trust.seen",
                fix=MEND,
            )
        return cls(ranges, farthest)

    def as_dict(self) -> dict[str, object]:
        """Return the form in which packages carry it."""
        return {
            "farthest": round(self.farthest, 4),
            "quantities": {
                name: limits.as_dict(BY_NAME[name]) for name, limits in self.ranges.items()
            },
        }

    def strangeness(self, measured: Mapping[str, float]) -> Strangeness:
        """Compare a stack with what was seen.

        Parameters
        ----------
        measured : mapping of str to float
            From `livesr.segmentation.quantities.measure`.
        """
        compared = {
            name: (self.ranges[name], BY_NAME[name].scaled(value))
            for name, value in measured.items()
            if name in self.ranges
        }
        away = [limits.away(value) for limits, value in compared.values()]
        distance = sqrt(sum(a * a for a in away) / len(away)) if away else 0.0
        outside = {name: limits.beyond(value) for name, (limits, value) in compared.items()}
        worst = sorted((name for name in outside if outside[name] > 0), key=lambda n: -outside[n])
        score = distance / self.farthest
        if worst:
            flags = tuple(self._flag(name, measured[name]) for name in worst)
            return Strangeness(max(score, 1 + outside[worst[0]]), flags, distance)
        if score >= 1:
            return Strangeness(score, (Flag(TOGETHER, distance, 0.0, self.farthest),), distance)
        return Strangeness(score, (), distance)

    def _flag(self, name: str, value: float) -> Flag:
        quantity, limits = BY_NAME[name], self.ranges[name]
        return Flag(name, value, quantity.natural(limits.low), quantity.natural(limits.high))
