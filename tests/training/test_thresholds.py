from __future__ import annotations

from dataclasses import replace

from oracles import Oracle, package, squares

from livesr.analysis.scores import Counts
from livesr.segmentation.segment import mask_on
from livesr.training.evaluation.prediction import predicted
from livesr.training.evaluation.thresholds import CANDIDATES, tune


def test_thresholds_follow_the_probabilities() -> None:
    stack = squares()
    for sure, low, high in ((1.0, 0.25, 0.6), (0.5, 0.1, 0.3)):
        engine = Oracle(stack, sure)
        chosen = tune(package(), engine, [stack])  # type: ignore[arg-type]
        assert all(low <= threshold <= high for threshold in chosen.values()), chosen


def test_the_one_chosen_makes_the_best_masks() -> None:
    stack = squares()
    engine = Oracle(stack, 0.6)
    seen = predicted(stack, package(), engine)  # type: ignore[arg-type]
    chosen = tune(package(), engine, [stack])["golgi"]  # type: ignore[arg-type]

    def f1(threshold: float) -> float:
        at = round(255 * threshold)
        mask = mask_on(stack.grid, seen.raw["golgi"], seen.features.grid, at)
        return Counts.of(mask, stack.truth["golgi"]).f1

    assert f1(chosen) == max(map(f1, CANDIDATES))


def test_structures_without_truth_keep_theirs() -> None:
    stack = squares()
    known = replace(stack, truth={"er": stack.truth["er"]})
    chosen = tune(package(), Oracle(stack, 0.3), [known])  # type: ignore[arg-type]
    assert chosen["er"] < 0.3
    assert chosen["golgi"] == 0.5
