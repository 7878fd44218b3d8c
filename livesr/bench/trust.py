"""How far the shipped packages' results can be trusted: calibration, and what is flagged."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from livesr.analysis.reliability import Reliability
from livesr.analysis.scores import Counts
from livesr.bench.lookalikes import lookalikes, pollen
from livesr.bench.rows import Row, attained
from livesr.calibration.warp import ChromaticModel
from livesr.errors import ModelError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.trust import Seen, tables
from livesr.training.evaluation.prediction import predicted
from livesr.training.evaluation.samples import FIRST_TEST_SEED
from livesr.training.labelled import LabelledStack, simulate
from livesr.training.sampling.variety import as_text, varied
from livesr.training.trust import add_to, measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package

ASKED_ERROR = 0.05
"""Calibration error a structure, at most."""
ASKED_SHARE = 0.01
"""Share of standard stacks that may be flagged."""
CALIBRATED_ON = ("standard", "shifted")
OTHER = "other worlds"
LEAST_VOXELS = 200
"""A structure with fewer in a stack has no F1 there."""
SMALL_STACKS = ((24, 256, 256), (8, 256, 256), (16, 320, 320), (36, 256, 256), (24, 384, 256))
"""Sizes of the standard stacks that must not be flagged."""


@dataclass(slots=True)
class World:
    """What was found on the cells of one preset."""

    reliability: Reliability
    f1: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)


def rows(*, fields: int = 8, side: int = 384, stacks: int = 100) -> Iterator[Row]:
    """Measure ``ALL``, and the flags of ``ALL2D``.

    Parameters
    ----------
    fields, side : int
        Fields of each preset, and camera pixels along their sides.
    stacks : int
        Standard stacks that are only compared with what was seen.
    """
    package = load_package("ALL")
    seen = seen_by(package)
    with closing(choose_engine("auto", package)) as engine:
        worlds = {
            name: examined(name, package, engine, seen, fields, side)
            for name in (*CALIBRATED_ON, "foreign", OTHER)
        }
    about = f"{fields} fields of 24 × {side} × {side} a preset, from seed {FIRST_TEST_SEED}"
    for preset in CALIBRATED_ON:
        yield from calibration(package, worlds[preset].reliability, preset, about)
    yield correlation(worlds, about)
    yield flagged_standard(package, seen, stacks)
    yield flagged_lookalikes(package, seen)


def seen_by(package: Package) -> Seen:
    """Return what a package has seen.

    Raises
    ------
    ModelError
        If it does not say.
    """
    seen = Seen.of(package.trust)
    if seen is None:
        raise ModelError(
            f"package {package.name} does not say what it was trained on",
            where="bench trust",
            fix="train it again: livesr train",
        )
    return seen


def examined(
    name: str, package: Package, engine: Engine, seen: Seen, fields: int, side: int
) -> World:
    """Segment the fields of a preset and keep reliability, F1 and strangeness."""
    world = World(Reliability(package.structures))
    for seed in range(FIRST_TEST_SEED, FIRST_TEST_SEED + fields):
        stack = of_world(name, seed, (24, side, side))
        found = predicted(stack, package, engine)
        raw = np.stack([found.raw[structure] for structure in package.structures])
        add_to(world.reliability, stack, raw, found.features.grid)
        counts = [
            Counts.of(found.masks[structure], true)
            for structure, true in stack.truth.items()
            if np.count_nonzero(true) >= LEAST_VOXELS
        ]
        world.f1.append(float(np.mean([count.f1 for count in counts])))
        world.score.append(seen.strangeness(measured(stack, package)).score)
    return world


def of_world(name: str, seed: int, shape: tuple[int, int, int]) -> LabelledStack:
    """Return a cell of a preset, or of another microscope that each seed draws anew."""
    if name != OTHER:
        return simulate(seed, name, shape=shape)
    changes = as_text(varied(np.random.default_rng([seed, 7])))
    return simulate(seed, "standard", shape=shape, changes=changes)


def calibration(
    package: Package, reliability: Reliability, preset: str, about: str
) -> Iterator[Row]:
    """Return a row a structure: the calibration error, with and without what was fitted."""
    for name, table in tables(package.trust, package.structures).items():
        error, raw = reliability.error(name, table), reliability.error(name)
        yield Row(
            f"calibration_error_{preset}_{name}",
            error,
            "",
            peer="as the network gives it",
            peer_value=raw,
            ratio=raw / error if error > 0 else None,
            bound=f"{ASKED_ERROR}",
            attained=attained(error, ASKED_ERROR),
            detail=f"over voxels with 0.02 < p < 0.98; {about}",
        )


def correlation(worlds: dict[str, World], about: str) -> Row:
    """Return Spearman's rank correlation of mean F1 and strangeness over all fields."""
    f1 = np.concatenate([world.f1 for world in worlds.values()])
    score = np.concatenate([world.score for world in worlds.values()])
    each = ", ".join(
        f"{name} F1 {np.mean(world.f1):.3f} at {np.median(world.score):.2f}"
        for name, world in worlds.items()
    )
    value = float(spearmanr(score, f1).statistic)
    return Row(
        "f1_against_strangeness",
        value,
        "rank correlation",
        bound="-1",
        attained=max(-value, 0.0),
        detail=f"{each} (median score); {about}",
    )


def flagged_standard(package: Package, seen: Seen, stacks: int) -> Row:
    """Return the share of standard stacks of several sizes that are flagged."""
    flagged = 0
    for k in range(stacks):
        seed, shape = FIRST_TEST_SEED + 500 + k, SMALL_STACKS[k % len(SMALL_STACKS)]
        flagged += bool(seen.strangeness(measured(simulate(seed, shape=shape), package)).flags)
    share = flagged / stacks
    return Row(
        "flagged_standard",
        share,
        "share",
        bound=f"{ASKED_SHARE}",
        attained=attained(share, ASKED_SHARE),
        detail=f"{flagged} of {stacks} stacks of {len(SMALL_STACKS)} sizes",
    )


def flagged_lookalikes(package: Package, seen: Seen) -> Row:
    """Return the share of the stacks that are no cells which are flagged."""
    flat = load_package("ALL2D")
    asked = [(name, package, seen, one) for name, one in lookalikes().items()]
    asked.append(("pollen", flat, seen_by(flat), pollen()))
    missed = []
    for name, by, known, one in asked:
        stack = LabelledStack(one.data, one.grid, one.offset, ChromaticModel(), {}, name)
        if not known.strangeness(measured(stack, by)).flags:
            missed.append(name)
    share = 1 - len(missed) / len(asked)
    return Row(
        "flagged_lookalikes",
        share,
        "share",
        bound="1",
        attained=share,
        detail=f"{len(asked)} look-alikes; not flagged: {', '.join(missed) or 'none'}",
    )
