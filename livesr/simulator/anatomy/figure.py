"""The figure of a cell through time: its bodies, nuclei and spindle at any moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import minimum_filter

from livesr.simulator.anatomy.body import (
    ANGLE_TABLE,
    FLOOR_UM,
    Body,
    blend,
    widened,
)
from livesr.simulator.anatomy.chance import Wander
from livesr.simulator.anatomy.life import Life
from livesr.simulator.anatomy.nucleus import ELLIPSOID, Nucleus, between, draw_nucleus
from livesr.simulator.anatomy.rounded import Rounded
from livesr.simulator.anatomy.spread import Creep, draw_outline, long_axis, spread_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64

_NO_SHAPE = np.zeros((3, 2))
_NO_FOLDS, _NO_NUCLEOLI = np.zeros((0, 7)), np.zeros((0, 5))
_ROOM_UM = 4.0
"""How far an edge may creep outward where no other cell is near."""
_SKIN_UM = 0.35
"""Least cytoplasm between nucleus and surface."""


@dataclass(frozen=True, slots=True)
class Territory:
    """A spread cell: the mother before division, or one of the daughters after it.

    Attributes
    ----------
    body : Body
        At rest.
    nucleus : Nucleus
    organizer : tuple of float
        (y, x) of the microtubules' organizing centre.
    creep : Creep
    room : ndarray, (ANGLES,)
        How far the edge may creep outward in each direction, µm: half way to the next cell.
    """

    body: Body
    nucleus: Nucleus
    organizer: tuple[float, float]
    creep: Creep
    room: Float64

    def among(self, others: Iterable[Body]) -> Territory:
        """Return it with room up to half way to other cells."""
        room = self.room
        for other in others:
            room = np.minimum(room, 0.5 * _gaps(self.body, other))
        return replace(self, room=room)

    def crept(self, time_s: float, motion: float) -> Body:
        """Return the body with its edge where it has crept, at constant volume."""
        way = motion * self.creep.at(time_s) * self.body.radius
        held = np.where(way > 0.0, self.room * np.tanh(way / np.maximum(self.room, 1e-3)), way)
        body = replace(self.body, creep=held / self.body.radius)
        lower = self.body.volume() / body.volume()
        return replace(body, high=FLOOR_UM + lower * (body.high - FLOOR_UM))

    def moved(self, dy: float, dx: float) -> Territory:
        """Return it elsewhere on the cover slip."""
        y, x = self.organizer
        return replace(
            self,
            body=self.body.moved(dy, dx),
            nucleus=self.nucleus.moved(0.0, dy, dx),
            organizer=(y + dy, x + dx),
        )


@dataclass(frozen=True, slots=True)
class Plate:
    """Chromosomes: an ellipsoid without dye.

    Attributes
    ----------
    center : tuple of float
        (z, y, x).
    semi_axes : tuple of float
        Half height, half thickness along the spindle, half width.
    angle : float
        Of the spindle in (y, x).
    """

    center: tuple[float, float, float]
    semi_axes: tuple[float, float, float]
    angle: float

    def grown(self, by_um: float) -> Plate:
        """Return the ellipsoid with longer half axes."""
        tall, thick, wide = self.semi_axes
        return replace(self, semi_axes=(tall + by_um, thick + by_um, wide + by_um))

    def as_nucleus(self) -> Nucleus:
        """Return the same ellipsoid in a nucleus' form."""
        return Nucleus(self.center, self.semi_axes, self.angle, _NO_SHAPE, _NO_FOLDS, _NO_NUCLEOLI)


@dataclass(frozen=True, slots=True)
class Moment:
    """A cell's figure at one time.

    Attributes
    ----------
    time_s : float
    life : Life
    roundness : float
        0 spread, 1 round.
    bodies : tuple of Body
        One, or the two halves from anaphase on.
    rounded : Rounded
        The round form of the cell, for what is not in its spread places.
    nuclei : tuple of Nucleus
        Those with an envelope, one a body or none.
    envelope : float
        How much of it there is.
    holes : tuple of Nucleus
        One a body: where no organelle goes.
    plates : tuple of Plate
    """

    time_s: float
    life: Life
    roundness: float
    bodies: tuple[Body, ...]
    rounded: Rounded
    nuclei: tuple[Nucleus, ...]
    envelope: float
    holes: tuple[Nucleus, ...]
    plates: tuple[Plate, ...]

    @property
    def spread(self) -> bool:
        """Whether the cell has never begun to round up."""
        return self.roundness == 0.0 and len(self.bodies) == 1

    def ahead(self, points: Float64) -> Float64:
        """Return how far points (n, 3) lie ahead of the cell's middle along its axis, µm."""
        axis, (cy, cx) = self.rounded.axis, self.rounded.center
        y, x = points[:, 1] - cy, points[:, 2] - cx
        return np.asarray(y * np.sin(axis) + x * np.cos(axis))


@dataclass(frozen=True, slots=True)
class Figure:
    """What decides a cell's figure at any time.

    Attributes
    ----------
    life : Life
    mother : Territory
    daughters : tuple of Territory
        Empty unless the cell divides; the first lies ahead along the axis.
    axis : float
        Direction of the spindle in (y, x).
    volume_um3 : float
        Of the spread mother.
    plate_um : float
        Diameter of the metaphase plate.
    daughter_nucleus : float
        Volume of a daughter's nucleus over the mother's.
    footprint_loss : float
        Share of the footprint lost in prophase.
    drift : Wander
        The nucleus' own motion.
    motion : float
        Factor on all motion but the cell cycle's; 0 freezes the cell at time 0.
    """

    life: Life
    mother: Territory
    daughters: tuple[Territory, ...]
    axis: float
    volume_um3: float
    plate_um: float
    daughter_nucleus: float
    footprint_loss: float
    drift: Wander
    motion: float = 1.0

    def moved(self, dy: float, dx: float) -> Figure:
        """Return the figure elsewhere on the cover slip."""
        return replace(
            self,
            mother=self.mother.moved(dy, dx),
            daughters=tuple(d.moved(dy, dx) for d in self.daughters),
        )

    def among(self, others: Iterable[Body]) -> Figure:
        """Return the figure with room up to half way to other cells."""
        bodies = list(others)
        return replace(
            self,
            mother=self.mother.among(bodies),
            daughters=tuple(d.among(bodies) for d in self.daughters),
        )

    def moment(self, time_s: float) -> Moment:
        """Return the figure at a time."""
        life = self.life
        resting = self.mother.crept(time_s, self.motion)
        volume = self.volume_um3 * (1.0 + life.swelling)
        furrow, stretch = life.furrow(time_s), life.lengthening(time_s)
        center = self.mother.body.center
        rounded = Rounded.of_volume(
            center, self.axis, volume, life.height_um, stretch, furrow, life.neck_um
        )
        if life.kind == "quiet" or time_s <= life.prophase:
            nucleus = self._drifted(self.mother.nucleus, time_s, 1.0)
            resting = around(resting, nucleus, 1.0)
            return Moment(time_s, life, 0.0, (resting,), rounded, (nucleus,), 1.0, (nucleus,), ())
        roundness = life.roundness(time_s, self._prophase_roundness())
        if life.divided(time_s):
            return self._divided(time_s, rounded, roundness)
        wanted = self.volume_um3 * (1.0 + life.swelling * roundness)
        body = blend(resting, rounded.body(), roundness, wanted)
        nucleus = self._mothers_nucleus(time_s, body, roundness)
        envelope = life.envelope(time_s)
        body = around(body, nucleus, min(3.0 * envelope, 1.0))
        hole: Nucleus = nucleus
        plates: tuple[Plate, ...] = ()
        if time_s > life.breakdown and life.kind == "divides":
            whole = 1.0 - 0.4 * (1.0 - roundness)
            spindle = self._spindle(rounded, whole)
            share = _share(time_s, life.breakdown, life.metaphase)
            hole = between(nucleus, spindle, share)
            plates = self._plates(rounded, time_s, 0.38 * body.height())
        nuclei = (nucleus,) if envelope > 0.0 else ()
        return Moment(time_s, life, roundness, (body,), rounded, nuclei, envelope, (hole,), plates)

    def _divided(self, time_s: float, rounded: Rounded, roundness: float) -> Moment:
        life = self.life
        wanted = 0.5 * self.volume_um3 * (1.0 + life.swelling * roundness)
        halves = rounded.halves()
        bodies, nuclei, holes = [], [], []
        envelope = life.envelope(time_s)
        plates = self._plates(rounded, time_s, self.plate_um / 2.0)
        spindle = self._spindle(rounded, 1.0)
        parting = _share(time_s, life.anaphase, life.anaphase_b)
        closing = _share(time_s, life.anaphase_b, life.telophase)
        for half, daughter, plate in zip(halves, self.daughters, plates, strict=True):
            resting = daughter.crept(time_s, self.motion)
            nucleus = self._daughters_nucleus(time_s, daughter, plate, roundness)
            body = blend(resting, half, roundness, wanted)
            bodies.append(around(body, nucleus, envelope))
            beside = between(spindle, plate.grown(0.5).as_nucleus(), parting)
            holes.append(between(beside, nucleus, closing))
            nuclei.append(nucleus)
        closed = life.anaphase + life.reformed
        shown = tuple(nuclei) if envelope > 0.0 else ()
        left = plates if time_s < closed + 300.0 else ()
        return Moment(
            time_s,
            life,
            roundness,
            tuple(bodies),
            rounded,
            shown,
            envelope,
            tuple(holes),
            left,
        )

    def _drifted(self, nucleus: Nucleus, time_s: float, share: float) -> Nucleus:
        dz, dy, dx = (self.motion * share * self.drift.at(time_s)[0]).tolist()
        return nucleus.moved(0.1 * dz, dy, dx)

    def _prophase_roundness(self) -> float:
        """Return the roundness at which the footprint has lost what it loses in prophase."""
        if self.life.kind != "divides":
            return 0.0
        round_ = self.plate_um / 2.0 + 3.5
        mean = float(np.sqrt(self.mother.body.area() / np.pi))
        return float((1.0 - np.sqrt(1.0 - self.footprint_loss)) / (1.0 - round_ / mean))

    def _mothers_nucleus(self, time_s: float, body: Body, roundness: float) -> Nucleus:
        """Return the nucleus carried along by the contracting cell, and rounding."""
        nucleus = self.mother.nucleus
        place = self.mother.body.to_body(np.array([nucleus.center]))
        _, y, x = body.from_body(place)[0].tolist()
        carried = nucleus.moved(0.0, y - nucleus.center[1], x - nucleus.center[2])
        share = 0.8 * self.life.nucleus_rounding(time_s)
        carried = carried.rounded(share, body.center, roundness, body.height())
        return self._drifted(carried, time_s, 1.0 - roundness)

    def _daughters_nucleus(
        self, time_s: float, daughter: Territory, plate: Plate, roundness: float
    ) -> Nucleus:
        """Return a daughter's nucleus: a growing lens around its chromosomes, then spread."""
        life = self.life
        grown = _share(time_s, life.telophase, life.spreading)
        full = self.daughter_nucleus * self.mother.nucleus.volume
        volume = full * (0.5 + 0.5 * grown)
        radius = (volume / ELLIPSOID) ** (1.0 / 3.0)
        flat = 0.6 + 0.25 * grown
        semi = (radius / np.sqrt(flat), radius * flat, radius / np.sqrt(flat))
        lens = replace(plate, semi_axes=semi).as_nucleus()
        nucleus = between(lens, daughter.nucleus, 1.0 - roundness)
        return self._drifted(nucleus, time_s, 1.0 - roundness)

    def _spindle(self, rounded: Rounded, share: float) -> Nucleus:
        """Return the zone around the spindle that organelles leave free."""
        tall = min(self.plate_um / 2.0 + 0.2, 0.76 * rounded.squash * rounded.half_width)
        semi = (tall * share, 0.5 * self.life.spindle_um, self.plate_um / 2.0 + 0.3)
        center = (rounded.middle_um, *rounded.center)
        return Nucleus(center, semi, self.axis, _NO_SHAPE, _NO_FOLDS, _NO_NUCLEOLI)

    def _plates(self, rounded: Rounded, time_s: float, tallest: float) -> tuple[Plate, ...]:
        """Return the chromosomes: a loose crowd, one plate, two plates."""
        life = self.life
        together = life.congressed(time_s)
        tall = min(self.plate_um / 2.0, 0.7 * rounded.squash * rounded.half_width, tallest)
        thick = 0.5 * life.plate_um + 2.5 * (1.0 - together)
        distance = life.plate_distance(time_s)
        if not life.divided(time_s):
            center = (min(rounded.middle_um, 1.3 * tallest), *rounded.center)
            return (Plate(center, (tall, thick, self.plate_um / 2.0), self.axis),)
        shrunk = 1.0 - 0.3 * min(distance / 8.0, 1.0)
        semi = (tall * shrunk, 0.6 * thick, 0.5 * self.plate_um * shrunk)
        return tuple(
            Plate((rounded.middle_um, *rounded.on_axis(side * 0.5 * distance)), semi, self.axis)
            for side in (1.0, -1.0)
        )


def around(body: Body, nucleus: Nucleus, share: float) -> Body:
    """Return the body bulging where its nucleus would come through; ``share`` of it."""
    if share <= 0.0:
        return body
    reach = body.reaches()
    y = body.center[0] + reach * np.sin(ANGLE_TABLE)
    x = body.center[1] + reach * np.cos(ANGLE_TABLE)
    bottom, top = nucleus.surfaces(y, x)
    there = top > bottom
    over = widened(np.where(there, top + _SKIN_UM, 0.0))
    under = -widened(np.where(there, -np.maximum(bottom - _SKIN_UM, FLOOR_UM), -np.inf))
    high = body.high + share * np.maximum(over - body.high, 0.0)
    low = body.low - share * np.maximum(body.low - under, 0.0)
    return replace(body, low=low, high=high)


def _share(time_s: float, begin: float, end: float) -> float:
    """Return how much of a stretch of time has passed, 0 to 1."""
    return min(max((time_s - begin) / (end - begin), 0.0), 1.0)


def draw_figure(rng: np.random.Generator, p: Parameters, motion: float) -> Figure:
    """Return a cell's figure with its nucleus at the origin."""
    life = Life.draw(rng, p)
    low, high = p.mitosis.volume_um3 if life.kind == "divides" else p.cell.volume_um3
    volume = float(rng.uniform(low, high))
    share = float(
        rng.uniform(
            max(p.nucleus.share[0], p.nucleus.least_um3 / volume),
            max(p.nucleus.share[1], p.nucleus.least_um3 / volume),
        )
    )
    area = float(rng.uniform(*p.cell.footprint_um2))
    radius = draw_outline(rng, p.cell, area)
    angle = long_axis(radius)
    width = float(np.sqrt(area / np.pi))
    aside = rng.uniform(0.1, 0.2) * width * rng.choice([-1.0, 1.0])
    along = rng.uniform(-0.15, 0.15) * width
    center = (
        float(-aside * np.cos(angle) - along * np.sin(angle)),
        float(aside * np.sin(angle) - along * np.cos(angle)),
    )
    nucleus = draw_nucleus(rng, p, (0.0, 0.0), angle + rng.normal(0.0, 0.25), share * volume)
    mother = _territory(rng, p, center, radius, nucleus, volume)
    figure = Figure(
        life,
        mother,
        (),
        angle,
        volume,
        p.mitosis.plate_diameter_um,
        p.mitosis.daughter_nucleus,
        p.mitosis.footprint_loss,
        Wander.draw(rng, np.array([_diffusion(p.nucleus.drift_um_min)])),
        motion,
    )
    if life.kind != "divides":
        return figure
    return replace(figure, daughters=_daughters(rng, p, figure))


def _diffusion(um_per_min: float) -> float:
    """Return the coefficient with which things have moved so far after a minute (µm²/s)."""
    return um_per_min**2 / (4.0 * 60.0)


def _territory(
    rng: np.random.Generator,
    p: Parameters,
    center: tuple[float, float],
    radius: Float64,
    nucleus: Nucleus,
    volume_um3: float,
) -> Territory:
    body = spread_body(rng, p.cell, center, radius, nucleus, volume_um3)
    turn = rng.uniform(-np.pi, np.pi)
    _, ny, nx = nucleus.center
    length, width = nucleus.semi_axes[1:]
    c, s = np.cos(nucleus.angle), np.sin(nucleus.angle)
    u, v = 1.35 * length * np.cos(turn), 1.5 * width * np.sin(turn)
    organizer = (float(ny + u * s + v * c), float(nx + u * c - v * s))
    creep = Creep.draw(rng, p.cell, float(radius.mean()))
    return Territory(body, nucleus, organizer, creep, np.full(radius.size, _ROOM_UM))


def _daughters(rng: np.random.Generator, p: Parameters, figure: Figure) -> tuple[Territory, ...]:
    """Return the daughters' territories: the two halves of the mother's footprint."""
    mother = figure.mother.body
    one, other = (_daughter(rng, p, figure, mother, side) for side in (1.0, -1.0))
    return one.among([other.body]), other.among([one.body])


def _gaps(body: Body, other: Body) -> Float64:
    """Return how far the other cell is beyond the edge in each direction, up to `_ROOM_UM`."""
    beyond = np.arange(0.0, 2.0 * _ROOM_UM, 0.1)[:, None]
    reach = body.radius + beyond
    y = body.center[0] + reach * np.sin(ANGLE_TABLE)
    x = body.center[1] + reach * np.cos(ANGLE_TABLE)
    hit = other.inward(y, x) > 0.0
    first = np.where(hit.any(axis=0), np.argmax(hit, axis=0), len(beyond) - 1)
    gaps = beyond[first, 0]
    # neighbours in direction count too: edges are not met along rays alone
    return np.asarray(minimum_filter(gaps, size=15, mode="wrap"))


def _daughter(
    rng: np.random.Generator, p: Parameters, figure: Figure, mother: Body, side: float
) -> Territory:
    heading = figure.axis if side > 0 else figure.axis + np.pi
    reach = float(mother.edge(np.array([np.angle(np.exp(1j * heading))]))[0])
    ahead = 0.48 * reach
    center = (
        mother.center[0] + ahead * float(np.sin(heading)),
        mother.center[1] + ahead * float(np.cos(heading)),
    )
    radius = _half_outline(mother, center, heading, ahead - 0.5 * p.sample.gap_um)
    volume = 0.5 * figure.volume_um3
    nucleus = draw_nucleus(
        rng,
        p,
        center,
        figure.axis + np.pi / 2 + rng.normal(0.0, 0.3),
        figure.daughter_nucleus * figure.mother.nucleus.volume,
    )
    return _territory(rng, p, center, radius, nucleus, volume)


def _half_outline(
    mother: Body, center: tuple[float, float], heading: float, back_um: float
) -> Float64:
    """Return the distances from ``center`` to the mother's edge or to the cut behind."""
    reach = np.linspace(0.0, 60.0, 1200)[:, None]
    y, x = center[0] + reach * np.sin(ANGLE_TABLE), center[1] + reach * np.cos(ANGLE_TABLE)
    behind = -reach * np.cos(ANGLE_TABLE - heading)
    inside = (mother.inward(y, x) > 0.0) & (behind < back_um)
    first = np.argmax(~inside, axis=0)
    radius = reach[np.maximum(first, 2), 0]
    # corners are rounded off
    spectrum = np.fft.rfft(radius)
    spectrum *= np.exp(-0.5 * (np.arange(spectrum.size) / 14.0) ** 2)
    smooth = np.fft.irfft(spectrum, radius.size)
    return np.asarray(np.minimum(smooth, radius))
