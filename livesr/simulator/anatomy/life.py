"""The cell cycle: when a cell rounds, divides and spreads again.

Everything is a function of time and of what was drawn once. Times in s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from livesr.simulator.anatomy.chance import smooth

if TYPE_CHECKING:
    from livesr.simulator.parameters import Parameters

Kind = Literal["quiet", "rounds", "divides"]
Stage = Literal["interphase", "prophase", "prometaphase", "metaphase", "anaphase", "telophase"]
STAGES: tuple[Stage, ...] = (
    "interphase",
    "prophase",
    "prometaphase",
    "metaphase",
    "anaphase",
    "telophase",
)
ROUNDING_S = 900.0
"""How long a cell that does not divide takes to round up."""
RESPREADING_S = 1800.0
_PARTING = 0.3
"""By how much of metaphase's length the daughters move apart in telophase."""
_BEGIN = (
    "prophase",
    "breakdown",
    "metaphase",
    "anaphase",
    "anaphase_b",
    "telophase",
    "spreading",
    "rest",
)
_LASTING = ("dissolving", "reformed", "furrowing", "golgi_return")
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Life:
    """One cell's times and the figures of its division.

    Attributes
    ----------
    kind : str
    prophase, breakdown, metaphase, anaphase, anaphase_b, telophase, spreading, rest : float
        When each begins; breakdown of the envelope is the begin of prometaphase, rest is the end
        of the daughters' spreading. Cells that round up without dividing use the first
        and the last two: round from `telophase`, spreading from `spreading`.
    dissolving, reformed, furrowing, golgi_return : float
        Durations: envelope to nothing; anaphase onset to closed envelopes; furrow; telophase to
        assembled Golgi.
    swelling, height_um, stretch, neck_um, plate_um, spindle_um, distance_um : float
        Gain of volume, height of the rounded cell, its lengthening, the neck's diameter, the
        plate's thickness, the spindle zone's length, the plates' last distance.
    """

    kind: Kind
    prophase: float
    breakdown: float
    metaphase: float
    anaphase: float
    anaphase_b: float
    telophase: float
    spreading: float
    rest: float
    dissolving: float
    reformed: float
    furrowing: float
    golgi_return: float
    swelling: float
    height_um: float
    stretch: float
    neck_um: float
    plate_um: float
    spindle_um: float
    distance_um: float

    @classmethod
    def draw(cls, rng: np.random.Generator, p: Parameters) -> Life:
        """Return a life."""
        chance = rng.uniform()
        kind: Kind = "quiet"
        if chance < p.sample.dividing:
            kind = "divides"
        elif chance < p.sample.dividing + p.sample.rounding:
            kind = "rounds"
        m = p.mitosis
        begin = 60.0 * float(rng.uniform(*p.sample.window_min))
        ranges = (
            m.prophase_min,
            m.prometaphase_min,
            m.metaphase_min,
            m.anaphase_a_min,
            m.anaphase_b_min,
            m.telophase_min,
            m.spreading_min,
        )
        durations = [60.0 * float(rng.uniform(*r)) for r in ranges]
        times = [begin, *(begin + np.cumsum(durations)).tolist()]
        if kind == "rounds":
            spreads = begin + ROUNDING_S + 60.0 * float(rng.uniform(*m.rounded_min))
            times = [begin, *[_NEVER] * 5, spreads, spreads + RESPREADING_S]
        elif kind == "quiet":
            times = [_NEVER] * 8
        minutes = (m.breakdown_min, m.reformation_min, m.furrow_min, m.golgi_return_min)
        lasting = [60.0 * float(rng.uniform(*r)) for r in minutes]
        drawn = {
            "swelling": m.swelling,
            "height_um": m.height_um,
            "stretch": m.stretch,
            "neck_um": m.neck_um,
            "plate_um": m.plate_thickness_um,
            "spindle_um": m.spindle_um,
            "distance_um": m.plate_distance_um,
        }
        figures = {name: float(rng.uniform(*r)) for name, r in drawn.items()}
        began = dict(zip(_BEGIN, times, strict=True))
        return cls(kind=kind, **began, **dict(zip(_LASTING, lasting, strict=True)), **figures)

    def stage(self, time_s: float) -> tuple[Stage, str, float, float]:
        """Return the stage, its detail, and when it began and ends."""
        if self.kind == "rounds" and self.prophase <= time_s < self.rest:
            return "interphase", "rounded", self.prophase, self.rest
        times: tuple[tuple[float, Stage, str], ...] = (
            (-_NEVER, "interphase", "spread"),
            (self.prophase, "prophase", ""),
            (self.breakdown, "prometaphase", ""),
            (self.metaphase, "metaphase", ""),
            (self.anaphase, "anaphase", "A"),
            (self.anaphase_b, "anaphase", "B"),
            (self.telophase, "telophase", ""),
            (self.spreading, "interphase", "spreading"),
            (self.rest, "interphase", "spread"),
        )
        if self.kind == "rounds":
            times = ((-_NEVER, "interphase", "spread"), (self.rest, "interphase", "spread"))
        now = max(k for k, (begin, _, _) in enumerate(times) if begin <= time_s)
        begin, stage, detail = times[now]
        until = times[now + 1][0] if now + 1 < len(times) else _NEVER
        return stage, detail, begin, until

    def divided(self, time_s: float) -> bool:
        """Return whether the cell is two halves: from the begin of anaphase."""
        return self.kind == "divides" and time_s >= self.anaphase

    def separate(self, time_s: float) -> bool:
        """Return whether the halves are two cells: after telophase."""
        return self.kind == "divides" and time_s >= self.spreading

    def roundness(self, time_s: float, in_prophase: float) -> float:
        """Return how round the cell is, 0 spread to 1; ``in_prophase`` is reached by prophase."""
        if self.kind == "quiet" or time_s < self.prophase:
            return 0.0
        if self.kind == "rounds":
            up = _ramp(time_s, self.prophase, self.prophase + ROUNDING_S)
            return up * (1.0 - _ramp(time_s, self.spreading, self.rest))
        early = _ramp(time_s, self.prophase, self.breakdown)
        late = _ramp(time_s, self.breakdown, self.breakdown + 0.75 * self._prometaphase)
        up = in_prophase * early + (1.0 - in_prophase) * late
        return up * (1.0 - _ramp(time_s, self.spreading, self.rest))

    def nucleus_rounding(self, time_s: float) -> float:
        """Return how far the mother's nucleus has rounded, 0 to 1."""
        if self.kind == "rounds":
            return self.roundness(time_s, 0.0)
        return _ramp(time_s, self.prophase, self.breakdown)

    def loosened(self, time_s: float) -> float:
        """Return how far organelles have left their interphase places, 0 to 1, linear."""
        if self.kind != "divides":
            return 0.0
        begin = self.breakdown - 0.4 * (self.breakdown - self.prophase)
        end = self.breakdown + 0.9 * self._prometaphase
        return float(np.clip((time_s - begin) / (end - begin), 0.0, 1.0))

    def gathered(self, time_s: float) -> float:
        """Return how far organelles have taken their places in the daughters, 0 to 1, linear."""
        if not self.divided(time_s):
            return 0.0
        begin = self.telophase + 0.7 * (self.spreading - self.telophase)
        return float(np.clip((time_s - begin) / (self.rest - begin), 0.0, 1.0))

    def golgi_loosened(self, time_s: float) -> float:
        """Return how far the Golgi has come apart, 0 to 1, linear: from the begin of prophase."""
        if self.kind != "divides":
            return 0.0
        end = self.breakdown + 0.5 * self._prometaphase
        return float(np.clip((time_s - self.prophase) / (end - self.prophase), 0.0, 1.0))

    def golgi_gathered(self, time_s: float) -> float:
        """Return how far the daughters' Golgi has come together, 0 to 1, linear."""
        if not self.divided(time_s):
            return 0.0
        return float(np.clip((time_s - self.telophase) / self.golgi_return, 0.0, 1.0))

    def envelope(self, time_s: float) -> float:
        """Return how much of the nuclear envelope there is, 0 to 1."""
        if self.kind != "divides":
            return 1.0
        gone = _ramp(time_s, self.breakdown, self.breakdown + self.dissolving)
        closed = self.anaphase + self.reformed
        back = _ramp(time_s, closed - 0.5 * self.reformed, closed)
        return back if time_s >= self.anaphase else 1.0 - gone

    def congressed(self, time_s: float) -> float:
        """Return how far the chromosomes have come together into the plate, 0 to 1."""
        begin = self.breakdown + 0.3 * self._prometaphase
        return _ramp(time_s, begin, self.metaphase) if self.kind == "divides" else 0.0

    def lengthening(self, time_s: float) -> float:
        """Return the cell's length over metaphase's."""
        if not self.divided(time_s):
            return 1.0
        further = _PARTING * _ramp(time_s, self.telophase, self.spreading)
        return 1.0 + (self.stretch - 1.0) * _ramp(time_s, self.anaphase, self.telophase) + further

    def furrow(self, time_s: float) -> float:
        """Return how far the furrow has ingressed, 0 to 1."""
        if not self.divided(time_s):
            return 0.0
        begin = self.anaphase_b + 0.5 * (self.telophase - self.anaphase_b)
        return _ramp(time_s, begin, begin + self.furrowing)

    def plate_distance(self, time_s: float) -> float:
        """Return the distance between the two sets of chromosomes, µm: 8 at the end of A."""
        if not self.divided(time_s):
            return 0.0
        a = (time_s - self.anaphase) / (self.anaphase_b - self.anaphase)
        b = (time_s - self.anaphase_b) / (self.telophase - self.anaphase_b)
        return float(8.0 * min(a, 1.0) + (self.distance_um - 8.0) * np.clip(b, 0.0, 1.0))

    @property
    def _prometaphase(self) -> float:
        return self.metaphase - self.breakdown


def _ramp(time_s: float, begin: float, end: float) -> float:
    if time_s <= begin:
        return 0.0
    if time_s >= end:
        return 1.0
    return float(smooth(np.asarray((time_s - begin) / (end - begin))))
