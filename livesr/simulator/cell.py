"""One interphase cell: its shape and its organelles as clouds of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.dye import STAINS, CellDye
from livesr.simulator.er import er
from livesr.simulator.golgi import golgi
from livesr.simulator.membranes import (
    filopodia,
    nuclear_membrane,
    nuclear_reticulum,
    plasma_membrane,
)
from livesr.simulator.mitochondria import mitochondria
from livesr.simulator.vesicles import (
    early_endosomes,
    late_endosomes,
    lipid_droplets,
    lysosomes,
    peroxisomes,
)

if TYPE_CHECKING:
    from livesr.simulator.cloud import Cloud
    from livesr.simulator.shape import CellShape


@dataclass(frozen=True, slots=True)
class Solids:
    """Dye dissolved in the cell's volumes: brightness (ER tube = 1) and red / yellow ratio."""

    cytosol: tuple[float, float]
    nucleoplasm: tuple[float, float]
    nucleoli: float


@dataclass(frozen=True, slots=True)
class Cell:
    """An interphase cell at time 0.

    Attributes
    ----------
    shape : CellShape
    clouds : dict of str to Cloud
        Every structure but the three volumes.
    solids : Solids
    """

    shape: CellShape
    clouds: dict[str, Cloud]
    solids: Solids


def build_cell(shape: CellShape, seed: np.random.SeedSequence) -> Cell:
    """Return the cell with its organelles, each drawn from a stream of its own."""
    streams = [np.random.default_rng(s) for s in seed.spawn(14)]
    dye = CellDye.draw(streams[0])
    network = er(shape, dye, streams[1])
    clouds = (
        network,
        plasma_membrane(shape, dye, streams[2]),
        filopodia(shape, dye, streams[3]),
        nuclear_membrane(shape, dye, streams[4]),
        nuclear_reticulum(shape, dye, streams[5]),
        mitochondria(shape, dye, streams[6]),
        golgi(shape, dye, streams[7]),
        lipid_droplets(shape, dye, streams[8], network),
        peroxisomes(shape, dye, streams[9], network),
        early_endosomes(shape, dye, streams[10]),
        late_endosomes(shape, dye, streams[11]),
        lysosomes(shape, dye, streams[12]),
    )
    return Cell(shape, {c.name: c for c in clouds}, _solids(dye, streams[13]))


def _solids(dye: CellDye, rng: np.random.Generator) -> Solids:
    (cytosol, nucleoplasm) = (
        (float(rng.uniform(*STAINS[n].brightness)) * dye.brightness, STAINS[n].ratio * dye.ratio)
        for n in ("cytosol", "nucleoplasm")
    )
    return Solids(cytosol, nucleoplasm, float(rng.uniform(0.2, 0.6)))
