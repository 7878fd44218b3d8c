"""Endoplasmic reticulum: a network of tubes with three-way junctions, and sheets.

Levels of tubular network, joined by risers, fill a spread cell; sheets lie around its nucleus. In
mitosis the tubes draw back and cisternae lie below the cortex; each daughter grows a network of its
own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.spatial import Voronoi, cKDTree

from livesr.simulator.anatomy.body import FLOOR_UM
from livesr.simulator.anatomy.chance import Switches, smooth
from livesr.simulator.anatomy.course import confine, confine_in, cytoplasmic
from livesr.simulator.anatomy.layer import Layer, join, make_layer
from livesr.simulator.anatomy.primitives import SHEET, mass_length, sheet_masses, tube
from livesr.simulator.anatomy.spread import Waves

if TYPE_CHECKING:
    from livesr.simulator.anatomy.body import Body
    from livesr.simulator.anatomy.figure import Figure, Moment, Territory
    from livesr.simulator.anatomy.layer import Ints
    from livesr.simulator.anatomy.nucleus import Nucleus
    from livesr.simulator.anatomy.stain import CellDye, Stain
    from livesr.simulator.anatomy.sway import Sway
    from livesr.simulator.parameters import ErParameters, Parameters
    from livesr.types import Bool, Float64

_CLOSER = 0.875
"""Distance between points along a tube against the usual."""
FIRST_UM = 0.5
"""Height of the lowest level."""
_TUBE_UM2, _SHEET_UM = 0.0503, 0.422
"""What the image of a µm of tube and of a µm² of sheet fills (µm³): fitted to 24 cells within
0.5 %."""
_LEAST = 0.05
"""Share of the reticulum that is sheet at least."""
_FLAT = 0.97
"""z part of a perinuclear sheet's normal."""
_LUMEN = 2.2
"""How much brighter a sheet is than a single tube's membrane on edge."""
_CLOSE_UM = 0.4
"""How much nearer to the nucleus than other organelles the network may lie."""
_SPARSE = -0.1
"""Threshold of the random pattern of mitotic cisternae: about the light of the interphase ER."""
_LAYERS = (0.93, 0.86, 0.79, 0.72)
"""Of the round cell's radius: where mitotic cisternae lie."""


@dataclass(frozen=True, slots=True)
class Network:
    """The tubes of one spread cell.

    Attributes
    ----------
    nodes : ndarray, (n, 3)
        Body coordinates of the junctions.
    ends : ndarray, (edges, 2), int64
        Junctions that each tube joins.
    bows : ndarray, (edges, 3)
        How far the middle of each is off the straight line, µm.
    counts : ndarray, (edges,), int64
        Points of each.
    swing : ndarray, (n, 4)
        Speeds (1/s) and phases of each junction's motion in y and x.
    reach_um : float
    there : Switches
        Which tubes are grown.
    delay : ndarray, (edges,)
        When each draws back or grows as the cell divides, 0 to 1.
    """

    nodes: Float64
    ends: Ints
    bows: Float64
    counts: Ints
    swing: Float64
    reach_um: float
    there: Switches
    delay: Float64

    def tubes(
        self, body: Body, hole: Nucleus, sway: Sway, time_s: float, motion: float, shown: float
    ) -> tuple[Float64, Float64]:
        """Return points (n, 3) and steps (n, 3) of the tubes; ``shown`` of them are grown."""
        nodes = body.from_body(self.nodes)
        nodes = sway.carry(nodes, time_s, motion)
        speed, phase = self.swing[:, :2], self.swing[:, 2:]
        swing = np.sin(speed * time_s + phase) - np.sin(phase)
        nodes[:, 1:] += motion * self.reach_um * swing
        nodes = confine_in(nodes, np.full(len(nodes), 0.05), body, hole, edge_um=0.2)
        grown = self.there.at(motion * time_s)
        if shown < 1.0:
            grown = grown * smooth((shown - 0.8 * self.delay) / 0.2)
        total = int(self.counts.sum())
        points, steps = np.empty((total, 3)), np.empty((total, 3))
        made = _walk(nodes, self.ends, self.bows, self.counts, grown, points, steps)
        return points[:made], steps[:made]


@dataclass(frozen=True, slots=True)
class Sheets:
    """Pieces of sheet, the thinnest parts of a random pattern first to go.

    Attributes
    ----------
    places : ndarray, (n, 3)
        Body or profile coordinates.
    rank : ndarray, (n,)
        0 to 1: the order of growing.
    normal_z, area : ndarray, (n,)
    """

    places: Float64
    rank: Float64
    normal_z: Float64
    area: Float64


@dataclass(frozen=True, slots=True)
class Er:
    """The endoplasmic reticulum of one cell.

    Attributes
    ----------
    networks : tuple of Network
        Of the mother and of each daughter.
    sheets : tuple of Sheets
        Likewise, in body coordinates.
    cisternae : Sheets or None
        Of the dividing cell, in profile coordinates.
    radius_um, spacing_um : float
        Of the tubes; between the points that they are drawn with.
    stain : Stain
        Of the tubes and of the sheets.
    """

    networks: tuple[Network, ...]
    sheets: tuple[Sheets, ...]
    cisternae: Sheets | None
    radius_um: float
    spacing_um: float
    stain: Stain

    name = "er"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the reticulum at a moment."""
        life, time_s = moment.life, moment.time_s
        layers = []
        if len(moment.bodies) == 1:
            left = 1.0 - life.loosened(time_s)
            shown = [(0, moment.bodies[0], left)]
            mitotic = 1.0 - left
        else:
            grown = life.gathered(time_s)
            shown = [(1 + side, body, grown) for side, body in enumerate(moment.bodies)]
            mitotic = 1.0 - grown
        for index, body, share in shown:
            if share > 0.0:
                layers += self._spread(index, body, share, moment, sway, motion)
        if self.cisternae is not None and mitotic > 0.0:
            points = moment.rounded.points(self.cisternae.places)
            side = (self.cisternae.places[:, 0] < 0.0).astype(np.int64)
            points = confine(points, np.full(len(points), 0.1), moment, side, edge_um=0.2)
            owner = 1 + side if life.separate(time_s) else np.zeros_like(side)
            share = min(1.4 * mitotic, 1.0)
            layers.append(self._pieces(self.cisternae, points, share, owner))
        return join(self.name, layers)

    def _spread(
        self,
        index: int,
        body: Body,
        share: float,
        moment: Moment,
        sway: Sway,
        motion: float,
    ) -> list[Layer]:
        # it lies close to the envelope: only what is really inside goes out
        hole = moment.holes[max(index - 1, 0)].shrunk(_CLOSE_UM)
        points, steps = self.networks[index].tubes(body, hole, sway, moment.time_s, motion, share)
        length = np.maximum(np.sqrt((steps**2).sum(axis=1)), 1e-9)
        radius = np.full(len(points), self.radius_um)
        points, emission, truth, _ = tube(
            points, steps / length[:, None], length, radius, self.spacing_um
        )
        # daughters are objects of their own once they are cells of their own
        whose = index if moment.life.separate(moment.time_s) else 0
        owner = np.full(len(points), whose)
        shade = np.zeros(len(points), np.int64)
        tubes = make_layer(self.name, points, emission, truth, owner, self.stain, shade)
        sheets = self.sheets[index]
        places = sway.carry(body.from_body(sheets.places), moment.time_s, motion)
        return [tubes, self._pieces(sheets, places, share, np.full(len(places), whose))]

    def _pieces(self, sheets: Sheets, points: Float64, share: float, owner: Ints) -> Layer:
        emission, truth = sheet_masses(sheets.normal_z, sheets.area)
        if share < 1.0:
            truth = np.where(sheets.rank < share, truth, 0.0)
        shade = np.ones(len(points), np.int64)
        return make_layer(self.name, points, _LUMEN * emission, truth, owner, self.stain, shade)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        # tubes and sheets alike: what a tube of this brightness would hold
        length = mass_length(
            layer,
            np.full(len(layer.points), self.stain.level.mean()),
            np.zeros(len(layer.points)),
            self.spacing_um,
        )
        each = np.asarray(np.bincount(layer.owner, length, minlength=3)[owners], np.float64)
        return np.pi * self.radius_um**2 * each, np.full(len(owners), 2.0 * self.radius_um)

    def points(self, territory: Territory, index: int) -> Float64:
        """Return points of the tubes of a spread cell, for what lies along the ER."""
        network = self.networks[index]
        nodes = territory.body.from_body(network.nodes)
        a, b = nodes[network.ends[:, 0]], nodes[network.ends[:, 1]]
        return np.concatenate([a + t * (b - a) for t in (0.15, 0.5, 0.85)])


def er(figure: Figure, p: Parameters, dye: CellDye, rng: np.random.Generator) -> Er:
    """Return the reticulum of a cell and of its daughters."""
    territories = (figure.mother, *figure.daughters)
    spacing = p.sampling.spacing_um
    networks = tuple(_network(t, p.er, spacing, rng) for t in territories)
    share = float(rng.uniform(*p.er.volume_share))
    sheets = tuple(
        _perinuclear(t, _left(t, n, share, p.er), p.er.level_um, SHEET * spacing, rng)
        for t, n in zip(territories, networks, strict=True)
    )
    cisternae = _mitotic(figure, SHEET * spacing, rng) if figure.daughters else None
    radius = 0.5 * float(rng.uniform(*p.er.tube_diameter_um))
    stain = dye.objects("er", 2, rng)
    # one membrane: tubes and sheets share the dye, only their brightness differs a little
    stain = type(stain)(stain.level, *(np.full(2, a.mean()) for a in (stain.red, stain.green)))
    return Er(networks, sheets, cisternae, radius, spacing, stain)


def _network(
    territory: Territory, p: ErParameters, spacing_um: float, rng: np.random.Generator
) -> Network:
    """Return the tubes of a spread cell: levels of edges between jittered seeds' cells."""
    body, nucleus = territory.body, territory.nucleus
    mesh = float(rng.uniform(*p.mesh_um))
    levels = np.arange(FIRST_UM, body.height() - 0.3, p.level_um)
    lift = Waves.draw(rng, 5, (2.0, 6.0), 0.18)
    nodes = np.zeros((0, 3))
    ends: list[Ints] = []
    below = np.zeros(0, np.int64)
    for level in levels.tolist():
        places, edges = _level(body, level, mesh, rng)
        start = len(nodes)
        here = np.concatenate([np.full((len(places), 1), level), places], axis=1)
        nodes = np.concatenate([nodes, here])
        own = start + np.arange(len(places))
        ends.append(edges + start)
        ends.append(_risers(nodes, below, own, p.risers, mesh, rng))
        below = own
    nodes = _settle(body, nodes, lift)
    joined = np.concatenate(ends).astype(np.int64)
    middle = 0.5 * (nodes[joined[:, 0]] + nodes[joined[:, 1]])
    free = [cytoplasmic(q, body, nucleus, 0.15) for q in (nodes, middle)]
    keep = free[0][joined[:, 0]] & free[0][joined[:, 1]] & free[1]
    joined = joined[keep]
    return _dressed(body, nodes, joined, p, spacing_um, rng)


def _dressed(
    body: Body,
    nodes: Float64,
    ends: Ints,
    p: ErParameters,
    spacing_um: float,
    rng: np.random.Generator,
) -> Network:
    """Return the network of nodes and edges with its bows and its motion."""
    used, ends = np.unique(ends, return_inverse=True)
    ends = ends.reshape(-1, 2).astype(np.int64)
    nodes = nodes[used]
    length = np.linalg.norm(nodes[ends[:, 0]] - nodes[ends[:, 1]], axis=1)
    bows = rng.normal(0.0, 0.1, (len(ends), 3)) * length[:, None] * np.array([0.5, 1.0, 1.0])
    count = len(nodes)
    pace = rng.uniform(*p.junction_um_s, count)
    speed = (pace / p.junction_reach_um)[:, None] * rng.uniform(0.7, 1.3, (count, 2))
    phase = rng.uniform(0.0, 2.0 * np.pi, (count, 2))
    tips = rng.uniform(*p.tip_um_s, len(ends))
    there = Switches.draw(
        rng,
        len(ends),
        mean_s=60.0 * p.turnover_min,
        share=1.0 - p.missing,
        ramp_s=length / tips,
    )
    return Network(
        body.to_body(nodes),
        ends,
        bows,
        np.maximum(np.ceil(1.1 * length / (_CLOSER * spacing_um)), 2).astype(np.int64),
        np.concatenate([speed, phase], axis=1),
        p.junction_reach_um / np.sqrt(2.0),
        there,
        rng.uniform(size=len(ends)),
    )


def _level(body: Body, level: float, mesh: float, rng: np.random.Generator) -> tuple[Float64, Ints]:
    """Return junctions (n, 2) of one level, and the tubes between them (edges, 2)."""
    outline_y, outline_x = body.outline()
    row = mesh * np.sqrt(0.75)
    y = np.arange(outline_y.min() - 2, outline_y.max() + 2, row)
    x = np.arange(outline_x.min() - 2, outline_x.max() + 2, mesh)
    seeds_y, seeds_x = np.meshgrid(y, x, indexing="ij")
    seeds_x = seeds_x + 0.5 * mesh * (np.arange(len(y)) % 2)[:, None]
    seeds = np.stack([seeds_y.ravel(), seeds_x.ravel()], axis=1)
    seeds += rng.normal(0.0, 0.27 * mesh, seeds.shape)
    near = _fits(body, level, seeds, margin=2.0)
    if near.sum() < 5:
        return np.zeros((0, 2)), np.zeros((0, 2), np.int64)
    diagram = Voronoi(seeds[near])
    ridges = np.array([r for r in diagram.ridge_vertices if -1 not in r], np.int64)
    places = diagram.vertices
    middle = 0.5 * (places[ridges[:, 0]] + places[ridges[:, 1]])
    length = np.linalg.norm(places[ridges[:, 0]] - places[ridges[:, 1]], axis=1)
    keep = _fits(body, level, middle, margin=0.0) & (length < 3.0)
    return places, ridges[keep]


def _fits(body: Body, level: float, yx: Float64, margin: float) -> Bool:
    y, x = yx.T
    fits = body.inward(y, x) > 0.4 - margin
    if level > FIRST_UM:
        _, top, _ = body.surfaces(y, x)
        fits &= top + 0.5 * margin > level + 0.25
    return np.asarray(fits)


def _risers(
    nodes: Float64, below: Ints, above: Ints, share: float, mesh: float, rng: np.random.Generator
) -> Ints:
    """Return tubes that join some junctions of a level with near ones of the level below."""
    chosen = above[rng.uniform(size=len(above)) < share]
    if not len(chosen) or len(below) < 6:
        return np.zeros((0, 2), np.int64)
    # The sixth nearest: joined at a slant, upright tubes would look like bright vesicles.
    distance, nearest = cKDTree(nodes[below, 1:]).query(nodes[chosen, 1:], k=[6])
    close = distance[:, 0] < 1.5 * mesh
    return np.stack([below[nearest[close, 0]], chosen[close]], axis=1)


def _settle(body: Body, points: Float64, lift: Waves) -> Float64:
    """Return points moved in z: undulating, and squeezed where the cell is thin."""
    z, y, x = points.T
    _, top, _ = body.surfaces(y, x)
    height = np.maximum(top - FLOOR_UM, 0.05)
    z = np.clip(z + lift(y, x), FLOOR_UM + 0.35 * np.minimum(height, 0.6), None)
    z = np.minimum(z, FLOOR_UM + np.maximum(0.6 * height, height - 0.35))
    return np.stack([z, y, x], axis=1)


def _left(territory: Territory, network: Network, share: float, p: ErParameters) -> float:
    """Return the area of sheet (µm²) that fills what the tubes leave of a share of the volume."""
    nodes = territory.body.from_body(network.nodes)
    ends = nodes[network.ends]
    length = (1.0 - p.missing) * float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).sum())
    wanted = share * territory.body.volume()
    return max((wanted - _TUBE_UM2 * length) / _SHEET_UM, _LEAST * wanted / _SHEET_UM)


def _perinuclear(
    territory: Territory,
    area_um2: float,
    level_um: float,
    spacing_um: float,
    rng: np.random.Generator,
) -> Sheets:
    """Return fenestrated sheets of an area around the nucleus, between the levels of tubes."""
    body, nucleus = territory.body, territory.nucleus
    noise = Waves.draw(rng, 12, (1.2, 6.0), 1.0)
    _, ny, nx = nucleus.center
    reach = 1.9 * max(nucleus.semi_axes[1:])
    steps = np.arange(-reach, reach, spacing_um)
    grid_y, grid_x = np.meshgrid(ny + steps, nx + steps, indexing="ij")
    y, x = grid_y.ravel(), grid_x.ravel()
    radial = nucleus.radial(y, x)
    ring = (radial < 1.9) & (body.inward(y, x) > 0.5)
    y, x, radial = y[ring], x[ring], radial[ring]
    _, top, _ = body.surfaces(y, x)
    layers, ranks = [], []
    for level in np.arange(FIRST_UM + 0.5 * level_um, float(top.max()), level_um):
        pattern = noise(y + 7.3 * level, x - 5.1 * level)
        above = pattern - 1.1 * (radial - 1.0)
        keep = level < top - 0.4
        z = level + 0.08 * pattern[keep]
        layers.append(np.stack([z, y[keep], x[keep]], axis=1))
        ranks.append(above[keep])
    points, rank = np.concatenate(layers), np.concatenate(ranks)
    free = cytoplasmic(points, body, nucleus, 0.15)
    points, rank = points[free], _ranked(rank[free])
    # the highest places of the pattern, as many as the area asks for
    share = area_um2 / spacing_um**2 / max(len(points), 1)
    points, rank = points[rank < share], rank[rank < share] / share
    area = np.full(len(points), spacing_um**2)
    return Sheets(body.to_body(points), rank, np.full(len(points), _FLAT), area)


def _ranked(pattern: Float64) -> Float64:
    """Return the order of places in which they grow, 0 to 1: the highest of a pattern first."""
    return np.argsort(np.argsort(-pattern)) / max(len(pattern), 1)


def _mitotic(figure: Figure, spacing_um: float, rng: np.random.Generator) -> Sheets:
    """Return the cisternae of a dividing cell: fenestrated shells below the cortex."""
    life = figure.life
    rounded = figure.moment(0.5 * (life.metaphase + life.anaphase)).rounded
    noise = Waves.draw(rng, 12, (1.5, 7.0), 1.0)
    parts = []
    for layer, share in enumerate(_LAYERS):
        long, wide = share * rounded.half_length, share * rounded.half_width
        tall = wide * rounded.squash
        along = np.arange(-0.95 * long, 0.95 * long, spacing_um)
        counts = np.maximum(
            (2 * np.pi * wide * np.sqrt(1 - (along / long) ** 2) / spacing_um).astype(np.int64), 3
        )
        first = np.repeat(np.cumsum(counts) - counts, counts)
        turn = 2.0 * np.pi * (np.arange(counts.sum()) - first) / np.repeat(counts, counts)
        s = np.repeat(along, counts)
        # shells lie at a share of the profile's radius everywhere
        pattern = noise(s + 31.0 * layer, wide * np.abs(turn - np.pi))
        keep = (pattern > _SPARSE) & (np.sin(turn) * tall > -0.8 * tall)
        s, turn, pattern = s[keep], turn[keep], pattern[keep]
        slope = rounded.across(s * 1.01) - rounded.across(s * 0.99)
        steep = np.hypot(1.0, slope / np.maximum(np.abs(0.02 * s), 1e-3))
        area = spacing_um**2 * np.minimum(steep, 2.5)
        places = [s / rounded.half_length, share * np.cos(turn), share * np.sin(turn)]
        rank = _ranked(pattern)
        parts.append((np.stack(places, axis=1), rank, np.abs(np.sin(turn)) / steep, area))
    return Sheets(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _walk(
    nodes: Float64,
    ends: Ints,
    bows: Float64,
    counts: Ints,
    grown: Float64,
    points: Float64,
    steps: Float64,
) -> int:
    """Write points along bowed tubes as far as they have grown; return how many."""
    made = 0
    for e in range(ends.shape[0]):
        if grown[e] <= 0.0:
            continue
        a, b = ends[e, 0], ends[e, 1]
        n = counts[e]
        for i in range(n):
            t = (i + 0.5) / n
            if t > grown[e]:
                break
            bow, slope = 4.0 * t * (1.0 - t), 4.0 - 8.0 * t
            for axis in range(3):
                way = nodes[b, axis] - nodes[a, axis]
                points[made, axis] = nodes[a, axis] + t * way + bow * bows[e, axis]
                steps[made, axis] = (way + slope * bows[e, axis]) / n
            made += 1
    return made
