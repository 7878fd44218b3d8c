"""Slow motion: smooth deterministic functions of time, zero at time 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from livesr.simulator.cell import Cell
    from livesr.simulator.cloud import Cloud
    from livesr.types import Float64

_PERIODS_S = np.array([5.0, 14.0, 40.0, 110.0, 320.0, 900.0])
DIFFUSION = {
    "lipid_droplet": 2e-4,
    "peroxisome": 4e-3,
    "early_endosome": 0.01,
    "late_endosome": 5e-3,
    "lysosome": 5e-3,
    "mitochondria": 5e-4,
    "golgi": 1e-4,
}
"""Diffusion coefficients, µm²/s."""
RUNNERS = {"early_endosome": 0.2, "late_endosome": 0.2, "lysosome": 0.2, "peroxisome": 0.1}
"""Share of objects that also run to and fro."""
DRIFT_UM = 0.25
"""Root mean square of the cytoplasm's slow swaying."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Where everything of a cell has moved at a time.

    Attributes
    ----------
    seed : numpy.random.SeedSequence
        Of the cell's motion.
    scale : float
        Factor on every displacement; 0 freezes the cell.
    """

    seed: np.random.SeedSequence
    scale: float

    def nucleus(self, time_s: float) -> Float64:
        """Return the nucleus' displacement (z, y, x), µm: about 0.1 µm a minute."""
        rng = np.random.default_rng([*self._key(), 1])
        return np.asarray(self.scale * _wander(rng, 1, 5e-5, time_s)[0] * np.array([0.1, 1.0, 1.0]))

    def cloud(self, cell: Cell, cloud: Cloud, time_s: float) -> Float64:
        """Return the points of ``cloud`` at a time.

        Nothing moves at time 0. Vesicles stay in the cytoplasm; what is part of the nucleus moves
        with it; the cell's edge creeps and takes its surroundings along.
        """
        if time_s == 0.0 or self.scale == 0.0:
            return cloud.points
        if cloud.name in ("nuclear_membrane", "nuclear_reticulum"):
            return cloud.points + self.nucleus(time_s)
        if cloud.name in ("plasma_membrane", "filopodia"):
            return self._edge(cell, cloud.points, time_s)
        places = self._edge(cell, self._sway(cloud.centers, time_s), time_s)
        if cloud.name == "er":
            return self._edge(cell, self._sway(cloud.points, time_s), time_s)
        places = places + self._objects(cloud, time_s)
        if cloud.radii.any():
            places = cell.shape.confine(places, cloud.radii, time_s)
        return cloud.points + (places - cloud.centers)[cloud.owner]

    def _objects(self, cloud: Cloud, time_s: float) -> Float64:
        """Return the displacement of each object (n, 3): diffusion, and runs of a few."""
        count = len(cloud.radii)
        rng = np.random.default_rng([*self._key(), 2, *cloud.name.encode()])
        moved = _wander(rng, count, DIFFUSION.get(cloud.name, 0.0), time_s)
        if cloud.radii.any():
            moved *= np.sqrt(0.15 / np.maximum(cloud.radii, 0.05))[:, None]
        moved[:, 0] *= 0.3
        share = RUNNERS.get(cloud.name, 0.0)
        runs = rng.uniform(size=count) < share
        heading, phase = rng.uniform(0, 2 * np.pi, (2, count))
        pulse = 2 * np.pi / rng.uniform(20.0, 60.0, count)
        way = rng.uniform(1.0, 4.0, count) * (np.sin(pulse * time_s + phase) - np.sin(phase))
        moved[:, 1] += runs * way * np.sin(heading)
        moved[:, 2] += runs * way * np.cos(heading)
        return self.scale * moved

    def _sway(self, points: Float64, time_s: float) -> Float64:
        """Return points carried by a smooth field of slow lateral waves."""
        rng = np.random.default_rng([*self._key(), 3])
        count = 6
        k = 2 * np.pi / rng.uniform(6.0, 15.0, count)
        angle, phase, heading = rng.uniform(0, 2 * np.pi, (3, count))
        speed = 2 * np.pi / rng.uniform(60.0, 400.0, count)
        amplitude = self.scale * DRIFT_UM * np.sqrt(2.0 / count)
        waves = np.stack(
            [
                k * np.sin(angle),
                k * np.cos(angle),
                phase,
                phase + speed * time_s,
                amplitude * np.sin(heading),
                amplitude * np.cos(heading),
            ],
            axis=1,
        )
        out: Float64 = _carry(points, waves)
        return out

    def _edge(self, cell: Cell, points: Float64, time_s: float) -> Float64:
        """Return points moved outward or inward with the cell's edge, most beside it."""
        footprint = cell.shape.footprint
        distance, angle = footprint.polar(points[:, 1], points[:, 2])
        base = footprint.edge(angle)
        gain = footprint.edge(angle, time_s) / base - 1.0
        factor = 1.0 + gain * np.minimum(distance / base, 1.0) ** 4
        moved = points.copy()
        moved[:, 1] = footprint.center[0] + (points[:, 1] - footprint.center[0]) * factor
        moved[:, 2] = footprint.center[1] + (points[:, 2] - footprint.center[1]) * factor
        return moved

    def _key(self) -> list[int]:
        return [int(n) for n in self.seed.generate_state(4)]


def _wander(rng: np.random.Generator, count: int, diffusion: float, time_s: float) -> Float64:
    """Return displacements (count, 3) whose spread grows like diffusion up to minutes."""
    phase = rng.uniform(0.0, 2 * np.pi, (_PERIODS_S.size, count, 3))
    speed = 2 * np.pi / (_PERIODS_S[:, None, None] * rng.uniform(0.8, 1.25, phase.shape))
    amplitude = 0.4 * np.sqrt(2.0 * diffusion * _PERIODS_S)[:, None, None]
    swing = amplitude * (np.sin(speed * time_s + phase) - np.sin(phase))
    total: Float64 = swing.sum(axis=0)
    return total


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _carry(points: Float64, waves: Float64) -> Float64:
    out = points.copy()
    for i in range(points.shape[0]):
        for w in range(waves.shape[0]):
            there = waves[w, 0] * points[i, 1] + waves[w, 1] * points[i, 2]
            swing = np.sin(there + waves[w, 3]) - np.sin(there + waves[w, 2])
            out[i, 1] += waves[w, 4] * swing
            out[i, 2] += waves[w, 5] * swing
    return out
