"""Where things are through a cell's life: spread, carried through division, in a daughter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from livesr.simulator.anatomy.chance import smooth

if TYPE_CHECKING:
    from livesr.simulator.anatomy.body import Body
    from livesr.simulator.anatomy.figure import Figure, Moment
    from livesr.simulator.anatomy.nucleus import Nucleus
    from livesr.types import Bool, Float64

    Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

_SPREAD_OF_DELAYS = 0.6
"""Share of a rearrangement by which its last part begins after its first."""
_FARTHEST = 0.2
"""Share of a hole's size beyond it that nothing is thrown farther than."""
_INNER, _CROWDED, _OUTER = 0.55, 0.75, 0.93
"""Of the round cell's radius: where organelles begin beside the spindle, where they are as dense as
anywhere, and the farthest that they go."""


@dataclass(frozen=True, slots=True)
class Course:
    """Places of ``n`` things.

    Attributes
    ----------
    spread : ndarray, (n, 3)
        Body coordinates in the spread mother.
    mitotic : ndarray, (n, 3)
        Profile coordinates in the rounded and dividing cell; empty if the cell never divides.
    daughter : ndarray, (n, 3)
        Body coordinates in the daughter that it goes to; empty likewise.
    side : ndarray, (n,), int64
        0: the daughter ahead along the axis, 1: the other.
    delay : ndarray, (n,)
        When it moves, 0 to 1, while others do.
    """

    spread: Float64
    mitotic: Float64
    daughter: Float64
    side: Ints
    delay: Float64

    def at(self, moment: Moment, loosened: float, gathered: float) -> Float64:
        """Return the places (n, 3), µm.

        Parameters
        ----------
        moment : Moment
        loosened, gathered : float
            How far things have left their interphase places, and taken those in the daughters.
        """
        if len(moment.bodies) == 1:
            here = moment.bodies[0].from_body(self.spread)
            if loosened <= 0.0:
                return here
            there = moment.rounded.points(self.mitotic)
            return here + self.share(loosened)[:, None] * (there - here)
        here = moment.rounded.points(self.mitotic)
        if gathered <= 0.0:
            return here
        share = self.share(gathered)[:, None]
        for side, body in enumerate(moment.bodies):
            own = self.side == side
            there = body.from_body(self.daughter[own])
            here[own] += share[own] * (there - here[own])
        return here

    def share(self, progress: float) -> Float64:
        """Return how far each has moved when the whole has progressed so far."""
        return smooth((progress - _SPREAD_OF_DELAYS * self.delay) / (1.0 - _SPREAD_OF_DELAYS))


def draw_course(
    rng: np.random.Generator,
    figure: Figure,
    places: Float64,
    daughters: tuple[Float64, ...] = (),
    parts: int = 1,
) -> Course:
    """Return the course of things from where they are in the spread mother at time 0.

    Parameters
    ----------
    rng : numpy.random.Generator
    figure : Figure
    places : ndarray, (n, 3)
        µm, in the spread mother.
    daughters : tuple of ndarray, (n, 3), optional
        Where each would be in either daughter, µm; needed if the cell divides.
    parts : int
        Things that belong together: runs of so many share side and delay.
    """
    count = len(places)
    spread = figure.mother.body.to_body(places)
    none = np.zeros((0, 3))
    still = np.zeros(count, np.int64), np.zeros(count)
    if not figure.daughters:
        return Course(spread, none, none, *still)
    groups = -(-count // parts)
    mitotic = _beside_their_own(rng, figure, places[::parts], mitotic_places(rng, groups))
    mitotic = np.repeat(mitotic, parts, axis=0)[:count]
    side = (mitotic[:, 0] < 0.0).astype(np.int64)
    delay = np.repeat(rng.uniform(size=groups), parts)[:count]
    daughter = np.empty((count, 3))
    for index, (territory, there) in enumerate(zip(figure.daughters, daughters, strict=True)):
        own = side == index
        daughter[own] = territory.body.to_body(there[own])
    return Course(spread, mitotic, daughter, side, delay)


def mitotic_places(rng: np.random.Generator, count: int) -> Float64:
    """Return profile coordinates (n, 3) spread evenly over a round cell outside its spindle."""
    found = np.zeros((0, 3))
    while len(found) < count:
        ball = rng.uniform(-1.0, 1.0, (4 * count + 64, 3))
        reach = np.linalg.norm(ball, axis=1)
        # few where the spindle's zone begins, more towards the cortex
        wanted = np.clip((reach - _INNER) / (_CROWDED - _INNER), 0.0, 1.0) * (reach < _OUTER)
        ball = ball[rng.uniform(size=len(ball)) < wanted]
        across = np.sqrt(np.maximum(1.0 - ball[:, 0] ** 2, 1e-3))
        ball[:, 1:] /= across[:, None]
        found = np.concatenate([found, ball])
    return found[:count]


def _beside_their_own(
    rng: np.random.Generator, figure: Figure, places: Float64, mitotic: Float64
) -> Float64:
    """Return the mitotic places dealt out so that things stay on their side of the cell."""
    cy, cx = figure.mother.body.center
    along = (places[:, 1] - cy) * np.sin(figure.axis) + (places[:, 2] - cx) * np.cos(figure.axis)
    dealt = np.empty_like(mitotic)
    order = np.argsort(along + rng.normal(0.0, 3.0, len(along)), kind="stable")
    dealt[order] = mitotic[np.argsort(mitotic[:, 0], kind="stable")]
    return dealt


def confine(
    points: Float64, radius: Float64, moment: Moment, side: Ints, edge_um: float = 0.5
) -> Float64:
    """Return centres moved so that balls of a radius lie in the cytoplasm.

    Balls too large for the height of the cell sit half way up.

    Parameters
    ----------
    points, radius : ndarray, (n, 3) and (n,)
    moment : Moment
    side : ndarray, (n,), int64
        Body of each, once there are two.
    edge_um : float
        Least distance from the edge beside the radius.
    """
    if len(moment.bodies) == 1:
        return confine_in(points, radius, moment.bodies[0], moment.holes[0], edge_um)
    out = points.copy()
    for index, (body, hole) in enumerate(zip(moment.bodies, moment.holes, strict=True)):
        own = side == index
        out[own] = confine_in(points[own], radius[own], body, hole, edge_um)
    return out


def own_side(points: Float64, moment: Moment, side: Ints, share: float) -> Float64:
    """Return points brought to their own side of a dividing cell's middle; ``share`` of the way."""
    if share <= 0.0:
        return points
    along = moment.ahead(points)
    wanted = np.where(side == 0, np.abs(along), -np.abs(along))
    shift = share * (wanted - along)
    moved = points.copy()
    moved[:, 1] += shift * np.sin(moment.rounded.axis)
    moved[:, 2] += shift * np.cos(moment.rounded.axis)
    return moved


def confine_in(
    points: Float64, radius: Float64, body: Body, hole: Nucleus, edge_um: float = 0.5
) -> Float64:
    """Return centres moved into one body, beside what they keep off; see `confine`."""
    moved = points.copy()
    # what has gone too far is thrown back as far, as from a mirror
    _hold(moved, radius + edge_um, body, mirror=True)
    low, high = _between(body, moved, radius)
    height = np.maximum(high - low, 1e-6)
    turned = np.abs((moved[:, 0] - low + height) % (2.0 * height) - height)
    moved[:, 0] = low + turned
    _push_out(moved, radius, np.array([*hole.center, *hole.semi_axes, hole.angle]))
    # beside a wide hole the edge is near: it goes before the hole
    _hold(moved, radius + min(edge_um, 0.1), body, mirror=False)
    low, high = _between(body, moved, radius)
    moved[:, 0] = np.clip(moved[:, 0], low, high)
    return moved


def _hold(points: Float64, margin_um: Float64, body: Body, *, mirror: bool) -> None:
    """Bring points within a margin of the edge, in place."""
    cy, cx = body.center
    dy, dx = points[:, 1] - cy, points[:, 2] - cx
    distance = np.maximum(np.hypot(dy, dx), 1e-6)
    edge = body.inner_edge(np.arctan2(dy, dx), margin_um)
    back = np.maximum(2.0 * edge - distance, 0.5 * edge) if mirror else edge
    share = np.where(distance > edge, back, distance) / distance
    points[:, 1], points[:, 2] = cy + dy * share, cx + dx * share


def _between(body: Body, points: Float64, radius: Float64) -> tuple[Float64, Float64]:
    """Return the lowest and highest that balls can be; half way up where the cell is too thin."""
    low, high, _ = body.surfaces(points[:, 1], points[:, 2])
    low, high = low + radius + 0.1, high - radius - 0.1
    middle = 0.5 * (low + high)
    return np.minimum(low, middle), np.maximum(high, middle)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _push_out(points: Float64, radius: Float64, hole: Float64) -> None:
    """Throw balls back sideways from an ellipsoid: z, y, x, half height, length, width, angle."""
    c, s = np.cos(hole[6]), np.sin(hole[6])
    for i in range(points.shape[0]):
        off = max(abs(points[i, 0] - hole[0]) - radius[i] - 0.2, 0.0) / hole[3]
        if off >= 1.0:
            continue
        dy, dx = points[i, 1] - hole[1], points[i, 2] - hole[2]
        along, across = (dx * c + dy * s) / hole[4], (dy * c - dx * s) / hole[5]
        q = np.sqrt(along * along + across * across)
        needed = np.sqrt(1.0 - off * off) * 1.04 + (radius[i] + 0.22) / min(hole[4], hole[5])
        if q < needed:
            # a mirror for what is a little inside, less and less for what is deep
            beyond = _FARTHEST * needed
            push = (needed + beyond * np.tanh((needed - q) / beyond)) / max(q, 0.05)
            points[i, 1] = hole[1] + dy * push
            points[i, 2] = hole[2] + dx * push


def below_surface(points: Float64, radius: Float64, moment: Moment, side: Ints) -> Float64:
    """Return points (n, 3) lifted or lowered so that balls of a radius lie in the cell."""
    moved = points.copy()
    for index, body in enumerate(moment.bodies):
        own = side == index if len(moment.bodies) == 2 else slice(None)
        low, high = _between(body, moved[own], radius[own])
        moved[own, 0] = np.clip(moved[own, 0], low, high)
    return moved


def cytoplasmic(points: Float64, body: Body, nucleus: Nucleus, gap: float) -> Bool:
    """Return which points lie inside the body and off the nucleus by ``gap``."""
    z, y, x = points.T
    low, high, share = body.surfaces(y, x)
    bottom, top = nucleus.surfaces(y, x)
    nuclear = (z > bottom - gap) & (z < top + gap) & (nucleus.radial(y, x) < 1.0 + gap / 8)
    return np.asarray(~nuclear & (share < 1.0) & (z > low) & (z < high))
