"""Points of one structure of one cell at one time: what the renderer draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesr.simulator.anatomy.stain import Stain
    from livesr.types import Float32, Float64

    Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

TRUTH = 3
"""Row of `Layer.masses` that the truth is rendered from; the rows before it are the channels."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Points of one structure.

    Attributes
    ----------
    name : str
        Structure.
    points : ndarray, (n, 3), float32
        (z, y, x), µm.
    masses : ndarray, (4, n), float32
        Yellow, red and green emission, truth; µm³ (see `livesr.simulator.anatomy.primitives`).
    owner : ndarray, (n,), int64
        Object that each point belongs to.
    cell : int
        Place of its cell in the sample.
    """

    name: str
    points: Float32
    masses: Float32
    owner: Ints
    cell: int = 0


def make_layer(
    name: str,
    points: Float64,
    emission: Float64,
    truth: Float64,
    owner: Ints,
    stain: Stain,
    shade: Ints | None = None,
) -> Layer:
    """Return a layer; points without mass are left out.

    Parameters
    ----------
    name : str
    points : ndarray, (n, 3)
    emission, truth : ndarray, (n,)
        Masses of a structure of brightness 1.
    owner : ndarray, (n,)
    stain : Stain
    shade : ndarray, (n,), optional
        Row of the stain for each point; default: the owner's.
    """
    shown = truth > 0.0
    if not shown.all():
        points, emission, truth = points[shown], emission[shown], truth[shown]
        owner, shade = owner[shown], None if shade is None else shade[shown]
    row = owner if shade is None else shade
    masses = np.empty((4, len(points)), np.float32)
    yellow = emission * stain.level[row]
    masses[0] = yellow
    masses[1] = yellow * stain.red[row]
    masses[2] = yellow * stain.green[row]
    masses[TRUTH] = truth
    return Layer(name, np.ascontiguousarray(points, np.float32), masses, owner)


def join(name: str, layers: list[Layer]) -> Layer:
    """Return several layers of a structure as one; their owners are of one numbering."""
    if len(layers) == 1:
        return layers[0]
    if not layers:
        nothing = np.zeros((0, 3), np.float32), np.zeros((4, 0), np.float32)
        return Layer(name, *nothing, np.zeros(0, np.int64))
    return Layer(
        name,
        np.concatenate([a.points for a in layers]),
        np.concatenate([a.masses for a in layers], axis=1),
        np.concatenate([a.owner for a in layers]),
    )
