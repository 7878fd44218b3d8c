"""Mitochondria: branched tubes that slide, split and fuse.

A mitochondrion is a chain of units on a path through the cytoplasm. Between units are joints that
open (fission) and close (fusion); in mitosis all are open, and each unit is a short rod.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.anatomy.chance import Runs, Switches
from livesr.simulator.anatomy.course import (
    Course,
    below_surface,
    confine,
    confine_in,
    draw_course,
)
from livesr.simulator.anatomy.layer import Layer, make_layer
from livesr.simulator.anatomy.primitives import tube

if TYPE_CHECKING:
    from livesr.simulator.anatomy.body import Body
    from livesr.simulator.anatomy.figure import Figure, Moment, Territory
    from livesr.simulator.anatomy.layer import Ints
    from livesr.simulator.anatomy.stain import CellDye, Stain
    from livesr.simulator.anatomy.sway import Sway
    from livesr.simulator.parameters import MitochondriaParameters, Parameters
    from livesr.types import Bool, Float64

STEP_UM = 0.08
_CLOSER = 1.06
"""Distance between points along a unit against the usual."""
_TRACK_UM = 3.0
"""How much longer than itself a moving mitochondrion's path is."""
_SPLIT_S = 15.0
"""How long the ends take to part."""
_CLOSED = 0.97
"""Share of the joints that are closed."""
_EDGE_UM = 2.2
"""How far from the cell's edge they stay."""
_KEPT_UM = 0.2
"""Least distance of their axes from surface and nucleus."""
_BEADS = 0.12
"""Relative swelling and narrowing along a tube."""


@dataclass(frozen=True, slots=True)
class Chains:
    """The mitochondria's paths in one spread cell, and where on them the units lie.

    Attributes
    ----------
    path : ndarray, (n, 3)
        Body coordinates of all paths, one after the other, a step apart.
    begin, count : ndarray, (chains,), int64
        Where a path begins, and its points.
    chain : ndarray, (units,), int64
        Path of each unit.
    start, length : ndarray, (units,)
        Steps along the path.
    parent : ndarray, (units,), int64
        Unit that it is joined to at its beginning; -1 for none.
    branch : ndarray, (units,), bool
        Whether that joint is a branch, which holds.
    member : ndarray, (chains,), int64
        Mitochondrion of each path: branches share their bearer's.
    """

    path: Float64
    begin: Ints
    count: Ints
    chain: Ints
    start: Float64
    length: Float64
    parent: Ints
    branch: Bool
    member: Ints

    def curves(
        self, path: Float64, shift: Float64, cut: tuple[Float64, Float64], points: int
    ) -> Float64:
        """Return the units' points (units, points, 3) from the paths in µm.

        Parameters
        ----------
        path : ndarray, (n, 3)
        shift : ndarray, (units,)
            Steps that each has slid along its path.
        cut : tuple of ndarray, (units,)
            Steps that are missing at its two ends.
        points : int
            Of a unit.
        """
        first, last = self.start + cut[0], self.start + self.length - cut[1]
        last = np.maximum(last, first + 2.0)
        t = _along(points)
        at = shift[:, None] + first[:, None] + (last - first)[:, None] * t
        most = self.count[self.chain][:, None] - 1.001
        at = np.clip(at, 0.0, most)
        index = at.astype(np.int64)
        rest = (at - index)[..., None]
        index += self.begin[self.chain][:, None]
        return np.asarray((1.0 - rest) * path[index] + rest * path[index + 1])


@dataclass(frozen=True, slots=True)
class Mitochondria:
    """The mitochondria of one cell.

    Attributes
    ----------
    chains : tuple of Chains
        Of the mother and of each daughter.
    slot : ndarray, (units,), int64
        Unit of the daughter's chains that each becomes.
    course : Course
        Of the units' centres.
    joints : Switches
        Closed (1) or open, a unit each.
    slides : Runs
        Of the paths, steps.
    rods : ndarray, (units, 3)
        Direction times length of each unit's rod in mitosis, µm.
    radii : ndarray, (units,)
    gap_um : float
    stain : Stain
        Of the units.
    motion : float
        Factor on motion, fission and fusion.
    points, spacing_um : int and float
        Of a unit; between the points that it is drawn with.
    """

    chains: tuple[Chains, ...]
    slot: Ints
    course: Course
    joints: Switches
    slides: Runs
    rods: Float64
    radii: Float64
    gap_um: float
    stain: Stain
    motion: float
    points: int
    spacing_um: float

    name = "mitochondria"

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return the mitochondria at a moment; owners are the smallest unit of each."""
        curves = self.curves(moment, sway, motion)
        steps = np.gradient(curves, axis=1).reshape(-1, 3)
        points = curves.reshape(-1, 3)
        length = np.maximum(np.sqrt((steps**2).sum(axis=1)), 1e-6)
        unit = np.repeat(np.arange(len(curves)), self.points)
        phase = np.arange(self.points) * 2.0 * np.pi / self.points
        swell = 1.0 + _BEADS * np.sin(phase + 2.4 * np.arange(len(curves))[:, None])
        radius = self.radii[unit] * swell.ravel()
        where, emission, truth, piece = tube(
            points, steps / length[:, None], length, radius, self.spacing_um
        )
        shade = unit[piece]
        owner = self.groups(moment, motion)[shade]
        return make_layer(self.name, where, emission, truth, owner, self.stain, shade)

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of objects."""
        life, time_s = moment.life, moment.time_s
        length = np.linalg.norm(self.rods, axis=1)
        if len(moment.bodies) == 1 and life.loosened(time_s) < 0.5:
            length = self.chains[0].length * STEP_UM
        elif life.gathered(time_s) > 0.5:
            halves = [self.chains[1 + side].length for side in range(2)]
            for side, slots in enumerate(halves):
                own = self.course.side == side
                length[own] = slots[self.slot[own]] * STEP_UM
        each = np.pi * self.radii**2 * length
        group = self.groups(moment, self.motion)
        volume = np.bincount(group, each, minlength=len(each))[owners]
        return np.asarray(volume, np.float64), 2.0 * self.radii[owners]

    def curves(self, moment: Moment, sway: Sway, motion: float) -> Float64:
        """Return the units' axes, (units, points, 3)."""
        life, time_s = moment.life, moment.time_s
        loosened, gathered = life.loosened(time_s), life.gathered(time_s)
        divided = len(moment.bodies) == 2
        if not divided:
            spread = self._spread(0, moment.bodies[0], moment, sway, motion)
            if loosened <= 0.0:
                return spread
        centers = moment.rounded.points(self.course.mitotic)
        t = _along(self.points)[:, None] - 0.5
        mixed = centers[:, None] + self.rods[:, None] * t
        if not divided:
            share = self.course.share(loosened)[:, None, None]
            mixed = spread + share * (mixed - spread)
        elif gathered > 0.0:
            share = self.course.share(gathered)[:, None, None]
            for half, body in enumerate(moment.bodies):
                own = self.course.side == half
                spread = self._spread(1 + half, body, moment, sway, motion)[self.slot[own]]
                mixed[own] += share[own] * (spread - mixed[own])
        return self._confined(mixed, moment)

    def _confined(self, curves: Float64, moment: Moment) -> Float64:
        """Return the units moved as wholes into the cytoplasm, and bent below the surface."""
        middle = curves[:, self.points // 2]
        radius = self.radii + 0.4 * np.linalg.norm(self.rods, axis=1)
        moved = confine(middle, radius, moment, self.course.side, edge_um=0.2)
        curves = curves + (moved - middle)[:, None]
        side = np.repeat(self.course.side, self.points)
        flat = below_surface(
            curves.reshape(-1, 3), np.repeat(self.radii, self.points), moment, side
        )
        return flat.reshape(curves.shape)

    def groups(self, moment: Moment, motion: float) -> Ints:
        """Return the smallest unit of the mitochondrion that each unit belongs to."""
        time_s = moment.time_s
        mitotic = moment.life.loosened(time_s) > 0.2 and moment.life.gathered(time_s) < 0.8
        units = np.arange(len(self.radii))
        if mitotic:
            return units
        if len(moment.bodies) == 1:
            return self._joined(self.chains[0], units, motion * time_s)
        group = units.copy()
        for side in range(2):
            own = np.flatnonzero(self.course.side == side)
            chains = self.chains[1 + side]
            # the slots of this daughter, by the units that fill them
            unit_of = np.full(len(chains.chain), -1, np.int64)
            unit_of[self.slot[own]] = own
            slots = self._joined(chains, np.arange(len(chains.chain)), motion * time_s)
            group[own] = unit_of[slots[self.slot[own]]]
        return group

    def _joined(self, chains: Chains, units: Ints, time_s: float) -> Ints:
        closed = (self._closed(chains, time_s) > 0.5) | chains.branch
        group = units.copy()
        # parents come before their children
        for unit in np.flatnonzero(closed & (chains.parent >= 0)):
            group[unit] = group[chains.parent[unit]]
        return group

    def _closed(self, chains: Chains, time_s: float) -> Float64:
        return self.joints.at(time_s)[: len(chains.chain)]

    def _spread(self, index: int, body: Body, moment: Moment, sway: Sway, motion: float) -> Float64:
        """Return the units on their paths in a spread cell."""
        chains, time_s = self.chains[index], moment.time_s
        path = body.from_body(chains.path)
        path = sway.carry(path, time_s, motion * (1.0 - moment.roundness))
        hole = moment.holes[max(index - 1, 0)]
        path = confine_in(path, np.full(len(path), _KEPT_UM), body, hole, edge_um=0.2)
        opened = (1.0 - self._closed(chains, motion * time_s)) * 0.5 * self.gap_um / STEP_UM
        opened = np.where(chains.branch | (chains.parent < 0), 0.0, opened)
        behind = np.zeros(len(opened))
        follows = np.flatnonzero((chains.parent >= 0) & ~chains.branch)
        behind[chains.parent[follows]] = opened[follows]
        shift = self.slides.reach + self.slides.along(motion * time_s)
        shift = shift[chains.member[chains.chain] % len(shift)]
        return chains.curves(path, shift, (opened, behind), self.points)


def _along(points: int) -> Float64:
    """Return where a unit's points lie, 0 to 1: in the middle of the piece that each stands for."""
    return (np.arange(points) + 0.5) / points


def mitochondria(
    figure: Figure, p: Parameters, dye: CellDye, rng: np.random.Generator
) -> Mitochondria:
    """Return the mitochondria of a cell and where they go in its daughters."""
    m = p.mitochondria
    count = int(rng.integers(m.count[0], m.count[1] + 1))
    moving = rng.uniform(size=count) < rng.uniform(*m.moving)
    speed = rng.uniform(*m.speed_um_s, count) / STEP_UM
    reach = np.asarray(moving * 0.5 * _TRACK_UM / STEP_UM)
    slides = Runs.between(rng, reach, speed, pause_s=(20.0, 90.0))
    chains = [_chains(figure.mother, count, m, reach, rng)]
    units = len(chains[0].chain)
    spacing = p.sampling.spacing_um
    points = int(np.ceil(m.unit_um / (_CLOSER * spacing)))
    middle = chains[0].curves(
        figure.mother.body.from_body(chains[0].path),
        np.zeros(units),
        (np.zeros(units),) * 2,
        points,
    )[:, points // 2]
    course = draw_course(rng, figure, middle, (middle,) * len(figure.daughters))
    slot = np.zeros(units, np.int64)
    for half, daughter in enumerate(figure.daughters):
        own = np.flatnonzero(course.side == half)
        chains.append(_enough(daughter, len(own), count, m, reach, rng))
        slot[own] = np.arange(len(own))
    rows = chains[0].member[chains[0].chain]
    radii = 0.5 * rng.uniform(*m.diameter_um, count)[rows]
    stain = dye.objects("mitochondria", count, rng)
    heading = rng.normal(size=(units, 3))
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    most = max(len(c.chain) for c in chains)
    joints = max(int(((chains[0].parent >= 0) & ~chains[0].branch).sum()), 1)
    rate = float(rng.uniform(*m.events_per_min)) / 60.0
    return Mitochondria(
        tuple(chains),
        slot,
        course,
        Switches.draw(
            rng, most, mean_s=joints / rate, share=_CLOSED, ramp_s=np.full(most, _SPLIT_S)
        ),
        slides,
        heading * np.clip(chains[0].length * STEP_UM, *p.mitosis.fragment_um)[:, None],
        radii,
        m.gap_um,
        type(stain)(stain.level[rows], stain.red[rows], stain.green[rows]),
        figure.motion,
        points,
        spacing,
    )


def _enough(
    territory: Territory,
    wanted: int,
    count: int,
    m: MitochondriaParameters,
    reach: Float64,
    rng: np.random.Generator,
) -> Chains:
    """Return a daughter's chains with at least as many units as it gets."""
    number = count // 2
    chains = _chains(territory, number, m, reach, rng)
    while len(chains.chain) < wanted:
        number = int(1.2 * number) + 1
        chains = _chains(territory, number, m, reach, rng)
    return chains


def _chains(
    territory: Territory,
    count: int,
    m: MitochondriaParameters,
    reach: Float64,
    rng: np.random.Generator,
) -> Chains:
    """Return paths in a spread cell, cut into units; some have a branch."""
    # some get stuck at once: others take their places
    tried = int(1.3 * count) + 8
    starts = _starts(territory, tried, rng)
    _, ny, nx = territory.nucleus.center
    away = np.arctan2(starts[:, 1] - ny, starts[:, 2] - nx)
    heading = away + rng.normal(0.0, 0.9, tried) + np.pi * (rng.uniform(size=tried) < 0.5)
    lengths = np.clip(
        rng.lognormal(np.log(m.median_length_um), m.length_spread, tried), *m.length_um
    )
    room = 2.0 * reach[np.arange(tried) % len(reach)]
    paths = _walk(territory, starts, heading, lengths + room * STEP_UM, rng)
    good = [k for k, path in enumerate(paths) if len(path) > room[k] + m.length_um[0] / STEP_UM]
    kept = np.array(good[:count])
    paths, lengths = [paths[k] for k in kept], lengths[kept]
    room = 2.0 * reach[np.arange(len(kept)) % len(reach)]
    room = np.minimum(room, [len(path) - 1.0 - m.length_um[0] / STEP_UM for path in paths])
    paths, members, units = _cut(paths, lengths, room, m, territory, rng)
    counts = np.array([len(path) for path in paths])
    points = np.concatenate([_curve(territory, path) for path in paths])
    chain, start, length, parent, branch = (np.array(column) for column in zip(*units, strict=True))
    return Chains(
        territory.body.to_body(points),
        np.cumsum(counts) - counts,
        counts,
        chain,
        start,
        length,
        parent,
        branch,
        np.array(members),
    )


def _cut(
    paths: list[Float64],
    lengths: Float64,
    room: Float64,
    m: MitochondriaParameters,
    territory: Territory,
    rng: np.random.Generator,
) -> tuple[list[Float64], list[int], list[tuple[int, float, float, int, bool]]]:
    """Return the paths with their branches, the mitochondrion of each, and the units.

    Units are (path, start, length, parent, whether a branch).
    """
    units: list[tuple[int, float, float, int, bool]] = []
    middle_unit = []
    for index, path in enumerate(paths):
        steps = max(len(path) - 1 - float(room[index]), 3.0)
        pieces = max(round(steps * STEP_UM / m.unit_um), 1)
        middle_unit.append(len(units) + pieces // 2)
        for k in range(pieces):
            parent = len(units) - 1 if k else -1
            units.append((index, k * steps / pieces, steps / pieces, parent, False))
    most = m.length_um[1]
    bears = (
        (lengths > 2.5)
        & (lengths < most - 1.0)
        & (room == 0.0)
        & (rng.uniform(size=len(paths)) < m.branching)
    )
    bearers = np.flatnonzero(bears)
    forks = np.array([paths[b][len(paths[b]) // 2] for b in bearers]).reshape(-1, 4)
    turn = rng.choice([-1.0, 1.0], len(forks)) * rng.uniform(0.6, 1.2, len(forks))
    reach = rng.uniform(1.0, np.minimum(3.0, most - lengths[bearers]), len(forks))
    twigs = _walk(territory, forks[:, :3], forks[:, 3] + turn, reach, rng)
    for number, (bearer, twig) in enumerate(zip(bearers.tolist(), twigs, strict=True)):
        length = max(len(twig) - 1.0, 3.0)
        units.append((len(paths) + number, 0.0, length, middle_unit[bearer], True))
    members = [*range(len(paths)), *bearers.tolist()]
    return [*paths, *twigs], members, units


def _starts(territory: Territory, count: int, rng: np.random.Generator) -> Float64:
    """Return (n, 3): relative height, y, x; denser around the nucleus."""
    body, nucleus = territory.body, territory.nucleus
    outline_y, outline_x = body.outline()
    y = rng.uniform(outline_y.min(), outline_y.max(), 40 * count)
    x = rng.uniform(outline_x.min(), outline_x.max(), 40 * count)
    radial = nucleus.radial(y, x)
    wanted = np.exp(-0.9 * np.maximum(radial - 1.1, 0.0)) * (radial > 1.05)
    wanted *= np.clip((body.inward(y, x) - _EDGE_UM) / 3.0, 0.0, 1.0)
    chosen = np.flatnonzero(rng.uniform(size=y.size) < wanted)
    chosen = np.resize(chosen, count)
    return np.stack([rng.uniform(0.1, 0.9, count), y[chosen], x[chosen]], axis=1)


def _walk(
    territory: Territory,
    starts: Float64,
    heading: Float64,
    lengths: Float64,
    rng: np.random.Generator,
) -> list[Float64]:
    """Return each walker's path (n, 4): relative height, y, x, heading; all walk in lockstep."""
    if not len(starts):
        return []
    level, y, x = starts.T.copy()
    heading, turn = heading.copy(), np.zeros(len(y))
    done = np.zeros(len(y), np.int64)
    wanted = np.maximum((lengths / STEP_UM).astype(np.int64), 8)
    side = rng.choice([-1.0, 1.0], len(y))
    history = []
    for _ in range(int(1.5 * wanted.max())):
        turn = 0.95 * turn + rng.normal(0.0, 0.010, len(y))
        level = np.clip(level + rng.normal(0.0, 0.012, len(y)), 0.05, 0.95)
        ahead_y, ahead_x = y + STEP_UM * np.sin(heading), x + STEP_UM * np.cos(heading)
        free = _free(territory, level, ahead_y, ahead_x)
        heading = heading + np.where(free, turn, 0.3 * side)
        moved = free & (done < wanted)
        y, x = np.where(moved, ahead_y, y), np.where(moved, ahead_x, x)
        done = done + moved
        history.append((np.stack([level, y, x, heading], axis=1), moved))
    states = np.stack([h for h, _ in history])
    moves = np.stack([m for _, m in history])
    return [
        states[moves[:, i], i] if moves[:, i].sum() > 3 else np.repeat(states[:1, i], 4, axis=0)
        for i in range(len(y))
    ]


def _curve(territory: Territory, path: Float64) -> Float64:
    """Return a path's points (n, 3), µm."""
    level, y, x = path[:, :3].T
    return np.stack([_height(territory, level, y, x), y, x], axis=1)


def _height(territory: Territory, level: Float64, y: Float64, x: Float64) -> Float64:
    low, high, _ = territory.body.surfaces(y, x)
    tall = high - low
    margin = np.minimum(0.35, 0.45 * tall)
    return np.asarray(low + margin + level * (tall - 2 * margin))


def _free(territory: Territory, level: Float64, y: Float64, x: Float64) -> Bool:
    nucleus = territory.nucleus
    z = _height(territory, level, y, x)
    half, _, width = nucleus.semi_axes
    off = np.clip((np.abs(z - nucleus.center[0]) - 0.3) / half, 0.0, 1.0)
    blocked = nucleus.radial(y, x) < np.sqrt(1.0 - off**2) + 0.4 / width * (off < 1.0)
    return np.asarray((territory.body.inward(y, x) > _EDGE_UM) & ~blocked)
