"""Scores of a package on simulated cells, through the very path of a live session.

Needs no PyTorch: the networks run in the live engines.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

import livesr
from livesr import simulator
from livesr.analysis.scores import Counts, ThresholdBaseline, confusion, count_objects
from livesr.calibration.warp import Warp
from livesr.errors import ConfigError
from livesr.features import estimate_normalisation, make_features
from livesr.segmentation.engines import choose_engine
from livesr.segmentation.package import load_package
from livesr.segmentation.segment import mask_on, network_voxel, probabilities, to_masks
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.parameters import parameters
from livesr.simulator.sample import Sample
from livesr.simulator.view import View
from livesr.types import Grid, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from livesr.calibration.warp import ChromaticModel
    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.simulator.parameters import Parameters
    from livesr.training.forest import PixelForest
    from livesr.types import Bool, Features, Float32, UInt16

Z_STEP_UM = 0.3
"""Step for which planes are counted."""
FIRST_TEST_SEED = 70_000
"""Cells of seeds below this one are for training, tests and the choice of thresholds."""
RANGES = {"intensity": (-0.5, 5.0), "ratio": (0.0, 4.0)}
"""What the features can be; see `livesr.features`."""
SMOOTH_VOXELS = 1.0
"""Gaussian σ in the plane of the baseline's smoothed images."""
SOURCES = (".py", ".yaml")
"""Files of the simulator that decide what its cells look like."""
CANDIDATES = tuple(round(0.05 * k, 2) for k in range(1, 20))
"""Thresholds on probability that `tune` tries."""


@dataclass(frozen=True, slots=True)
class SimulatedStack:
    """A stack as the camera gives it, with everything a session would know and the truth.

    Attributes
    ----------
    data : ndarray, (2, z, y, x), uint16
    grid : Grid
        The camera's.
    offset : float
        Counts without light.
    chromatic : ChromaticModel
        Red against yellow.
    truth : mapping of str to ndarray, (z, y, x), bool
        Overlap allowed, on ``grid``.
    """

    data: UInt16
    grid: Grid
    offset: float
    chromatic: ChromaticModel
    truth: Mapping[str, Bool]


def simulate(
    seed: int, preset: str = "standard", *, shape: tuple[int, int, int] = (24, 512, 512)
) -> SimulatedStack:
    """Return a stack of an unseen cell with optics of its own, as a session would record it.

    Parameters
    ----------
    seed : int
    preset : str
        Of the simulated microscope.
    shape : tuple of int
        Planes at steps of 0.3 µm, rows, columns; another step gives as many planes as reach as far.
    """
    p = parameters(preset)
    rng = np.random.default_rng([seed, 4])
    pixel, step = (float(rng.uniform(*r)) for r in (p.sampling.pixel_um, p.sampling.z_step_um))
    planes = max(round(shape[0] * Z_STEP_UM / step), 1)
    grid = Grid((planes, *shape[1:]), (step, pixel, pixel))
    optics = Optics.from_seed(seed, p.optics, pixel)
    camera = CameraModel.from_parameters(p.camera)
    sample, view = Sample(seed, parameters=p), View((0.0, 0.0), pixel, shape[1:])
    heights = [optics.depth(step * k) for k in range(planes)]
    photons = sample.emission(0.0, heights, view, optics)
    return SimulatedStack(
        camera.expose(photons, np.random.default_rng([seed, 3])),
        grid,
        camera.offset,
        optics.chromatic,
        sample.truth(0.0, heights, view),
    )


def features_of(stack: SimulatedStack, package: Package) -> Features:
    """Return what a session would show the network."""
    warp = Warp(stack.grid, network_voxel(package, stack.grid), {1: stack.chromatic})
    norm = estimate_normalisation(stack.data, stack.grid, stack.offset)
    return make_features(stack.data, warp, stack.offset, norm)


class Evaluation:
    """Scores gathered stack by stack.

    Parameters
    ----------
    package : Package
    engine : Engine
        With the package loaded.
    forest : PixelForest, optional
        Trained and tuned (`livesr.training.baselines.trained_forest`), to be scored beside it.
    """

    def __init__(self, package: Package, engine: Engine, forest: PixelForest | None = None) -> None:
        self.package = package
        self._engine = engine
        self._forest = forest
        self._counts = dict.fromkeys(package.structures, Counts())
        self._each: dict[str, list[Counts]] = {name: [] for name in package.structures}
        self._objects = dict.fromkeys(package.structures, Counts())
        self._confusion = {
            head.network: np.zeros([len(head.structures) + 1] * 2, np.int64)
            for head in package.about.heads
        }
        ranges = {f"{key} {how}": r for key, r in RANGES.items() for how in ("plain", "smooth")}
        self._baseline = ThresholdBaseline(package.structures, ranges)

    def add(self, stack: SimulatedStack) -> None:
        """Segment and score one stack."""
        features = features_of(stack, self.package)
        probability = probabilities(features, self.package, self._engine)
        masks = to_masks(probability, self.package, stack.grid, StackIndex(0, 0))
        for name in self.package.structures:
            counts = Counts.of(masks.volumes[name], stack.truth[name])
            self._counts[name] += counts
            self._each[name].append(counts)
            self._objects[name] += count_objects(masks.volumes[name], stack.truth[name])
        for head in self.package.about.heads:
            table = confusion(masks.volumes, stack.truth, head.structures)
            self._confusion[head.network] += table
        self._baseline.update(baseline_images(features, stack.grid), stack.truth)
        if self._forest:
            self._forest.score(pixel_images(stack), stack.truth, stack.grid)

    def scores(self) -> dict[str, Any]:
        """Return the mapping that ``livesr evaluate --json`` prints."""
        structures: dict[str, dict[str, Any]] = {
            name: {
                **self._counts[name].as_dict(),
                "threshold_f1": self._baseline.f1(name),
                "object_f1": self._objects[name].f1,
                "ci95": interval(self._each[name]),
            }
            for name in self.package.structures
        }
        if self._forest:
            for name in self.package.structures:
                structures[name]["forest_f1"] = self._forest.f1(name)
        mean = float(np.mean([scores["f1"] for scores in structures.values()]))
        networks = {
            head.network: {
                "classes": [*head.structures, "none"],
                "confusion": self._confusion[head.network].tolist(),
            }
            for head in self.package.about.heads
        }
        return {"structures": structures, "mean_f1": mean, "networks": networks}


def evaluate(
    package: str | Path,
    seeds: Iterable[int],
    preset: str = "standard",
    *,
    engine: str = "auto",
    threads: int | None = None,
    shape: tuple[int, int, int] = (24, 512, 512),
    forest: PixelForest | None = None,
    progress: Callable[[dict[str, object]], None] | None = None,
) -> dict[str, Any]:
    """Score a package on simulated cells that it has not seen.

    Parameters
    ----------
    package : str or Path
        Folder, or name in ``models/``.
    seeds : iterable of int
        Of the cells; `FIRST_TEST_SEED` and above for scores to publish.
    engine : str
    threads : int, optional
    preset : str
        Of the simulated microscope.
    shape : tuple of int
        Camera pixels (z, y, x) of each stack.
    forest : PixelForest, optional
        Scored beside the package, as ``forest_f1``.
    progress : callable, optional
        Given a mapping after each stack.

    Returns
    -------
    dict
        What ``livesr evaluate --json`` prints.

    Raises
    ------
    ModelError
        If the package or an engine cannot be used.
    ConfigError
        If no seeds are given.
    """
    seeds = list(seeds)
    if not seeds:
        raise ConfigError("no seeds to evaluate on", fix="for example: --seeds 70000-70007")
    loaded = load_package(package)
    with closing(choose_engine(engine, loaded, threads=threads)) as network:
        evaluation = Evaluation(loaded, network, forest)
        for done, seed in enumerate(seeds, start=1):
            evaluation.add(simulate(seed, preset, shape=shape))
            if progress:
                progress({"event": "scored", "seed": seed, "done": done, "of": len(seeds)})
    return {
        **evaluation.scores(),
        "package": loaded.name,
        "seeds": seeds,
        "shape": list(shape),
        "preset": preset,
        "simulator": simulator_version(parameters(preset)),
    }


def tune(package: Package, engine: Engine, stacks: Iterable[SimulatedStack]) -> dict[str, float]:
    """Return for each structure the threshold of the highest F1, pooled over ``stacks``.

    To be chosen on other cells than those that are scored.
    """
    pooled: dict[tuple[str, float], Counts] = {}
    for stack in stacks:
        features = features_of(stack, package)
        probability = probabilities(features, package, engine)
        for k, name in enumerate(package.structures):
            for threshold in CANDIDATES:
                mask = mask_on(stack.grid, probability[k], features.grid, round(255 * threshold))
                counts = Counts.of(mask, stack.truth[name])
                pooled[name, threshold] = pooled.get((name, threshold), Counts()) + counts
    return {
        name: max(CANDIDATES, key=lambda threshold: pooled[name, threshold].f1)
        for name in package.structures
    }


def baseline_images(features: Features, grid: Grid) -> dict[str, Float32]:
    """Return intensity and ratio on the camera's grid, plain and smoothed, by the keys of scores.

    They are the networks' own input, resized as probabilities are.
    """
    images = {}
    for key, volume in zip(RANGES, features.data, strict=True):
        smooth = gaussian_filter1d(volume, SMOOTH_VOXELS, axis=1)
        smooth = gaussian_filter1d(smooth, SMOOTH_VOXELS, axis=2)
        images[f"{key} plain"] = _resized(volume, features.grid, grid)
        images[f"{key} smooth"] = _resized(smooth, features.grid, grid)
    return images


def pixel_images(stack: SimulatedStack) -> list[Float32]:
    """Return intensity and ratio registered on the camera's own pixels, for pixel classifiers."""
    warp = Warp(stack.grid, stack.grid.voxel_um, {1: stack.chromatic})
    norm = estimate_normalisation(stack.data, stack.grid, stack.offset)
    return list(make_features(stack.data, warp, stack.offset, norm).data)


def _resized(volume: Float32, source: Grid, grid: Grid) -> Float32:
    at = np.arange(grid.shape[0]) * (grid.voxel_um[0] / source.voxel_um[0])
    nearest = np.minimum(np.rint(at).astype(int), source.shape[0] - 1)
    scale = [source.voxel_um[i] / grid.voxel_um[i] for i in (1, 2)]
    out = np.empty(grid.shape, np.float32)
    for target, k in zip(out, nearest, strict=True):
        large = cv2.resize(volume[k], None, fx=scale[1], fy=scale[0])
        target[:] = large[: grid.shape[1], : grid.shape[2]]
    return out


def interval(each: list[Counts], draws: int = 500) -> tuple[float, float]:
    """Return the 95 % interval of the pooled F1 over cells, by bootstrap with a fixed seed."""
    table = np.array([(c.tp, c.fp, c.fn) for c in each], np.float64)
    chosen = np.random.default_rng(0).integers(len(each), size=(draws, len(each)))
    tp, fp, fn = np.moveaxis(table[chosen].sum(axis=1), -1, 0)
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    low, high = np.percentile(f1, (2.5, 97.5))
    return float(low), float(high)


def simulator_version(p: Parameters | None = None) -> dict[str, str | int]:
    """Return what decides the simulated cells.

    Parameters
    ----------
    p : Parameters, optional
        Those simulated with; default: preset `standard`.

    Returns
    -------
    dict
        ``version`` of the parameters, ``hash`` of their values, ``sources``: hash of the
        simulator's program, and ``livesr``: its version.
    """
    p = p or parameters()
    return {
        "version": p.version,
        "hash": p.hash(),
        "sources": _sources(Path(simulator.__file__).parent),
        "livesr": livesr.__version__,
    }


def _sources(folder: Path) -> str:
    """Return a hash of a package's sources and tables, whatever their line endings."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.suffix in SOURCES:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:16]
