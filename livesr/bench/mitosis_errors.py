"""What networks get wrong of a cell's features: measured on rendered stacks, put on fast ones.

``mitosis_errors.json`` holds, by what a cell is like (a large nucleus, none, a small new one), the
mean and spread of the logarithm of seen over true for each feature, and how often a small nucleus
was not seen at all. ``python -m livesr.bench.mitosis_fit --errors`` measures it anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.types import CellMeasures

FILE = "mitosis_errors.json"
FEATURES = (
    "footprint_um2",
    "elongation",
    "waist",
    "steepness",
    "height_um",
    "volume_um3",
    "nucleus_um3",
    "nucleus_tall",
    "envelope",
    "membrane_um3",
    "mitochondria_spread",
    "void_um3",
    "void_length",
)
KINDS = ("large nucleus", "no nucleus", "small nucleus")
SMALL_UM3 = 450.0
LASTING = 0.5
"""Share of the variance of an error that stays with the cell; the rest is each stack's own."""
_NO_NUCLEUS = {"nuclei": 0.0, "nucleus_um3": 0.0, "nucleus_tall": float("nan"), "envelope": 0.0}


@dataclass(frozen=True, slots=True)
class Errors:
    """Measured errors.

    Attributes
    ----------
    spread : mapping
        Kind and feature to the mean and standard deviation of log(seen / true).
    missed : mapping
        Kind to the share of its nuclei that were not seen.
    """

    spread: dict[str, dict[str, tuple[float, float]]]
    missed: dict[str, float]


def kind_of(measures: CellMeasures) -> str:
    """Return what a cell is like."""
    if not measures.values["nuclei"]:
        return KINDS[1]
    each = measures.values["nucleus_um3"] / measures.values["nuclei"]
    return KINDS[0] if each >= SMALL_UM3 else KINDS[2]


def compared(pairs: Iterable[tuple[CellMeasures, CellMeasures]]) -> Errors:
    """Return the errors of pairs (true, seen) of the same cells."""
    logs: dict[str, dict[str, list[float]]] = {k: {f: [] for f in FEATURES} for k in KINDS}
    missed: dict[str, list[bool]] = {k: [] for k in KINDS}
    for true, seen in pairs:
        kind = kind_of(true)
        lost = bool(true.values["nuclei"]) and not seen.values["nuclei"]
        missed[kind].append(lost)
        for name in FEATURES:
            a, b = true.values[name], seen.values[name]
            if isfinite(a) and isfinite(b) and a > 0.0 and b > 0.0:
                logs[kind][name].append(float(np.log(b / a)))
    spread = {
        kind: {
            name: (float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 2 else 0.05)
            for name, v in found.items()
            if v
        }
        for kind, found in logs.items()
    }
    return Errors(spread, {k: float(np.mean(v)) if v else 0.0 for k, v in missed.items()})


@lru_cache(maxsize=1)
def errors() -> Errors:
    """Return the errors that livesr's own networks were measured to make."""
    text = resources.files("livesr.bench").joinpath(FILE).read_text(encoding="utf-8")
    data = json.loads(text)
    spread = {k: {f: (m, s) for f, (m, s) in v.items()} for k, v in data["log_ratio"].items()}
    return Errors(spread, data["missed"])


class Mistakes:
    """The networks' mistakes in one recording of a cell.

    Parameters
    ----------
    rng : numpy.random.Generator
    known : Errors
    """

    def __init__(self, rng: np.random.Generator, known: Errors) -> None:
        self._rng, self._known = rng, known
        self._own = dict(zip(FEATURES, rng.normal(size=len(FEATURES)).tolist(), strict=True))

    def on(self, true: CellMeasures) -> CellMeasures:
        """Return a cell as the networks would show it."""
        kind = kind_of(true)
        values = dict(true.values)
        fresh = self._rng.normal(size=len(FEATURES)).tolist()
        for name, new in zip(FEATURES, fresh, strict=True):
            if name in self._known.spread[kind]:
                mean, deviation = self._known.spread[kind][name]
                chance = LASTING**0.5 * self._own[name] + (1.0 - LASTING) ** 0.5 * new
                values[name] *= float(np.exp(mean + deviation * chance))
        if "envelope" in values:
            values["envelope"] = min(values["envelope"], 1.0)
        if self._rng.uniform() < self._known.missed[kind]:
            values |= _NO_NUCLEUS
        return replace(true, values=values)
