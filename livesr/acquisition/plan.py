"""What a useq sequence means in stacks, checked before the first photon.

useq drops what its axis order does not name and leaves gaps where a channel skips planes; both
would spoil a stack without a word, so both are refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from typing import TYPE_CHECKING

import useq

from livesr.acquisition.layout import frames_per_plane
from livesr.config.layouts import SequentialLayout
from livesr.errors import ConfigError
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from livesr.config.layouts import Layout

_WHERE = "sequence"
_STEP_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class PlannedStack:
    """One stack to take.

    Attributes
    ----------
    index : StackIndex
    start_s : float
        Planned start, after the last stack that restarts the clock.
    restarts : bool
        True where useq counts times anew (each position of an order with p before t).
    events : tuple of MDAEvent
        Its exposures and autofocus actions, without start times: the stack as a whole waits.
    planes : int
    exposures : int
        Frames of a plane.
    downwards : bool
        Whether its highest plane comes first.
    """

    index: StackIndex
    start_s: float
    restarts: bool
    events: tuple[useq.MDAEvent, ...]
    planes: int
    exposures: int
    downwards: bool = False

    def plane(self, event: useq.MDAEvent) -> int:
        """Return the stored plane of an event: plane 0 is the lowest, whichever way z goes."""
        z = event.index.get("z", 0)
        return self.planes - 1 - z if self.downwards else z


class StackPlan:
    """A useq sequence as a series of stacks.

    Parameters
    ----------
    sequence : useq.MDASequence
    layout : Layout
        Sequential channels are added to a sequence that names none.

    Raises
    ------
    ConfigError
        If the sequence cannot be a series of whole stacks of this layout.
    """

    def __init__(self, sequence: useq.MDASequence, layout: Layout) -> None:
        self.sequence = _with_channels(sequence, layout)
        _check_axes(self.sequence)
        _check_channels(self.sequence)
        _check_step(self.sequence)
        self._layout = layout
        sizes = self.sequence.sizes
        self.timepoints = sizes.get("t", 0) or 1
        self.positions = (sizes.get("p", 0) or 1) * (sizes.get("g", 0) or 1)
        self._grid_points = sizes.get("g", 0) or 1
        heights = [float(z) for z in self.sequence.z_plan or ()]
        self.planes = len(heights) or 1
        step = _equal_step(heights)
        self.z_step_um = abs(step)
        self._downwards = step < 0
        self._heights = heights
        self._exposures = frames_per_plane(layout)
        self.frames_per_stack = self.planes * self._exposures
        self.interval_s = self._interval()

    @property
    def position_names(self) -> tuple[str, ...]:
        """Name of each position; empty if none has one. Of a grid the point's number follows."""
        stages = [position.name or "" for position in self.sequence.stage_positions]
        if not any(stages):
            return ()
        points = range(self._grid_points)
        return tuple(
            f"{name}-{point}" if name and self._grid_points > 1 else name
            for name in stages
            for point in points
        )

    def of_height(self, range_um: float) -> StackPlan:
        """Return the plan with stacks of another height on the same lowest plane and step.

        Raises
        ------
        ConfigError
            If the sequence has single planes.
        """
        plan = self.sequence.z_plan
        if plan is None or self.planes < 2:
            raise ConfigError(
                "a rule asks for taller stacks, but the sequence has single planes",
                where=f"{_WHERE}.z_plan",
                fix="give the sequence a z plan, or leave z_range_um out of the rules",
            )
        planes = round(range_um / self.z_step_um) + 1
        heights = [min(self._heights) + k * self.z_step_um for k in range(planes)]
        heights.sort(reverse=self._downwards)
        taller: useq.ZRelativePositions | useq.ZAbsolutePositions = (
            useq.ZRelativePositions(relative=heights)
            if plan.is_relative
            else useq.ZAbsolutePositions(absolute=heights)
        )
        return StackPlan(self.sequence.replace(z_plan=taller), self._layout)

    @property
    def by_position(self) -> bool:
        """Whether each position counts its own time: an order with positions before times."""
        used = [str(axis) for axis in self.sequence.used_axes]
        return "t" in used and any(axis in used[: used.index("t")] for axis in "pg")

    def needs_reference(self) -> bool:
        """Return whether heights count from a stage position that the sequence does not give."""
        plan = self.sequence.z_plan
        if plan is None or not plan.is_relative:
            return False
        positions = tuple(self.sequence.stage_positions)
        return not positions or any(position.z is None for position in positions)

    def stacks(
        self, done: Collection[StackIndex] = (), reference_um: float = 0.0
    ) -> Iterator[PlannedStack]:
        """Yield the stacks in their order.

        Parameters
        ----------
        done : collection of StackIndex
            Stacks to leave out: a resumed session has them.
        reference_um : float
            Height that relative heights without a stage position are counted from.
        """
        events = iter(self.sequence) if self.sequence.used_axes else iter((useq.MDAEvent(),))
        for index, group in groupby(events, key=self._stack_index):
            if index not in done:
                yield self._planned(index, tuple(group), reference_um)

    def _stack_index(self, event: useq.MDAEvent) -> StackIndex:
        position, grid = event.index.get("p", 0), event.index.get("g", 0)
        return StackIndex(position * self._grid_points + grid, event.index.get("t", 0))

    def _planned(
        self, index: StackIndex, events: tuple[useq.MDAEvent, ...], reference_um: float
    ) -> PlannedStack:
        moved = tuple(
            event.model_copy(
                update={
                    "min_start_time": None,
                    "reset_event_timer": False,
                    "z_pos": self._height(event, reference_um),
                }
            )
            for event in events
        )
        first = events[0]
        return PlannedStack(
            index,
            float(first.min_start_time or 0.0),
            first.reset_event_timer,
            moved,
            self.planes,
            self._exposures,
            self._downwards,
        )

    def _height(self, event: useq.MDAEvent, reference_um: float) -> float | None:
        if event.z_pos is None or not self.needs_reference():
            return event.z_pos
        positions = tuple(self.sequence.stage_positions)
        given = positions and positions[event.index.get("p", 0)].z is not None
        return event.z_pos if given else event.z_pos + reference_um

    @property
    def times_s(self) -> list[float]:
        """Planned start of each time point."""
        return [float(start) for start in self.sequence.time_plan or (0.0,)]

    def _interval(self) -> float:
        if self.sequence.time_plan is None or self.timepoints < 2:
            return 0.0
        first, second = islice(iter(self.sequence.time_plan), 2)
        return float(second - first)


def _with_channels(sequence: useq.MDASequence, layout: Layout) -> useq.MDASequence:
    given = tuple(channel.config for channel in sequence.channels)
    if not isinstance(layout, SequentialLayout):
        if len(given) > 1:
            raise ConfigError(
                f"the sequence takes {len(given)} channels one after the other "
                f"({', '.join(given)}), but the layout is {layout.kind!r}",
                where=f"{_WHERE}.channels",
                fix="keep one channel in the sequence, or use layout kind: sequential",
            )
        return sequence
    wanted = tuple(channel.config for channel in layout.channels)
    if not given:
        channels = [useq.Channel(config=config, group=layout.group) for config in wanted]
        return sequence.replace(channels=channels)
    groups = {channel.group for channel in sequence.channels}
    if given != wanted or groups != {layout.group}:
        raise ConfigError(
            f"the sequence takes the presets {', '.join(given)} of {', '.join(sorted(groups))}, "
            f"the layout expects {', '.join(wanted)} of {layout.group}",
            where=f"{_WHERE}.channels",
            fix="give both the same presets in the same order, or leave sequence.channels out",
        )
    return sequence


def _check_axes(sequence: useq.MDASequence) -> None:
    planned = {
        "t": sequence.time_plan is not None,
        "p": bool(sequence.stage_positions),
        "g": sequence.grid_plan is not None,
        "c": bool(sequence.channels),
        "z": sequence.z_plan is not None,
    }
    order = "".join(str(axis) for axis in sequence.axis_order)
    for axis, wanted in planned.items():
        if wanted and axis not in order:
            raise ConfigError(
                f"the axis order {order!r} lacks {axis!r}: useq would drop that part in silence",
                where=f"{_WHERE}.axis_order",
                fix="write axis_order: tpgcz (or tpgzc)",
            )
    used = [axis for axis in order if planned[axis]]
    inner = [place for place, axis in enumerate(used) if axis in "cz"]
    outer = [place for place, axis in enumerate(used) if axis in "tpg"]
    if inner and outer and min(inner) < max(outer):
        raise ConfigError(
            f"the axis order {order!r} leaves a stack before it is whole",
            where=f"{_WHERE}.axis_order",
            fix="put t, p and g before c and z: axis_order: tpgcz (or tpgzc)",
        )
    if any(position.sequence is not None for position in sequence.stage_positions):
        raise ConfigError(
            "a stage position with a sequence of its own is not supported",
            where=f"{_WHERE}.stage_positions",
            fix="give every position the same z plan and channels, or run several sessions",
        )


def _check_channels(sequence: useq.MDASequence) -> None:
    for channel in sequence.channels:
        if channel.acquire_every != 1 or (not channel.do_stack and sequence.z_plan is not None):
            raise ConfigError(
                f"channel {channel.config!r} skips planes or time points "
                f"(acquire_every {channel.acquire_every}, do_stack {channel.do_stack})",
                where=f"{_WHERE}.channels",
                fix="remove acquire_every and do_stack: every stack holds every channel",
            )
        if channel.camera is not None:
            raise ConfigError(
                f"channel {channel.config!r} names the camera {channel.camera!r}",
                where=f"{_WHERE}.channels",
                fix="use layout kind: cameras, with Micro-Manager's Multi Camera",
            )


def _check_step(sequence: useq.MDASequence) -> None:
    """Refuse a step of nothing, from which useq makes a single plane without a word."""
    if getattr(sequence.z_plan, "step", None) == 0:
        raise ConfigError(
            "the planes are 0 µm apart",
            where=f"{_WHERE}.z_plan.step",
            fix="give a step above 0; for a single plane leave z_plan out",
        )


def _equal_step(heights: list[float]) -> float:
    steps = [b - a for a, b in pairwise(heights)]
    if not steps:
        return 0.0
    mean = sum(steps) / len(steps)
    if mean == 0 or max(abs(step - mean) for step in steps) > _STEP_TOLERANCE * abs(mean):
        raise ConfigError(
            "planes must be equally far apart, found heights "
            + ", ".join(f"{height:g}" for height in heights[:6])
            + ("…" if len(heights) > 6 else ""),
            where=f"{_WHERE}.z_plan",
            fix="use top, bottom and step, or range and step",
        )
    return round(mean, 6)
