"""What ``livesr evaluate --json`` prints, from what evaluations gathered."""

from __future__ import annotations

from functools import reduce
from math import isnan
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.analysis.bootstrap import drawn_f1, interval95, mean_drawn
from livesr.analysis.scores import Counts
from livesr.errors import ConfigError
from livesr.segmentation.trust import tables
from livesr.training.evaluation.published import published

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.training.evaluation.agreement import Agreement
    from livesr.training.evaluation.scoring import Ceiling, Evaluation, Panel
    from livesr.types import Float64

    Each = Sequence[Agreement | None]


def assembled(panel: Panel, *, without_ratio: bool = False) -> dict[str, Any]:
    """Return scores of all structures, means, intervals, confusions and each stack's F1.

    Parameters
    ----------
    panel : Panel
    without_ratio : bool
        The ablation: decides which figures of the paper stand beside.

    Raises
    ------
    ConfigError
        If no sample has the truth of any structure.
    """
    evaluations = panel.evaluations
    each = {name: found for one in evaluations for name, found in one.each.items()}
    known = {name: sum(one is not None for one in found) for name, found in each.items()}
    structures: dict[str, dict[str, Any]] = {}
    drawn: dict[str, Float64] = {}
    for evaluation in evaluations:
        calibration = _calibration(evaluation)
        for name in evaluation.package.structures:
            if known[name]:
                drawn[name] = drawn_f1(voxels(each[name]))
                structures[name] = {
                    **_scores(each[name]),
                    **panel.baselines.scores(name),
                    "ci95": _finite(interval95(drawn[name])),
                    **calibration[name],
                    "published": published(name, without_ratio=without_ratio),
                }
    if not structures:
        raise ConfigError(
            f"no sample has the truth of {', '.join(each)}",
            where="livesr evaluate",
            fix="name a package for structures that the data set has masks of",
        )
    present = [name for name in structures if structures[name]["voxels"]]
    result: dict[str, Any] = {
        "structures": structures,
        "mean_f1": _mean(structures, present),
        "mean_f1_ci95": _finite(interval95(mean_drawn([drawn[name] for name in present]))),
        "absent": [name for name in structures if name not in present],
        "samples": {name: count for name, count in known.items() if count},
        "unknown": [name for name, count in known.items() if not count],
        "networks": networks(evaluations),
        "packages": [_package(one) for one in evaluations],
        "stacks": [_stack(each, at, name) for at, name in enumerate(panel.samples)],
    }
    if panel.ceiling:
        result["ceiling"] = _ceiling(panel.ceiling, structures, present)
    return result


def voxels(each: Each) -> list[Counts]:
    """Return the voxel counts of every stack, zero where nothing is known."""
    return [Counts() if one is None else one.voxels for one in each]


def networks(evaluations: Sequence[Evaluation]) -> dict[str, dict[str, Any]]:
    """Return the confusion table of each network whose structures' truth was known together."""
    return {
        head.network: {
            "package": one.package.name,
            "classes": [*head.structures, "none"],
            "confusion": one.confusion[head.network].tolist(),
        }
        for one in evaluations
        for head in one.package.about.heads
        if one.confusion[head.network].any()
    }


def _scores(each: Each) -> dict[str, Any]:
    """Return the pooled scores of a structure, and those of a mask that is empty."""
    pooled = reduce(add, (one for one in each if one is not None))
    real, total = pooled.voxels.tp + pooled.voxels.fn, int(pooled.histogram.sum())
    empty = Counts(fn=real, tn=total - real)
    return {
        **pooled.as_dict(),
        "voxels": real,
        "background_f1": empty.f1,
        "background_accuracy": empty.pixel_accuracy,
    }


def _calibration(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Return each structure's calibration error as given and, if the package can, corrected."""
    package, reliability = evaluation.package, evaluation.reliability
    fitted = package.trust.get("probability") or {}
    corrected = tables(package.trust, list(fitted))
    found: dict[str, dict[str, Any]] = {}
    for name in package.structures:
        found[name] = {"calibration_error": _number(reliability.error(name))}
        curves = {"raw": reliability.curve(name)}
        if name in corrected:
            table = corrected[name]
            found[name]["calibration_error_calibrated"] = _number(reliability.error(name, table))
            curves["calibrated"] = reliability.curve(name, table)
        found[name]["reliability"] = {
            key: {part: np.asarray(getattr(curve, part)).tolist() for part in ("given", "found")}
            for key, curve in curves.items()
        }
    return found


def _stack(each: dict[str, list[Agreement | None]], at: int, name: str) -> dict[str, Any]:
    """Return one stack's F1 of the structures that it has."""
    here = {key: found[at] for key, found in each.items()}
    f1 = {
        key: one.voxels.f1
        for key, one in here.items()
        if one is not None and one.voxels.tp + one.voxels.fn
    }
    return {"name": name, "f1": f1, "mean_f1": sum(f1.values()) / len(f1) if f1 else None}


def _ceiling(
    ceiling: Ceiling, structures: dict[str, dict[str, Any]], present: Sequence[str]
) -> dict[str, Any]:
    """Write the oversized network's F1 beside the others; return its mean and the gap to it."""
    for name, scores in structures.items():
        scores["ceiling_f1"] = ceiling.counts[name].f1
    mean = float(np.mean([structures[name]["ceiling_f1"] for name in present])) if present else 0.0
    return {
        "package": ceiling.package.name,
        "mean_f1": mean,
        "gap": mean - _mean(structures, present),
    }


def _package(evaluation: Evaluation) -> dict[str, Any]:
    package = evaluation.package
    return {
        "name": package.name,
        "sha256": package.sha256,
        "structures": list(package.structures),
    }


def _mean(structures: dict[str, dict[str, Any]], present: Sequence[str]) -> float:
    return float(np.mean([structures[name]["f1"] for name in present])) if present else 0.0


def _finite(values: tuple[float, float]) -> tuple[float | None, float | None]:
    return _number(values[0]), _number(values[1])


def _number(value: float) -> float | None:
    return None if isnan(value) else value
