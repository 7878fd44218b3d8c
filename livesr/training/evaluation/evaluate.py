"""Scores of packages on labelled stacks, through the very path of a live session.

Needs no PyTorch: the networks run in the live engines.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

from livesr.errors import ConfigError, ModelError
from livesr.segmentation.package import load_package
from livesr.training.evaluation.baselines import RANGES, Baselines
from livesr.training.evaluation.resting import RestingEngine
from livesr.training.evaluation.results import assembled
from livesr.training.evaluation.scoring import Ceiling, Evaluation, Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from livesr.segmentation.package import Package
    from livesr.training.evaluation.forest import PixelForest
    from livesr.training.evaluation.samples import Samples
    from livesr.training.labelled import LabelledStack
    from livesr.types import Bool

    Look = Callable[[LabelledStack, Mapping[str, Bool]], None]


def evaluate(
    packages: Sequence[str | Path],
    samples: Samples,
    *,
    engine: str = "auto",
    threads: int | None = None,
    forest: Callable[[Sequence[str]], PixelForest] | None = None,
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
    forest : callable, optional
        Given the structures' names, returns a pixel forest to be scored beside the packages:
        `livesr.training.evaluation.baselines.trained_forest`.
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

        def opened(package: Package) -> RestingEngine:
            network = RestingEngine(package, engine, threads)
            return engines.enter_context(closing(network))

        panel = Panel(
            [Evaluation(package, opened(package), **ablation) for package in loaded],
            Baselines(names, looks, forest(names) if forest else None),
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
