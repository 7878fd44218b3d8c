"""The network by engine and precision: how fast, how near to what the engine can do, how equal."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.scores import Counts
from livesr.bench.engines.attainable import Dense, attainable, dense_package
from livesr.bench.rows import Row
from livesr.errors import ModelError
from livesr.segmentation.engines import ENGINES, Options
from livesr.segmentation.operations import multiply_accumulates
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.bench.engines.way import Raw
    from livesr.segmentation.engines import EngineEntry
    from livesr.segmentation.package import Package
    from livesr.types import Features, UInt8

PRECISIONS = ("f32", "bf16", "f16")
EXACT = "f32"
ASKED_DICE = 0.995
DENSE = Dense()


@dataclass(frozen=True, slots=True)
class Trial:
    """What every engine is given.

    Attributes
    ----------
    package : Package
    features : Features
    roof : Package
        Dense convolutions, on which the attainable rate is measured, and their size.
    dense : Dense
    repeats : int
        Runs; the median counts.
    """

    package: Package
    features: Features
    roof: Package
    dense: Dense
    repeats: int


def rows(
    raw: Raw, *, repeats: int = 5, dense: Dense = DENSE, package: str = "ALL"
) -> Iterator[Row]:
    """Run the network on each engine that works here, in each precision that it computes in.

    Parameters
    ----------
    raw : Raw
    repeats : int
        Runs; the median counts.
    dense : Dense
        What the attainable rate is measured on.
    package : str
    """
    loaded = load_package(package)
    features = raw.registered(loaded)
    with tempfile.TemporaryDirectory(prefix="livesr-bench-") as folder:
        roof = dense_package(Path(folder), dense)
        trial = Trial(loaded, features, roof, dense, repeats)
        for entry in ENGINES:
            yield from _of_engine(entry, trial)


def _of_engine(entry: EngineEntry, trial: Trial) -> Iterator[Row]:
    if reason := entry.unavailable():
        yield _absent(trial, entry.name, reason)
        return
    exact: UInt8 | None = None
    for precision in PRECISIONS:
        try:
            seconds, probability = _timed(entry, precision, trial)
        except ModelError as problem:
            yield _absent(trial, f"{entry.name} {precision}", problem.what)
            continue
        yield _speed(entry, precision, trial, seconds)
        if precision == EXACT:
            exact = probability
        elif exact is not None:
            yield _equality(entry, precision, trial.package, exact, probability)


def _timed(entry: EngineEntry, precision: str, trial: Trial) -> tuple[float, UInt8]:
    """Return the seconds of a run and the probabilities (K, z, y, x)."""
    engine = entry.load()(trial.package, Options(precision=precision))
    try:
        probability = probabilities(trial.features, trial.package, engine)
        seconds = []
        for _ in range(trial.repeats):
            began = time.perf_counter()
            probabilities(trial.features, trial.package, engine)
            seconds.append(time.perf_counter() - began)
    finally:
        engine.close()
    return median(seconds), probability


def _attainable(entry: EngineEntry, precision: str, trial: Trial) -> tuple[float | None, str]:
    """Return the engine's rate on dense convolutions and what is to be said of it."""
    try:
        engine = entry.load()(trial.roof, Options(precision=precision))
    except ModelError as problem:
        return None, f"attainable rate not measured: {problem.what}"
    try:
        rate = attainable(engine, trial.roof, trial.dense, trial.repeats)
    except ModelError as problem:
        return None, f"attainable rate not measured: {problem.what}"
    finally:
        engine.close()
    return rate, f"{rate / 1e9:.4g} GMAC/s on dense convolutions by the same engine"


def _speed(entry: EngineEntry, precision: str, trial: Trial, seconds: float) -> Row:
    z, y, x = trial.features.grid.shape
    rate = multiply_accumulates(trial.package, (z, y, x)) / seconds
    version = entry.describe().split(",", maxsplit=1)[0]
    roof, words = _attainable(entry, precision, trial)
    return Row(
        f"network {trial.package.name} by {entry.name} {precision}",
        rate / 1e9,
        "GMAC/s",
        bound=words,
        attained=rate / roof if roof else None,
        detail=f"{seconds:.3f} s for {z}×{y}×{x} on the networks' grid; {version}",
    )


def _equality(
    entry: EngineEntry, precision: str, package: Package, exact: UInt8, found: UInt8
) -> Row:
    dice = dices(package, exact, found)
    worst = min(dice, key=lambda name: dice[name])
    voxels = np.count_nonzero(exact[package.structures.index(worst)] >= package.threshold(worst))
    return Row(
        f"least Dice of {package.name}'s masks by {entry.name}, {precision} against {EXACT}",
        dice[worst],
        "Dice",
        bound=f"{ASKED_DICE} asked for each structure",
        attained=min(dice[worst] / ASKED_DICE, 1.0),
        detail=f"worst: {worst}, of {voxels:,} voxels; "
        + ", ".join(f"{name} {d:.5f}" for name, d in dice.items()),
    )


def dices(package: Package, exact: UInt8, found: UInt8) -> dict[str, float]:
    """Return each structure's Dice between two probabilities' masks; 1 where both are empty."""
    scores = {}
    for k, name in enumerate(package.structures):
        threshold = package.threshold(name)
        counts = Counts.of(found[k] >= threshold, exact[k] >= threshold)
        scores[name] = counts.f1 if counts.tn < exact[k].size else 1.0
    return scores


def _absent(trial: Trial, what: str, reason: str) -> Row:
    return Row(
        f"network {trial.package.name} by {what}",
        0.0,
        "GMAC/s",
        detail=f"not measured: {reason}",
    )
