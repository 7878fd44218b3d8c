"""FG-net's scores on simulated probes beside those of thresholds, like the paper's Fig. S3."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from livesr.analysis.bootstrap import drawn_f1, interval95
from livesr.analysis.joint import VALUES, counts_at, joint_histogram
from livesr.analysis.scores import Counts, Thresholds
from livesr.segmentation.engines import choose_engine
from livesr.simulator.coloc import PROBES
from livesr.training.evaluation.thresholds import CANDIDATES
from livesr.training.labels.foreground import (
    AUTOMATIC,
    above,
    foreground_mask,
    foreground_probability,
    smoothed,
)
from livesr.training.labels.probe import brightness, probe_image
from livesr.training.plan import COLOCALISATION, FOREGROUND
from livesr.training.sampling.colocalisation import simulate_probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.training.sampling.colocalisation import ProbedCell
    from livesr.types import Bool

TUNING_SEEDS = range(65_100, 65_106)
"""Cells on which thresholds are tuned; no score is of them."""
RANGE = (-0.5, 12.0)
"""Tuned thresholds lie here, in units of the probe's brightness."""
TUNED = "tuned"
RIVALS = (*AUTOMATIC, TUNED)
FG_NET = "FG-net"
Table = dict[str, dict[str, list[Counts]]]
"""Probe → kind of mask → counts of each cell."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A threshold as it did best on the tuning cells of one structure.

    Attributes
    ----------
    how : str or float
        As `livesr.training.labels.foreground.threshold_mask` takes it.
    smooth : bool
    """

    how: str | float
    smooth: bool


@dataclass(slots=True)
class Tuning:
    """Finds the best threshold of each kind for one structure."""

    histograms: dict[bool, Thresholds] = field(
        default_factory=lambda: {s: Thresholds(["it"], *RANGE) for s in (False, True)}
    )
    counts: dict[tuple[str, bool], Counts] = field(default_factory=dict)

    def add(self, cell: ProbedCell) -> None:
        """Take in a cell."""
        image, grid = probe_image(cell.stack, cell.stack.grid.voxel_um)
        light = np.float32(brightness(image, grid))
        for smooth, histogram in self.histograms.items():
            seen = smoothed(image) if smooth else image
            histogram.update(seen / light, {"it": cell.truth})
            for how in AUTOMATIC:
                found = Counts.of(above(image, how, float(light), smooth=smooth), cell.truth)
                self.counts[how, smooth] = self.counts.get((how, smooth), Counts()) + found

    def rivals(self) -> dict[str, Rival]:
        """Return each kind of threshold at its best, plain or smoothed."""
        best = {
            how: Rival(how, max((False, True), key=lambda s: self.counts[how, s].f1))
            for how in AUTOMATIC
        }
        tried = {smooth: h.best("it") for smooth, h in self.histograms.items()}
        smooth = max(tried, key=lambda s: tried[s][0])
        return {**best, TUNED: Rival(tried[smooth][1], smooth)}


def score_foreground(
    package: Package,
    seeds: Sequence[int],
    *,
    structures: Sequence[str] = PROBES,
    preset: str = "standard",
    shape: tuple[int, int, int] = (24, 512, 512),
    tuning: Sequence[int] = TUNING_SEEDS,
    engine: str = "auto",
    look: Callable[[ProbedCell, dict[str, Bool]], None] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Score FG-net and thresholds on simulated colocalisation images.

    Every structure is recorded in the same cells, with a probe of an expression drawn for each
    (`livesr.training.sampling.colocalisation.simulate_probes`). Lipid droplets are the true ones
    for all.
    Thresholds: Otsu's and the triangle's of each stack, and one number for each structure, chosen
    on the tuning cells, in units of each stack's brightness; each on the plain or the smoothed
    image, whichever did better there.

    Parameters
    ----------
    package : Package
        FG.
    seeds : sequence of int
    structures : sequence of str
        Of `livesr.simulator.coloc.PROBES`.
    preset : str
    shape : tuple of int
        As for `livesr.training.sampling.colocalisation.simulate_probes`.
    tuning : sequence of int
        Seeds, none of ``seeds``.
    engine : str
    look : callable, optional
        Given every cell and the masks by their kind, `FG_NET` and `RIVALS`.
    progress : callable
        Given a line for each seed.

    Returns
    -------
    dict
        ``structures``: {probe: the scores of `livesr.analysis.scores.Counts`, and ``otsu_f1``,
        ``triangle_f1``, ``tuned_f1``, ``tuned_threshold``}, ``mean_f1``, and what was simulated.

    Raises
    ------
    ModelError
        If the package sees anything else than a colocalisation channel.
    """
    package.check_channels(COLOCALISATION)
    rivals = tune_rivals(structures, tuning, preset, shape, progress)
    counts: Table = {name: {kind: [] for kind in (FG_NET, *RIVALS)} for name in structures}
    with closing(choose_engine(engine, package)) as running:
        for seed in seeds:
            for cell in simulate_probes(seed, structures, preset, shape=shape):
                masks = score_masks(cell, package, running, rivals[cell.structure])
                for kind, mask in masks.items():
                    counts[cell.structure][kind].append(Counts.of(mask, cell.truth))
                if look:
                    look(cell, masks)
            progress(f"seed {seed} of {seeds[-1]}")
    rows = {name: _row(counts[name], rivals[name]) for name in structures}
    return {
        "structures": rows,
        "mean_f1": float(np.mean([row["f1"] for row in rows.values()])),
        "package": package.name,
        "preset": preset,
        "seeds": list(seeds),
        "tuning_seeds": list(tuning),
        "shape": list(shape),
    }


def tune_foreground(
    package: Package,
    seeds: Iterable[int] = TUNING_SEEDS,
    *,
    structures: Sequence[str] = PROBES,
    shape: tuple[int, int, int] = (24, 512, 512),
    engine: str = "auto",
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Return the threshold on probability of the highest F1, a mean over the probes.

    Parameters
    ----------
    package : Package
        FG.
    seeds, structures, shape, engine, progress
        As for `score_foreground`; cells on which nothing is scored.
    """
    pooled = {name: np.zeros((2, VALUES), np.int64) for name in structures}
    with closing(choose_engine(engine, package)) as running:
        for seed in seeds:
            for cell in simulate_probes(seed, structures, shape=shape):
                probability = foreground_probability(cell.stack, package, running)
                pooled[cell.structure] += joint_histogram(probability, cell.truth)
            progress(f"threshold: seed {seed}")

    def mean_f1(threshold: float) -> float:
        at = max(1, round(255 * threshold))
        return float(np.mean([counts_at(histogram, at).f1 for histogram in pooled.values()]))

    return {FOREGROUND: max(CANDIDATES, key=mean_f1)}


def tune_rivals(
    structures: Sequence[str],
    seeds: Iterable[int],
    preset: str,
    shape: tuple[int, int, int],
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[str, Rival]]:
    """Return for each structure the thresholds at their best on some cells."""
    tunings = {name: Tuning() for name in structures}
    for seed in seeds:
        for cell in simulate_probes(seed, structures, preset, shape=shape):
            tunings[cell.structure].add(cell)
        progress(f"thresholds: seed {seed}")
    return {name: tuning.rivals() for name, tuning in tunings.items()}


def score_masks(
    cell: ProbedCell, package: Package, engine: Engine, rivals: dict[str, Rival]
) -> dict[str, Bool]:
    """Return the masks of FG-net and of each threshold, on the camera's grid."""
    image, grid = probe_image(cell.stack, cell.stack.grid.voxel_um)
    light = brightness(image, grid)
    masks = {FG_NET: foreground_mask(cell.stack, package, engine)}
    for kind, rival in rivals.items():
        masks[kind] = above(image, rival.how, light, smooth=rival.smooth)
    return masks


def _row(counts: dict[str, list[Counts]], rivals: dict[str, Rival]) -> dict[str, Any]:
    pooled = {kind: sum(each, Counts()) for kind, each in counts.items()}
    return {
        **pooled[FG_NET].as_dict(),
        "ci95": interval95(drawn_f1(counts[FG_NET])),
        **{f"{kind}_f1": pooled[kind].f1 for kind in RIVALS},
        "tuned_threshold": rivals[TUNED].how,
        "smoothed": [kind for kind in RIVALS if rivals[kind].smooth],
    }
