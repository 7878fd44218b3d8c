"""What is scored side by side on the same stacks: packages, baselines, an oversized network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.analysis.reliability import Reliability
from livesr.analysis.scores import Counts, confusion
from livesr.segmentation.segment import coverage, network_voxel
from livesr.training.evaluation.agreement import Agreement
from livesr.training.evaluation.prediction import predicted
from livesr.training.labelled import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.evaluation.baselines import Baselines
    from livesr.training.evaluation.prediction import Prediction
    from livesr.training.labelled import LabelledStack
    from livesr.types import Bool, Grid

PRECEDENCE = (
    "nuclear_reticulum",
    "nuclear_membrane",
    "er",
    "filopodia",
    "plasma_membrane",
    "nucleus",
    "cytosol",
    "extracellular",
)
"""Which of a network's classes a voxel counts as that several hold: the rarer one."""


class Evaluation:
    """A package's scores, gathered stack by stack.

    Parameters
    ----------
    package : Package
    engine : Engine
        With the package loaded; one that loads itself again if several packages are scored.
    without_ratio : bool
        Leave the ratio image out.

    Attributes
    ----------
    each : dict of str to list of Agreement or None
        A structure's, of each stack; None where the truth is not known.
    confusion : dict of str to ndarray
        Voxels by true and found class, for each of the package's heads.
    reliability : Reliability
        Of probabilities on the networks' grid, as they are stored.
    """

    def __init__(self, package: Package, engine: Engine, *, without_ratio: bool = False) -> None:
        self.package = package
        self.engine = engine
        self._without_ratio = without_ratio
        self.each: dict[str, list[Agreement | None]] = {name: [] for name in package.structures}
        self.confusion = {
            head.network: np.zeros([len(head.structures) + 1] * 2, np.int64)
            for head in package.about.heads
        }
        self.reliability = Reliability(package.structures)

    def add(self, stack: LabelledStack) -> Prediction:
        """Segment and score one stack."""
        seen = predicted(stack, self.package, self.engine, without_ratio=self._without_ratio)
        for name, each in self.each.items():
            truth = stack.truth.get(name)
            each.append(None if truth is None else self._agreement(name, seen, truth, stack.grid))
        for head in self.package.about.heads:
            if all(name in stack.truth for name in head.structures):
                self.confusion[head.network] += _confused(seen.masks, stack.truth, head.structures)
        return seen

    def _agreement(self, name: str, seen: Prediction, truth: Bool, grid: Grid) -> Agreement:
        share = coverage(truth.view(np.uint8), grid, seen.features.grid) / np.float32(255)
        self.reliability.update(name, seen.raw[name], share.astype(np.float32, copy=False))
        threshold = self.package.threshold(name)
        return Agreement.of(name, seen.probability[name], threshold, truth, grid)


def _confused(
    masks: Mapping[str, Bool], truth: Mapping[str, Bool], names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Return the confusion of a head's classes; where several hold, the first of `PRECEDENCE`."""
    rest = len(PRECEDENCE)
    order = sorted(
        range(len(names)),
        key=lambda k: PRECEDENCE.index(names[k]) if names[k] in PRECEDENCE else rest,
    )
    table = confusion(masks, truth, [names[k] for k in order])
    back = [*np.argsort(order), len(names)]
    return table[np.ix_(back, back)]


class Ceiling:
    """An oversized network's voxel counts, gathered stack by stack."""

    def __init__(self, package: Package, engine: Engine, *, without_ratio: bool = False) -> None:
        self.package = package
        self.engine = engine
        self._without_ratio = without_ratio
        self.counts = dict.fromkeys(package.structures, Counts())

    def add(self, stack: LabelledStack) -> None:
        """Segment and score one stack."""
        seen = predicted(stack, self.package, self.engine, without_ratio=self._without_ratio)
        for name in stack.truth.keys() & seen.masks.keys():
            self.counts[name] += Counts.of(seen.masks[name], stack.truth[name])


class Panel:
    """All that is scored side by side on the same stacks.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        One for each package; if there are several, their engines are closed after each stack.
    baselines : Baselines
    ceiling : Ceiling, optional

    Attributes
    ----------
    samples : list of str
        Names of the stacks.
    """

    def __init__(
        self,
        evaluations: Sequence[Evaluation],
        baselines: Baselines,
        ceiling: Ceiling | None = None,
    ) -> None:
        self.evaluations = evaluations
        self.baselines = baselines
        self.ceiling = ceiling
        self.samples: list[str] = []

    def add(self, stack: LabelledStack) -> dict[str, Bool]:
        """Score one stack; return the packages' masks."""
        alone = len(self.evaluations) == 1 and not self.ceiling
        check(stack, network_voxel(self.evaluations[0].package, stack.grid))
        masks: dict[str, Bool] = {}
        first = None
        for evaluation in self.evaluations:
            seen = evaluation.add(stack)
            first = first or seen.features
            masks |= seen.masks
            if not alone:
                evaluation.engine.close()
        if first:
            self.baselines.add(stack, first)
        if self.ceiling:
            self.ceiling.add(stack)
            self.ceiling.engine.close()
        self.samples.append(stack.name)
        return masks
