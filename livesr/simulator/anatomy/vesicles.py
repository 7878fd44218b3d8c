"""Vesicles: lipid droplets, peroxisomes, early and late endosomes, lysosomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.chance import Runs, Wander, smooth
from livesr.simulator.anatomy.course import Course, confine, confine_in, draw_course, own_side
from livesr.simulator.anatomy.layer import Layer, make_layer
from livesr.simulator.anatomy.primitives import SIGMA_XY, SIGMA_Z, balls

if TYPE_CHECKING:
    from livesr.simulator.anatomy.figure import Figure, Moment, Territory
    from livesr.simulator.anatomy.layer import Ints
    from livesr.simulator.anatomy.stain import CellDye, Stain
    from livesr.simulator.anatomy.sway import Sway
    from livesr.simulator.parameters import VesicleParameters
    from livesr.types import Float64

_QUOTED_UM = 0.3
"""Diameter for which a diffusion coefficient that falls with size is quoted."""
_CROWDING = 0.7
"""Share of their wandering that vesicles lose in the crowded round cell."""
_UPRIGHT = 0.3
"""Of the lateral displacement: cells are flat."""
SHRINKING = ("lysosome",)
"""Kinds whose diffusion is as one over the diameter."""


@dataclass(frozen=True, slots=True)
class Vesicles:
    """One kind of vesicle in one cell.

    Attributes
    ----------
    name : str
    course : Course
    wander : Wander
    runs : Runs
    radii, volumes : ndarray, (n,)
        µm and µm³.
    offsets, emission, truth, owner : ndarray
        The vesicles' points, from their centres.
    stain : Stain
    """

    name: str
    course: Course
    wander: Wander
    runs: Runs
    radii: Float64
    volumes: Float64
    offsets: Float64
    emission: Float64
    truth: Float64
    owner: Ints
    stain: Stain

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the vesicles at a moment."""
        points = self.centers(moment, sway, motion)[self.owner] + self.offsets
        return make_layer(self.name, points, self.emission, self.truth, self.owner, self.stain)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        return self.volumes[owners], 2.0 * self.radii[owners]

    def centers(self, moment: Moment, sway: Sway, motion: float) -> Float64:
        """Return where they are, (n, 3)."""
        life, time_s = moment.life, moment.time_s
        loosened = life.loosened(time_s)
        places = self.course.at(moment, loosened, life.gathered(time_s))
        spread = 1.0 - moment.roundness
        places = sway.carry(places, time_s, motion * spread)
        moved = (1.0 - _CROWDING * moment.roundness) * self.wander.at(time_s)
        moved += spread * self.runs.at(time_s)
        moved[:, 0] *= _UPRIGHT
        places = places + motion * moved
        apart = 1.0 if len(moment.bodies) == 2 else float(smooth(np.asarray(loosened)))
        places = own_side(places, moment, self.course.side, apart)
        return confine(places, self.radii, moment, self.course.side)


def vesicles(
    name: str,
    kind: VesicleParameters,
    figure: Figure,
    dye: CellDye,
    rng: np.random.Generator,
    networks: tuple[Float64, ...],
    spacing_um: float,
) -> Vesicles:
    """Return one kind of vesicle.

    Parameters
    ----------
    name : str
    kind : VesicleParameters
    figure : Figure
    dye : CellDye
    rng : numpy.random.Generator
    networks : tuple of ndarray, (n, 3)
        Points of the ER in the mother and in each daughter.
    spacing_um : float
        Distance between the points that they are drawn with.
    """
    count = int(rng.integers(kind.count[0], kind.count[1] + 1))
    drawn = rng.lognormal(np.log(kind.median_um), kind.spread, count)
    diameter = np.clip(drawn, *kind.diameter_um)
    radii = 0.5 * diameter
    aspect = np.maximum(rng.uniform(*kind.aspect, count), 1.0)
    places = [
        _places(kind, territory, network, radii, rng)
        for territory, network in zip((figure.mother, *figure.daughters), networks, strict=True)
    ]
    course = draw_course(rng, figure, places[0], tuple(places[1:]))
    spread = rng.uniform(*kind.diffusion_um2_s, count)
    if name in SHRINKING:
        spread = spread * _QUOTED_UM / diameter
    heading = rng.uniform(0.0, 2 * np.pi, count)
    axes = np.stack([np.zeros(count), np.sin(heading), np.cos(heading)], axis=1)
    offsets, emission, truth, owner = balls(radii, aspect, axes, kind.hollow, spacing_um)
    stain = dye.objects(name, count, rng)
    emission = emission * _filling(radii)[owner]
    return Vesicles(
        name,
        course,
        Wander.draw(rng, spread),
        Runs.draw(rng, count, kind.runners, kind.run_um_s),
        radii,
        np.pi / 6.0 * diameter**3 * aspect,
        offsets,
        emission,
        truth,
        owner,
        stain,
    )


def _places(
    kind: VesicleParameters,
    territory: Territory,
    network: Float64,
    radii: Float64,
    rng: np.random.Generator,
) -> Float64:
    """Return centres in a spread cell."""
    count = len(radii)
    if kind.place == "er":
        chosen = network[rng.integers(0, len(network), count)]
        if kind.cluster_um > 0.0:
            seeds = chosen[: max(count // 4, 1)]
            chosen = seeds[rng.integers(0, len(seeds), count)]
        spread = max(kind.cluster_um, 0.1)
        places = chosen + rng.normal(0.0, spread, (count, 3)) * np.array([0.4, 1.0, 1.0])
    elif kind.place == "juxtanuclear":
        y, x = np.array(territory.organizer)[:, None] + rng.standard_t(4, (2, count)) * (
            kind.reach_um
        )
        places = _at_any_height(territory, y, x, rng)
    else:
        angle = rng.uniform(-np.pi, np.pi, count)
        reach = territory.body.edge(angle) * np.sqrt(rng.uniform(0.12, 0.95, count))
        y = territory.body.center[0] + reach * np.sin(angle)
        x = territory.body.center[1] + reach * np.cos(angle)
        places = _at_any_height(territory, y, x, rng)
    return confine_in(places, radii, territory.body, territory.nucleus)


def _at_any_height(
    territory: Territory, y: Float64, x: Float64, rng: np.random.Generator
) -> Float64:
    low, high, _ = territory.body.surfaces(y, x)
    z = low + rng.uniform(0.1, 0.9, y.size) * (high - low)
    return np.stack([z, y, x], axis=1)


def _filling(radii: Float64) -> Float64:
    """Return how dim balls are that do not fill the point-spread function, 0.35 to 1.

    A membrane-bounded vesicle loses less than a filled one (its membrane shrinks with the square
    of the diameter): the square root of the filled share.
    """
    volume = 4.0 / 3.0 * np.pi * radii**3
    spot = (2.0 * np.pi) ** 1.5 * SIGMA_Z * SIGMA_XY**2
    return np.asarray(np.clip(np.sqrt(volume / (volume + spot)) * 1.15, 0.35, 1.0))
