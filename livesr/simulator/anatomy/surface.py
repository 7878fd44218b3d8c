"""The plasma membrane: the body's surfaces, and ruffles on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from livesr.simulator.anatomy.body import RINGS, SHARES
from livesr.simulator.anatomy.chance import Switches
from livesr.simulator.anatomy.layer import Layer, join, make_layer
from livesr.simulator.anatomy.primitives import SHEET, mass_area, sheet_masses

if TYPE_CHECKING:
    from livesr.simulator.anatomy.body import Body
    from livesr.simulator.anatomy.figure import Moment
    from livesr.simulator.anatomy.layer import Ints
    from livesr.simulator.anatomy.stain import CellDye, Stain
    from livesr.simulator.anatomy.sway import Sway
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64

_RAMP_S = 20.0
"""How long a ruffle takes to rise."""


@dataclass(frozen=True, slots=True)
class PlasmaMembrane:
    """The plasma membrane of one cell.

    Attributes
    ----------
    ruffles : ndarray, (n, 6)
        Direction, length, distance from the edge, height, wavelength, phase.
    raised : Switches
        When they stand.
    thickness_um, spacing_um : float
        Of the membrane; between the points that it is drawn with.
    stain : Stain
    """

    ruffles: Float64
    raised: Switches
    thickness_um: float
    spacing_um: float
    stain: Stain

    name = "plasma_membrane"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the membrane at a moment."""
        separate = moment.life.separate(moment.time_s)
        layers = [
            self._piece(_shell(body, self.spacing_um), 1 + k if separate else 0)
            for k, body in enumerate(moment.bodies)
        ]
        raised = self.raised.at(motion * moment.time_s) * (1.0 - moment.roundness)
        if moment.roundness < 0.5:
            for k, (ruffle, up) in enumerate(zip(self.ruffles, raised, strict=True)):
                half = k % len(moment.bodies)
                if up > 0.05:
                    wall = _wall(moment.bodies[half], ruffle, float(up), self.spacing_um)
                    layers.append(self._piece(wall, 1 + half if separate else 0))
        return join(self.name, layers)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        area = mass_area(layer, float(self.stain.level[0]))
        volume = self.thickness_um * np.bincount(layer.owner, area, minlength=3)[owners]
        return np.asarray(volume), np.full(len(owners), self.thickness_um)

    def _piece(self, sheet: tuple[Float64, Float64, Float64], owner: int) -> Layer:
        points, normal_z, areas = sheet
        emission, truth = sheet_masses(normal_z, areas)
        owners, shade = np.full(len(points), owner), np.zeros(len(points), np.int64)
        return make_layer(self.name, points, emission, truth, owners, self.stain, shade)


def plasma_membrane(p: Parameters, dye: CellDye, rng: np.random.Generator) -> PlasmaMembrane:
    """Return the plasma membrane."""
    m = p.plasma_membrane
    # half of them stand at any time
    count = 2 * int(rng.integers(m.ruffles[0], m.ruffles[1] + 1))
    ruffles = np.stack(
        [
            rng.uniform(-np.pi, np.pi, count),
            rng.uniform(*m.ruffle_length_um, count),
            rng.uniform(0.3, 1.5, count),
            rng.uniform(*m.ruffle_height_um, count),
            rng.uniform(1.5, 3.0, count),
            rng.uniform(0.0, 6.0, count),
        ],
        axis=1,
    )
    raised = Switches.draw(
        rng, count, mean_s=m.ruffle_lifetime_s, share=0.5, ramp_s=np.full(count, _RAMP_S)
    )
    stain = dye.objects("plasma_membrane", 1, rng)
    spacing = SHEET * p.sampling.spacing_um
    return PlasmaMembrane(ruffles, raised, m.thickness_um, spacing, stain)


def shell_area(body: Body, spacing_um: float = 0.1) -> float:
    """Return the area of a body's surfaces, µm²."""
    return float(_shell(body, spacing_um)[2].sum())


def _shell(body: Body, spacing_um: float) -> tuple[Float64, Float64, Float64]:
    """Return points of both surfaces, the z part of their normals and their areas."""
    radius = body.radius * (1.0 + body.creep)
    widest, mean = float(radius.max()), float(radius.mean())
    parts = []
    for height in (body.low, body.high):
        v, turns = _rings(height, widest, mean, spacing_um)
        count = int(turns.sum())
        out = np.empty((count, 5))
        center = np.array(body.center)
        _sample(v, turns, np.ascontiguousarray(height), body.radius, body.creep, center, out)
        parts.append(out)
    both = np.concatenate(parts)
    return both[:, :3], both[:, 3], both[:, 4]


def _rings(
    height: Float64, widest: float, mean: float, spacing_um: float
) -> tuple[Float64, Float64]:
    """Return where rings of points lie (0 centre, 1 edge) and how many points each has.

    Rings are as far apart as the points in them, measured along the steepest meridian.
    """
    rise = np.percentile(np.abs(np.diff(height, axis=0)), 90, axis=1)
    way = np.hypot(np.diff(SHARES) * mean, rise)
    counts = np.maximum(np.ceil(way / spacing_um).astype(np.int64), 1)
    first = np.repeat(np.arange(RINGS - 1), counts)
    begin = np.repeat(np.cumsum(counts) - counts, counts)
    inner = (np.arange(counts.sum()) - begin + 0.5) / counts[first]
    v = (first + inner) / (RINGS - 1)
    share = 1.0 - (1.0 - v) ** 2
    around = 2.0 * np.pi * (0.3 * widest + 0.7 * mean)
    turns = np.maximum(np.ceil(around * share / spacing_um), 3).astype(np.int64)
    weights = 1.0 / (counts[first] * (RINGS - 1))
    return np.stack([v, weights]), turns


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _sample(
    v: Float64,
    turns: Float64,
    height: Float64,
    radius: Float64,
    creep: Float64,
    center: Float64,
    out: Float64,
) -> None:
    """Write z, y, x, normal's z part and area of points on a surface, ring by ring."""
    rings, angles = height.shape
    step = 2.0 * np.pi / angles
    k = 0
    for ring in range(turns.size):
        at = v[0, ring] * (rings - 1)
        i = min(int(at), rings - 2)
        a = at - i
        u = 1.0 - (1.0 - v[0, ring]) ** 2
        du = 2.0 * (1.0 - v[0, ring])
        for j in range(turns[ring]):
            # every other ring is turned by half a point
            angle = 2.0 * np.pi * (j + 0.5 * (ring % 2)) / turns[ring] - np.pi
            turn = (angle + np.pi) / step
            m = int(turn)
            b = turn - m
            m %= angles
            n = (m + 1) % angles
            z = (1 - a) * ((1 - b) * height[i, m] + b * height[i, n]) + a * (
                (1 - b) * height[i + 1, m] + b * height[i + 1, n]
            )
            z_v = (
                (1 - b) * (height[i + 1, m] - height[i, m]) + b * (height[i + 1, n] - height[i, n])
            ) * (rings - 1)
            z_t = (
                (1 - a) * (height[i, n] - height[i, m]) + a * (height[i + 1, n] - height[i + 1, m])
            ) / step
            g = (1 - b) * creep[m] + b * creep[n]
            edge = (1 - b) * radius[m] + b * radius[n]
            edge_t = (radius[n] - radius[m]) / step
            grown = 1.0 + g * u * u * u
            r = u * edge * grown
            r_v = du * edge * (1.0 + 4.0 * g * u * u * u)
            r_t = u * edge_t * grown
            s, c = np.sin(angle), np.cos(angle)
            # tangents along v and along the angle
            ay, ax = r_v * s, r_v * c
            by, bx = r_t * s + r * c, r_t * c - r * s
            nz = ay * bx - ax * by
            ny = ax * z_t - z_v * bx
            nx = z_v * by - ay * z_t
            size = np.sqrt(nz * nz + ny * ny + nx * nx)
            out[k, 0] = z
            out[k, 1] = center[0] + r * s
            out[k, 2] = center[1] + r * c
            out[k, 3] = nz / max(size, 1e-12)
            out[k, 4] = size * v[1, ring] * 2.0 * np.pi / turns[ring]
            k += 1


def _wall(
    body: Body, ruffle: Float64, raised: float, spacing_um: float
) -> tuple[Float64, Float64, Float64]:
    """Return points, normals' z part and areas of a wavy wall on the dorsal side near the edge."""
    start, arc, inset, height, wavelength, phase = ruffle.tolist()
    edge = float(body.edge(np.array([start]))[0])
    along = np.arange(0.0, arc, spacing_um)
    up = np.arange(0.0, raised * height, 2 * spacing_um)
    s, h = (a.ravel() for a in np.meshgrid(along, up, indexing="ij"))
    angle = start + s / edge
    wave = 0.25 * np.sin(2 * np.pi * s / wavelength + phase)
    radius = body.edge(angle) - inset + wave - 0.2 * h
    y = body.center[0] + radius * np.sin(angle)
    x = body.center[1] + radius * np.cos(angle)
    arch = np.sqrt(np.maximum(np.sin(np.pi * np.clip(s / arc, 0.0, 1.0)), 0.0))
    _, top, _ = body.surfaces(y, x)
    points = np.stack([top + h * arch, y, x], axis=1)
    return points, np.zeros(len(points)), np.full(len(points), 2 * spacing_um**2) * arch
