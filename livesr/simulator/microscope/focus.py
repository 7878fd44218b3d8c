"""Where the focus goes while the stage stands still: drift, and what holds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float64

_WAVES = 6
_PERIODS_S = (120.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Hold:
    """What a focus lock does from a time on."""

    time_s: float
    on: bool
    offset_um: float


@dataclass(frozen=True, slots=True)
class FocusDrift:
    """Drift of the focus into the sample, in stage µm: a pure function of time.

    Attributes
    ----------
    rate_nm_min : float
        Steady drift.
    thermal_um, thermal_min : float
        Drift that a warming stand ends at, and its time constant.
    wander_nm : float
        Standard deviation of a slow wander, drawn from ``seed``.
    seed : int
    holds : tuple of Hold
        What a focus lock does, in order of time; nothing before the first.
    """

    rate_nm_min: float = 0.0
    thermal_um: float = 0.0
    thermal_min: float = 20.0
    wander_nm: float = 0.0
    seed: int = 0
    holds: tuple[Hold, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> FocusDrift:
        """Return the drift that `text` wrote; an empty text is none."""
        given = json.loads(text or "{}")
        holds = tuple(Hold(*hold) for hold in given.pop("holds", ()))
        return cls(**given, holds=holds)

    def text(self) -> str:
        """Return it as JSON; an empty text where nothing drifts and nothing holds."""
        if self == type(self)(thermal_min=self.thermal_min, seed=self.seed):
            return ""
        holds = [[hold.time_s, hold.on, hold.offset_um] for hold in self.holds]
        return json.dumps({**asdict(self), "holds": holds})

    def free(self, time_s: float) -> float:
        """Return how far the focus drifts from time 0 on if nothing holds it, µm."""
        steady = self.rate_nm_min * 1e-3 * time_s / 60.0
        thermal = self.thermal_um * -np.expm1(-max(time_s, 0.0) / (60.0 * self.thermal_min))
        return float(steady + thermal + self._wander(time_s) - self._wander(0.0))

    def at(self, time_s: float) -> float:
        """Return the focus' displacement at a time, µm: a lock stops the drift where it stands."""
        drift, since, held, offset = 0.0, 0.0, False, 0.0
        for hold in self.holds:
            if hold.time_s > time_s:
                break
            if not held:
                drift += self.free(hold.time_s) - self.free(since)
            since, held, offset = hold.time_s, hold.on, hold.offset_um
        if held:
            return drift + offset
        return drift + self.free(time_s) - self.free(since)

    def _wander(self, time_s: float) -> float:
        if self.wander_nm == 0:
            return 0.0
        rates, phases = _waves(self.seed)
        waves = np.sin(rates * time_s + phases)
        return float(self.wander_nm * 1e-3 * np.sqrt(2.0 / _WAVES) * waves.sum())


@lru_cache(maxsize=8)
def _waves(seed: int) -> tuple[Float64, Float64]:
    """Return angular rates (1/s) and phases."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0xF0C5]))
    shortest, longest = (float(np.log(period)) for period in _PERIODS_S)
    periods = np.exp(rng.uniform(shortest, longest, _WAVES))
    return 2.0 * np.pi / periods, rng.uniform(0.0, 2.0 * np.pi, _WAVES)
