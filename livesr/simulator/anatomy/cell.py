"""One cell through its life: its figure and every structure in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from livesr.simulator.anatomy.envelope import nuclear_membrane, nuclear_reticulum
from livesr.simulator.anatomy.er import er
from livesr.simulator.anatomy.filopodia import filopodia
from livesr.simulator.anatomy.golgi import golgi
from livesr.simulator.anatomy.mitochondria import mitochondria
from livesr.simulator.anatomy.stain import CellDye
from livesr.simulator.anatomy.surface import plasma_membrane
from livesr.simulator.anatomy.sway import Sway
from livesr.simulator.anatomy.vesicles import vesicles

if TYPE_CHECKING:
    from livesr.simulator.anatomy.figure import Figure, Moment
    from livesr.simulator.anatomy.layer import Ints, Layer
    from livesr.simulator.parameters import Parameters
    from livesr.types import Float64

VESICLES = ("lipid_droplet", "peroxisome", "early_endosome", "late_endosome", "lysosome")


class Structure(Protocol):
    """A compartment that is drawn from points."""

    @property
    def name(self) -> str:
        """The catalog's name."""

    def layer(self, moment: Moment, sway: Sway, motion: float) -> Layer:
        """Return its points at a moment."""

    def sizes(self, moment: Moment, layer: Layer, owners: Ints) -> tuple[Float64, Float64]:
        """Return volumes (µm³) and widths (µm) of its objects of those numbers."""


@dataclass(frozen=True, slots=True)
class Solids:
    """Dye dissolved in the cell's volumes: brightness (ER tube = 1) in yellow, red and green."""

    cytosol: tuple[float, float, float]
    nucleoplasm: tuple[float, float, float]
    nucleoli: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes
    ----------
    figure : Figure
    structures : dict of str to Structure
        Every structure but the three volumes.
    solids : Solids
    sway : Sway
    """

    figure: Figure
    structures: dict[str, Structure]
    solids: Solids
    sway: Sway

    def layer(self, name: str, moment: Moment, place: int) -> Layer:
        """Return the points of a structure at a moment; ``place`` of the cell in its sample."""
        layer = self.structures[name].layer(moment, self.sway, self.figure.motion)
        return replace(layer, cell=place)

    def layers(self, moment: Moment, place: int) -> list[Layer]:
        """Return the points of every structure at a moment."""
        return [self.layer(name, moment, place) for name in self.structures]


def build_cell(figure: Figure, p: Parameters, seed: np.random.SeedSequence) -> Cell:
    """Return the cell with its organelles, each drawn from a stream of its own."""
    streams = [np.random.default_rng(s) for s in seed.spawn(14)]
    dye = CellDye.draw(streams[0], p)
    network = er(figure, p, dye, streams[1])
    territories = (figure.mother, *figure.daughters)
    along = tuple(network.points(t, k) for k, t in enumerate(territories))
    structures: tuple[Structure, ...] = (
        network,
        plasma_membrane(p, dye, streams[2]),
        filopodia(figure, p, dye, streams[3]),
        nuclear_membrane(p, dye, streams[4]),
        nuclear_reticulum(p, dye, streams[5]),
        mitochondria(figure, p, dye, streams[6]),
        golgi(figure, p, dye, streams[7]),
        *(
            vesicles(name, p.vesicle(name), figure, dye, stream, along, p.sampling.spacing_um)
            for name, stream in zip(VESICLES, streams[8:13], strict=True)
        ),
    )
    solids = _solids(dye, streams[13])
    sway = Sway.draw(streams[13], p.cell.sway_um)
    return Cell(figure, {s.name: s for s in structures}, solids, sway)


def _solids(dye: CellDye, rng: np.random.Generator) -> Solids:
    levels = []
    for name in ("cytosol", "nucleoplasm"):
        low, high = dye.parameters.dye.stain(name).brightness
        level = float(rng.uniform(low, high)) * dye.brightness
        stain = dye.objects(name, 1, rng)
        red, green = float(stain.red[0]), float(stain.green[0])
        levels.append((level, level * red, level * green))
    dimness = float(rng.uniform(*dye.parameters.nucleus.nucleolus_dimness))
    return Solids(levels[0], levels[1], dimness)
