"""What shall go wrong with the simulated camera, and when: a script of one line.

``at frame 120: stall 3 s; at frame 300: drop; at 12.5 min: disconnect``. Frames are counted from 0,
times from the begin of the session, both on the simulated microscope. A fault acts on the first
exposure that begins at or after its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from livesr.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from livesr.types import UInt16

KINDS = (
    "stall",
    "drop",
    "repeat",
    "duplicate",
    "out of order",
    "wrong shape",
    "disconnect",
    "noise burst",
)
"""What can happen: see ``docs/simulator-devices.md``."""
_WHERE = "the simulated camera's Faults"
_EXAMPLE = "at frame 120: stall 3 s; at frame 310: noise burst 5 frames x20; at 12.5 min: drop"
_SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_NUMBER = r"\d+(?:\.\d+)?"
_PLACE = re.compile(
    rf"at\s+(?:frame\s+(?P<frame>\d+)|(?P<time>{_NUMBER})\s*(?P<unit>ms|s|min|h))\s*:\s*(?P<what>.*)",
    re.IGNORECASE | re.DOTALL,
)
_STALL = re.compile(rf"(?P<time>{_NUMBER})\s*(?P<unit>ms|s|min|h)(?P<real>\s+real)?", re.IGNORECASE)
_BURST = re.compile(rf"(?:(?P<frames>\d+)\s+frames?)?\s*(?:x\s*(?P<factor>{_NUMBER}))?", re.I)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    frame : int or None
        Exposure since the session began, from 0; None for a fault at a time.
    time_s : float
        When, simulated; read where ``frame`` is None.
    seconds : float
        How long a stall lasts.
    real : bool
        The stall lasts so long in real time too, whatever the clock's speedup.
    frames : int
        How many frames a noise burst lasts.
    factor : float
        By which it raises the read noise.
    """

    kind: str
    frame: int | None = None
    time_s: float = 0.0
    seconds: float = 0.0
    real: bool = False
    frames: int = 1
    factor: float = 10.0

    def due(self, number: int, time_s: float) -> bool:
        """Return whether its place has come."""
        if self.frame is None:
            return time_s >= self.time_s
        return number >= self.frame


def read_faults(text: str) -> tuple[Fault, ...]:
    """Return the faults of a script, separated by semicolons or lines.

    Raises
    ------
    ConfigError
        Naming the entry that cannot be read.
    """
    entries = [entry.strip() for entry in re.split(r"[;\n]", text)]
    return tuple(_fault(entry) for entry in entries if entry)


def _fault(entry: str) -> Fault:
    place = _PLACE.fullmatch(entry)
    if place is None:
        raise _unreadable(entry, f"begin it with 'at frame N:' or 'at T min:', as in {_EXAMPLE}")
    what = " ".join(place["what"].lower().split())
    kind = next((kind for kind in KINDS if re.match(rf"{kind}\b", what)), "")
    if not kind:
        raise _unreadable(entry, nearest(what, KINDS))
    fault = _with_details(kind, what.removeprefix(kind).strip(), entry)
    if place["frame"] is not None:
        return replace(fault, frame=int(place["frame"]))
    return replace(fault, time_s=_seconds(place["time"], place["unit"]))


def _with_details(kind: str, rest: str, entry: str) -> Fault:
    if kind == "stall":
        stall = _STALL.fullmatch(rest)
        if stall is None:
            raise _unreadable(entry, "say how long: stall 3 s, or stall 3 s real")
        seconds = _seconds(stall["time"], stall["unit"])
        return Fault(kind, seconds=seconds, real=stall["real"] is not None)
    if kind == "noise burst":
        burst = _BURST.fullmatch(rest)
        if burst is None:
            raise _unreadable(entry, "write it like: noise burst 5 frames x20")
        frames, factor = int(burst["frames"] or 1), float(burst["factor"] or 10.0)
        return Fault(kind, frames=frames, factor=factor)
    if rest:
        raise _unreadable(entry, f"remove {rest!r}: {kind} takes nothing more")
    return Fault(kind)


def _seconds(number: str, unit: str) -> float:
    return float(number) * _SECONDS[unit.lower()]


def _unreadable(entry: str, fix: str) -> ConfigError:
    return ConfigError(f"this fault cannot be read: {entry!r}", where=_WHERE, fix=fix)


class FaultScript:
    """Keeps which faults are still to come, and for how long a noise burst lasts."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._waiting = list(faults)
        self._noisy: list[tuple[int, float]] = []

    @property
    def quiet(self) -> bool:
        """Whether nothing goes wrong any more."""
        return not self._waiting and not self._noisy

    def take(self, number: int, time_s: float, *, last: bool = False) -> dict[str, Fault]:
        """Return the faults that act on an exposure, by kind; each is returned once.

        Parameters
        ----------
        number : int
            Of the exposure, since the session began.
        time_s : float
            When it begins.
        last : bool
            It is the last of its sequence: it has none after it to change places with, so that
            `out of order` waits.
        """
        now: dict[str, Fault] = {}
        for fault in tuple(self._waiting):
            waits = last and fault.kind == "out of order"
            if fault.due(number, time_s) and not waits and fault.kind not in now:
                now[fault.kind] = fault
                self._waiting.remove(fault)
        if burst := now.get("noise burst"):
            self._noisy.append((number + burst.frames, burst.factor))
        return now

    def noise(self, number: int) -> float:
        """Return the factor on the read noise of an exposure."""
        self._noisy = [(end, factor) for end, factor in self._noisy if number < end]
        return max((factor for _, factor in self._noisy), default=1.0)


@dataclass(frozen=True, slots=True)
class Shot:
    """One image that the camera hands over, with its tags."""

    image: UInt16
    tags: Mapping[str, str]


class Delivery:
    """What the camera's driver makes of its images: it may lose, repeat or swap them."""

    def __init__(self) -> None:
        self._before: Shot | None = None
        self._held: list[Shot] = []

    def pass_on(self, shot: Shot, faults: Collection[str]) -> list[Shot]:
        """Return what is handed over now.

        Parameters
        ----------
        shot : Shot
            The image that was taken; it is not written to later.
        faults : collection of str
            Kinds that act on it.
        """
        before, self._before = self._before, shot
        if "out of order" in faults:
            self._held.append(shot)
            return []
        out = [shot]
        if "drop" in faults:
            out = []
        elif "repeat" in faults:
            out = [before] if before is not None else []
        elif "duplicate" in faults:
            out = [shot, shot]
        elif "wrong shape" in faults:
            out = [replace(shot, image=shot.image[: max(1, len(shot.image) // 2)])]
        held, self._held = self._held, []
        return out + held
