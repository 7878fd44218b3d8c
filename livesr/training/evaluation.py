"""Scores of packages on labelled stacks, through the very path of a live session.

Needs no PyTorch: the networks run in the live engines.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.analysis.reliability import Reliability
from livesr.analysis.scores import Counts, confusion
from livesr.errors import ConfigError, ModelError
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import coverage, network_voxel
from livesr.training.agreement import Agreement
from livesr.training.baselines import RANGES, Baselines
from livesr.training.labelled import check
from livesr.training.prediction import predicted
from livesr.training.results import assembled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.forest import PixelForest
    from livesr.training.labelled import LabelledStack
    from livesr.training.prediction import Prediction
    from livesr.training.samples import Samples
    from livesr.types import Bool, Grid

    Look = Callable[[LabelledStack, Mapping[str, Bool]], None]


class Evaluation:
    """A package's scores, gathered stack by stack.

    Parameters
    ----------
    package : Package
    engine : Engine
        With the package loaded.
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
        self._engine = engine
        self._without_ratio = without_ratio
        self.each: dict[str, list[Agreement | None]] = {name: [] for name in package.structures}
        self.confusion = {
            head.network: np.zeros([len(head.structures) + 1] * 2, np.int64)
            for head in package.about.heads
        }
        self.reliability = Reliability(package.structures)

    def add(self, stack: LabelledStack) -> Prediction:
        """Segment and score one stack."""
        seen = predicted(stack, self.package, self._engine, without_ratio=self._without_ratio)
        for name, each in self.each.items():
            truth = stack.truth.get(name)
            each.append(None if truth is None else self._agreement(name, seen, truth, stack.grid))
        for head in self.package.about.heads:
            if all(name in stack.truth for name in head.structures):
                table = confusion(seen.masks, stack.truth, head.structures)
                self.confusion[head.network] += table
        return seen

    def _agreement(self, name: str, seen: Prediction, truth: Bool, grid: Grid) -> Agreement:
        share = coverage(truth.view(np.uint8), grid, seen.features.grid) / np.float32(255)
        self.reliability.update(name, seen.raw[name], share.astype(np.float32, copy=False))
        threshold = self.package.threshold(name)
        return Agreement.of(name, seen.probability[name], threshold, truth, grid)


class Ceiling:
    """An oversized network's voxel counts, gathered stack by stack."""

    def __init__(self, package: Package, engine: Engine, *, without_ratio: bool = False) -> None:
        self.package = package
        self._engine = engine
        self._without_ratio = without_ratio
        self.counts = dict.fromkeys(package.structures, Counts())

    def add(self, stack: LabelledStack) -> None:
        """Segment and score one stack."""
        seen = predicted(stack, self.package, self._engine, without_ratio=self._without_ratio)
        for name in stack.truth.keys() & seen.masks.keys():
            self.counts[name] += Counts.of(seen.masks[name], stack.truth[name])


class Panel:
    """All that is scored side by side on the same stacks.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        One for each package.
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
        check(stack, network_voxel(self.evaluations[0].package, stack.grid))
        masks: dict[str, Bool] = {}
        first = None
        for evaluation in self.evaluations:
            seen = evaluation.add(stack)
            first = first or seen.features
            masks |= seen.masks
        if first:
            self.baselines.add(stack, first)
        if self.ceiling:
            self.ceiling.add(stack)
        self.samples.append(stack.name)
        return masks


def evaluate(
    packages: Sequence[str | Path],
    samples: Samples,
    *,
    engine: str = "auto",
    threads: int | None = None,
    forest: PixelForest | None = None,
    ceiling: str | Path | None = None,
    without_ratio: bool = False,
    progress: Callable[[dict[str, object]], None] | None = None,
    look: Look | None = None,
) -> dict[str, Any]:
    """Score packages on stacks that they have not seen; each stack is made once.

    Parameters
    ----------
    packages : sequence of str or Path
        Folders, or names in ``models/``; no two may give the same structure.
    samples : Samples
        Simulated cells, or a folder of labelled stacks of which structures without truth are left
        out.
    engine : str
    threads : int, optional
        CPU threads; all if not given.
    forest : PixelForest, optional
        Trained and tuned (`livesr.training.baselines.trained_forest`), scored beside the packages.
    ceiling : str or Path, optional
        An oversized network, scored beside the packages.
    without_ratio : bool
        Leave the ratio image out: the ablation.
    progress : callable, optional
        Given a mapping after each stack.
    look : callable, optional
        Given each stack, and all masks on the camera's grid.

    Returns
    -------
    dict
        What ``livesr evaluate --json`` prints.

    Raises
    ------
    ModelError
        If a package or an engine cannot be used.
    ConfigError
        If there is nothing to score, or a sample's parts do not fit each other.
    """
    loaded = [load_package(package) for package in packages]
    names = _all_structures(loaded)
    best = None if ceiling is None else _ceiling(ceiling, names)
    looks = ("intensity",) if without_ratio else tuple(RANGES)
    ablation = {"without_ratio": without_ratio}
    with ExitStack() as engines:

        def opened(package: Package) -> Engine:
            network = choose_engine(engine, package, threads=threads)
            return engines.enter_context(closing(network))

        panel = Panel(
            [Evaluation(package, opened(package), **ablation) for package in loaded],
            Baselines(names, looks, forest),
            None if best is None else Ceiling(best, opened(best), **ablation),
        )
        for stack in samples:
            masks = panel.add(stack)
            if look:
                look(stack, masks)
            if progress:
                done = len(panel.samples)
                progress({"event": "scored", "sample": stack.name, "done": done})
    return {**assembled(panel, **ablation), **samples.about(), **ablation}


def _all_structures(packages: Iterable[Package]) -> list[str]:
    """Return the structures of all packages, in their order.

    Raises
    ------
    ConfigError
        If there is no package, or two give the same structure.
    ModelError
        If a package sees something else than cells.
    """
    givers: dict[str, str] = {}
    for package in packages:
        package.check_channels()
        for name in package.structures:
            if name in givers:
                raise ConfigError(
                    f"{givers[name]} and {package.name} both give {name}",
                    where="livesr evaluate",
                    fix="evaluate them one after the other, or one of them as --ceiling",
                )
            givers[name] = package.name
    if not givers:
        raise ConfigError("no package to evaluate", where="livesr evaluate", fix="name one: ALL")
    return list(givers)


def _ceiling(path: str | Path, names: Iterable[str]) -> Package:
    package = load_package(path)
    package.check_channels()
    missing = [name for name in names if name not in package.structures]
    if missing:
        raise ModelError(
            f"package {package.name} does not give {', '.join(missing)}",
            where="--ceiling",
            fix="a ceiling is a larger network for the same structures",
        )
    return package
