"""How steady the masks of trained networks are, and what they lean on.

New noise on the same cell must change little; a world in which ratios belong to other structures,
or mitochondria have another shape, must cost F1, else a network had learnt something else; and
without the ratio image vesicles must suffer most.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.analysis.detection import VESICLES
from livesr.analysis.scores import Counts
from livesr.bench.rows import Row
from livesr.catalog import NETWORKS
from livesr.segmentation.package import load_package, package_names
from livesr.simulator.parameters import parameters
from livesr.training.evaluation.prediction import predicted
from livesr.training.evaluation.published import published
from livesr.training.evaluation.resting import RestingEngine
from livesr.training.evaluation.samples import FIRST_TEST_SEED
from livesr.training.labelled import simulate, simulate_exposures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.labelled import LabelledStack

STEADY, STEADY_VESICLES = 0.9, 0.7
"""IoU asked of masks of the same cell with new noise."""
ROUND = {
    "mitochondria.length_um": [0.4, 0.6],
    "mitochondria.median_length_um": 0.5,
    "mitochondria.branching": 0.0,
}
"""Mitochondria about as long as wide."""
SWAPS = (("early_endosome", "mitochondria"), ("early_endosome", "peroxisome"))
"""Structures that exchange their dye's spectrum, and with it their ratio."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A package in its engine."""

    package: Package
    engine: Engine


@dataclass(frozen=True, slots=True)
class Cells:
    """Simulated cells that are scored.

    Attributes
    ----------
    seeds : sequence of int
    shape : tuple of int
        Camera pixels (z, y, x).
    """

    seeds: Sequence[int] = range(FIRST_TEST_SEED, FIRST_TEST_SEED + 5)
    shape: tuple[int, int, int] = (24, 512, 512)

    def stacks(self, changes: Mapping[str, object] | None = None) -> Iterator[LabelledStack]:
        """Yield each cell, in a world that is changed."""
        for seed in self.seeds:
            yield simulate(seed, shape=self.shape, changes=json.dumps(changes or {}))

    def __str__(self) -> str:
        """Return what they are, for details of rows."""
        shape = " × ".join(map(str, self.shape))
        return f"{len(self.seeds)} cells from seed {self.seeds[0]}, {shape}"


def shipped() -> list[list[str]]:
    """Return the sets of packages that give all structures: ALL, and the ten if all are there."""
    present = set(package_names())
    return [names for names in (["ALL"], list(NETWORKS)) if present.issuperset(names)]


def rows(cells: Cells | None = None, packages: Sequence[str] | None = None) -> Iterator[Row]:
    """Measure every network.

    Parameters
    ----------
    cells : Cells, optional
    packages : sequence of str, optional
        By default those of `shipped`.
    """
    cells = cells or Cells()
    names = packages or [name for group in shipped() for name in group]
    with ExitStack() as engines:
        networks = []
        for name in names:
            package = load_package(name)
            engine = engines.enter_context(closing(RestingEngine(package)))
            networks.append(Loaded(package, engine))
        yield from repeated(networks, cells)
        yield from ablated(networks, cells)
        yield from controlled(networks, cells)


def repeated(networks: Sequence[Loaded], cells: Cells) -> Iterator[Row]:
    """Compare masks of two exposures of the same cells."""
    both = _empty(networks)
    for seed in cells.seeds:
        first, second = simulate_exposures(seed, count=2, shape=cells.shape)
        for network in networks:
            one, other = (
                predicted(stack, network.package, network.engine) for stack in (first, second)
            )
            network.engine.close()
            for name, mask in one.masks.items():
                both[network.package.name, name] += Counts.of(mask, other.masks[name])
    for (package, name), counts in both.items():
        asked = STEADY_VESICLES if name in VESICLES else STEADY
        yield Row(
            f"{package}: {name}, same cell with new noise",
            counts.iou,
            "IoU",
            bound=f"{asked} asked",
            attained=min(counts.iou / asked, 1.0),
            detail=f"masks of two exposures; {cells}",
        )


def ablated(networks: Sequence[Loaded], cells: Cells) -> Iterator[Row]:
    """Compare F1 with and without the ratio image."""
    full, alone = _empty(networks), _empty(networks)
    for stack in cells.stacks():
        _score(full, networks, stack)
        _score(alone, networks, stack, without_ratio=True)
    for (package, name), counts in full.items():
        without = alone[package, name].f1
        yield Row(
            f"{package}: {name}, F1 with the ratio image",
            counts.f1,
            "F1",
            peer="the same network without the ratio image",
            peer_value=without,
            ratio=counts.f1 / without if without else None,
            detail=_paper(name) + str(cells),
        )


def controlled(networks: Sequence[Loaded], cells: Cells) -> Iterator[Row]:
    """Compare F1 in worlds that must hurt with F1 in the world as it is."""
    plain = _scored(networks, cells.stacks())
    worlds = [(f"ratios of {a} and {b} swapped", swapped(a, b), (a, b)) for a, b in SWAPS]
    for title, changes, names in [*worlds, ("round mitochondria", ROUND, ("mitochondria",))]:
        hurt = _scored(networks, cells.stacks(changes))
        for (package, name), counts in hurt.items():
            if name in names:
                before = plain[package, name].f1
                yield Row(
                    f"{package}: {name}, {title}",
                    counts.f1,
                    "F1",
                    peer="the cells as they are",
                    peer_value=before,
                    ratio=before / counts.f1 if counts.f1 else None,
                    detail=f"a control that must hurt; {cells}",
                )


def swapped(first: str, second: str) -> dict[str, object]:
    """Return the changes to the simulator that exchange two structures' spectra."""
    dye = parameters().dye
    return {
        f"dye.{name}.{number}": getattr(dye.stain(other), number)
        for name, other in ((first, second), (second, first))
        for number in ("peak_nm", "fwhm_nm")
    }


def _scored(
    networks: Sequence[Loaded], stacks: Iterable[LabelledStack]
) -> dict[tuple[str, str], Counts]:
    counts = _empty(networks)
    for stack in stacks:
        _score(counts, networks, stack)
    return counts


def _score(
    counts: dict[tuple[str, str], Counts],
    networks: Sequence[Loaded],
    stack: LabelledStack,
    *,
    without_ratio: bool = False,
) -> None:
    """Add a stack's counts of every network."""
    for network in networks:
        seen = predicted(stack, network.package, network.engine, without_ratio=without_ratio)
        network.engine.close()
        for name, mask in seen.masks.items():
            counts[network.package.name, name] += Counts.of(mask, stack.truth[name])


def _empty(networks: Sequence[Loaded]) -> dict[tuple[str, str], Counts]:
    return {
        (one.package.name, name): Counts() for one in networks for name in one.package.structures
    }


def _paper(name: str) -> str:
    """Return the paper's own ablation of a structure, if it has one."""
    with_ratio, without = (published(name, without_ratio=w).get("f1") for w in (False, True))
    return f"paper, real cells: {with_ratio} with, {without} without; " if with_ratio else ""
