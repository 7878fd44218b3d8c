"""The ways in which a session's rules may take stacks, all known before the first photon."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from livesr.acquisition.plan import StackPlan
from livesr.errors import ConfigError
from livesr.types import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.config.rules import Rule
    from livesr.config.session import Session


def rules_steer(session: Session) -> bool:
    """Return whether a rule of the session changes what is recorded."""
    return any(rule.then.records for rule in session.rules)


def plans_of(session: Session) -> list[StackPlan]:
    """Return the session's own plan, then one for each further height that its rules ask for.

    Raises
    ------
    ConfigError
        If the sequence cannot be changed while it runs.
    """
    own = StackPlan(session.sequence, session.layout)
    _check(own)
    plans = [own]
    for rule in session.rules:
        if rule.then.z_range_um:
            plan = own.of_height(rule.then.z_range_um)
            if plan.planes not in [other.planes for other in plans]:
                plans.append(plan)
    return plans


def mode_of(rule: Rule, plans: Sequence[StackPlan]) -> int:
    """Return the mode in which a rule takes stacks."""
    if not rule.then.z_range_um:
        return 0
    planes = plans[0].of_height(rule.then.z_range_um).planes
    return next(number for number, plan in enumerate(plans) if plan.planes == planes)


def modes_of(session: Session, plans: Sequence[StackPlan]) -> tuple[Mode, ...]:
    """Return what there is to say of the modes beside the session's own."""
    steering = [rule for rule in session.rules if rule.then.records]
    found = []
    for number, plan in enumerate(plans[1:], start=1):
        own = [rule for rule in steering if mode_of(rule, plans) == number]
        shortest = min(rule.then.interval_s or plan.interval_s for rule in own)
        most = ceil((plan.times_s[-1] + plan.interval_s) / shortest) + 1
        found.append(Mode(", ".join(rule.name for rule in own), plan.planes, most))
    return tuple(found)


def _check(plan: StackPlan) -> None:
    if not plan.interval_s:
        raise ConfigError(
            "rules change how a time-lapse goes on, but the sequence has no interval",
            where="sequence.time_plan",
            fix="give it one: time_plan: {interval: 180, loops: 200}",
        )
    if plan.by_position:
        raise ConfigError(
            "rules need positions that are watched together, this order records one after another",
            where="sequence.axis_order",
            fix="write axis_order: tpgcz",
        )
