"""The mitosis decoder on lives of unseen seeds: events, stages, false triggers.

And how masks taken straight from the simulator compare with rendered and segmented ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.mitosis.emissions import Memory, emissions, plain
from livesr.bench.mitosis_errors import FEATURES, Mistakes, errors
from livesr.bench.mitosis_fit import rendered_pairs
from livesr.bench.mitosis_lives import LOW, TALL, measured
from livesr.bench.mitosis_recordings import Plan
from livesr.bench.mitosis_scores import (
    KINDS,
    Score,
    alone_f1,
    interval,
    macro_f1,
    poisson,
    precision,
    recall,
    scored,
    stage_f1,
    triggers,
    wilson,
)
from livesr.bench.rows import Row, attained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from livesr.bench.mitosis_lives import Kind, Measured

SLOW_S, FAST_S = 180.0, 20.0
LEAD_S = 1800.0
"""How long before prophase a recording at the fast rate begins."""
SHORT = {KINDS[0]: "nebd", KINDS[1]: "anaphase"}
ASKED, ASKED_F1, ASKED_TRIGGERS = 0.95, 0.85, 1.0
_SEED = 11


@dataclass(frozen=True, slots=True)
class Lives:
    """Whose lives are recorded, by kind.

    Attributes
    ----------
    divides, rounds, quiet : range
        Seeds: cells that divide, that round up without dividing, that do neither.
    """

    divides: range = range(70_200, 70_260)
    rounds: range = range(70_300, 70_312)
    quiet: range = range(70_400, 70_404)

    def measured(self) -> Iterator[Measured]:
        """Measure each."""
        kinds: tuple[tuple[Kind, range], ...] = (
            ("divides", self.divides),
            ("rounds", self.rounds),
            ("quiet", self.quiet),
        )
        for kind, seeds in kinds:
            for seed in seeds:
                yield measured(seed, kind)


def rows(lives: Lives | None = None, rendered: range = range(70_500, 70_512)) -> Iterator[Row]:
    """Measure the decoder.

    Parameters
    ----------
    lives : Lives, optional
    rendered : range
        Seeds of stacks that are rendered and segmented too; none leaves that row out.
    """
    yield from decoder_rows(list((lives or Lives()).measured()))
    if len(rendered):
        yield agreement(rendered)


def decoder_rows(lives: Sequence[Measured]) -> Iterator[Row]:
    """Score recordings of measured lives at the slow and at the fast rate."""
    slow = [scored(life, Plan(SLOW_S, LOW), errors(), _SEED) for life in lives]
    fast = [scored(life, fast_plan(life), errors(), _SEED) for life in lives]
    about = (
        f"{sum(life.life.kind == 'divides' for life in lives)} divisions, "
        f"{sum(life.life.kind == 'rounds' for life in lives)} cells that round up; "
        f"{sum(s.hours for s in slow):.0f} cell-hours every {SLOW_S:.0f} s, "
        f"{sum(s.hours for s in fast):.0f} every {FAST_S:.0f} s"
    )
    groups = list(zip(slow, fast, strict=True))
    for kind, name in SHORT.items():
        yield from _event_rows(groups, kind, name, about)
    yield _f1_row(groups, about)
    yield _trigger_row(groups, about)
    yield _withdrawn_row(groups, about)
    illegal = sum(score.illegal for pair in groups for score in pair)
    yield Row(
        "illegal_transitions",
        illegal,
        "transitions",
        peer="the likeliest stage of each stack alone",
        peer_value=sum(score.illegal_alone for pair in groups for score in pair),
        bound="0",
        attained=float(illegal == 0),
        detail=about,
    )


def fast_plan(life: Measured) -> Plan:
    """Return the recording of a division, or of the same stretch of another life, at speed."""
    kind, times = life.life.kind, life.life
    if kind == "quiet":
        return Plan(FAST_S, TALL, life.ends_s - 7200.0)
    return Plan(FAST_S, TALL, times.prophase - LEAD_S, times.rest)


def _event_rows(
    groups: Sequence[tuple[Score, Score]], kind: str, name: str, about: str
) -> Iterator[Row]:
    figures: tuple[tuple[str, Callable[[Sequence[Score]], float]], ...] = (
        ("recall", lambda scores: recall(scores, kind)),
        ("precision", lambda scores: precision(scores, kind)),
    )
    divisions = sum(slow.real[kind] for slow, _ in groups)
    for figure, of in figures:
        value = of(_flat(groups))
        low, high = wilson(value, divisions)
        rates = [of([pair[k] for pair in groups]) for k in (0, 1)]
        yield Row(
            f"{name}_{figure}",
            value,
            "share",
            bound=f"{ASKED}",
            attained=min(value / ASKED, 1.0),
            detail=f"95 % interval {low:.3f}-{high:.3f} (Wilson, {divisions} divisions); "
            f"slow {rates[0]:.3f}, fast {rates[1]:.3f}; {_timing(groups, kind)}; {about}",
        )


def _timing(groups: Sequence[tuple[Score, Score]], kind: str) -> str:
    """Return how far off told times are, and how late events are noticed."""
    parts = []
    for k, rate in enumerate(("slow", "fast")):
        off = [value for pair in groups for value in pair[k].off_s[kind]]
        late = [value for pair in groups for value in pair[k].late_s[kind]]
        if off and late:
            low, mid, high = np.percentile(off, (5, 50, 95))
            parts.append(
                f"{rate}: told {low:+.0f}/{mid:+.0f}/{high:+.0f} s from the truth "
                f"(5/50/95 %), noticed after {np.median(late):.0f} s"
            )
    return ", ".join(parts)


def _f1_row(groups: Sequence[tuple[Score, Score]], about: str) -> Row:
    value, (low, high) = macro_f1(_flat(groups)), interval(groups, macro_f1)
    alone = alone_f1(_flat(groups))
    each = ", ".join(f"{f1:.2f}" for f1 in stage_f1(_flat(groups)))
    rates = [macro_f1([pair[k] for pair in groups]) for k in (0, 1)]
    return Row(
        "stage_macro_f1",
        value,
        "F1",
        peer="the likeliest stage of each stack alone",
        peer_value=alone,
        ratio=value / alone if alone else None,
        bound=f"{ASKED_F1}",
        attained=min(value / ASKED_F1, 1.0),
        detail=f"95 % interval {low:.3f}-{high:.3f}; slow {rates[0]:.3f}, fast {rates[1]:.3f}; "
        f"interphase to telophase {each}; {about}",
    )


def _trigger_row(groups: Sequence[tuple[Score, Score]], about: str) -> Row:
    value = triggers(_flat(groups))
    count = sum(score.triggers for score in _flat(groups))
    scale = 100.0 / sum(score.hours for score in _flat(groups))
    low, high = (scale * bound for bound in poisson(count))
    return Row(
        "false_triggers_per_100_cell_hours",
        value,
        "1/100 h",
        bound=f"{ASKED_TRIGGERS:.0f}",
        attained=attained(value, ASKED_TRIGGERS),
        detail=f"{count} cells taken for mitotic in interphase; "
        f"95 % interval {low:.2f}-{high:.2f} (Poisson); {about}",
    )


def _withdrawn_row(groups: Sequence[tuple[Score, Score]], about: str) -> Row:
    withdrawn = sum(score.withdrawn for score in _flat(groups))
    hours = sum(score.hours for score in _flat(groups))
    return Row(
        "withdrawn_prophases_per_100_cell_hours",
        100.0 * withdrawn / hours,
        "1/100 h",
        bound="0",
        attained=attained(100.0 * withdrawn / hours, 1.0),
        detail=f"{withdrawn} prophases taken back before the envelope broke down: a cell that "
        f"rounds up begins as one that divides; {about}",
    )


def _flat(groups: Sequence[tuple[Score, Score]]) -> list[Score]:
    return [score for pair in groups for score in pair]


def agreement(seeds: range) -> Row:
    """Return how often the stage read off rendered and segmented masks is that of the fast ones."""
    same, off, expected, cells = 0, [], [], 0
    rng = np.random.default_rng(0)
    for _, true, seen in rendered_pairs(seeds):
        fast = Mistakes(rng, errors()).on(true)
        classes = [
            int(np.argmax(emissions().likelihoods(Memory().against(plain(one)))))
            for one in (fast, seen)
        ]
        same += classes[0] == classes[1]
        cells += 1
        for name in FEATURES:
            a, b, c = (one.values[name] for one in (true, seen, fast))
            if min(a, b, c) > 0.0:
                off.append(abs(np.log(b / a)))
                expected.append(abs(np.log(c / a)))
    share = same / cells if cells else float("nan")
    return Row(
        "rendered_stage_agreement",
        share,
        "share",
        bound="1",
        attained=share,
        detail=f"{cells} cells in {len(seeds)} stacks that ALL segmented: features are off by "
        f"{100 * np.mean(off):.1f} % in the mean, {100 * np.mean(expected):.1f} % in the fast ones",
    )
