"""Fits the mitosis decoder's emissions to simulated lives, and measures the networks' errors.

``python -m livesr.bench.mitosis_fit errors`` and then ``python -m livesr.bench.mitosis_fit
emissions`` write the two data files anew. Lives to learn from have seeds below 60,000; the bench
scores others.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.mitosis import emissions as model
from livesr.analysis.mitosis.chain import NAMES
from livesr.analysis.mitosis.measures import measures_of
from livesr.bench import mitosis_errors
from livesr.bench.mitosis_errors import compared
from livesr.bench.mitosis_lives import LOW, TALL, alone, measured, prolonged
from livesr.bench.mitosis_recordings import Plan, recorded
from livesr.bench.mitosis_rendered import segmented
from livesr.bench.mitosis_scene import Field, scene
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from livesr.bench.mitosis_errors import Errors
    from livesr.bench.mitosis_lives import Kind, Measured
    from livesr.simulator.anatomy.life import Life
    from livesr.types import CellMeasures, Float64

SEEDS: dict[Kind, range] = {
    "divides": range(59_000, 59_018),
    "rounds": range(59_100, 59_111),
    "quiet": range(59_200, 59_202),
}
RENDERED = range(65_100, 65_112)
HELD_S = 1800.0
"""How long every division is held up in metaphase in a second recording, as light or drugs do."""
INTERVALS_S = (45.0, 150.0)
FIRST_SEEN = 4
"""One stack of so many also counts as the first that shows its cell."""
PENALTY = 1e-4
"""Of the squared weights."""
AT: tuple[tuple[str, float, int], ...] = (
    ("interphase", 0.5, TALL),
    ("metaphase", 0.5, TALL),
    ("prophase", 0.7, LOW),
    ("anaphase", 0.35, TALL),
    ("prometaphase", 0.1, LOW),
    ("telophase", 0.3, TALL),
    ("prometaphase", 0.5, TALL),
    ("anaphase", 0.8, TALL),
    ("spreading", 0.4, LOW),
    ("metaphase", 0.8, LOW),
    ("prometaphase", 0.85, TALL),
    ("telophase", 0.8, TALL),
)
"""Stage, share of it, and planes of the rendered stacks, in turn."""


def class_of(life: Life, time_s: float) -> str:
    """Return the chain's class of a simulated cell at a time.

    A cell counts as in prometaphase once masks can show it: when its nucleus is gone from them.
    """
    stage, detail, _, _ = life.stage(time_s)
    if stage == "prometaphase" and life.envelope(time_s) >= 0.5:
        return "prophase"
    if stage != "interphase":
        return stage
    return {"rounded": "rounded", "spreading": "spreading"}.get(detail, "spread")


def examples(
    lives: Sequence[Measured], known: Errors, planes: Sequence[int] = (TALL, LOW)
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield class and features, with the cell's usual figures learnt as the decoder does."""
    held = [prolonged(life, HELD_S) for life in lives if life.life.kind == "divides"]
    for which, intervals in ((lives, INTERVALS_S), (held, INTERVALS_S[-1:])):
        for life in which:
            for k, interval_s in enumerate(intervals):
                for low in planes:
                    yield from _of_recording(life, Plan(interval_s, low), known, k)


def _of_recording(
    life: Measured, plan: Plan, known: Errors, seed: int
) -> Iterator[tuple[str, dict[str, float]]]:
    memories, before = [model.Memory()], 0.0
    for k, (time_s, cells) in enumerate(recorded(life, plan, known, seed)):
        name = class_of(life.life, time_s)
        if len(cells) > len(memories):
            memories = [deepcopy(memories[0]) for _ in cells]
            for memory in memories:
                memory.forget_recent()
        for cell, memory in zip(cells, memories, strict=False):
            values = model.plain(cell)
            yield name, memory.against(values)
            if k % FIRST_SEEN == 0:
                yield name, model.Memory().against(values)
            memory.learn(values, float(name == "spread"), time_s - before)
        before = time_s


def fitted(rows: Sequence[tuple[str, dict[str, float]]], origin: str) -> str:
    """Return the data file of a model fitted by maximum likelihood, classes weighing the same."""
    from scipy.optimize import minimize

    names = tuple(rows[0][1])
    table = np.array([[row[name] for name in names] for _, row in rows])
    truth = np.array([NAMES.index(name) for name, _ in rows])
    weight = 1.0 / np.bincount(truth, minlength=len(NAMES))[truth] / len(NAMES)
    mean, scale = _moments(table, weight)
    known = np.clip(np.where(np.isfinite(table), (table - mean) / scale, 0.0), -6.0, 6.0)
    size = (len(NAMES), len(names) + 1)

    def loss(flat: Float64) -> tuple[float, Float64]:
        weights = flat.reshape(size)
        score = known @ weights[:, :-1].T + weights[:, -1]
        score -= score.max(axis=1, keepdims=True)
        share = np.exp(score)
        share /= share.sum(axis=1, keepdims=True)
        cost = -float(weight @ np.log(share[np.arange(len(truth)), truth] + 1e-300))
        share[np.arange(len(truth)), truth] -= 1.0
        share *= weight[:, None]
        slope = np.concatenate([share.T @ known, share.sum(axis=0)[:, None]], axis=1)
        slope[:, :-1] += 2.0 * PENALTY * weights[:, :-1]
        return cost + PENALTY * float((weights[:, :-1] ** 2).sum()), slope.ravel()

    best = minimize(loss, np.zeros(size).ravel(), jac=True, method="L-BFGS-B").x.reshape(size)
    return _as_text(names, mean, scale, best, origin)


def _moments(table: Float64, weight: Float64) -> tuple[Float64, Float64]:
    there = np.isfinite(table) * weight[:, None]
    total = np.maximum(there.sum(axis=0), 1e-12)
    mean = (np.nan_to_num(table) * there).sum(axis=0) / total
    square = (np.nan_to_num(table - mean) ** 2 * there).sum(axis=0) / total
    return mean, np.maximum(np.sqrt(square), 1e-3)


def _as_text(
    names: Sequence[str], mean: Float64, scale: Float64, best: Float64, origin: str
) -> str:
    data = {
        "what": "log-linear emissions of the mitosis decoder",
        "origin": origin,
        "command": "python -m livesr.bench.mitosis_fit emissions",
        "features": {
            name: {"mean": round(float(m), 5), "scale": round(float(s), 5)}
            for name, m, s in zip(names, mean, scale, strict=True)
        },
        "classes": {
            name: {
                "bias": round(float(row[-1]), 4),
                "weights": {
                    feature: round(float(w), 4) for feature, w in zip(names, row, strict=False)
                },
            }
            for name, row in zip(NAMES, best, strict=True)
        },
    }
    return json.dumps(data, indent=1) + "\n"


def rendered_pairs(seeds: Iterable[int]) -> Iterator[tuple[str, CellMeasures, CellMeasures]]:
    """Yield stage, true and seen measures of cells in stacks rendered and segmented by ``ALL``."""
    package = load_package("ALL")
    with closing(choose_engine("auto", package)) as engine:
        for seed in seeds:
            stage, share, planes = AT[seed % len(AT)]
            sample = alone(seed, "divides")
            time_s = moment_of(sample.figures[0].life, stage, share)
            field = Field.around(sample.figures[0].moment(time_s), planes, 3.0)
            true = measures_of(scene(sample, time_s, field))
            seen = measures_of(segmented(sample, time_s, field, package, engine))
            for one in true:
                near = [c for c in seen if _near(one, c)]
                if near:
                    yield stage, one, near[0]


def _near(one: CellMeasures, other: CellMeasures) -> bool:
    return all(abs(a - b) < 3.0 for a, b in zip(one.centre_um, other.centre_um, strict=True))


def moment_of(life: Life, stage: str, share: float) -> float:
    """Return the time of a share of a stage."""
    spans = {
        "interphase": (0.0, life.prophase),
        "prophase": (life.prophase, life.breakdown),
        "prometaphase": (life.breakdown, life.metaphase),
        "metaphase": (life.metaphase, life.anaphase),
        "anaphase": (life.anaphase, life.telophase),
        "telophase": (life.telophase, life.spreading),
        "spreading": (life.spreading, life.rest),
    }
    begin, end = spans[stage]
    return begin + share * (end - begin)


def errors_text(known: Errors, origin: str) -> str:
    """Return the data file of measured errors."""
    data = {
        "what": "log(seen / true) of features: mean and standard deviation",
        "origin": origin,
        "command": "python -m livesr.bench.mitosis_fit errors",
        "log_ratio": {
            kind: {name: [round(m, 4), round(s, 4)] for name, (m, s) in found.items()}
            for kind, found in known.spread.items()
        },
        "missed": {kind: round(share, 3) for kind, share in known.missed.items()},
    }
    return json.dumps(data, indent=1) + "\n"


def main(what: str) -> None:
    """Write one of the data files."""
    if what == "errors":
        pairs = [(true, seen) for _, true, seen in rendered_pairs(RENDERED)]
        origin = f"ALL on {len(RENDERED)} rendered stacks, seeds {RENDERED[0]}-{RENDERED[-1]}"
        path = Path(mitosis_errors.__file__).with_name(mitosis_errors.FILE)
        path.write_text(errors_text(compared(pairs), origin), encoding="utf-8", newline="\n")
        return
    lives = [measured(seed, kind) for kind, seeds in SEEDS.items() for seed in seeds]
    origin = ", ".join(f"{k} seeds {s[0]}-{s[-1]}" for k, s in SEEDS.items())
    path = Path(model.__file__).with_name(model.FILE)
    rows = list(examples(lives, mitosis_errors.errors()))
    path.write_text(fitted(rows, f"simulated lives: {origin}"), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1])
