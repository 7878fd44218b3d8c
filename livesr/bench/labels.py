"""Networks trained on labels that FG-net made from a probe, beside the same trained on the truth.

Nothing of this is in the default run of `livesr bench`: it trains four networks, which takes half
an hour of a quiet core. Needs PyTorch (`pip install ".[train]"`).
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr import catalog
from livesr.analysis.bootstrap import drawn_f1, interval95
from livesr.analysis.scores import Counts
from livesr.bench.probed import DROPLETS, probed_cells
from livesr.bench.rows import Row, attained
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities, to_masks
from livesr.training.labelled import features_of, simulate
from livesr.training.labels.dataset import write_sample
from livesr.training.labels.foreground import foreground_mask
from livesr.training.labels.make import Networks
from livesr.training.labels.probe import ProbedStack, grown
from livesr.training.recipe import recipe_from
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from livesr.bench.probed import Probed
    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.labelled import LabelledStack
    from livesr.training.plan import Recipe
    from livesr.types import Bool

NETWORKS = {"MITO": "mitochondria", "EE": "early_endosome"}
TRAINED_ON = range(59_800, 59_806)
SCORED_ON = range(70_001, 70_007)
SIDE = 288
SHARE = 0.001
"""Nile Red's in green outside lipid droplets, as a control of these cells gives it."""
ASKED = {"mitochondria": 0.08}
"""Largest gap that was asked for."""
ARMS = ("labels", "truth")
RECIPE: dict[str, Any] = {
    "seed": 1,
    "network": {"widths": (8, 16, 32), "head": 32},
    "fields": {"count": 0, "validation_count": 1, "shape": (288, 288)},
    "loss": {"dice": 1.0},
    "schedule": {
        "steps": 240,
        "batch": 1,
        "patch": (24, 96, 96),
        "optimizer": "muon",
        "learning_rate": 2.0e-2,
        "shape": "cosine",
        "validate_every": 120,
        "threads": 1,
        "workers": 0,
    },
}
"""Short, and the same for both: `examples/train-desk.yaml`."""
FROM_SHIPPED: dict[str, Any] = {
    "schedule": {**RECIPE["schedule"], "steps": 100, "learning_rate": 2.0e-3, "freeze_norm": 0.0},
}
"""Beside nothing both also begin with the shipped network, as `livesr train --from` does."""
STARTS = ("nothing", "shipped")


@dataclass(frozen=True, slots=True)
class Size:
    """How large the experiment is: a test makes it tiny."""

    trained_on: Sequence[int] = TRAINED_ON
    scored_on: Sequence[int] = SCORED_ON
    side: int = SIDE
    steps: int | None = None
    networks: Sequence[str] = tuple(NETWORKS)
    starts: Sequence[str] = STARTS


@dataclass(frozen=True, slots=True)
class Trial:
    """One network, trained in both ways.

    Attributes
    ----------
    network, structure : str
    start : str
        Of `STARTS`.
    folder : Path
        Of the data sets.
    """

    network: str
    structure: str
    start: str
    folder: Path

    def recipe(self, arm: str, steps: int | None) -> Recipe:
        """Return what one of both is trained by."""
        recipe = recipe_of(self.network, self.start)
        schedule = recipe.schedule
        if steps:
            schedule = replace(schedule, steps=steps, validate_every=steps)
        return replace(
            recipe,
            run=str(self.folder / f"run-{self.start}-{arm}"),
            package=str(self.folder / f"package-{self.start}-{arm}"),
            fields=replace(recipe.fields, folder=str(self.folder / "fields")),
            data=replace(recipe.data, folders=(str(self.folder / arm),)),
            schedule=schedule,
        )


def rows(
    size: Size | None = None, progress: Callable[[str], None] = lambda _: None
) -> Iterator[Row]:
    """Make both data sets, train, and score on cells without a probe."""
    size = size or Size()
    cells = [simulate(seed, shape=(24, size.side, size.side)) for seed in size.scored_on]
    with tempfile.TemporaryDirectory(prefix="livesr-labels-") as name:
        for network in size.networks:
            structure, folder = NETWORKS[network], Path(name) / network
            made = make_datasets(structure, size, folder)
            progress(f"{network}: labels have an F1 of {made.f1:.3f}")
            for start in size.starts:
                trial = Trial(network, structure, start, folder)
                counts = {arm: _arm(trial, arm, size, cells, progress) for arm in ARMS}
                yield _row(trial, counts, made, size)


def make_datasets(structure: str, size: Size, folder: Path) -> Counts:
    """Write ``labels`` and ``truth``, the same stacks; return how FG-net's labels are."""
    total = Counts()
    with closing(Networks()) as networks:
        package, engine = networks.get("FG")
        droplets = networks.get("LD")
        for seed in size.trained_on:
            for cell in probed_cells(seed, (structure,), size.side):
                label = labelled(cell, package, engine, droplets)
                total += Counts.of(label, cell.seen.truth[structure])
                for arm, mask in (("labels", label), ("truth", cell.seen.truth[structure])):
                    stack = replace(cell.seen, truth={structure: mask})
                    write_sample(folder / arm, stack)
    return total


def labelled(
    cell: Probed, package: Package, engine: Engine, droplets: tuple[Package, Engine]
) -> Bool:
    """Return FG-net's label, with lipid droplets as the network LD finds them."""
    found = grown(masks_of(cell.seen, *droplets)[DROPLETS], cell.seen.grid)
    counts = np.stack([cell.seen.data[0], cell.green])
    probed = ProbedStack(
        counts, cell.seen.grid, cell.seen.offset, cell.chromatic_green, found, SHARE
    )
    return foreground_mask(probed, package, engine)


def masks_of(stack: LabelledStack, package: Package, engine: Engine) -> dict[str, Bool]:
    """Return a package's masks of a stack, on the camera's grid."""
    probability = probabilities(features_of(stack, package), package, engine)
    masks = to_masks(probability, package, stack.grid, StackIndex(0, 0))
    return {name: volume.astype(bool) for name, volume in masks.volumes.items()}


def recipe_of(network: str, start: str = "nothing") -> Recipe:
    """Return the recipe of one of the paper's networks, from nothing or from the shipped one."""
    if start == "shipped":
        plain = {key: value for key, value in RECIPE.items() if key != "network"}
        return recipe_from({**plain, **FROM_SHIPPED, "name": network, "initial": network})
    kind = catalog.NETWORKS[network]
    head = {
        "network": network,
        "structures": kind.structures,
        "activation": kind.activation,
        "background": True,
    }
    shape = {**RECIPE["network"], "heads": [head]}
    return recipe_from({**RECIPE, "name": network, "network": shape})


def _arm(
    trial: Trial,
    arm: str,
    size: Size,
    cells: Sequence[LabelledStack],
    progress: Callable[[str], None],
) -> list[Counts]:
    """Train a network on one data set and score it against the truth of unseen cells."""
    from livesr.training.run import train

    recipe = trial.recipe(arm, size.steps)
    train(recipe, progress=lambda line: progress(f"{trial.network}, {trial.start}, {arm}: {line}"))
    package = load_package(recipe.package)
    with closing(choose_engine("auto", package)) as engine:
        masks = [masks_of(stack, package, engine)[trial.structure] for stack in cells]
    return [
        Counts.of(mask, stack.truth[trial.structure])
        for mask, stack in zip(masks, cells, strict=True)
    ]


def _row(trial: Trial, counts: dict[str, list[Counts]], made: Counts, size: Size) -> Row:
    f1 = {arm: sum(each, Counts()).f1 for arm, each in counts.items()}
    drawn = drawn_f1(counts["truth"]) - drawn_f1(counts["labels"])
    low, high = interval95(drawn)
    gap, asked = f1["truth"] - f1["labels"], ASKED.get(trial.structure)
    return Row(
        f"F1 of {trial.structure}, {trial.network} begun with {trial.start}, trained on FG-net's "
        "labels",
        f1["labels"],
        "",
        peer="the same network trained on the truth of the same stacks",
        peer_value=f1["truth"],
        ratio=f1["labels"] / f1["truth"] if f1["truth"] else None,
        bound=f"a gap of {asked}" if asked else None,
        attained=attained(max(gap, 0.0), asked) if asked else None,
        detail=f"gap {gap:+.3f} (95 % over cells {low:+.3f} to {high:+.3f}); the labels themselves "
        f"have an F1 of {made.f1:.3f}; trained on {len(size.trained_on)} stacks, scored on "
        f"{len(size.scored_on)} cells without a probe",
    )
