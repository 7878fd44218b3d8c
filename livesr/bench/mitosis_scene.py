"""Simulated cells straight on the coarse grid of the mitosis features, without optics.

Bodies and nuclei are cut into voxels as the simulator's geometry gives them, other structures by
the points that it would draw: a hundredth of the time of a rendered and segmented stack. What the
networks get wrong is measured on rendered stacks and put on top (`livesr.bench.mitosis_errors`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from livesr.analysis.cells import USED
from livesr.analysis.coarse import COARSE_UM, FULL, Coarse
from livesr.analysis.mitosis.features import ORGANELLES
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.simulator.anatomy.cell import Cell
    from livesr.simulator.anatomy.figure import Moment
    from livesr.simulator.sample import Sample
    from livesr.types import Float32, Float64, UInt8

    Surfaces = Callable[[Float64, Float64], tuple[Float64, ...]]

POINTS = ORGANELLES
"""Structures that are taken from their points."""
POOLED = ("late_endosome", "lipid_droplet")
"""Features only ask whether one of these is there, so that they are drawn as lysosomes."""
SHOWN = (*USED, *(name for name in POINTS if name not in POOLED))
THIN, THICK = 0.3, 0.85
"""Share of a voxel that plasma membrane fills in its image, and the nuclear envelope, which is two
membranes with folds."""


@dataclass(frozen=True, slots=True)
class Field:
    """What is looked at.

    Attributes
    ----------
    side_um : float
        Of the square field, around ``centre_um``.
    centre_um : tuple of float
        (y, x).
    planes : int
    step_um : float
    first_um : float
        Height of the first plane above the cover slip.
    """

    side_um: float = 56.0
    centre_um: tuple[float, float] = (0.0, 0.0)
    planes: int = 54
    step_um: float = 0.3
    first_um: float = -0.3

    @classmethod
    def around(cls, moment: Moment, planes: int, margin_um: float = 2.0) -> Field:
        """Return the smallest field that shows a cell whole."""
        reach = [
            (body.center[axis], float((body.radius * (1.0 + body.creep)).max()))
            for axis in (0, 1)
            for body in moment.bodies
        ]
        half = len(reach) // 2
        low = [min(c - r for c, r in part) for part in (reach[:half], reach[half:])]
        high = [max(c + r for c, r in part) for part in (reach[:half], reach[half:])]
        side = max(b - a for a, b in zip(low, high, strict=True)) + 2.0 * margin_um
        centre = (0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]))
        return cls(side, centre, planes)

    @property
    def grid(self) -> Grid:
        """The coarse grid."""
        pixels = round(self.side_um / COARSE_UM)
        return Grid((self.planes, pixels, pixels), (self.step_um, COARSE_UM, COARSE_UM))

    def edges(self) -> tuple[Float64, Float64]:
        """Return where the rows and columns begin and the last ends, µm in the sample."""
        pixels = self.grid.shape[1]
        along = (np.arange(pixels + 1, dtype=np.float64) - pixels / 2.0) * COARSE_UM
        y, x = self.centre_um
        return np.asarray(along + y), np.asarray(along + x)


def scene(sample: Sample, time_s: float, field: Field) -> Coarse:
    """Return the true structures of every cell in the field at a time."""
    shape = field.grid.shape
    shares = {name: np.zeros(shape, np.uint8) for name in SHOWN}
    for index, figure in enumerate(sample.figures):
        moment = figure.moment(time_s)
        window = _window(moment, field)
        if window is None:
            continue
        part = {name: share[:, *window] for name, share in shares.items()}
        body = _filled([body.surfaces for body in moment.bodies], window, field)
        nucleus = np.zeros_like(body)
        if moment.nuclei:
            nucleus = _filled([nucleus.surfaces for nucleus in moment.nuclei], window, field)
            sheet = part["nuclear_membrane"]
            np.maximum(sheet, _torn(_rim(nucleus, THICK), moment.envelope), out=sheet)
            nucleus *= np.uint8(moment.envelope >= 0.5)
        np.maximum(part["nucleus"], np.minimum(nucleus, body), out=part["nucleus"])
        np.maximum(part["cytosol"], body - np.minimum(nucleus, body), out=part["cytosol"])
        np.maximum(part["plasma_membrane"], _rim(body), out=part["plasma_membrane"])
        _add_points(part, sample.cell(index), moment, index, window, field)
    return Coarse(shares, field.grid)


def _window(moment: Moment, field: Field) -> tuple[slice, slice] | None:
    """Return the rows and columns that the cell may reach."""
    found = []
    for axis, edges in enumerate(field.edges()):
        reach = [
            body.center[axis] + sign * (float((body.radius * (1.0 + body.creep)).max()) + 0.5)
            for body in moment.bodies
            for sign in (-1.0, 1.0)
        ]
        first, last = np.searchsorted(edges, [min(reach), max(reach)])
        found.append(slice(max(int(first) - 1, 0), min(int(last), len(edges) - 1)))
    if any(part.start >= part.stop for part in found):
        return None
    return found[0], found[1]


def _filled(surfaces: list[Surfaces], window: tuple[slice, slice], field: Field) -> UInt8:
    """Return how much of each voxel lies between surfaces, times 255."""
    centres = [0.5 * (edges[1:] + edges[:-1]) for edges in field.edges()]
    y, x = np.meshgrid(*(c[part] for c, part in zip(centres, window, strict=True)), indexing="ij")
    out = np.zeros((field.planes, *y.shape), np.uint8)
    for surface in surfaces:
        low, high, *way = surface(y, x)
        if way:
            high = np.where(way[0] < 1.0, high, low)
        _fill(low, high, field.first_um - 0.5 * field.step_um, field.step_um, out)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill(low: Float64, high: Float64, first: float, step: float, out: UInt8) -> None:
    for y in range(low.shape[0]):
        for x in range(low.shape[1]):
            bottom, top = (low[y, x] - first) / step, (high[y, x] - first) / step
            if top <= bottom:
                continue
            for z in range(max(int(bottom), 0), min(int(top) + 1, out.shape[0])):
                share = min(top, z + 1.0) - max(bottom, float(z))
                out[z, y, x] = max(out[z, y, x], np.uint8(255.0 * min(max(share, 0.0), 1.0)))


def _rim(body: UInt8, share: float = THIN) -> UInt8:
    """Return where the membrane of a body is: at its voxels that touch the outside."""
    inside = body >= FULL // 2 + 1
    core = inside.copy()
    core[1:] &= inside[:-1]
    core[:-1] &= inside[1:]
    for axis in (1, 2):
        there, here = np.moveaxis(inside, axis, 0), np.moveaxis(core, axis, 0)
        here[1:] &= there[:-1]
        here[:-1] &= there[1:]
    return np.where(inside & ~core, np.uint8(share * FULL), np.uint8(0))


def _torn(sheet: UInt8, envelope: float) -> UInt8:
    """Return what is left of an envelope: its share, in pieces."""
    if envelope >= 1.0:
        return sheet
    z, y, x = (np.arange(n, dtype=np.float32) for n in sheet.shape)
    waves = np.sin(0.9 * z[:, None, None] + 0.5 * y[:, None] + 0.35 * x)
    order = np.argsort(np.argsort(waves[sheet > 0]))
    left = sheet.copy()
    left[sheet > 0] *= (order < envelope * len(order)).astype(np.uint8)
    return left


def _add_points(
    shares: dict[str, UInt8],
    cell: Cell,
    moment: Moment,
    index: int,
    window: tuple[slice, slice],
    field: Field,
) -> None:
    rows, columns = field.edges()
    first = np.array(
        [
            field.first_um - 0.5 * field.step_um,
            rows[window[0].start],
            columns[window[1].start],
        ]
    )
    size = np.array([field.step_um, COARSE_UM, COARSE_UM])
    for name in POINTS:
        layer = cell.layer(name, moment, index)
        shown = "lysosome" if name in POOLED else name
        share = np.zeros(shares[shown].shape, np.float32)
        _collect(layer.points, layer.masses[3], first, size, share)
        np.maximum(shares[shown], _bytes(np.minimum(share, 1.0)), out=shares[shown])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _collect(
    points: Float32, masses: Float32, first: Float64, size: Float64, share: Float32
) -> None:
    scale = np.float32(1.0 / (size[0] * size[1] * size[2]))
    for i in range(len(points)):
        z = int(np.floor((points[i, 0] - first[0]) / size[0]))
        y = int(np.floor((points[i, 1] - first[1]) / size[1]))
        x = int(np.floor((points[i, 2] - first[2]) / size[2]))
        if 0 <= z < share.shape[0] and 0 <= y < share.shape[1] and 0 <= x < share.shape[2]:
            share[z, y, x] += masses[i] * scale


def _bytes(share: Float32) -> UInt8:
    return (share * np.float32(FULL)).astype(np.uint8)
