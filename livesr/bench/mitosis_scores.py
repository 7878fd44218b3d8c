"""The decoder's scores on recordings of simulated lives: events, stages, false triggers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.bootstrap import interval95
from livesr.analysis.mitosis.chain import CLASSES
from livesr.analysis.mitosis.decoder import MitosisDecoder
from livesr.analysis.mitosis.emissions import Memory, emissions, plain
from livesr.bench.mitosis_recordings import recorded
from livesr.config.rules import STAGES
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livesr.bench.mitosis_errors import Errors
    from livesr.bench.mitosis_lives import Measured
    from livesr.bench.mitosis_recordings import Plan
    from livesr.simulator.anatomy.life import Life
    from livesr.types import CellMeasures, CellState

    Confusion = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

KINDS = ("envelope breakdown", "anaphase onset")
MITOTIC = STAGES[2:]
WITHDRAWN = ("prophase", "interphase")
"""Not a transition of the cell: a prophase that was none. Cells round up without dividing, too."""
DRAWS = 1000


@dataclass(slots=True)
class Score:
    """One recording's counts.

    Attributes
    ----------
    right, told, real : dict of str to int
        Events found in time, events told, and those that there were, by kind.
    late_s : dict of str to list of float
        From the event to the stack in which it was noticed.
    off_s : dict of str to list of float
        The told time of an event less the true one.
    confusion : ndarray, (stages, stages), int64
        Stacks by true and reported stage.
    alone : ndarray, (stages, stages), int64
        Stacks by true stage and the likeliest one of each stack alone.
    triggers : int
        Cells taken for mitotic in interphase.
    illegal, illegal_alone : int
        Transitions of the reported stage that are not to the next ones of the cycle; of the
        likeliest stages.
    withdrawn : int
        Prophases that were taken back.
    hours : float
        Cell-hours.
    last_alone : str
        The likeliest stage of the stack before.
    """

    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    told: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    real: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    late_s: dict[str, list[float]] = field(default_factory=lambda: {k: [] for k in KINDS})
    off_s: dict[str, list[float]] = field(default_factory=lambda: {k: [] for k in KINDS})
    confusion: Confusion = field(
        default_factory=lambda: np.zeros((len(STAGES), len(STAGES)), np.int64)
    )
    alone: Confusion = field(default_factory=lambda: np.zeros((len(STAGES), len(STAGES)), np.int64))
    triggers: int = 0
    illegal: int = 0
    withdrawn: int = 0
    illegal_alone: int = 0
    hours: float = 0.0
    last_alone: str = ""


def scored(life: Measured, plan: Plan, known: Errors | None, seed: int) -> Score:
    """Record a life, decode it and compare with the truth."""
    decoder, score = MitosisDecoder(), Score()
    before: dict[int, str] = {}
    memory = Memory()
    last_s: float | None = None
    for t, (time_s, cells) in enumerate(recorded(life, plan, known, seed)):
        states = decoder.update(StackIndex(0, t), time_s, cells)
        true = life.life.stage(time_s)[0]
        for state in states:
            score.confusion[STAGES.index(true), STAGES.index(state.stage)] += 1
        _alone(score, cells, memory, true, time_s - (last_s or time_s))
        _transitions(score, states, before, true)
        if last_s is not None:
            score.hours += len(cells) * (time_s - last_s) / 3600.0
        last_s = time_s
    _events(score, decoder, life.life, plan, last_s or 0.0)
    return score


def _transitions(
    score: Score, states: Sequence[CellState], before: dict[int, str], true: str
) -> None:
    """Count illegal transitions and cells that are taken for mitotic; daughters go on."""
    for state in states:
        was = before.get(state.cell, before.get(state.parent))
        if was is None:
            was = "interphase"
        elif was != state.stage:
            back = (was, state.stage) == WITHDRAWN
            score.withdrawn += back
            score.illegal += not (back or legal(was, state.stage))
        if state.stage in MITOTIC and was not in MITOTIC and true == "interphase":
            score.triggers += 1
    for state in states:
        before[state.cell] = state.stage


def _alone(
    score: Score, cells: Sequence[CellMeasures], memory: Memory, true: str, elapsed_s: float
) -> None:
    """Count what each stack says alone, the past of the cell known."""
    for cell in cells:
        values = plain(cell)
        likely = CLASSES[int(np.argmax(emissions().likelihoods(memory.against(values))))]
        score.alone[STAGES.index(true), STAGES.index(likely.stage)] += 1
        if len(cells) == 1:
            memory.learn(values, float(likely.name == "spread"), elapsed_s)
            was = score.last_alone or likely.stage
            score.illegal_alone += was != likely.stage and not legal(was, likely.stage)
            score.last_alone = likely.stage


def legal(was: str, now: str) -> bool:
    """Return whether a reported stage may follow another: a later one, or after telophase the next.

    A stage that lasted less than the interval is passed through, not left out.
    """
    return now == "interphase" if was == "telophase" else STAGES.index(now) > STAGES.index(was)


def _events(score: Score, decoder: MitosisDecoder, life: Life, plan: Plan, last_s: float) -> None:
    tolerance_s = max(120.0, plan.interval_s)
    true = {KINDS[0]: life.breakdown, KINDS[1]: life.anaphase}
    for kind in KINDS:
        # an event needs time after it to be noticed
        there = plan.begins_s < true[kind] < last_s - 2 * tolerance_s
        told = [event for event in decoder.events if event.kind == kind]
        score.real[kind] = int(there)
        score.told[kind] = len(told)
        good = [event for event in told if abs(event.time_s - true[kind]) <= tolerance_s]
        if there and good:
            score.right[kind] = 1
            score.late_s[kind].append(good[0].seen_s - true[kind])
        if there and told:
            score.off_s[kind].append(told[0].time_s - true[kind])


def recall(scores: Sequence[Score], kind: str) -> float:
    """Return the share of events that were told in time."""
    real = sum(score.real[kind] for score in scores)
    return sum(score.right[kind] for score in scores) / real if real else float("nan")


def precision(scores: Sequence[Score], kind: str) -> float:
    """Return the share of told events that were there."""
    told = sum(score.told[kind] for score in scores)
    return sum(score.right[kind] for score in scores) / told if told else float("nan")


def macro_f1(scores: Sequence[Score]) -> float:
    """Return the mean F1 over the stages."""
    return float(np.nanmean(stage_f1(scores)))


def alone_f1(scores: Sequence[Score]) -> float:
    """Return the mean F1 over the stages of each stack alone."""
    return float(np.nanmean(_f1(np.sum([score.alone for score in scores], axis=0))))


def stage_f1(scores: Sequence[Score]) -> list[float]:
    """Return the F1 of each stage."""
    return _f1(np.sum([score.confusion for score in scores], axis=0))


def _f1(total: Confusion) -> list[float]:
    both = total.sum(axis=0) + total.sum(axis=1)
    return [
        float(2 * total[k, k] / both[k]) if both[k] else float("nan") for k in range(len(STAGES))
    ]


def triggers(scores: Sequence[Score]) -> float:
    """Return false triggers in 100 cell-hours."""
    return 100.0 * sum(s.triggers for s in scores) / sum(s.hours for s in scores)


def interval(
    groups: Sequence[Sequence[Score]], figure: Callable[[Sequence[Score]], float]
) -> tuple[float, float]:
    """Return the 95 % interval of a figure over lives drawn with replacement.

    Parameters
    ----------
    groups : sequence of sequence of Score
        The recordings of each life.
    figure : callable
        Of all recordings that were drawn.
    """
    rng = np.random.default_rng(0)
    drawn = [
        figure([s for k in rng.integers(len(groups), size=len(groups)) for s in groups[k]])
        for _ in range(DRAWS)
    ]
    return interval95(np.array(drawn))


def poisson(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of what was counted so often (Garwood, 1936)."""
    from scipy.stats import chi2

    low = float(chi2.ppf(0.025, 2 * count)) / 2.0 if count else 0.0
    return low, float(chi2.ppf(0.975, 2 * count + 2)) / 2.0


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of so many: no bootstrap widens a share of 1.

    Parameters
    ----------
    share : float
    count : int
        What is independent: divisions, however often each is recorded.
    """
    if not count:
        return float("nan"), float("nan")
    square = 1.96**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = np.sqrt(share * (1 - share) * square / count + (square / (2 * count)) ** 2)
    half /= 1 + square / count
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)
