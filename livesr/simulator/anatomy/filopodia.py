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

_CLOSER = 0.75
"""Distance between points along a filopodium against the usual."""
_ROOT_UM = 0.3
"""How far a filopodium begins inside the edge."""
_SHORTEST = 4
"""Points of the shortest that is drawn."""
_STRETCHED = 0.1
"""Roundness at which filopodia have become retraction fibres."""
_INSIDE = 0.2
"""Share of a round cell's radius from its edge to where they leave it."""
_ATTACHED = 0.7
"""Share of the height of a round cell's middle at which its retraction fibres leave it."""


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
    spacing_um : float
        Between the points that they are drawn with.
    stain : Stain
    """

    angles: Float64
    headings: Float64
    bends: Float64
    longest: Float64
    radii: Float64
    growth: Runs
    anchors: Float64
    spacing_um: float
    stain: Stain

    name = "filopodia"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the filopodia at a moment."""
        lengths = self._lengths(motion * moment.time_s)
        paths, owners = [], []
        for index, (angle, length) in enumerate(zip(self.angles, lengths, strict=True)):
            for path in self._paths(index, float(angle), float(length), moment):
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
            points, steps / length[:, None], length, self.radii[owner], self.spacing_um
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
        gap = _CLOSER * self.spacing_um
        steps = np.arange(0.0, length + _ROOT_UM, gap)
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
        return np.asarray(root + gap * np.cumsum(ahead, axis=0))

    def _paths(self, index: int, angle: float, length: float, moment: Moment) -> list[Float64]:
        """Return the paths (n, 3) of a filopodium, of a retraction fibre, or on its way to one."""
        body = moment.bodies[index % len(moment.bodies)]
        if moment.roundness == 0.0:
            return [self._tube(index, body, angle, length)]
        fibre = self._fibre(index, moment)
        stretched = min(moment.roundness / _STRETCHED, 1.0)
        if len(moment.bodies) == 2:
            # daughters grow filopodia as they spread, first where they have left no fibres
            grown = 1.0 - (stretched if len(fibre) else min(2.0 * moment.roundness, 1.0))
            path = self._tube(index, body, angle, grown * length)
            return [fibre[: int(stretched * len(fibre))], path[: int(np.ceil(grown * len(path)))]]
        if stretched >= 1.0 or not len(fibre):
            return [fibre]
        path = self._tube(index, body, angle, length)
        count = max(len(fibre), len(path))
        one, other = (_resampled(p, count) for p in (path, fibre))
        return [(1.0 - stretched) * one + stretched * other]

    def _fibre(self, index: int, moment: Moment) -> Float64:
        """Return the path of a retraction fibre from the cell to where its tip was anchored.

        It is empty once the cell has spread over the anchor.
        """
        anchor = self.anchors[index]
        middle = np.array(moment.rounded.center)
        dy, dx = (anchor[1:] - middle).tolist()
        angle = float(np.arctan2(dy, dx))
        body = moment.bodies[0]
        if len(moment.bodies) == 2:
            body = moment.bodies[int(moment.ahead(anchor[None])[0] < 0.0)]
        edge = (1.0 - _INSIDE) * moment.rounded.reach(angle)
        height = _ATTACHED * moment.rounded.middle_um
        side = np.array([height, *(middle + edge * np.array([np.sin(angle), np.cos(angle)]))])
        flat = _root(body, _toward(body, anchor))
        root = moment.roundness * side + (1.0 - moment.roundness) * flat
        span = anchor - root
        if span[1:] @ np.array([dy, dx]) <= 0.0:
            return np.zeros((0, 3))
        count = int(np.linalg.norm(span) / (_CLOSER * self.spacing_um))
        t = (np.arange(count) / max(count, 1))[:, None]
        return np.asarray(root + t * span)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        radius = self.radii[owners]
        length = mass_length(
            layer, self.stain.level[layer.owner], self.radii[layer.owner], self.spacing_um
        )
        return np.pi * radius**2 * np.bincount(layer.owner, length)[owners], 2.0 * radius


def _toward(body: Body, anchor: Float64) -> float:
    """Return the direction of a point from a body's centre."""
    return float(np.arctan2(anchor[1] - body.center[0], anchor[2] - body.center[1]))


def _root(body: Body, angle: float) -> Float64:
    """Return where a fibre leaves a spread cell."""
    root = body.from_body(np.array([[1.0, angle, 0.05]]))[0]
    root[0] = max(float(root[0]), FLOOR_UM + 0.05)
    return np.asarray(root)


def _resampled(path: Float64, count: int) -> Float64:
    """Return a path with another number of points."""
    at, to = np.linspace(0.0, 1.0, len(path)), np.linspace(0.0, 1.0, count)
    return np.stack([np.interp(to, at, path[:, axis]) for axis in range(3)], axis=1)


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
        p.sampling.spacing_um,
        dye.objects("filopodia", count, rng),
    )
    if figure.life.kind == "quiet":
        return made
    tips = made.tips(figure.moment(figure.life.prophase), figure.motion)
    tips[:, 0] = FLOOR_UM + 0.05
    return replace(made, anchors=tips)
