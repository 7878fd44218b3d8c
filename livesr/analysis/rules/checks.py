"""Rules checked before the run: what contradicts, what would never fire, what it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from livesr.config.rules import STAGES
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from livesr.config.rules import Dose, Pace, Rule, Stage

_LONGEST_MIN: dict[str, float] = {
    "prophase": 15.0,
    "prometaphase": 20.0,
    "metaphase": 60.0,
    "anaphase": 8.0,
    "telophase": 20.0,
}
"""Literature defaults (docs/science.md); metaphase may wait for a checkpoint."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What stacks of one kind cost.

    Attributes
    ----------
    interval_s : float
    range_um : float
        From the lowest plane to the highest.
    planes : int
    stack_s : float
        Exposure of all its frames: it takes at least so long.
    disk_bytes : int
        Of a stack, at most.
    """

    interval_s: float
    range_um: float
    planes: int
    stack_s: float
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a rule costs each time it acts, at most."""

    rule: str
    planes: int
    interval_s: float
    minutes: float
    stacks: int
    light_ms: float
    disk_bytes: int

    def as_dict(self) -> dict[str, object]:
        """Return it for people and for ``--json``."""
        return {
            "rule": self.rule,
            "planes": self.planes,
            "interval_s": self.interval_s,
            "at_most_min": round(self.minutes, 1),
            "at_most_stacks": self.stacks,
            "at_most_light_ms": round(self.light_ms, 1),
            "at_most_disk_gib": round(self.disk_bytes / 2**30, 3),
        }


def cost_of(rule: Rule, taking: Taking, session_s: float) -> Cost:
    """Return what a rule that records costs each time it acts, at most."""
    seconds = min(rule.ends.at_most_min * 60.0, session_s)
    stacks = ceil(seconds / max(taking.interval_s, taking.stack_s))
    return Cost(
        rule.name,
        taking.planes,
        taking.interval_s,
        seconds / 60.0,
        stacks,
        1000.0 * taking.stack_s * stacks,
        taking.disk_bytes * stacks,
    )


def check_rules(
    rules: Sequence[Rule],
    watched: Taking,
    takings: Sequence[Taking | None],
    dose: Dose,
    timepoints: int,
) -> None:
    """Refuse rules that contradict each other, would never fire, or ask for what cannot be.

    Parameters
    ----------
    rules : sequence of Rule
    watched : Taking
        As the sequence says.
    takings : sequence of Taking or None
        As each rule records; None for one that does not.
    dose : Dose
    timepoints : int
        Of the sequence.

    Raises
    ------
    ConfigError
        The first of them.
    """
    for number, (rule, taking) in enumerate(zip(rules, takings, strict=True)):
        where = f"rules.{number} ({rule.name})"
        if taking is not None:
            _check_taking(taking, watched, where)
        _check_fires(rule, [*_seen_at(number, rules, takings), watched.interval_s], where)
        if rule.when.stacks > timepoints:
            raise ConfigError(
                f"it waits for {rule.when.stacks} stacks, the sequence has {timepoints}",
                where=f"{where}.when.stacks",
                fix="give the sequence more loops, or the rule fewer stacks",
            )
    _check_contradictions(rules)
    spent = 1000.0 * watched.stack_s * rules[0].when.stacks if rules else 0.0
    if dose.budget_ms is not None and spent >= dose.budget_ms:
        raise ConfigError(
            f"the budget of {dose.budget_ms:g} ms is spent after {rules[0].when.stacks} watched "
            "stacks, before a rule can act",
            where="dose.budget_ms",
            fix="give a larger budget, or leave it out",
        )


def _check_taking(taking: Taking, watched: Taking, where: str) -> None:
    if taking.interval_s < taking.stack_s:
        raise ConfigError(
            f"a stack of {taking.planes} planes takes {taking.stack_s:.1f} s of exposure alone, "
            f"longer than its interval of {taking.interval_s:g} s",
            where=f"{where}.then.interval_s",
            fix=f"give at least {ceil(taking.stack_s * 1.2)} s, a shorter exposure or a lower "
            "z_range_um",
        )
    if taking.range_um < watched.range_um - 1e-6:
        raise ConfigError(
            f"stacks of {taking.range_um:.1f} µm are lower than the sequence's own of "
            f"{watched.range_um:.1f} µm",
            where=f"{where}.then.z_range_um",
            fix=f"give more than {watched.range_um:.1f}, or leave it out to keep the sequence's",
        )


def _seen_at(
    number: int, rules: Sequence[Rule], takings: Sequence[Taking | None]
) -> Iterator[float]:
    """Yield the intervals at which other rules record when a rule's stage comes."""
    wanted = max(STAGES.index(stage) for stage in rules[number].when.stage)
    for other, (rule, taking) in enumerate(zip(rules, takings, strict=True)):
        begins = min(STAGES.index(stage) for stage in rule.when.stage)
        if other != number and taking is not None and begins < wanted:
            yield taking.interval_s


def _check_fires(rule: Rule, intervals_s: Sequence[float], where: str) -> None:
    """Refuse a rule whose stage is over before so many stacks can have shown it."""
    if "interphase" in rule.when.stage:
        return
    lasts = sum(_LONGEST_MIN[stage] for stage in rule.when.stage)
    takes = (rule.when.stacks - 1) * min(intervals_s) / 60.0
    if takes > lasts:
        raise ConfigError(
            f"it would never fire: {' or '.join(rule.when.stage)} lasts {lasts:.0f} min at most, "
            f"{rule.when.stacks} stacks take {takes:.0f} min",
            where=f"{where}.when",
            fix="watch at a shorter interval (sequence.time_plan), ask for fewer stacks, or name "
            "an earlier stage too",
        )


def _check_contradictions(rules: Sequence[Rule]) -> None:
    recording = [rule for rule in rules if rule.then.records]
    for number, one in enumerate(recording):
        for other in recording[number + 1 :]:
            both: list[Stage] = [stage for stage in one.when.stage if stage in other.when.stage]
            if both:
                raise ConfigError(
                    f"{one.name!r} and {other.name!r} contradict each other: both say how to "
                    f"record a cell in {both[0]}",
                    where="rules",
                    fix="give each stage to one of them",
                )


def keeps_others(
    rule: Rule, taking: Taking, watched: Taking, positions: int, settling_s: float = 1.0
) -> bool:
    """Return whether other positions are watched while a rule records."""
    if rule.others != "auto":
        return rule.others == "keep"
    others = (positions - 1) * (watched.stack_s + settling_s)
    return taking.stack_s + others <= taking.interval_s


def worst(costs: Sequence[Cost], pace: Pace, session_s: float) -> dict[str, object]:
    """Return what rules cost if they act as often as they may."""
    if not costs:
        return {}
    dearest = max(costs, key=lambda cost: cost.light_ms)
    times = min(
        ceil(pace.changes_per_hour * session_s / 3600.0),
        max(1, ceil(session_s / 60.0 / dearest.minutes)),
    )
    stacks = min(times * dearest.stacks, ceil(session_s / dearest.interval_s))
    share = stacks / dearest.stacks
    return {
        "times_a_position": times,
        "light_ms_a_position": round(share * dearest.light_ms, 1),
        "disk_gib_a_position": round(share * dearest.disk_bytes / 2**30, 3),
    }
