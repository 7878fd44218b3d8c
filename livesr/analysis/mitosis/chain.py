"""The course of mitosis as a Markov chain in continuous time.

Each class of the emissions is a row of phases that are passed at one rate (an Erlang duration), so
that a stage has a usual length and not just a mean. Over any interval the chain moves by the matrix
exponential, so that irregular and missed stacks only widen the interval, and a slow watch may pass
through a whole stage between two stacks, never around it. Durations are the literature's defaults
(minutes: Alberts et al., Molecular Biology of the Cell; HeLa and U2-OS time-lapse), not fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from livesr.config.rules import STAGES

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.types import Float64


@dataclass(frozen=True, slots=True)
class Class:
    """What a cell looks like for a while.

    Attributes
    ----------
    name : str
    stage : str
        As it is reported.
    minutes : float
        How long it usually lasts.
    phases : int
        More of them make the duration surer: its spread is the mean over their root.
    then : mapping of str to float
        What follows, and how often.
    """

    name: str
    stage: str
    minutes: float
    phases: int
    then: tuple[tuple[str, float], ...]


CLASSES: tuple[Class, ...] = (
    Class("spread", "interphase", 10.0 * 60.0, 1, (("prophase", 0.85), ("rounded", 0.15))),
    Class("rounded", "interphase", 60.0, 2, (("spread", 1.0),)),
    Class("prophase", "prophase", 12.5, 6, (("prometaphase", 1.0),)),
    Class("prometaphase", "prometaphase", 15.0, 6, (("metaphase", 1.0),)),
    Class("metaphase", "metaphase", 14.0, 2, (("anaphase", 1.0),)),
    Class("anaphase", "anaphase", 6.5, 6, (("telophase", 1.0),)),
    Class("telophase", "telophase", 15.0, 6, (("spreading", 1.0),)),
    Class("spreading", "interphase", 40.0, 3, (("spread", 1.0),)),
)
NAMES = tuple(one.name for one in CLASSES)
FIRST = dict(
    zip(
        NAMES,
        np.concatenate([[0], np.cumsum([c.phases for c in CLASSES])[:-1]]).tolist(),
        strict=True,
    )
)
"""First phase of each class."""
CLASS_OF: npt.NDArray[np.int64] = np.repeat(np.arange(len(CLASSES)), [c.phases for c in CLASSES])
"""Class of each phase."""
STAGE_OF: npt.NDArray[np.int64] = np.array([STAGES.index(CLASSES[k].stage) for k in CLASS_OF])
"""Stage of each phase."""
PHASES = len(CLASS_OF)
AFTER = np.isin(CLASS_OF, [NAMES.index("spreading")])
"""Phases of the daughters' interphase."""
BEFORE = np.isin(CLASS_OF, [NAMES.index("spread"), NAMES.index("rounded")])
"""Phases of an interphase that is not the end of a division just watched."""


def generator() -> Float64:
    """Return the rates (phases, phases) in 1/s: rows sum to 0."""
    rates = np.zeros((PHASES, PHASES))
    for one in CLASSES:
        rate = one.phases / (60.0 * one.minutes)
        begin, last = FIRST[one.name], FIRST[one.name] + one.phases - 1
        for phase in range(begin, last):
            rates[phase, phase + 1] = rate
        for name, share in one.then:
            rates[last, FIRST[name]] += rate * share
    np.fill_diagonal(rates, -rates.sum(axis=1))
    return rates


@lru_cache(maxsize=256)
def step(milliseconds: int) -> Float64:
    """Return the probabilities (from, to) of phases over an interval."""
    from scipy.linalg import expm

    matrix: Float64 = np.maximum(expm(generator() * (milliseconds / 1000.0)), 0.0)
    matrix /= matrix.sum(axis=1, keepdims=True)
    matrix.setflags(write=False)
    return matrix


def at_first() -> Float64:
    """Return what is believed of a cell before it was seen: as long as each phase lasts."""
    minutes = np.array([CLASSES[k].minutes / CLASSES[k].phases for k in CLASS_OF])
    often = np.where(NAMES.index("rounded") == CLASS_OF, 0.15, 1.0)
    belief = minutes * often
    return np.asarray(belief / belief.sum())
