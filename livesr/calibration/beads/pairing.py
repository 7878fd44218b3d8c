"""Which bead of one channel is which bead of another.

All differences of place vote for the shift; nearest neighbours then pair up behind a model that
grows as the gate shrinks. A channel that is turned by some degrees is found by trying; a mirrored
or quarter-turned one is an error of the channel layout, and named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from livesr.calibration.fitting.ladder import FEWEST, fit_ladder
from livesr.calibration.fitting.points import Pairs
from livesr.errors import CalibrationError

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.calibration.beads.find import Beads
    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Float64

    Indices = npt.NDArray[np.int64]

FARTHEST_UM = (4.0, 8.0, 8.0)
"""Largest shift between channels that is looked for."""
BIN_UM = (0.6, 0.4, 0.4)
"""Bins of the votes."""
AGREE = 0.35
"""Share of the beads of the poorer channel that has to find a partner."""
ANGLES = np.arange(-6.0, 6.01, 0.5)
"""Turns that are tried if no shift alone will do, degrees."""
GATES_UM = (0.9, 0.5, 0.3, 0.2, 0.15)
"""Lateral radius within which beads pair up, round by round; along z three times as much."""
DEGREES = (1, 1, 2, 3, 5)
"""Highest degree of the model that the pairs of each round give."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Pairs of beads, and what was left over.

    Attributes
    ----------
    pairs : Pairs
    reference, other : ndarray, (n,), int
        Which beads they are.
    alone : tuple of int
        Beads of the reference and of the other channel without a partner.
    """

    pairs: Pairs
    reference: Indices
    other: Indices
    alone: tuple[int, int]


def match(reference: Beads, other: Beads, field_um: tuple[float, float], name: str) -> Matched:
    """Pair the beads of two channels.

    Parameters
    ----------
    reference, other : Beads
    field_um : tuple of float
        Extent (y, x) of the image.
    name : str
        Of the other channel, for messages.

    Raises
    ------
    CalibrationError
        Too few beads; channels that do not show the same beads; a mirrored channel.
    """
    for beads, which in ((reference, "the reference channel"), (other, f"channel {name}")):
        if len(beads) < FEWEST:
            raise CalibrationError(
                f"{which} shows {len(beads)} usable beads{_why(beads)}, {FEWEST} are needed at"
                " least and 60 or more for a good calibration",
                where="calibrate",
                fix="more beads in the field, focus within the stack, a longer exposure",
            )
    found = _paired(reference, other, field_um)
    if found is None:
        raise _wrong_way_round(reference, other, field_um, name)
    first, second = found
    left = len(reference) - len(first), len(other) - len(second)
    return Matched(_pairs(reference, other, first, second), first, second, left)


def _paired(
    reference: Beads, other: Beads, field_um: tuple[float, float]
) -> tuple[Indices, Indices] | None:
    """Return which beads are one, by a shift alone or by a turn and a shift; None if too few."""
    _, shift = _vote(reference.place_um, other.place_um)
    found = _refined(reference, other, reference.place_um + shift, field_um)
    if found is not None:
        return found
    tried = []
    for angle in ANGLES:
        turned = _turned(reference.place_um, float(angle))
        votes, shift = _vote(turned, other.place_um)
        tried.append((votes, turned + shift))
    _, predicted = max(tried, key=lambda one: one[0])
    return _refined(reference, other, predicted, field_um)


def _refined(
    reference: Beads, other: Beads, predicted: Float64, field_um: tuple[float, float]
) -> tuple[Indices, Indices] | None:
    """Return nearest neighbours as gate and model tighten; None where in the end few agree."""
    needed = max(FEWEST, AGREE * min(len(reference), len(other)))
    first = second = np.empty(0, np.int64)
    for gate, degree in zip(GATES_UM, DEGREES, strict=True):
        first, second = _nearest(predicted, other.place_um, gate)
        if len(first) < FEWEST:
            return None
        model = fit_ladder(_pairs(reference, other, first, second), field_um, highest=degree).model
        predicted = _moved(reference.place_um, model)
    return (first, second) if len(first) >= needed else None


def _why(beads: Beads) -> str:
    reasons = [f"{count} {reason}" for reason, count in beads.refused.items() if count]
    return f" ({', '.join(reasons)})" if reasons else ""


def _vote(reference: Float64, other: Float64) -> tuple[int, Float64]:
    """Return how many beads agree on the likeliest shift, and the shift, µm."""
    reach = np.asarray(FARTHEST_UM)
    scaled = cKDTree(reference / reach), cKDTree(other / reach)
    near = scaled[0].query_ball_tree(scaled[1], np.sqrt(3.0))
    rows = np.repeat(np.arange(len(reference)), [len(found) for found in near])
    columns = np.fromiter((k for found in near for k in found), np.int64, len(rows))
    difference = other[columns] - reference[rows]
    edges = [np.arange(-far, far + width, width)
             for far, width in zip(FARTHEST_UM, BIN_UM, strict=True)]  # fmt: skip
    votes, _ = np.histogramdd(difference, bins=edges)
    smooth = gaussian_filter(votes, 0.7, mode="constant")
    best = np.unravel_index(int(np.argmax(smooth)), smooth.shape)
    middle = np.array([(edge[k] + edge[k + 1]) / 2 for edge, k in zip(edges, best, strict=True)])
    for _ in range(3):
        within = np.all(np.abs(difference - middle) < 1.5 * np.asarray(BIN_UM), axis=1)
        if within.any():
            middle = np.median(difference[within], axis=0)
    return len(np.unique(rows[within])), middle


def _nearest(predicted: Float64, other: Float64, gate: float) -> tuple[Indices, Indices]:
    """Return indices of those that are each other's nearest, within the gate."""
    scale = np.array([3.0 * gate, gate, gate])
    there, here = cKDTree(other / scale), cKDTree(predicted / scale)
    distance, partner = there.query(predicted / scale, distance_upper_bound=1.0)
    _, back = here.query(other / scale)
    first = np.flatnonzero(np.isfinite(distance))
    first = first[back[partner[first]] == first]
    return first, partner[first]


def _pairs(reference: Beads, other: Beads, first: Indices, second: Indices) -> Pairs:
    sigma = np.hypot(reference.error_um[first], other.error_um[second])
    return Pairs(reference.place_um[first], other.place_um[second], sigma)


def _moved(places: Float64, model: ChromaticModel) -> Float64:
    z, y, x = places.T
    return places + np.stack(model.displacement(y, x, z), axis=1)


def _turned(places: Float64, degrees: float) -> Float64:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    z, y, x = places.T
    return np.stack([z, c * y - s * x, s * y + c * x], axis=1)


def _oriented(places: Float64, *, flip: bool, turns: int) -> Float64:
    z, y, x = places.T
    if flip:
        x = -x
    for _ in range(turns):
        y, x = -x, y
    return np.stack([z, y, x], axis=1)


def _wrong_way_round(
    reference: Beads, other: Beads, field_um: tuple[float, float], name: str
) -> CalibrationError:
    """Return why no beads pair up: a mirrored or turned channel, if that would mend it."""
    for flip, turns in product((False, True), range(4)):
        turned = replace(reference, place_um=_oriented(reference.place_um, flip=flip, turns=turns))
        if (flip or turns) and _paired(turned, other, field_um) is not None:
            parts = ["mirrored"] * flip + [f"turned by {90 * turns}°"] * bool(turns)
            return CalibrationError(
                f"channel {name} is {' and '.join(parts)} against the reference",
                where="calibrate",
                fix="say so in the channel layout (flip, quarter_turns of that rectangle) and"
                " calibrate again: livesr then turns it without interpolation",
            )
    return CalibrationError(
        f"channel {name} does not show the same beads as the reference: of {len(reference)} and"
        f" {len(other)} beads hardly any lie at one place after any shift",
        where="calibrate",
        fix="check the layout's rectangles, that both channels were recorded at one place, and"
        " that the beads shine in both",
    )
