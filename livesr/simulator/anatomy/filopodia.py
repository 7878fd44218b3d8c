"""Filopodia at the ventral edge; in mitosis retraction fibres to where the edge was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.body import FLOOR_UM
from livesr.simulator.anatomy.chance import Runs
from livesr.simulator.anatomy.layer import Layer, make_layer
from livesr.simulator.anatomy.primitives import mass_length, tube

if TYPE_CHECKING:
    from livesr.simulator.anatomy.body import Body
    from livesr.simulator.anatomy.figure import Figure, Moment
    from livesr.simulator.anatomy.layer import Ints
    from livesr.simulator.anatomy.stain import CellDye, Stain
    from livesr.simulator.anatomy.sway import Sway
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64

_STEP_UM = 0.06
_ROOT_UM = 0.3
"""How far a filopodium begins inside the edge."""
_SHORTEST = 4
"""Points of the shortest that is drawn."""
_ATTACHED = 0.35
"""Share of a round cell's height at which its retraction fibres leave it."""


@dataclass(frozen=True, slots=True)
class Filopodia:
    """The filopodia of one cell.

    Attributes
    ----------
    angles, headings : ndarray, (n,)
        Direction of the root from the cell's centre; direction against the ray at the root.
    bends : ndarray, (n, 2)
        Curvature (1/µm) and rise (µm a µm).
    longest, radii : ndarray, (n,)
    growth : Runs
    anchors : ndarray, (n, 3)
        Where the tips held to the cover slip when the cell began to round.
    stain : Stain
    """

    angles: Float64
    headings: Float64
    bends: Float64
    longest: Float64
    radii: Float64
    growth: Runs
    anchors: Float64
    stain: Stain

    name = "filopodia"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the filopodia at a moment."""
        lengths = self._lengths(motion * moment.time_s)
        if not moment.spread:
            lengths = lengths * max(1.0 - 2.0 * moment.roundness, 0.0)
        paths, owners = [], []
        for index, (angle, length) in enumerate(zip(self.angles, lengths, strict=True)):
            body = moment.bodies[index % len(moment.bodies)]
            path = np.zeros((0, 3))
            if not moment.spread:
                path = self._fibre(index, moment)
            if len(path) < _SHORTEST and length > _ROOT_UM:
                path = self._tube(index, body, float(angle), float(length))
            if len(path) >= _SHORTEST:
                paths.append(path)
                owners.append(np.full(len(path), index))
        if not paths:
            nothing = np.zeros((0, 3)), np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
            return make_layer(self.name, *nothing, self.stain)
        points, owner = np.concatenate(paths), np.concatenate(owners)
        steps = np.concatenate([np.gradient(path, axis=0) for path in paths])
        length = np.maximum(np.linalg.norm(steps, axis=1), 1e-6)
        where, emission, truth, piece = tube(
            points, steps / length[:, None], length, self.radii[owner]
        )
        return make_layer(self.name, where, emission, truth, owner[piece], self.stain)

    def tips(self, moment: Moment, motion: float) -> Float64:
        """Return where the tips of a spread cell's filopodia are, (n, 3)."""
        lengths = self._lengths(motion * moment.time_s)
        body = moment.bodies[0]
        paths = [
            self._tube(index, body, float(angle), float(length))
            for index, (angle, length) in enumerate(zip(self.angles, lengths, strict=True))
        ]
        return np.array([path[-1] for path in paths])

    def _lengths(self, time_s: float) -> Float64:
        """Return how long each is: it grows and draws back at its pace."""
        return np.clip(0.6 * self.longest + self.growth.along(time_s), 0.3, self.longest)

    def _tube(self, index: int, body: Body, angle: float, length: float) -> Float64:
        """Return the path (n, 3) of a filopodium that leaves a spread edge."""
        base = float(body.edge(np.array([angle]))[0]) - _ROOT_UM
        steps = np.arange(0.0, length + _ROOT_UM, _STEP_UM)
        curvature, rise = self.bends[index]
        heading = angle + self.headings[index] + curvature * steps
        root = np.array(
            [
                0.2,
                body.center[0] + base * np.sin(angle),
                body.center[1] + base * np.cos(angle),
            ]
        )
        ahead = np.stack([np.full(steps.size, rise), np.sin(heading), np.cos(heading)], axis=1)
        return np.asarray(root + _STEP_UM * np.cumsum(ahead, axis=0))

    def _fibre(self, index: int, moment: Moment) -> Float64:
        """Return the path of a retraction fibre from the cell to where its tip was anchored.

        It is empty once the cell has spread over the anchor.
        """
        anchor = self.anchors[index]
        behind = moment.ahead(anchor[None])[0] < 0.0
        body = moment.bodies[int(behind) if len(moment.bodies) == 2 else 0]
        dy, dx = (anchor[1:] - np.array(body.center)).tolist()
        angle = float(np.arctan2(dy, dx))
        beyond = float(np.hypot(dy, dx) - body.edge(np.array([angle]))[0])
        if beyond <= 0.0:
            return np.zeros((0, 3))
        out = 1.0 - 0.2 * moment.roundness
        place = np.array([[out, angle, _ATTACHED * moment.roundness + 0.05]])
        root = body.from_body(place)[0]
        root[0] = max(root[0], FLOOR_UM + 0.05)
        span = anchor - root
        count = int(np.linalg.norm(span) / _STEP_UM)
        t = (np.arange(count) / max(count, 1))[:, None]
        return np.asarray(root + t * span)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        radius = self.radii[owners]
        length = mass_length(layer, self.stain.level[layer.owner], self.radii[layer.owner])
        return np.pi * radius**2 * np.bincount(layer.owner, length)[owners], 2.0 * radius


def filopodia(figure: Figure, p: Parameters, dye: CellDye, rng: np.random.Generator) -> Filopodia:
    """Return filopodia."""
    f = p.filopodia
    count = int(rng.integers(f.count[0], f.count[1] + 1))
    longest = np.clip(rng.lognormal(np.log(2.6), 0.5, count), *f.length_um)
    speed = rng.uniform(*f.speed_um_s, count)
    growth = Runs.between(rng, 0.4 * longest, speed, pause_s=(10.0, 60.0))
    made = Filopodia(
        rng.uniform(-np.pi, np.pi, count),
        rng.normal(0.0, 0.35, count),
        np.stack([rng.normal(0.0, 0.08, count), rng.uniform(0.0, 0.08, count)], axis=1),
        longest,
        0.5 * rng.uniform(*f.diameter_um, count),
        growth,
        np.zeros((count, 3)),
        dye.objects("filopodia", count, rng),
    )
    if figure.life.kind == "quiet":
        return made
    tips = made.tips(figure.moment(figure.life.prophase), figure.motion)
    tips[:, 0] = FLOOR_UM + 0.05
    return replace(made, anchors=tips)
