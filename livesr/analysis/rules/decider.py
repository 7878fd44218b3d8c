"""The decider: cells' states in, decisions out, stack by stack.

Ordered and without anything from outside: what it is told of dose, disk and place comes with each
stack and is journalled, so that a replay decides the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livesr.analysis.rules import placing
from livesr.analysis.rules.following import Following, asked, cause_of, words
from livesr.analysis.rules.placing import NOWHERE, Box
from livesr.types import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from livesr.analysis.rules.placing import Shift, Stage
    from livesr.config.rules import Dose, Pace, Rule
    from livesr.types import CellState

_HOUR_S = 3600.0
LONG_METAPHASE, BLEACHING = "long metaphase", "bleaching"
"""What is told without a rule of the session."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known with one stack of a position beside its cells.

    Attributes
    ----------
    position : int
    time_s : float
        Session time of the stack.
    light_ms : float
        Exposure that the position got so far.
    brightness : float
        Of the cells, in counts; 0 if it is not known.
    obstacle : str
        Why nothing may be begun now, empty if nothing is in the way.
    """

    position: int
    time_s: float
    light_ms: float = 0.0
    brightness: float = 0.0
    obstacle: str = ""


@dataclass(slots=True)
class _Memory:
    """What was seen of one position."""

    last_s: float = float("-inf")
    following: Following | None = None
    streaks: dict[tuple[str, int], int] = field(default_factory=dict)
    fired: set[tuple[str, int]] = field(default_factory=set)
    refused: dict[tuple[str, int], str] = field(default_factory=dict)
    told: set[tuple[str, int]] = field(default_factory=set)
    brightness: float = 0.0


class Decider:
    """Makes decisions of cells' states.

    Parameters
    ----------
    rules : sequence of Rule
        In their order: of two that would record the same position the first does.
    pace : Pace
    dose : Dose
    field_um : tuple of float
        Size (y, x) of the images.
    stage : Stage
    shadow : str
        Why nothing is acted on, empty if it is.
    refuses : callable
        Why a position's stage may not stand so far from its place, empty if it may.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        pace: Pace,
        dose: Dose,
        *,
        field_um: tuple[float, float],
        stage: Stage,
        shadow: str = "",
        refuses: Callable[[int, Shift], str] = lambda _position, _shift: "",
    ) -> None:
        self._rules, self._pace, self._dose = rules, pace, dose
        self._field_um, self._stage, self._shadow = field_um, stage, shadow
        self._refuses = refuses
        self._memories: dict[int, _Memory] = {}
        self._changes: deque[float] = deque()

    def in_order(self, sight: Sight) -> bool:
        """Return whether a stack is later than all that were decided of its position."""
        return sight.time_s > self._memory(sight).last_s

    def following(self, position: int) -> Following | None:
        """Return what is being followed at a position."""
        memory = self._memories.get(position)
        return memory.following if memory else None

    def update(self, sight: Sight, states: Sequence[CellState]) -> list[Decision]:
        """Return what is decided with the next stack of a position; a late one decides nothing."""
        if not self.in_order(sight):
            return []
        memory = self._memory(sight)
        memory.last_s = sight.time_s
        made = self._upkeep(memory, sight, states)
        for rule in self._rules:
            for state in states:
                made += self._judge(rule, state, memory, sight)
        made += self._warnings(memory, sight, states)
        return made

    def _memory(self, sight: Sight) -> _Memory:
        return self._memories.setdefault(sight.position, _Memory())

    # ------------------------------------------------------------------ what is being followed

    def _upkeep(self, memory: _Memory, sight: Sight, states: Sequence[CellState]) -> list[Decision]:
        """Follow what is followed, or let it go."""
        one = memory.following
        if one is None:
            return []
        one.family |= {state.cell for state in states if state.parent in one.family}
        seen = [state for state in states if state.cell in one.family]
        one.stacks += 1
        one.unseen = 0 if seen else one.unseen + 1
        if cause := self._over(one, sight, seen):
            memory.following = None
            return [self._decision(one.rule, one.cell, cause, {"release": True}, sight)]
        return self._recentred(one, sight, seen)

    def _over(self, one: Following, sight: Sight, seen: Sequence[CellState]) -> str:
        """Return why a position is released, empty if it is not."""
        ends, minutes = one.rule.ends, (sight.time_s - one.began_s) / 60.0
        if minutes >= ends.at_most_min:
            return f"it was recorded for {minutes:.0f} min, the longest that the rule allows"
        if self._spent(sight):
            return f"the position's dose is spent: {sight.light_ms:.0f} ms of exposure"
        if one.unseen >= self._pace.lost_stacks:
            return f"cell {one.cell} was not seen in {one.unseen} stacks: it left the field or died"
        through = one.through(seen)
        if not through:
            one.through_s = None
            return ""
        one.through_s = sight.time_s if one.through_s is None else one.through_s
        waited = (sight.time_s - one.through_s) / 60.0
        if waited < ends.plus_min or one.stacks < self._pace.stay_stacks:
            return ""
        return f"{through}" + (f", {waited:.0f} min ago" if ends.plus_min else "")

    def _recentred(self, one: Following, sight: Sight, seen: Sequence[CellState]) -> list[Decision]:
        """Move the stack after the cell, if it strays."""
        if not seen:
            return []
        box = Box.around([state.measures for state in seen])
        x, y, z = one.shift_um
        if one.rule.then.z_range_um:
            z = self._bounded(placing.next_height(box, z, one.rule.then.z_range_um, self._pace))
        if one.rule.then.center:
            wanted = placing.lateral(box, self._field_um, self._stage)
            if placing.strays(one.shift_um, wanted) and self._reachable(wanted):
                x, y = wanted
        if (x, y, z) == one.shift_um or self._refuses(sight.position, (x, y, z)):
            return []
        before, one.shift_um = one.shift_um, (x, y, z)
        by = ", ".join(
            f"{axis} {b - a:+.1f}"
            for axis, a, b in zip("xyz", before, one.shift_um, strict=True)
            if a != b
        )
        cause = f"cell {one.cell} moved: the stage follows it by {by} µm"
        return [self._decision(one.rule, one.cell, cause, one.recording(), sight)]

    # ------------------------------------------------------------------ what begins

    def _judge(
        self,
        rule: Rule,
        state: CellState,
        memory: _Memory,
        sight: Sight,
    ) -> list[Decision]:
        """Return what a rule makes of a cell."""
        key = (rule.name, state.cell)
        shows = state.stage in rule.when.stage and state.probability >= rule.when.probability
        memory.streaks[key] = memory.streaks.get(key, 0) + 1 if shows else 0
        if not shows:
            memory.fired.discard(key)
            memory.refused.pop(key, None)
            return []
        lasted = (sight.time_s - state.since_s) / 60.0
        enough = memory.streaks[key] >= rule.when.stacks and lasted >= rule.when.lasts_min
        if not enough or key in memory.fired:
            return []
        cause = cause_of(state, memory.streaks[key], lasted)
        if rule.then.records and (why_not := self._refusal(rule, state, memory, sight)):
            return self._refuse(key, rule, state, f"{cause}; not done: {why_not}", memory, sight)
        memory.fired.add(key)
        made = []
        if rule.then.records:
            made.append(self._begin(rule, state, cause, memory, sight))
        if said := words(rule):
            made.append(self._decision(rule, state.cell, cause, said, sight))
        return made

    def _refusal(self, rule: Rule, state: CellState, memory: _Memory, sight: Sight) -> str:
        """Return why a position is not recorded otherwise now, empty if it may be."""
        one = memory.following
        if one is not None:
            if state.cell not in one.family:
                return f"the position follows cell {one.cell} ({one.rule.name})"
            if one.rule is rule:
                return f"{rule.name} holds already"
            if one.stacks < self._pace.stay_stacks:
                return f"{one.rule.name} began {one.stacks} stacks ago"
        if sight.obstacle:
            return sight.obstacle
        if self._spent(sight):
            return f"the position's dose is spent ({sight.light_ms:.0f} ms)"
        while self._changes and self._changes[0] <= sight.time_s - _HOUR_S:
            self._changes.popleft()
        if len(self._changes) >= self._pace.changes_per_hour:
            return f"{len(self._changes)} changes within an hour are the most (changes_per_hour)"
        return ""

    def _refuse(
        self,
        key: tuple[str, int],
        rule: Rule,
        state: CellState,
        cause: str,
        memory: _Memory,
        sight: Sight,
    ) -> list[Decision]:
        """Say once why a rule does not act; it is tried again with each stack."""
        why = cause.partition("; not done: ")[2].split("(")[0]
        if memory.refused.get(key) == why:
            return []
        memory.refused[key] = why
        action = {"position": sight.position, **asked(rule)}
        return [Decision(rule.name, state.cell, cause, action, acted=False)]

    def _begin(
        self, rule: Rule, state: CellState, cause: str, memory: _Memory, sight: Sight
    ) -> Decision:
        box, before = Box.around([state.measures]), memory.following
        x, y, z = before.shift_um if before else NOWHERE
        if rule.then.z_range_um:
            z = self._bounded(placing.first_height(box, rule.then.z_range_um, self._pace))
        if rule.then.center:
            wanted = placing.lateral(box, self._field_um, self._stage)
            if self._reachable(wanted):
                x, y = wanted
            else:
                cause += f"; not centred: it is farther than {self._pace.farthest_um:g} µm"
        if refused := self._refuses(sight.position, (x, y, z)):
            cause += f"; the stage stays: {refused}"
            x, y, z = before.shift_um if before else NOWHERE
        memory.following = one = Following(rule, {state.cell}, sight.time_s, (x, y, z))
        self._changes.append(sight.time_s)
        return self._decision(rule, state.cell, cause, one.recording(), sight)

    # ------------------------------------------------------------------ what is told

    def _warnings(
        self, memory: _Memory, sight: Sight, states: Sequence[CellState]
    ) -> list[Decision]:
        """Tell once of light that may harm."""
        made = []
        for state in states:
            lasted = (sight.time_s - state.since_s) / 60.0
            key = (LONG_METAPHASE, state.cell)
            if state.stage != "metaphase" or lasted < self._dose.long_metaphase_min:
                continue
            if key not in memory.told:
                memory.told.add(key)
                cause = f"metaphase of cell {state.cell} lasts {lasted:.0f} min: light may harm it"
                made.append(self._told(LONG_METAPHASE, state.cell, cause, sight))
        memory.brightness = memory.brightness or sight.brightness
        left = sight.brightness / memory.brightness if memory.brightness else 1.0
        if 0 < left < self._dose.bleached_to and (BLEACHING, 0) not in memory.told:
            memory.told.add((BLEACHING, 0))
            cause = f"the cells have {left:.0%} of the brightness that they began with"
            made.append(self._told(BLEACHING, 0, cause, sight))
        return made

    def _told(self, name: str, cell: int, cause: str, sight: Sight) -> Decision:
        return Decision(name, cell, cause, {"position": sight.position, "notify": True}, acted=True)

    def _decision(
        self, rule: Rule, cell: int, cause: str, action: Mapping[str, object], sight: Sight
    ) -> Decision:
        acts = not self._shadow or action.keys() == {"notify"}  # to say so harms nothing
        if not acts:
            cause += f"; not done: {self._shadow}"
        said = {"position": sight.position, **action}
        return Decision(rule.name, cell, cause, said, acts)

    # ------------------------------------------------------------------ limits

    def _spent(self, sight: Sight) -> bool:
        return self._dose.budget_ms is not None and sight.light_ms >= self._dose.budget_ms

    def _reachable(self, shift: tuple[float, float]) -> bool:
        return shift[0] ** 2 + shift[1] ** 2 <= self._pace.farthest_um**2

    def _bounded(self, z_um: float) -> float:
        most = self._pace.farthest_um
        return min(max(z_um, -most), most)
