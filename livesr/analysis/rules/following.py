"""A cell that is being recorded as a rule asks, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.config.rules import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.analysis.rules.placing import Shift
    from livesr.config.rules import Rule
    from livesr.types import CellState

_PAST_DIVISION = len(STAGES)
"""Rank of interphase after a division."""


@dataclass(slots=True)
class Following:
    """A cell that is being recorded as a rule asks."""

    rule: Rule
    family: set[int]
    began_s: float
    shift_um: Shift
    stacks: int = 0
    unseen: int = 0
    through_s: float | None = None
    """Since when it is where ``until`` says."""

    @property
    def cell(self) -> int:
        """The cell that it began with."""
        return min(self.family)

    def through(self, seen: Sequence[CellState]) -> str:
        """Return in words what says that the cell is where the rule ends, empty if nothing does.

        A cell that is in interphase again is through: it divided, slipped out of mitosis, or never
        was in it.
        """
        until = self.rule.ends.stage
        if until is None:
            return ""
        wanted = STAGES.index(until) or _PAST_DIVISION
        for state in seen:
            if (STAGES.index(state.stage) or _PAST_DIVISION) >= wanted:
                return f"cell {state.cell} is in {state.stage}"
        return ""

    def recording(self) -> dict[str, object]:
        """Return how its position is to be recorded."""
        return {**asked(self.rule), "shift_um": [round(at, 3) for at in self.shift_um]}


def cause_of(state: CellState, stacks: int, minutes: float) -> str:
    """Return in words what a rule began for."""
    since = f", for {minutes:.0f} min" if minutes >= 1 else ""
    return (
        f"cell {state.cell} is in {state.stage} (probability {state.probability:.2f}, "
        f"{stacks} stack{'s' * (stacks > 1)} one after the other{since})"
    )


def asked(rule: Rule) -> dict[str, object]:
    """Return how a rule records."""
    then = rule.then
    said = {"interval_s": then.interval_s, "z_range_um": then.z_range_um, "center": then.center}
    return {name: value for name, value in said.items() if value is not None}


def words(rule: Rule) -> dict[str, object]:
    """Return what a rule does beside recording."""
    then = rule.then
    said = {"notify": then.notify, "stop": then.stop, "run": list(then.run)}
    return {name: value for name, value in said.items() if value}
