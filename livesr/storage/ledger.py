"""What became of each stack, summed up from the journal's lines: pure, no files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from livesr.errors import StorageError
from livesr.storage.journal import Event
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MOST = 10**9
"""Of whatever is counted in a session."""


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of a session, as ``--json`` prints them.

    Attributes
    ----------
    stacks : int
        Stored in OME-Zarr.
    segmented_live, segmented_later, failed, pending : int
        Every stack is exactly one of these; ``failed`` may count stacks that were not stored.
    frames_lost : int
        Planes that never arrived.
    faults : int
    finished : bool
        Whether the session came to its end (false while it runs, or after a crash).
    paused : str
        Why no stack begins, empty while they do.
    """

    stacks: int
    segmented_live: int
    segmented_later: int
    failed: int
    pending: int
    frames_lost: int
    faults: int
    finished: bool
    paused: str = ""


@dataclass(slots=True)
class Ledger:
    """The state that the journal's lines add up to; a later line about a stack wins.

    Attributes
    ----------
    stored : set of StackIndex
    segmented : mapping of StackIndex to bool
        True where it was segmented live.
    failed : mapping of StackIndex to str
        The reason.
    flags : mapping of StackIndex to sequence of mapping
        What is unlike the package's training, as journalled, of the stacks where something is.
    """

    stored: set[StackIndex] = field(default_factory=set)
    segmented: dict[StackIndex, bool] = field(default_factory=dict)
    failed: dict[StackIndex, str] = field(default_factory=dict)
    flags: dict[StackIndex, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    frames_lost: int = 0
    faults: int = 0
    finished: bool = False
    paused: str = ""

    def update(self, entries: Iterable[dict[str, Any]]) -> None:
        """Take in further lines.

        Raises
        ------
        StorageError
            If a line about a stack does not say which.
        """
        for entry in entries:
            try:
                _check(entry)
                self._take(entry)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise StorageError(
                    f"a line of the journal is incomplete or damaged ({error!r}): {entry!r:.300}",
                    where="journal.jsonl",
                    fix="delete this line: what it said is then taken as not done",
                ) from error

    def pending(self) -> list[StackIndex]:
        """Return the stacks that are stored but neither segmented nor failed, in order."""
        return sorted(self.stored - self.segmented.keys() - self.failed.keys())

    def status(self) -> Status:
        """Return the counts."""
        live = sum(self.segmented.values())
        return Status(
            stacks=len(self.stored),
            segmented_live=live,
            segmented_later=len(self.segmented) - live,
            failed=len(self.failed),
            pending=len(self.pending()),
            frames_lost=self.frames_lost,
            faults=self.faults,
            finished=self.finished,
            paused=self.paused,
        )

    def _take(self, entry: dict[str, Any]) -> None:
        match entry["event"]:
            case Event.STACK_STORED:
                self.stored.add(stack_of(entry))
            case Event.STACK_SEGMENTED:
                self.segmented[stack_of(entry)] = bool(entry.get("live", False))
                self.failed.pop(stack_of(entry), None)
                self.flags.pop(stack_of(entry), None)
                if entry.get("flags"):
                    self.flags[stack_of(entry)] = [dict(flag) for flag in entry["flags"]]
            case Event.STACK_FAILED:
                self.failed[stack_of(entry)] = str(entry.get("reason", ""))
                self.segmented.pop(stack_of(entry), None)
            case Event.FRAMES_LOST:
                self.frames_lost += int(entry.get("count", 1))
            case Event.FAULT:
                self.faults += 1
            case Event.SESSION_STARTED | Event.SESSION_RESUMED | Event.SESSION_FINISHED as event:
                self.finished, self.paused = event == Event.SESSION_FINISHED, ""
            case Event.PAUSED | Event.CONTINUED as event:
                why = entry.get("reason", "") or "no reason given"
                self.paused = why if event == Event.PAUSED else ""


def stack_of(entry: Mapping[str, Any]) -> StackIndex:
    """Return which stack a line of the journal is about; an error if it does not say."""
    image, t = entry["index"]["image"], entry["index"]["t"]
    if not (_whole(image) and _whole(t)):
        raise ValueError(f"there is no stack of image {image!r:.40}, t {t!r:.40}")
    return StackIndex(image, t)


def _check(entry: Mapping[str, Any]) -> None:
    """Refuse a line whose values are of another kind than the journal writes."""
    for name, fits in (_EVERYWHERE | _FIELDS.get(entry["event"], {})).items():
        if name in entry and not fits(entry[name]):
            raise ValueError(f"{name} is {entry[name]!r:.60}")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and isfinite(value))


def _time(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_number, value.values()))


def _offsets(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_numbers, value.values()))


def _focus(value: Any) -> bool:
    return isinstance(value, dict) and _number(value.get("drift_um", 0.0))


def _flags(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(flag, dict)
        and _text(flag.get("quantity", ""))
        and all(_number(flag.get(key)) for key in ("value", "low", "high"))
        for flag in value
    )


_EVERYWHERE: dict[str, Callable[[Any], bool]] = {"event": _text, "time": _time}
_SESSION: dict[str, Callable[[Any], bool]] = {"stacks": _whole}
_FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    Event.SESSION_STARTED: _SESSION,
    Event.SESSION_RESUMED: _SESSION,
    Event.STACK_STORED: {
        "time_s": _number,
        "frames": _whole,
        "normalisation": _numbers,
        "channel_offset_nm": _offsets,
        "focus": _focus,
    },
    Event.STACK_SEGMENTED: {"latency_s": _number, "flags": _flags},
    Event.FRAMES_LOST: {"count": _whole},
    Event.PAUSED: {"reason": _text},
    Event.NOTE: {"text": _text, "time_s": _number},
}
"""What the journal writes, of what is computed with when it is read."""
