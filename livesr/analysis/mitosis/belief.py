"""What is believed of one cell: the chain's probabilities, and the stage that is reported.

A reported stage only ever goes on to a later one of the chain: from prometaphase on the envelope
is gone, and what lies before it is ruled out.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.mitosis.chain import (
    AFTER,
    BEFORE,
    CLASS_OF,
    CLASSES,
    NAMES,
    STAGE_OF,
    at_first,
    step,
)
from livesr.analysis.mitosis.emissions import Memory, emissions, plain
from livesr.config.rules import STAGES

if TYPE_CHECKING:
    from livesr.types import Bool, CellMeasures, Float64

APART_S = 20.0
"""Stacks that are nearer in time than this tell partly the same: their features err alike."""
SURE = {"prophase": 0.99, "prometaphase": 0.8}
"""How probable a stage, or a later one, must be to be reported …"""
SURE_ENOUGH = 0.5
"""… and every other."""
LEAD_S = {"prometaphase": 110.0, "anaphase": 60.0}
"""How long a stage lasts, in the median, before masks show it; measured on the lives that the
emissions were fitted to. An envelope has begun to break down before its nucleus is gone from the
masks, plates part before the cell lengthens."""
REMEMBERED_S = 3600.0
"""How far back the begin of a stage is looked for."""
BACK = 0.5
"""A prophase that falls below this was none."""
UNTHINKABLE = 1e-3
"""Less probable phases could not come …"""
UNLIKELY, DOUBTFUL_STACKS, DOUBTFUL_S = 0.1, 4, 600.0
"""… and a likelihood of all that could, for so many stacks and so long: it is another cell, or the
recording is out of order."""
EDGE_UM = 1.5
"""A cell with more of its outline on the field's edge tells nothing."""
_MITOTIC = STAGES.index("prometaphase")
_LAST_AFTER = np.arange(len(AFTER)) == np.flatnonzero(AFTER)[-1]
_QUIET = NAMES.index("spread") == CLASS_OF


class Belief:
    """One cell's probabilities.

    Attributes
    ----------
    stage : str
        As reported.
    since_s : float
        When it began.
    began : dict of str to float
        When each stage of the present division began.
    """

    def __init__(self) -> None:
        self.stage: str = STAGES[0]
        self.since_s = float("-inf")
        self.began: dict[str, float] = {}
        self._phases = at_first()
        self._time_s: float | None = None
        self._memory = Memory()
        self._doubtful = np.zeros(2)
        self._past: list[tuple[float, int, Float64, Float64]] = []
        self.likelihoods: Float64 = np.full(len(CLASSES), 1.0 / len(CLASSES))

    def of_daughter(self) -> Belief:
        """Return a copy: daughters begin with what is believed of their mother."""
        daughter = deepcopy(self)
        daughter._memory.forget_recent()  # noqa: SLF001 - one of its own kind
        return daughter

    @property
    def probability(self) -> float:
        """Of the reported stage."""
        return float(self._phases[STAGES.index(self.stage) == STAGE_OF].sum())

    def update(self, time_s: float, measures: CellMeasures | None) -> None:
        """Go on to a stack; ``measures`` is None if the cell was not seen in it."""
        elapsed = 0.0 if self._time_s is None else max(time_s - self._time_s, 0.0)
        first = self._time_s is None
        if first:
            self.since_s = time_s
        self._time_s = time_s if self._time_s is None else max(time_s, self._time_s)
        milliseconds = round(1000.0 * elapsed)
        self._phases = self._phases @ step(milliseconds)
        self._rule_out()
        weight = np.ones(len(self._phases))
        if measures is not None and measures.values.get("border_um", 0.0) <= EDGE_UM:
            weight = self._look(measures, elapsed, first=first)
        self._past.append((time_s, milliseconds, weight, self._phases))
        while self._past[0][0] < time_s - REMEMBERED_S:
            self._past.pop(0)
        self._report(time_s)

    def _look(self, measures: CellMeasures, elapsed: float, *, first: bool) -> Float64:
        """Weigh the phases by a stack; return by how much."""
        values = plain(measures)
        self.likelihoods = emissions().likelihoods(self._memory.against(values))
        trust = 1.0 if first else min(elapsed / APART_S, 1.0)
        self._doubt(elapsed)
        weight: Float64 = self.likelihoods[CLASS_OF] ** trust
        self._phases = self._phases * weight
        self._phases /= self._phases.sum()
        self._rule_out()
        self._memory.learn(values, float(self._phases[_QUIET].sum()), elapsed)
        return weight

    def _doubt(self, elapsed: float) -> None:
        """Count for how long the masks have shown what could not come."""
        possible = np.unique(CLASS_OF[self._phases > UNTHINKABLE])
        if self.likelihoods[possible].sum() < UNLIKELY:
            self._doubtful += np.array([1.0, elapsed])
        else:
            self._doubtful[:] = 0.0

    @property
    def contradicted(self) -> bool:
        """Whether stack after stack shows what cannot follow on the reported stage."""
        stacks, seconds = self._doubtful
        return bool(stacks >= DOUBTFUL_STACKS and seconds >= DOUBTFUL_S)

    def _rule_out(self) -> None:
        """Rule out what lies before the reported stage, once the envelope was gone."""
        now = STAGES.index(self.stage)
        if now < _MITOTIC:
            return
        # an interphase that the chain has come to lies after this division
        self._phases = (
            np.where(BEFORE, 0.0, self._phases) + _LAST_AFTER * self._phases[BEFORE].sum()
        )
        self._keep(AFTER | (now <= STAGE_OF))

    def _keep(self, phases: Bool) -> None:
        """Rule out all other phases."""
        kept = np.where(phases, self._phases, 0.0)
        total = kept.sum()
        self._phases = kept / total if total > 0.0 else phases / phases.sum()

    def _at_least(self) -> Float64:
        """Return how probable it is that each stage, in order, has begun; last: that all are over.

        In interphase the daughters' spreading is not the end of a division that was never seen.
        """
        shares = np.bincount(STAGE_OF, np.where(AFTER | BEFORE, 0.0, self._phases), len(STAGES))
        over = float(self._phases[AFTER].sum()) if self.stage != STAGES[0] else 0.0
        reached = np.append(shares, over)[::-1].cumsum()[::-1]
        reached[0] = 1.0
        return np.asarray(reached)

    def _report(self, time_s: float) -> None:
        reached = self._at_least()
        now = STAGES.index(self.stage)
        # the next interphase only follows on a telophase that was reported
        last = len(STAGES) - 1 if self.stage != STAGES[-1] else len(STAGES)
        further = [
            k
            for k in range(now + 1, last + 1)
            if reached[k] >= SURE.get((*STAGES, "over")[k], SURE_ENOUGH)
        ]
        if further and not (now >= _MITOTIC and self._doubtful[0]):
            self._advance(now, max(further), time_s)
        elif self.stage == "prophase" and reached[1] < BACK:
            self._begin(STAGES[0], time_s)
            self.began.clear()

    def _advance(self, now: int, to: int, time_s: float) -> None:
        if now == 0:
            self.began.clear()
        past = self._smoothed()
        for k in range(now + 1, to + 1):
            at = max(self._change(k, past, time_s), self.since_s)
            if k < len(STAGES):
                self.began[STAGES[k]] = at
            self._begin(STAGES[k % len(STAGES)], at)
        if to == len(STAGES):
            # what was left of a belief in the division that is over
            self._keep(AFTER | BEFORE)
        elif now < _MITOTIC <= to:
            # and in an interphase that was none
            self._keep((to <= STAGE_OF) & ~AFTER & ~BEFORE)

    def _smoothed(self) -> Float64:
        """Return the phases' probabilities at each remembered stack given all until now."""
        after = np.ones(len(self._phases))
        out = []
        for _, milliseconds, weight, phases in reversed(self._past):
            both = phases * after
            out.append(both / both.sum())
            after = step(milliseconds) @ (weight * after)
            after /= after.max()
        return np.array(out[::-1])

    def _change(self, k: int, past: Float64, time_s: float) -> float:
        """Return when stage ``k``, or a later one, became more probable than those before it."""
        begun = past[:, AFTER | ((k <= STAGE_OF) if k < len(STAGES) else AFTER)].sum(axis=1)
        times = [seen_s for seen_s, *_ in self._past]
        n = len(times) - 1
        at = time_s
        while n >= 0 and begun[n] >= 0.5:
            at = times[n]
            n -= 1
        if n >= 0 and n + 1 < len(times):
            share = (0.5 - begun[n]) / (begun[n + 1] - begun[n])
            at = times[n] + share * (times[n + 1] - times[n])
        return at - LEAD_S.get((*STAGES, "over")[k], 0.0)

    def _begin(self, stage: str, at_s: float) -> None:
        self.stage, self.since_s = stage, at_s
