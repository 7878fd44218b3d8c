"""The course of a session on one time axis: cells' stages, decisions, notes, pauses, gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livesr.report.happened import decided, otherwise
from livesr.storage.journal import Event
from livesr.viewer.compose import STAGE_COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from livesr.report.happened import Decided, Otherwise
    from livesr.report.lives import Life
    from livesr.report.told import StoredStack, Told

INK, RULED = "#2d3748", "#ebf8ff"
MOST_LANES = 40
_LANE_IN = 0.24


@dataclass(frozen=True, slots=True)
class TimeScale:
    """How session times (s) are drawn."""

    unit: str
    seconds: float

    @classmethod
    def of(cls, end_s: float) -> TimeScale:
        """Return the scale that fits a session of this length."""
        if end_s > 3 * 3600:
            return cls("h", 3600.0)
        return cls("min", 60.0) if end_s > 180 else cls("s", 1.0)


@dataclass(frozen=True, slots=True)
class Course:
    """What is drawn: a lane a cell, and above them stacks, decisions and what else happened."""

    scale: TimeScale
    end_s: float
    lives: Sequence[Life]
    more: int
    stacks: Sequence[StoredStack]
    decisions: Sequence[Decided]
    ruled: Sequence[Otherwise]
    notes_s: Sequence[float]
    gaps_s: Sequence[float]
    positions: Sequence[int]


def course_of(told: Told) -> Course:
    """Return what is drawn of a session; cells that divide come before others."""
    lives = sorted(told.lives, key=lambda one: (not one.divides, one.position, one.cell))
    shown = sorted(lives[:MOST_LANES], key=lambda one: (one.position, one.cell))
    notes = (entry.get("time_s") for entry in told.of(Event.NOTE))
    return Course(
        TimeScale.of(told.end_s),
        told.end_s,
        shown,
        len(lives) - len(shown),
        told.stacks,
        decided(told),
        otherwise(told),
        [float(time_s) for time_s in notes if time_s is not None],
        list(_gap_times(told)),
        sorted({stack.position for stack in told.stacks}),
    )


def _gap_times(told: Told) -> Iterable[float]:
    """Yield the session time of the last stack before each gap, fault or pause."""
    times = {stack.index: stack.time_s for stack in told.stacks}
    last = 0.0
    for entry in told.entries:
        match entry["event"]:
            case Event.STACK_STORED:
                last = float(entry.get("time_s") or 0.0)
            case Event.STACK_FAILED | Event.FRAMES_LOST | Event.FAULT | Event.PAUSED:
                at = entry.get("index") or {}
                known = [t for i, t in times.items() if (i.image, i.t) == tuple(at.values())]
                yield known[0] if known else last
            case Event.SESSION_RESUMED:
                yield last


def draw_course(course: Course, names: Sequence[str]) -> Any:
    """Return the figure.

    Parameters
    ----------
    course : Course
    names : sequence of str
        Of each position that has stacks, in their order.
    """
    from matplotlib.figure import Figure

    lanes = len(course.positions) + len(course.lives) + 2 * bool(course.decisions)
    figure = Figure((11.0, 1.3 + _LANE_IN * lanes), layout="constrained")
    axis = figure.subplots()
    labels = _of_session(axis, course)
    labels += _of_positions(axis, course, names, len(labels))
    labels += _of_cells(axis, course, len(labels), dict(zip(course.positions, names, strict=True)))
    axis.set_yticks(range(len(labels)), labels, fontsize=8.5)
    axis.set_ylim(len(labels) - 0.4, -0.7)
    axis.set_xlim(-0.01 * course.end_s / course.scale.seconds, _right(course))
    axis.set_xlabel(f"session time, {course.scale.unit}", fontsize=9)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="0.92")
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    if course.lives:
        _legend(figure)
    return figure


def _right(course: Course) -> float:
    return max(course.end_s * 1.02, 1.0) / course.scale.seconds


def _of_session(axis: Any, course: Course) -> list[str]:
    """Draw decisions in a lane, and notes and gaps in the next, where there are any."""
    per = course.scale.seconds
    for one in course.decisions:
        at, colour = one.time_s / per, "#2b6cb0" if one.acted else "#a0aec0"
        axis.plot([at], [0.18], marker="v", color=colour, markersize=6, clip_on=False)
        axis.text(at, -0.15, str(one.number), ha="center", va="bottom", fontsize=7.5, color=INK)
    labels = ["decisions"] if course.decisions else []
    for times, marker, colour in (
        (course.notes_s, "o", "#2f855a"),
        (course.gaps_s, "x", "#c53030"),
    ):
        lane = [len(labels)] * len(times)
        axis.plot([at / per for at in times], lane, marker, color=colour, markersize=5)
    return [*labels, "notes ●  gaps, faults ×"] if course.notes_s or course.gaps_s else labels


def _of_positions(axis: Any, course: Course, names: Sequence[str], first: int) -> list[str]:
    """Draw a tick a stack, on blue where a rule records otherwise."""
    per = course.scale.seconds
    for lane, position in enumerate(course.positions, start=first):
        for one in course.ruled:
            if one.position == position:
                begin = one.begin_s / per
                axis.barh(lane, one.end_s / per - begin, left=begin, height=0.9, color="#bee3f8")
        times = [stack.time_s / per for stack in course.stacks if stack.position == position]
        axis.plot(times, [lane] * len(times), "|", color=INK, markersize=6, markeredgewidth=0.7)
    return [f"stacks, {name}" for name in names]


def _of_cells(axis: Any, course: Course, lane: int, names: dict[int, str]) -> list[str]:
    labels: list[str] = []
    per = course.scale.seconds
    for life in course.lives:
        for spell in life.spells():
            length = max(spell.end_s - spell.begin_s, course.end_s / 400)
            axis.barh(
                lane + len(labels),
                length / per,
                left=spell.begin_s / per,
                height=0.66,
                color=STAGE_COLOURS.get(spell.stage, "#718096"),
            )
        of = f" of {life.parent}" if life.parent else ""
        where = f", {names[life.position]}" if len(names) > 1 else ""
        labels.append(f"cell {life.cell}{of}{where}")
    return labels


def _legend(figure: Any) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=stage) for stage, colour in STAGE_COLOURS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=6, frameon=False, fontsize=8.5)
