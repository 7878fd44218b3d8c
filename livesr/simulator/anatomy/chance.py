"""Chance as a function of time: random motion and events that can be asked for at any moment.

Nothing here has a memory. What happens in a stretch of time is drawn from a hash of the object and
the number of the stretch, so that a state ten hours on costs as little as the first one and is the
same in any process and in any order of asking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.types import Float64

    Keys = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_PERIOD_RATIO = 2.5
PERIODS_S = 2.0 * _PERIOD_RATIO ** np.arange(9)
"""Periods of the swings that make up diffusion: 2 s to 50 minutes."""


def uniform(keys: Keys, block: Float64, stream: int) -> Float64:
    """Return numbers in [0, 1) that depend on nothing but (key, block, stream)."""
    with np.errstate(over="ignore"):
        state = keys + block.astype(np.int64).astype(np.uint64) * _STEP
        state = state + np.uint64(stream + 1) * _MIX[0]
        state = (state ^ (state >> _SHIFTS[0])) * _MIX[0]
        state = (state ^ (state >> _SHIFTS[1])) * _MIX[1]
        state = state ^ (state >> _SHIFTS[2])
    return np.asarray((state >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def draw_keys(rng: np.random.Generator, count: int) -> Keys:
    """Return a key for each of ``count`` objects."""
    return rng.integers(0, 2**63, count, dtype=np.uint64)


def smooth(share: Float64) -> Float64:
    """Return a smooth step: 0 below 0, 1 above 1."""
    s = np.clip(share, 0.0, 1.0)
    return np.asarray(s * s * (3.0 - 2.0 * s))


@dataclass(frozen=True, slots=True)
class Wander:
    """Brownian motion up to minutes, confined beyond: a sum of swings, zero at time 0.

    With amplitudes growing as the root of their periods the mean square displacement is 2 D t an
    axis from a second to about five minutes.

    Attributes
    ----------
    phase, speed : ndarray, (periods, n, 3)
    amplitude : ndarray, (periods, n, 1)
    """

    phase: Float64
    speed: Float64
    amplitude: Float64

    @classmethod
    def draw(cls, rng: np.random.Generator, diffusion: Float64) -> Wander:
        """Return the motion of objects with the given diffusion coefficients (n,), µm²/s."""
        shape = (PERIODS_S.size, len(diffusion), 3)
        phase = rng.uniform(0.0, 2.0 * np.pi, shape)
        period = PERIODS_S[:, None, None] * rng.uniform(0.8, 1.25, shape)
        power = 2.0 * np.log(_PERIOD_RATIO) / np.pi**2 * PERIODS_S[:, None] * diffusion
        return cls(phase, 2.0 * np.pi / period, np.sqrt(power)[..., None])

    def at(self, time_s: float) -> Float64:
        """Return displacements (n, 3), µm."""
        swing = np.sin(self.speed * time_s + self.phase) - np.sin(self.phase)
        return np.asarray((self.amplitude * swing).sum(axis=0))


@dataclass(frozen=True, slots=True)
class Runs:
    """Directed runs to and fro along a line, with pauses: one run in each stretch of time.

    Attributes
    ----------
    keys : ndarray, (n,), uint64
    reach, speed, stretch_s : ndarray, (n,)
        Half length of the line (µm), speed (µm/s), length of a stretch (s).
    heading : ndarray, (n,)
        Direction of the line in (y, x).
    """

    keys: Keys
    reach: Float64
    speed: Float64
    stretch_s: Float64
    heading: Float64

    @classmethod
    def draw(
        cls, rng: np.random.Generator, count: int, share: float, speed: tuple[float, float]
    ) -> Runs:
        """Return runs of a share of ``count`` objects; the others have no reach."""
        runs = rng.uniform(size=count) < share
        reach = runs * rng.uniform(0.8, 3.0, count)
        return cls.between(rng, reach, rng.uniform(*speed, count), pause_s=(10.0, 40.0))

    @classmethod
    def between(
        cls,
        rng: np.random.Generator,
        reach: Float64,
        speed: Float64,
        pause_s: tuple[float, float],
    ) -> Runs:
        """Return runs on lines of given half lengths (n,), with pauses between them."""
        count = len(reach)
        # a run along the whole line fits into a stretch
        stretch = 2.0 * reach / speed + rng.uniform(*pause_s, count)
        heading = rng.uniform(0.0, 2.0 * np.pi, count)
        return cls(draw_keys(rng, count), reach, speed, stretch, heading)

    def at(self, time_s: float) -> Float64:
        """Return displacements (n, 3), µm; zero at time 0."""
        way = self.along(time_s) - self.along(0.0)
        moved = np.zeros((len(way), 3))
        moved[:, 1], moved[:, 2] = way * np.sin(self.heading), way * np.cos(self.heading)
        return moved

    def along(self, time_s: float) -> Float64:
        """Return where on its line each is, (n,): -reach to reach."""
        block = np.floor(time_s / self.stretch_s)
        here, there = (
            self.reach * (2.0 * uniform(self.keys, b, 0) - 1.0) for b in (block, block + 1.0)
        )
        length = there - here
        needed = np.abs(length) / self.speed
        begin = uniform(self.keys, block, 1) * (self.stretch_s - needed)
        share = (time_s - block * self.stretch_s - begin) / np.maximum(needed, 1e-9)
        return np.asarray(here + length * np.clip(share, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Switches:
    """Things that are there or not, and change now and then.

    Attributes
    ----------
    keys : ndarray, (n,), uint64
    stretch_s : float
        A change can happen once in so long.
    share : float
        Of them that are there.
    ramp_s : ndarray, (n,)
        How long a change takes.
    """

    keys: Keys
    stretch_s: float
    share: float
    ramp_s: Float64

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        count: int,
        *,
        mean_s: float,
        share: float,
        ramp_s: Float64,
    ) -> Switches:
        """Return switches with ``mean_s`` between the changes of one."""
        chance = 2.0 * share * (1.0 - share)
        stretch = max(mean_s * chance, 2.0 * float(np.max(ramp_s, initial=0.0)), 1e-3)
        return cls(draw_keys(rng, count), stretch, share, ramp_s)

    def at(self, time_s: float) -> Float64:
        """Return how far each is there, 0 to 1."""
        here, there, begin = self._stretch(time_s)
        share = np.clip((time_s - begin) / np.maximum(self.ramp_s, 1e-9), 0.0, 1.0)
        return np.asarray(here + (there - here) * share)

    def changes(self, time_s: float) -> tuple[Float64, Float64]:
        """Return when each changes in its present stretch (s) and by how much (-1, 0, 1)."""
        here, there, begin = self._stretch(time_s)
        return begin, there - here

    def _stretch(self, time_s: float) -> tuple[Float64, Float64, Float64]:
        offset = uniform(self.keys, np.zeros(len(self.keys)), 7) * self.stretch_s
        block = np.floor((time_s + offset) / self.stretch_s)
        here, there = (
            (uniform(self.keys, b, 2) < self.share).astype(np.float64) for b in (block, block + 1.0)
        )
        begin = uniform(self.keys, block, 3) * (self.stretch_s - self.ramp_s)
        return here, there, block * self.stretch_s - offset + begin
