"""What happened besides the recording: decisions, gaps, faults, pauses, notes, odd stacks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livesr.report.words import clock, counted, number, span
from livesr.segmentation.trust import Flag
from livesr.storage.journal import Event
from livesr.storage.ledger import stack_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livesr.report.told import Told

_GAPS = (
    Event.STACK_FAILED, Event.FRAMES_LOST, Event.FAULT, Event.DISK, Event.CALIBRATION_MISFIT,
    Event.LIGHT_OFF, Event.PAUSED, Event.CONTINUED, Event.SESSION_RESUMED,
)  # fmt: skip
_MOST = 200
"""Lines of a kind that the page has; the journal has all."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, with those after it in which the stage merely followed the cell.

    Attributes
    ----------
    number : int
        On the time axis, from 1.
    time_s, position, cell, rule, cause
        As journalled.
    does : str
        What was done, in words.
    acted : bool
    """

    number: int
    time_s: float
    position: int
    cell: int
    rule: str
    cause: str
    does: str
    acted: bool


@dataclass(frozen=True, slots=True)
class Otherwise:
    """From when to when (s) a rule recorded a position otherwise."""

    position: int
    rule: str
    begin_s: float
    end_s: float


def decided(told: Told) -> list[Decided]:
    """Return what the rules decided; that the stage followed a cell is told with its first."""
    found: list[Decided] = []
    follows: Counter[int] = Counter()
    active: dict[tuple[int, str], int] = {}
    for entry in told.of(Event.DECISION):
        action = entry.get("action") or {}
        key = (int(entry.get("position", 0)), str(entry["rule"]))
        if "shift_um" in action and entry.get("acted") and key in active:
            follows[active[key]] += 1
            continue
        if "shift_um" in action and entry.get("acted"):
            active[key] = len(found)
        if action.get("release"):
            active.pop(key, None)
        found.append(
            Decided(
                len(found) + 1,
                float(entry.get("time_s") or 0.0),
                key[0],
                int(entry.get("cell", 0)),
                key[1],
                str(entry.get("cause", "")),
                _does(action),
                bool(entry.get("acted")),
            )
        )
    return [_with_follows(one, follows[k]) for k, one in enumerate(found)]


def _with_follows(one: Decided, moves: int) -> Decided:
    if not moves:
        return one
    times = "once" if moves == 1 else f"{moves} times"
    does = f"{one.does}; the stage followed the cell {times}"
    return Decided(
        one.number, one.time_s, one.position, one.cell, one.rule, one.cause, does, one.acted
    )


def _does(action: Mapping[str, Any]) -> str:
    if action.get("release"):
        return "watched as before"
    said = []
    if "interval_s" in action:
        said.append(f"a stack every {action['interval_s']:g} s")
    if "z_range_um" in action:
        said.append(f"{action['z_range_um']:g} µm tall")
    if action.get("center"):
        said.append("the cell in the middle")
    said += [words for key, words in _WORDS.items() if action.get(key)]
    return ", ".join(said)


_WORDS = {"notify": "told", "run": "a program was run", "stop": "the session was ended"}


def otherwise(told: Told) -> list[Otherwise]:
    """Return when rules recorded otherwise; what never ended lasts to the last stack."""
    found: list[Otherwise] = []
    active: dict[int, tuple[str, float]] = {}
    for entry in told.of(Event.DECISION):
        action, position = entry.get("action") or {}, int(entry.get("position", 0))
        time_s = float(entry.get("time_s") or 0.0)
        if not entry.get("acted"):
            continue
        if "shift_um" in action:
            active.setdefault(position, (str(entry["rule"]), time_s))
        elif action.get("release") and position in active:
            rule, begin_s = active.pop(position)
            found.append(Otherwise(position, rule, begin_s, time_s))
    found += [Otherwise(at, rule, begin, told.end_s) for at, (rule, begin) in active.items()]
    return found


def gaps(told: Told) -> list[tuple[str, str, str]]:
    """Return when, what and why of each gap, fault and pause; when by the computer's clock."""
    return [
        (str(entry["time"])[:19].replace("T", " "), *_said(entry)) for entry in told.of(*_GAPS)
    ][:_MOST]


def _said(entry: Mapping[str, Any]) -> tuple[str, str]:
    where = f"{stack_of(entry)}: " if "index" in entry else ""
    reason = str(entry.get("reason") or "")
    match entry["event"]:
        case Event.STACK_FAILED:
            return "no masks", where + reason
        case Event.FRAMES_LOST:
            return "frames lost", f"{where}{entry.get('count', 1)} {reason}".rstrip()
        case Event.PAUSED:
            return "paused", reason
        case Event.CONTINUED:
            return "went on", f"after {span(float(entry.get('paused_s') or 0.0))}"
        case Event.SESSION_RESUMED:
            return "resumed", "the session had been interrupted"
        case Event.LIGHT_OFF:
            return "light off", f"the supervisor switched it off: {entry.get('why', '')}"
        case Event.CALIBRATION_MISFIT:
            return "calibration", where + str(entry.get("what", ""))
        case event:
            what = "; ".join(str(entry[key]) for key in ("what", "reason") if entry.get(key))
            outcome = f" ({entry['outcome']})" if entry.get("outcome") else ""
            return ("disk" if event == Event.DISK else "fault"), f"{where}{what}{outcome}"


def notes(told: Told) -> list[tuple[str, str, str]]:
    """Return session time, author and text of each note."""
    return [
        (
            "–" if entry.get("time_s") is None else clock(float(entry["time_s"])),
            str(entry.get("by", "")),
            str(entry.get("text", "")),
        )
        for entry in told.of(Event.NOTE)
    ]


def cell_events(told: Told) -> list[tuple[str, str, str, str, str]]:
    """Return when it began, when it was seen, position, cell and kind of what befell cells."""
    return [
        (
            clock(float(entry.get("time_s") or 0.0)),
            clock(float(entry.get("seen_s") or 0.0)),
            told.position_name(int(entry.get("position", 0))),
            str(entry.get("cell", "")),
            ": ".join(str(entry[key]) for key in ("kind", "note") if entry.get(key)),
        )
        for entry in told.of(Event.CELL)
    ][:_MOST]


def odd(told: Told) -> list[tuple[str, str, str]]:
    """Return what of stacks was unlike the package's training: what, in how many, the farthest."""
    flags = told.reader.ledger.flags
    stacks: Counter[str] = Counter()
    worst: dict[str, tuple[float, str]] = {}
    for index in sorted(flags):
        for flag in flags[index]:
            one = Flag.read(flag)
            stacks[one.quantity] += 1
            beyond = max(one.low - one.value, one.value - one.high)
            if one.quantity not in worst or beyond > worst[one.quantity][0]:
                worst[one.quantity] = (beyond, f"{index}: {one.words}")
    return [(what, counted(count, "stack"), worst[what][1]) for what, count in stacks.most_common()]


def intervals(told: Told) -> Iterator[tuple[str, str, str, str]]:
    """Yield position, rule, times and stacks of what was recorded otherwise."""
    for one in otherwise(told):
        within = [
            s for s in told.stacks
            if s.position == one.position and one.begin_s < s.time_s <= one.end_s
        ]  # fmt: skip
        light = sum(s.light_ms for s in within)
        yield (
            told.position_name(one.position),
            one.rule,
            f"{clock(one.begin_s)} to {clock(one.end_s)}",
            f"{counted(len(within), 'stack')}, {number(light / 1000)} s of light",
        )
