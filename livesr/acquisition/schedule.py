"""Which stack is taken next: by the sequence alone, or as rules change it while it runs."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import useq

    from livesr.acquisition.images import Images
    from livesr.acquisition.plan import PlannedStack, StackPlan


class Due(NamedTuple):
    """When the next stack is due, and whether time is counted anew from it."""

    start_s: float
    restarts: bool = False


class Schedule(Protocol):
    """Says which stack is next. Times are those of the plan: session time without pauses."""

    def due(self, now_s: float) -> Due | None:
        """Return when the next stack is due, as things are now; None if there is no more."""

    def take(self, now_s: float) -> PlannedStack:
        """Return the stack that is due first: it begins."""


class FixedSchedule:
    """The stacks of a sequence in their order."""

    def __init__(self, stacks: Iterable[PlannedStack]) -> None:
        self._stacks = iter(stacks)
        self._next = next(self._stacks, None)

    def due(self, now_s: float) -> Due | None:  # noqa: ARG002 - nothing changes it
        """Return when the next stack is due; None after the last."""
        return None if self._next is None else Due(self._next.start_s, self._next.restarts)

    def take(self, now_s: float) -> PlannedStack:  # noqa: ARG002 - nothing changes it
        """Return the next stack."""
        if self._next is None:
            raise LookupError("the sequence has no further stack")
        stack, self._next = self._next, next(self._stacks, None)
        return stack


@dataclass(frozen=True, slots=True)
class Manner:
    """How a position is recorded.

    Attributes
    ----------
    mode : int
        Which plan gives its stacks, 0 is the session's own.
    interval_s : float or None
        From stack to stack; None: at the sequence's times.
    shift_um : tuple of float
        Stage (x, y, z) beyond the plan's.
    alone : bool
        Whether positions that are only watched wait meanwhile.
    """

    mode: int = 0
    interval_s: float | None = None
    shift_um: tuple[float, float, float] = (0.0, 0.0, 0.0)
    alone: bool = False


WATCHED = Manner()
"""As the sequence says."""


@dataclass(slots=True)
class _Lane:
    """One position: its times in the plan, and how it is recorded now."""

    times_s: Sequence[float]
    manner: Manner = WATCHED
    at: int = 0
    due_s: float = -inf
    changed: bool = False

    def due(self) -> float:
        """Return when its next stack is due; never, once the plan has no further time."""
        if self.manner.interval_s is not None:
            return self.due_s
        return self.times_s[self.at] if self.at < len(self.times_s) else inf

    def begin(self, now_s: float) -> None:
        """Step on: in its interval without drift, or to the next time of the plan."""
        if self.manner.interval_s is None:
            self.at += 1
        else:
            self.due_s = max(self.due_s, now_s - self.manner.interval_s) + self.manner.interval_s
        self.changed = False

    def leave_out(self, before_s: float) -> None:
        """Leave out times of the plan that passed."""
        while self.at < len(self.times_s) and self.times_s[self.at] < before_s:
            self.at += 1


@dataclass(frozen=True, slots=True)
class Left:
    """Where an interrupted session stood.

    Attributes
    ----------
    counts : mapping of int to int
        Stacks that each image has.
    last_s : mapping of int to float
        Time of each position's last stack, in the plan's time.
    manners : mapping of int to Manner
        How positions were recorded that were not only watched.
    """

    counts: Mapping[int, int] = field(default_factory=dict)
    last_s: Mapping[int, float] = field(default_factory=dict)
    manners: Mapping[int, Manner] = field(default_factory=dict)


class SteeredSchedule:
    """A sequence whose positions may be recorded otherwise for a while.

    What is decided in another thread holds from the next stack on. A position that is released
    goes on at the plan's times: those that passed are left out (of one that only had to wait, those
    that are late by more than half an interval). The session ends when its sequence
    would have ended. Time points of an image count its own stacks.

    Parameters
    ----------
    plans : sequence of StackPlan
        The session's own and those of the other modes.
    images : Images
    home_um : tuple of float or None
        Stage (x, y) where the sequence names no positions; None where nothing moves it sideways.
    reference_um : float
        As for `StackPlan.stacks`.

    Attributes
    ----------
    taken : list of StackIndex
        The stacks that began.
    on_change : callable
        Called with the position and the index of its first stack in another manner, as it begins.
    """

    def __init__(
        self,
        plans: Sequence[StackPlan],
        images: Images,
        home_um: tuple[float, float] | None = None,
        reference_um: float = 0.0,
    ) -> None:
        self._images = images
        self._home_um = home_um
        self._lock = threading.Lock()
        self._asked: dict[int, Manner] = {}
        self._counts: Counter[int] = Counter()
        self._now_s = -inf
        self._stacks = [_first_stacks(plan, reference_um) for plan in plans]
        times = plans[0].times_s
        self._lanes = [_Lane(times) for _ in range(plans[0].positions)]
        self._end_s = times[-1] + plans[0].interval_s
        self._late_s = plans[0].interval_s / 2
        self.taken: list[StackIndex] = []
        self._shifts: dict[StackIndex, tuple[float, float, float]] = {}
        self.on_change: Callable[[int, StackIndex], None] = lambda _position, _index: None

    def go_on(self, left: Left, now_s: float) -> None:
        """Go on where an interrupted session stood, at a time of the plan."""
        self._counts.update(left.counts)
        for position, lane in enumerate(self._lanes):
            lane.manner, lane.due_s = left.manners.get(position, WATCHED), now_s
            lane.leave_out(left.last_s.get(position, -inf) + self._late_s)
            lane.leave_out(now_s - self._late_s)

    def change(self, position: int, manner: Manner) -> None:
        """Record a position in another manner from the next stack on. From any thread.

        A new interval begins at once; if only the place changes, its rhythm stays.
        """
        with self._lock:
            self._asked[position] = manner

    def manner(self, position: int) -> Manner:
        """Return how a position is recorded from the next stack on."""
        with self._lock:
            return self._asked.get(position, self._lanes[position].manner)

    def shift(self, index: StackIndex) -> tuple[float, float, float]:
        """Return how far the stage (x, y, z) stood beyond the plan's place for a stack."""
        return self._shifts.get(index, WATCHED.shift_um)

    @property
    def left(self) -> int:
        """How many stacks are to come at the sequence's times."""
        now_s, lanes = self._now_s, self._lanes
        return sum(at >= now_s for lane in lanes for at in lane.times_s[lane.at :])

    def due(self, now_s: float) -> Due | None:
        """Return when the next stack is due, as things are now; None once the night is over."""
        self._change(now_s)
        due_s, _ = self._first()
        over = due_s >= self._end_s
        self._now_s = inf if over else min(now_s, due_s)
        return None if over else Due(due_s)

    def take(self, now_s: float) -> PlannedStack:
        """Return the stack that is due first; of several at once, that of the first position."""
        due_s, position = self._first()
        lane = self._lanes[position]
        stack = self._planned(position, due_s)
        changed = lane.changed
        lane.begin(now_s)
        self._counts[stack.index.image] += 1
        self.taken.append(stack.index)
        if any(lane.manner.shift_um):
            self._shifts[stack.index] = lane.manner.shift_um
        if changed:
            self.on_change(position, stack.index)
        return stack

    def _first(self) -> tuple[float, int]:
        alone = self._alone()
        return min(
            (lane.due(), position)
            for position, lane in enumerate(self._lanes)
            if lane.manner.alone or not alone
        )

    def _change(self, now_s: float) -> None:
        """Let what was asked for meanwhile hold."""
        with self._lock:
            asked, self._asked = self._asked, {}
        was_alone = self._alone()
        for position, manner in asked.items():
            lane = self._lanes[position]
            before, lane.manner, lane.changed = lane.manner, manner, True
            if manner.interval_s is None:
                lane.leave_out(now_s)
            elif (manner.interval_s, manner.mode) != (before.interval_s, before.mode):
                lane.due_s = now_s
        if was_alone and not self._alone():
            for lane in self._lanes:
                lane.leave_out(now_s - self._late_s)

    def _alone(self) -> bool:
        return any(lane.manner.alone for lane in self._lanes)

    def _planned(self, position: int, due_s: float) -> PlannedStack:
        manner = self._lanes[position].manner
        image = self._images.number(position, manner.mode)
        index = StackIndex(image, self._counts[image])
        stack = self._stacks[manner.mode][position]
        events = tuple(self._moved(event, index.t, manner.shift_um) for event in stack.events)
        return replace(stack, index=index, start_s=due_s, events=events)

    def _moved(
        self, event: useq.MDAEvent, t: int, shift_um: tuple[float, float, float]
    ) -> useq.MDAEvent:
        """Return an event of the first time point as one of time point ``t``, somewhere else."""
        x, y = self._home_um or (None, None)
        here = (
            x if event.x_pos is None else event.x_pos,
            y if event.y_pos is None else event.y_pos,
            event.z_pos,
        )
        there = [None if at is None else at + by for at, by in zip(here, shift_um, strict=True)]
        update = {"index": {**event.index, "t": t}}
        update |= dict(zip(("x_pos", "y_pos", "z_pos"), there, strict=True))  # type: ignore[arg-type]  # of one model
        return event.model_copy(update=update)


def _first_stacks(plan: StackPlan, reference_um: float) -> dict[int, PlannedStack]:
    """Return the first stack of each position."""
    found: dict[int, PlannedStack] = {}
    for stack in plan.stacks(reference_um=reference_um):
        if stack.index.t > 0:
            break
        found[stack.index.image] = stack
    return found
