"""Golgi apparatus: a juxtanuclear ribbon of curved stacks that falls to bits in mitosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.chance import Wander
from livesr.simulator.anatomy.course import Course, confine, confine_in, draw_course
from livesr.simulator.anatomy.layer import Layer, make_layer
from livesr.simulator.anatomy.primitives import SHEET, ball_diameter, sheet_masses

if TYPE_CHECKING:
    from livesr.simulator.anatomy.figure import Figure, Moment, Territory
    from livesr.simulator.anatomy.layer import Ints
    from livesr.simulator.anatomy.stain import CellDye, Stain
    from livesr.simulator.anatomy.sway import Sway
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64

_CISTERNAE = 3
_SHRINK = 0.3
"""How small a bit is in metaphase against its part of the ribbon."""
_BIT_UM = 0.12
"""Radius kept free around a bit's centre."""


@dataclass(frozen=True, slots=True)
class Golgi:
    """The Golgi apparatus of one cell.

    Attributes
    ----------
    course : Course
        Of the bits.
    wander : Wander
        Of the stacks.
    stack : ndarray, (bits,)
        Stack of each bit.
    bit, owner : ndarray, (n,)
        Bit and stack of each point.
    offsets : ndarray, (n, 3)
        Points from their bit's centre.
    emission, truth : ndarray, (n,)
    volumes : ndarray, (stacks,)
        µm³.
    stain : Stain
        Of the stacks.
    """

    course: Course
    wander: Wander
    stack: Ints
    bit: Ints
    owner: Ints
    offsets: Float64
    emission: Float64
    truth: Float64
    volumes: Float64
    stain: Stain

    name = "golgi"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the apparatus at a moment."""
        life, time_s = moment.life, moment.time_s
        loosened, gathered = life.golgi_loosened(time_s), life.golgi_gathered(time_s)
        places = self.course.at(moment, loosened, gathered)
        places = sway.carry(places, time_s, motion * (1.0 - moment.roundness))
        places = places + motion * self.wander.at(time_s)[self.stack]
        apart = self.course.share(loosened) if loosened else np.zeros(len(places))
        if gathered:
            apart = apart * (1.0 - self.course.share(gathered))
        size = 1.0 - (1.0 - _SHRINK) * apart
        places = confine(places, np.full(len(places), _BIT_UM), moment, self.course.side)
        points = places[self.bit] + size[self.bit][:, None] * self.offsets
        side = self.course.side[self.bit]
        points = confine(points, np.full(len(points), 0.05), moment, side, edge_um=0.3)
        owner, count = self.owner, len(self.volumes)
        if apart.mean() > 0.5:
            # in the haze every bit is an object
            owner = count + self.bit
        elif len(moment.bodies) == 2:
            owner = count + len(self.stack) + self.course.side[self.bit] * count + self.owner
        masses = self.emission, self.truth, owner, self.stain, self.owner
        return make_layer("golgi", points, *masses)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        count = len(self.volumes)
        points = np.bincount(self.owner)
        bits = self.volumes[self.stack] * np.bincount(self.bit) / points[self.stack]
        halves = [
            np.bincount(self.stack, bits * (self.course.side == side), minlength=count)
            for side in range(2)
        ]
        volume = np.concatenate([self.volumes, bits, *halves])[owners]
        bit = (owners >= count) & (owners < count + len(bits))
        return volume, ball_diameter(np.where(bit, _SHRINK**3 * volume, volume))


def golgi(figure: Figure, p: Parameters, dye: CellDye, rng: np.random.Generator) -> Golgi:
    """Return the apparatus: stacks along an arc beside the nucleus."""
    g, spacing = p.golgi, SHEET * p.sampling.spacing_um
    count = int(rng.integers(g.stacks[0], g.stacks[1] + 1))
    centers = [
        _ribbon(territory, count, g.ribbon_um, rng)
        for territory in (figure.mother, *figure.daughters)
    ]
    _, ny, nx = figure.mother.nucleus.center
    outward = np.arctan2(centers[0][:, 1] - ny, centers[0][:, 2] - nx)
    sheets = [
        _stack(
            float(outward[index]),
            float(rng.uniform(*g.stack_length_um)),
            float(rng.uniform(*g.stack_width_um)),
            g.thickness_um / _CISTERNAE,
            spacing,
            rng,
        )
        for index in range(count)
    ]
    owner = np.repeat(np.arange(count), [len(s[0]) for s in sheets])
    local, normal_z = np.concatenate([s[0] for s in sheets]), np.concatenate([s[1] for s in sheets])
    bits = int(rng.integers(p.mitosis.golgi_bits[0], p.mitosis.golgi_bits[1] + 1))
    bit, stack = _bits(local, owner, count, max(bits // count, 2), rng)
    size = np.maximum(np.bincount(bit), 1)[:, None]
    sums = [np.bincount(bit, local[:, axis]) for axis in range(3)]
    middle = np.stack(sums, axis=1) / size
    where = [c[stack] + middle for c in centers]
    course = draw_course(rng, figure, where[0], tuple(where[1:]))
    area = np.full(len(local), spacing**2 / _CISTERNAE)
    spread = g.thickness_um / _CISTERNAE * np.sqrt(2.0 / 3.0)
    emission, truth = sheet_masses(normal_z, area, spread)
    stain = dye.objects("golgi", count, rng)
    return Golgi(
        course,
        Wander.draw(rng, np.full(count, g.diffusion_um2_s)),
        stack,
        bit,
        owner,
        local - middle[bit],
        emission,
        truth,
        np.asarray(np.bincount(owner, area, minlength=count) * g.thickness_um),
        stain,
    )


def _ribbon(
    territory: Territory, count: int, length_um: tuple[float, float], rng: np.random.Generator
) -> Float64:
    """Return centres (n, 3) of the stacks."""
    nz, ny, nx = territory.nucleus.center
    my, mx = territory.organizer
    toward = np.arctan2(my - ny, mx - nx)
    distance = float(np.hypot(my - ny, mx - nx))
    arc = rng.uniform(*length_um) / distance
    angle = toward + np.linspace(-0.5, 0.5, count) * arc + rng.normal(0.0, 0.06, count)
    reach = distance + rng.normal(0.0, 0.6, count)
    y, x = ny + reach * np.sin(angle), nx + reach * np.cos(angle)
    _, high, _ = territory.body.surfaces(y, x)
    z = 0.45 * nz + 0.25 * high + rng.normal(0.0, 0.3, count)
    middle = np.stack([z, y, x], axis=1)
    return confine_in(middle, np.full(count, 0.6), territory.body, territory.nucleus)


def _stack(
    outward: float,
    length_um: float,
    width_um: float,
    layer_um: float,
    spacing_um: float,
    rng: np.random.Generator,
) -> tuple[Float64, Float64]:
    """Return points of one bowl of cisternae around 0, and the z part of their normals."""
    long, short = 0.5 * length_um, 0.5 * width_um
    u = np.arange(-long, long, spacing_um)
    v = np.arange(-short, short, spacing_um)
    a, b = (g.ravel() for g in np.meshgrid(u, v, indexing="ij"))
    rim = (a / long) ** 2 + (b / short) ** 2 + 0.15 * np.sin(5 * np.arctan2(b, a)) < 1.0
    a, b = a[rim], b[rim]
    # the stacks of a ribbon lie side by side around the nucleus
    yaw, tilt = outward + rng.normal(0.0, 0.4), rng.uniform(-0.5, 0.5)
    normal = np.array([np.sin(tilt), np.cos(tilt) * np.sin(yaw), np.cos(tilt) * np.cos(yaw)])
    along = np.array([0.0, np.cos(yaw), -np.sin(yaw)])
    up = np.cross(normal, along)
    curve = rng.uniform(0.08, 0.2) * np.array([1.0, 1.4])
    bowl = curve[0] * a**2 + curve[1] * b**2
    slope_a, slope_b = 2 * curve[0] * a, 2 * curve[1] * b
    tilted = normal[0] - slope_a * along[0] - slope_b * up[0]
    normal_z = tilted / np.sqrt(1.0 + slope_a**2 + slope_b**2)
    layers = [
        along * a[:, None] + up * b[:, None] + normal * (bowl + offset)[:, None]
        for offset in (-layer_um, 0.0, layer_um)
    ]
    return np.concatenate(layers), np.tile(normal_z, _CISTERNAE)


def _bits(
    local: Float64, owner: Ints, count: int, each: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Return the bit of each point (those nearest a seed of its stack), and each bit's stack."""
    bit = np.zeros(len(local), np.int64)
    for index in range(count):
        own = np.flatnonzero(owner == index)
        seeds = local[rng.choice(own, each, replace=False)]
        distance = np.linalg.norm(local[own, None] - seeds, axis=2)
        bit[own] = index * each + np.argmin(distance, axis=1)
    return bit, np.repeat(np.arange(count), each)
