"""The closed loop on nights of ten hours: divisions recorded fast and whole, for how much light.

The schedule, the decoder, the rules and the decider are the session's own; the microscope is a
clock, and masks are what the truth of simulated cells would give with the networks' measured
errors (`livesr.bench.mitosis_lives`), some seconds after each stack.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

from livesr.acquisition.images import Images
from livesr.acquisition.modes import modes_of, plans_of
from livesr.acquisition.schedule import WATCHED, SteeredSchedule
from livesr.analysis.rules.placing import in_position
from livesr.bench.mitosis_errors import Mistakes, errors
from livesr.bench.mitosis_lives import TALL, measured
from livesr.bench.mitosis_recordings import MISSED, between
from livesr.bench.rows import Row, attained
from livesr.config import session_from
from livesr.session.deciding import Heard, Mind, Modes, stage_of
from livesr.types import RecordingInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from livesr.analysis.rules.placing import Shift
    from livesr.bench.mitosis_lives import Kind, Measured
    from livesr.config import Session
    from livesr.types import CellMeasures, StackIndex

HOURS = 10.0
WATCH_S, FAST_S, EXPOSURE_MS = 180.0, 20.0, 50.0
FIRST_UM = -0.3
"""Height of the lowest plane of the measured lives above the cover slip."""
FIELD_UM = 53.0
MASKS_S = 4.0
"""From a stack's last plane to its cells: twice what `livesr bench engines` measures."""
ASKED, ASKED_DOSE = 0.95, 0.2
_SEED = 23
_BEGINS_H = (0.5, 8.5)

RULES = [
    {
        "name": "record the division",
        "when": {"stage": ["prometaphase", "metaphase"], "probability": 0.9, "stacks": 2},
        "then": {"interval_s": FAST_S, "z_range_um": 16, "center": "cell"},
        "until": {"stage": "telophase", "plus_min": 10, "at_most_min": 90},
    }
]


@dataclass(frozen=True, slots=True)
class Stay:
    """A cell at a position: its life, and when in the session that begins."""

    life: Measured
    begins_s: float

    def cells(self, time_s: float, planes: int) -> tuple[CellMeasures, ...]:
        """Return its cells at a session time as a stack of so many planes shows them."""
        return between(self.life.knots, time_s - self.begins_s, planes)

    def at(self, moment: str) -> float:
        """Return the session time of a moment of its life."""
        return self.begins_s + float(getattr(self.life.life, moment))


@dataclass(frozen=True, slots=True)
class Taken:
    """One stack: when it began, in which mode, and where its lowest plane and middle were."""

    time_s: float
    mode: int
    shift_um: Shift


@dataclass(slots=True)
class Night:
    """What a night's stacks were, by position."""

    stays: Sequence[Stay]
    taken: dict[int, list[Taken]] = field(default_factory=dict)
    light_ms: dict[int, float] = field(default_factory=dict)
    decisions: int = 0


def rows(
    divides: range = range(70_600, 70_640), rounds: range = range(70_640, 70_644)
) -> Iterator[Row]:
    """Measure nights with two positions each: a division at both, or one and a decoy."""
    nights = [played(stays, seed) for seed, stays in enumerate(_nights(divides, rounds), _SEED)]
    about = _about(nights)
    yield _fast_row(nights, about)
    yield _dose_row(nights, about)
    yield _height_row(nights, about)


def session_of(positions: int) -> Session:
    """Return the session of a night."""
    return session_from(
        {
            "name": "night",
            "layout": {"kind": "single"},
            "sequence": {
                "axis_order": "tpcz",
                "stage_positions": [{"x": 500.0 * k, "y": 0.0} for k in range(positions)],
                "time_plan": {"interval": WATCH_S, "loops": round(HOURS * 3600 / WATCH_S)},
                "z_plan": {"bottom": FIRST_UM, "top": FIRST_UM + 6.9, "step": 0.3},
            },
            "calibration": "none",
            "rules": RULES,
        }
    )


def played(stays: Sequence[Stay], seed: int) -> Night:
    """Play a night: stacks when they are due, decisions when their masks are there."""
    loop, night = _Loop(stays, seed), Night(stays)
    while loop.step(night):
        pass
    return night


class _Loop:
    """A microscope that is a clock, and the session's own schedule and mind."""

    def __init__(self, stays: Sequence[Stay], seed: int) -> None:
        session = session_of(len(stays))
        plans = plans_of(session)
        pixels = round(FIELD_UM / 0.0668)
        info = RecordingInfo(
            channels=("yellow",), shape=(1, plans[0].planes, pixels, pixels),
            timepoints=plans[0].timepoints, positions=len(stays), pixel_um=0.0668,
            z_step_um=0.3, interval_s=WATCH_S, camera_offset=100.0, microscope="", camera="",
            objective="", simulated=True, modes=modes_of(session, plans), steered=True,
        )  # fmt: skip
        self._images = Images(info)
        self._schedule = SteeredSchedule(plans, self._images)
        self._mind = Mind(session, info, stage_of(session, info), "")
        self._modes = Modes(session, plans, EXPOSURE_MS, [1])
        self._rng = np.random.default_rng(seed)
        known = errors()
        self._mistakes = [[Mistakes(self._rng, known) for _ in range(2)] for _ in stays]
        self._waiting: list[tuple[float, StackIndex, float]] = []
        self._now_s = 0.0

    def step(self, night: Night) -> bool:
        """Take the next stack, or hear of the next masks, whichever comes first."""
        due = self._schedule.due(self._now_s)
        ready = self._waiting[0][0] if self._waiting else float("inf")
        if due is None:
            return False
        if ready <= max(due.start_s, self._now_s):
            self._now_s = max(self._now_s, ready)
            self._hear(night)
            return True
        self._now_s = max(self._now_s, due.start_s)
        self._take(night)
        return True

    def _take(self, night: Night) -> None:
        stack = self._schedule.take(self._now_s)
        index, light_ms = stack.index, stack.planes * EXPOSURE_MS
        position, mode = self._images.position(index.image), self._images.mode(index.image)
        shift = self._schedule.shift(index)
        night.taken.setdefault(position, []).append(Taken(self._now_s, mode, shift))
        night.light_ms[position] = night.light_ms.get(position, 0.0) + light_ms
        began, self._now_s = self._now_s, self._now_s + light_ms / 1000.0
        if self._rng.uniform() >= MISSED:
            self._waiting.append((self._now_s + MASKS_S, index, began))

    def _hear(self, night: Night) -> None:
        _, index, time_s = self._waiting.pop(0)
        position = self._images.position(index.image)
        planes = self._images.info(index.image).shape[1]
        shift = self._schedule.shift(index)
        cells = tuple(
            in_position(
                self._seen(cell, shift, self._mistakes[position][k % 2]), shift, self._mind.stage
            )
            for k, cell in enumerate(night.stays[position].cells(time_s, planes))
        )
        light_ms = night.light_ms[position]
        for made in self._mind.decide(Heard(position, time_s, light_ms, 0.0, "", cells)):
            night.decisions += 1
            self._act(position, made.decision.action)

    def _seen(self, cell: CellMeasures, shift: Shift, mistakes: Mistakes) -> CellMeasures:
        """Return a cell as a stack shows it: from its first voxel, with the networks' errors."""
        x, y, z = shift
        by = (-z, FIELD_UM / 2 - y, FIELD_UM / 2 - x)

        def there(place: tuple[float, float, float]) -> tuple[float, float, float]:
            return (place[0] + by[0], place[1] + by[1], place[2] + by[2])

        seen = mistakes.on(cell)
        return replace(
            seen,
            centre_um=there(cell.centre_um),
            low_um=there(cell.low_um),
            high_um=there(cell.high_um),
        )

    def _act(self, position: int, action: Mapping[str, Any]) -> None:
        if action.get("release"):
            self._schedule.change(position, WATCHED)
        elif "shift_um" in action:
            x, y, z = action["shift_um"]
            rule = self._modes.rule(str(RULES[0]["name"]))
            self._schedule.change(position, self._modes.manner(rule, (x, y, z)))


# ------------------------------------------------------------------ what came of it


def recorded_fast(stay: Stay, taken: Sequence[Taken]) -> bool:
    """Return whether an anaphase was recorded at the fast rate, from its onset to telophase."""
    onset, end = stay.at("anaphase"), stay.at("telophase")
    times = [one.time_s for one in taken]
    first, last = bisect_left(times, onset) - 1, bisect_left(times, end)
    if first < 0 or last >= len(times):
        return False
    within = taken[first : last + 1]
    gaps = [b.time_s - a.time_s for a, b in pairwise(within)]
    return all(one.mode == 1 for one in within) and max(gaps) <= 1.5 * FAST_S


def whole(stay: Stay, one: Taken) -> bool:
    """Return whether the cell was inside the planes of a stack, from the lowest to the highest."""
    bottom = FIRST_UM + one.shift_um[2]
    top = bottom + 0.3 * (TALL - 1)
    cells = stay.cells(one.time_s, TALL)
    low = min(cell.low_um[0] for cell in cells) + FIRST_UM
    high = max(cell.high_um[0] for cell in cells) + FIRST_UM
    return low >= bottom and high <= top


def _fast_row(nights: Sequence[Night], about: str) -> Row:
    found = [
        recorded_fast(stay, night.taken[position])
        for night in nights
        for position, stay in enumerate(night.stays)
        if stay.life.life.kind == "divides"
    ]
    value = float(np.mean(found))
    chance = binomtest(sum(found), len(found)).proportion_ci(method="wilson")
    low, high = float(chance.low), float(chance.high)
    return Row(
        "anaphase_at_fast_rate",
        value,
        "share",
        bound=f"{ASKED}",
        attained=min(value / ASKED, 1.0),
        detail=f"{sum(found)} of {len(found)}, 95 % interval {low:.3f}-{high:.3f}; {about}",
    )


def _dose_row(nights: Sequence[Night], about: str) -> Row:
    stacks = HOURS * 3600.0 / FAST_S
    always = stacks * TALL * EXPOSURE_MS
    shares = [
        night.light_ms[position] / always
        for night in nights
        for position, stay in enumerate(night.stays)
        if stay.life.life.kind == "divides"
    ]
    value = float(np.mean(shares))
    return Row(
        "dose_fraction",
        value,
        "share",
        peer=f"{TALL} planes every {FAST_S:.0f} s for {HOURS:.0f} h, no rules",
        peer_value=1.0,
        ratio=1.0 / value,
        bound=f"{ASKED_DOSE}",
        attained=attained(value, ASKED_DOSE),
        detail=f"positions with a division, the most {max(shares):.3f}; {about}",
    )


def _height_row(nights: Sequence[Night], about: str) -> Row:
    found = [
        whole(stay, one)
        for night in nights
        for position, stay in enumerate(night.stays)
        if stay.life.life.kind == "divides"
        for one in night.taken[position]
        if one.mode == 1 and stay.at("breakdown") <= one.time_s <= stay.at("telophase")
    ]
    value = float(np.mean(found)) if found else 0.0
    return Row(
        "rounded_cell_in_z",
        value,
        "share",
        bound=f"{ASKED}",
        attained=min(value / ASKED, 1.0),
        detail=f"{len(found)} stacks from envelope breakdown to telophase; {about}",
    )


def _about(nights: Sequence[Night]) -> str:
    kinds = [stay.life.life.kind for night in nights for stay in night.stays]
    return (
        f"{len(nights)} nights of {HOURS:.0f} h, two positions each: {kinds.count('divides')} "
        f"divisions, {kinds.count('rounds')} cells that only round up; watched with 24 planes "
        f"every {WATCH_S:.0f} s, divisions with {TALL} every {FAST_S:.0f} s until 10 min after "
        f"telophase; masks {MASKS_S:.0f} s after the last plane; the truth's masks with the "
        "networks' errors"
    )


def _nights(divides: range, rounds: range) -> Iterator[list[Stay]]:
    kinds: list[tuple[int, Kind]] = [(seed, "divides") for seed in divides]
    for k, seed in enumerate(rounds):  # a decoy beside some divisions
        kinds.insert(2 * k + 1, (seed, "rounds"))
    for one, other in zip(kinds[::2], kinds[1::2], strict=False):
        yield [_stay(*one), _stay(*other)]


def _stay(seed: int, kind: Kind) -> Stay:
    """Return a cell whose division, or rounding, begins somewhere in the night."""
    life = measured(seed, kind)
    begins_h = np.random.default_rng([_SEED, seed]).uniform(*_BEGINS_H)
    return Stay(life, 3600.0 * float(begins_h) - life.life.prophase)
