"""How likely a cell's features are in each class of the chain: log-linear, read from a data file.

``emissions.json`` holds, readable, the features' means and scales, one row of weights a class, and
where they come from; ``python -m livesr.bench.mitosis_fit`` fits it to simulated lives. A feature
that is not known counts as its mean. The classes were fitted with equal weight, so that what the
model gives is proportional to the likelihood.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from math import exp, isfinite, log, nan
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.mitosis.chain import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from livesr.types import CellMeasures, Float64

FILE = "emissions.json"
FLOOR = 0.01
"""Share of stacks about which the features may be utterly wrong: one such stack decides nothing."""
MEMORY_S, RECENT_S = 1800.0, 360.0
"""How fast a cell's usual figures follow it in interphase, and those of just before at any time."""
QUIET = 0.5
"""How surely a cell must be in ordinary interphase to show its usual figures."""
FOLLOWED = (
    "footprint",
    "steepness",
    "nucleus_tall",
    "membrane",
    "mitochondria_spread",
    "void_length",
)
"""Features that are also seen against the cell's own usual figures …"""
ONLY_FOLLOWED = ("membrane",)
"""… and those that are seen in no other way: they depend on the network."""
MOVING = ("footprint", "elongation", "waist", "steepness", "void", "void_length", "nucleus_tall")
"""Features that are also seen against those of some minutes before."""


@dataclass(frozen=True, slots=True)
class Emissions:
    """The log-linear model.

    Attributes
    ----------
    features : tuple of str
    mean, scale : ndarray, (features,)
    weights : ndarray, (classes, features)
    bias : ndarray, (classes,)
    """

    features: tuple[str, ...]
    mean: Float64
    scale: Float64
    weights: Float64
    bias: Float64

    def likelihoods(self, values: Mapping[str, float]) -> Float64:
        """Return what is proportional to each class's likelihood, (classes,); they sum to 1."""
        raw = np.array([values.get(name, nan) for name in self.features])
        known = np.where(np.isfinite(raw), (raw - self.mean) / self.scale, 0.0)
        score = self.weights @ np.clip(known, -6.0, 6.0) + self.bias
        share = np.exp(score - score.max())
        share /= share.sum()
        return np.asarray((1.0 - FLOOR) * share + FLOOR / len(share))


@lru_cache(maxsize=1)
def emissions() -> Emissions:
    """Return the fitted model that livesr carries."""
    text = resources.files("livesr.analysis.mitosis").joinpath(FILE).read_text(encoding="utf-8")
    return from_text(text)


def from_text(text: str) -> Emissions:
    """Return the model of a file's text."""
    data = json.loads(text)
    features = tuple(data["features"])
    rows = [data["classes"][name] for name in NAMES]
    return Emissions(
        features,
        np.array([data["features"][name]["mean"] for name in features]),
        np.array([data["features"][name]["scale"] for name in features]),
        np.array([[row["weights"][name] for name in features] for row in rows]),
        np.array([row["bias"] for row in rows]),
    )


def plain(measures: CellMeasures) -> dict[str, float]:
    """Return the features as the model sees them; NaN where they are not known.

    Volumes and counts by their logarithm; heights and volumes of cells that go on above the stack
    are not known.
    """
    v = measures.values
    above = bool(v.get("cut_above", 0.0))
    nuclei = v.get("nuclei", nan)
    return {
        "footprint": _log(v.get("footprint_um2", nan)),
        "elongation": _log(v.get("elongation", nan)),
        "waist": _log(max(v.get("waist", nan), 0.05)),
        "steepness": v.get("steepness", nan),
        "height": nan if above else v.get("height_um", nan),
        "volume": nan if above else _log(v.get("volume_um3", nan)),
        "above": float(above),
        "no_nucleus": float(nuclei == 0.0) if isfinite(nuclei) else nan,
        "two_nuclei": float(nuclei >= 2.0) if isfinite(nuclei) else nan,
        "nucleus": _log(v.get("nucleus_um3", nan)) if nuclei else nan,
        "nucleus_tall": v.get("nucleus_tall", nan),
        "envelope": v.get("envelope", nan),
        "membrane": _log(5.0 + v.get("membrane_um3", nan)),
        "mitochondria_spread": v.get("mitochondria_spread", nan),
        "void": _log(20.0 + v.get("void_um3", nan)),
        "void_length": v.get("void_length", nan),
    }


def _log(value: float) -> float:
    return log(value) if value > 0.0 else nan


class Memory:
    """A cell's own past, against which mitosis is seen: its usual figures and those just before."""

    def __init__(self) -> None:
        self._usual: dict[str, float] = {}
        self._recent: dict[str, float] = {}
        self._stacks = 0.0

    def against(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the features as the model sees them.

        Named ``…_change`` is what differs from the cell's usual figures, ``…_trend`` what differs
        from those of some minutes ago. Of a cell that has no past, nothing differs.
        """
        alone = {name: value for name, value in values.items() if name not in ONLY_FOLLOWED}
        for ending, names, past in (
            ("change", FOLLOWED, self._usual),
            ("trend", MOVING, self._recent),
        ):
            alone |= {f"{n}_{ending}": values[n] - past.get(n, values[n]) for n in names}
        return alone

    def learn(self, values: Mapping[str, float], quiet: float, elapsed_s: float) -> None:
        """Learn from a stack.

        Parameters
        ----------
        values : mapping
            Of `plain`.
        quiet : float
            How surely the cell is in ordinary interphase.
        elapsed_s : float
            Since the stack before.
        """
        share = 1.0 - exp(-elapsed_s / RECENT_S)
        _follow(self._recent, values, MOVING, share)
        if quiet >= QUIET:
            # a mean at first, then a slow follower
            self._stacks += quiet
            share = quiet * max(1.0 / (1.0 + self._stacks), 1.0 - exp(-elapsed_s / MEMORY_S))
            _follow(self._usual, values, FOLLOWED, share)

    def forget_recent(self) -> None:
        """Forget the minutes before: the cell is another one, half of what it was."""
        self._recent.clear()


def _follow(
    past: dict[str, float], values: Mapping[str, float], names: Iterable[str], share: float
) -> None:
    for name in names:
        value, before = values[name], past.get(name, nan)
        if isfinite(value):
            past[name] = value if not isfinite(before) else before + share * (value - before)
