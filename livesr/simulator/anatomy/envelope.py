"""The nuclear envelope: membrane with infoldings, and the reticulum that runs inward from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from livesr.simulator.anatomy.chance import Switches
from livesr.simulator.anatomy.layer import Layer, join, make_layer
from livesr.simulator.anatomy.primitives import (
    SHEET,
    mass_area,
    mass_length,
    sheet_masses,
    tube,
)

if TYPE_CHECKING:
    from livesr.simulator.anatomy.figure import Moment
    from livesr.simulator.anatomy.layer import Ints
    from livesr.simulator.anatomy.nucleus import Nucleus
    from livesr.simulator.anatomy.stain import CellDye, Stain
    from livesr.simulator.anatomy.sway import Sway
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64

_TWO_MEMBRANES = 1.3
"""How much brighter the double membrane is than an ER tube."""
_CLOSER = 0.75
"""Distance between points along a tube against the usual."""


@dataclass(frozen=True, slots=True)
class NuclearMembrane:
    """The envelope of one cell's nucleus or nuclei.

    Attributes
    ----------
    tears : ndarray, (waves, 4)
        Random field over the sphere whose highest places tear first and close last.
    thickness_um, spacing_um : float
        Of the membrane; between the points that it is drawn with.
    stain : Stain
    """

    tears: Float64
    thickness_um: float
    spacing_um: float
    stain: Stain
    _kept: dict[tuple[object, ...], tuple[Float64, Float64, Float64, Float64]] = field(
        default_factory=dict
    )

    name = "nuclear_membrane"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the membrane at a moment."""
        layers = []
        for index, nucleus in enumerate(moment.nuclei):
            points, emission, truth, rank = self._sheet(nucleus)
            points = points + np.array(nucleus.center)
            owner = np.full(len(points), index)
            if moment.envelope < 1.0:
                truth = np.where(rank < moment.envelope, truth, 0.0)
            shade = np.zeros(len(points), np.int64)
            layers.append(make_layer(self.name, points, emission, truth, owner, self.stain, shade))
        return join(self.name, layers)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        area = mass_area(layer, float(self.stain.level[0]))
        volume = self.thickness_um * np.bincount(layer.owner, area)[owners]
        return np.asarray(volume, np.float64), np.full(len(owners), self.thickness_um)

    def _sheet(self, nucleus: Nucleus) -> tuple[Float64, Float64, Float64, Float64]:
        """Return the envelope around 0; the last one of each shape is kept."""
        shape = (
            nucleus.semi_axes,
            nucleus.angle,
            nucleus.wobble.tobytes(),
            nucleus.folds.tobytes(),
        )
        sheet = self._kept.get(shape)
        if sheet is None:
            sheet = _envelope(
                nucleus.moved(*(-c for c in nucleus.center)), self.tears, self.spacing_um
            )
            if len(self._kept) > 1:
                self._kept.clear()
            self._kept[shape] = sheet
        return sheet


def nuclear_membrane(p: Parameters, dye: CellDye, rng: np.random.Generator) -> NuclearMembrane:
    """Return the nuclear membrane."""
    waves = rng.normal(0.0, 4.0, (10, 3))
    phase = rng.uniform(0.0, 2.0 * np.pi, (10, 1))
    stain = dye.objects("nuclear_membrane", 1, rng)
    stain = type(stain)(_TWO_MEMBRANES * stain.level, stain.red, stain.green)
    return NuclearMembrane(
        np.concatenate([waves, phase], axis=1),
        p.nuclear_membrane.thickness_um,
        SHEET * p.sampling.spacing_um,
        stain,
    )


def _envelope(
    nucleus: Nucleus, tears: Float64, spacing_um: float
) -> tuple[Float64, Float64, Float64, Float64]:
    """Return points, emission, truth and order of tearing (0 to 1), evenly over the surface."""
    half, length, width = nucleus.semi_axes
    power = 1.6075
    pairs = ((half * length) ** power + (half * width) ** power + (length * width) ** power) / 3.0
    area = 4.0 * np.pi * pairs ** (1.0 / power)
    # folds add area, so that points lie closer elsewhere
    count = int(area / spacing_um**2 * 1.4)
    index = np.arange(count) + 0.5
    uz = 1.0 - 2.0 * index / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * index
    rim = np.sqrt(1.0 - uz**2)
    cosine, sine = np.cos(turn), np.sin(turn)
    a, b = length * rim * cosine, width * rim * sine
    angle = np.arctan2(sine, cosine)
    outline = np.ones(count)
    for mode, (even, odd) in enumerate(nucleus.wobble, start=2):
        outline += even * np.cos(mode * angle) + odd * np.sin(mode * angle)
    c, s = np.cos(nucleus.angle), np.sin(nucleus.angle)
    y, x = outline * (a * s + b * c), outline * (a * c - b * s)
    up = uz > 0

    def height(py: Float64, px: Float64) -> Float64:
        low, high = nucleus.surfaces(py, px)
        return np.where(up, high, low)

    # Steps of 0.02 µm see the slope of a fold; near the equator the ellipsoid's own is used.
    step = 0.02
    z = height(y, x)
    gy = (height(y + step, x) - z) / step
    gx = (height(y, x + step) - z) / step
    slope = np.hypot(gy, gx)
    # Element of area of the mapping from the unit sphere, times the extra slope of folds.
    tilt = np.sqrt((uz / half) ** 2 + (rim * cosine / length) ** 2 + (rim * sine / width) ** 2)
    element = half * length * width * tilt
    smooth = half / np.sqrt(length * width) * rim / np.maximum(np.abs(uz), 1e-3)
    steep = np.sqrt(1.0 + np.minimum(slope, 8.0) ** 2) / np.sqrt(1.0 + np.minimum(smooth, 8.0) ** 2)
    areas = element * outline**2 * 4.0 * np.pi / count * np.clip(steep, 1.0, 4.0)
    normal_z = 1.0 / np.sqrt(1.0 + np.maximum(slope, smooth) ** 2)
    emission, truth = sheet_masses(normal_z, areas)
    sphere = np.stack([uz, rim * cosine, rim * sine], axis=1)
    noise = np.cos(sphere @ tears[:, :3].T + tears[:, 3]).sum(axis=1) * np.sqrt(2.0 / len(tears))
    return np.stack([z, y, x], axis=1), emission, truth, ndtr(noise)


@dataclass(frozen=True, slots=True)
class NuclearReticulum:
    """Tubes from the envelope into the nucleus.

    Attributes
    ----------
    starts, targets : ndarray, (n, 3)
        On and in the unit ball: up, along the length, along the width.
    lengths, radii : ndarray, (n,)
    bends : ndarray, (n, 3)
    nucleus : ndarray, (n,)
        Nucleus of each, once there are two.
    there : Switches
    spacing_um : float
        Between the points that they are drawn with.
    stain : Stain
    """

    starts: Float64
    targets: Float64
    lengths: Float64
    radii: Float64
    bends: Float64
    there: Switches
    spacing_um: float
    stain: Stain

    name = "nuclear_reticulum"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the tubes at a moment; they draw back as the nucleus rounds up."""
        grown = self.there.at(motion * moment.time_s)
        rounded = moment.life.nucleus_rounding(moment.time_s)
        if len(moment.nuclei) == 2:
            rounded = moment.roundness
        grown = grown * max(1.0 - 1.5 * rounded, 0.0) * (moment.envelope >= 1.0)
        layers = []
        for index, share in enumerate(grown):
            if share > 0.02 and moment.nuclei:
                nucleus = moment.nuclei[index % len(moment.nuclei)]
                layers.append(self._tube(index, float(share), nucleus))
        return join(self.name, layers)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        radius = self.radii[owners]
        length = mass_length(
            layer, self.stain.level[layer.owner], self.radii[layer.owner], self.spacing_um
        )
        return np.pi * radius**2 * np.bincount(layer.owner, length)[owners], 2.0 * radius

    def _tube(self, index: int, share: float, nucleus: Nucleus) -> Layer:
        semi = np.array(nucleus.semi_axes)
        start, target = self.starts[index] * semi, self.targets[index] * semi
        reach = float(np.linalg.norm(target - start))
        span = min(float(self.lengths[index]), reach)
        gap = _CLOSER * self.spacing_um
        t = np.arange(0.0, max(share * span, gap), gap)
        local = start + (target - start) / reach * t[:, None]
        local = local + self.bends[index] * np.sin(np.pi * t / span)[:, None]
        c, s = np.cos(nucleus.angle), np.sin(nucleus.angle)
        points = np.stack(
            [local[:, 0], local[:, 1] * s + local[:, 2] * c, local[:, 1] * c - local[:, 2] * s],
            axis=1,
        ) + np.array(nucleus.center)
        tangents = np.gradient(points, axis=0) if len(t) > 1 else np.array([[0.0, 0.0, 1.0]])
        tangents = tangents / np.linalg.norm(tangents, axis=1, keepdims=True)
        step, radius = np.full(t.size, gap), np.full(t.size, self.radii[index])
        where, emission, truth, _ = tube(points, tangents, step, radius, self.spacing_um)
        owner = np.full(len(where), index)
        return make_layer(self.name, where, emission, truth, owner, self.stain)


def nuclear_reticulum(p: Parameters, dye: CellDye, rng: np.random.Generator) -> NuclearReticulum:
    """Return the tubes of the nuclear reticulum."""
    r = p.nuclear_reticulum
    count = int(rng.integers(r.count[0], r.count[1] + 1))
    turn, rise = rng.uniform(-np.pi, np.pi, count), rng.uniform(-0.6, 0.6, count)
    rim = np.sqrt(1.0 - rise**2)
    return NuclearReticulum(
        np.stack([rise, rim * np.cos(turn), rim * np.sin(turn)], axis=1),
        0.45 * rng.uniform(-1.0, 1.0, (count, 3)),
        rng.uniform(*r.length_um, count),
        0.5 * rng.uniform(*r.diameter_um, count),
        rng.normal(0.0, 0.25, (count, 3)),
        Switches.draw(
            rng,
            count,
            mean_s=60.0 * r.lifetime_min,
            share=0.85,
            ramp_s=np.full(count, 120.0),
        ),
        p.sampling.spacing_um,
        dye.objects("nuclear_reticulum", count, rng),
    )
