"""What makes a package trustworthy: calibrated probabilities, and what its training looked like.

Fitted on cells that are neither trained on nor scored, of the standard microscope and of others
(`livesr.training.sampling.variety`), each in several lights. Needs no PyTorch.
"""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

from livesr.analysis.reliability import CERTAIN, VALUES, Reliability
from livesr.features import estimate_normalisation
from livesr.segmentation.quantities import BY_NAME, measure
from livesr.segmentation.segment import coverage, probabilities
from livesr.segmentation.trust import Range, Seen
from livesr.simulator.imaging.camera import CameraModel
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.sample import Sample
from livesr.simulator.view import View
from livesr.training.labelled import LabelledStack, features_of
from livesr.training.plan import FieldPlan
from livesr.training.sampling.fields import REGISTERED, Z_STEP_UM, draw_world
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.types import Float64, UInt8

SEEDS = range(65_100, 65_132)
"""Of the cells that trust is fitted on."""
LIGHTS = (0.3, 3.0)
"""Exposure of the second stack of each cell, times the usual: as far as training goes."""
BACKGROUND_PHOTONS = 6.0
"""Light that is added to it at most."""
LEAST_UNCERTAIN = 500.0
"""Voxels of a structure with 0.02 < p < 0.98 that its calibration needs at least."""
LEAST_SCALE = 0.05
"""Of a network that knows nothing of a structure all voxels become nearly alike, and still rise."""
LEAST_FOREGROUND = 0.03
"""Fields with a smaller share of bright voxels show too little of a cell to be an example."""
LEAST_STACKS = 8
"""Stacks that must have a quantity for it to be compared."""
TRIMMED = 0.01
"""Share of the stacks at each end of a quantity that its range leaves out …"""
MARGIN = 0.25
"""… before it is widened at each end by this share of it, or the quantity's own margin."""
TAILS = 6.0
"""A range is at most so many spreads wide, so that no quantity with long tails decides alone."""
USUAL = 0.98
"""Share of the stacks that lie within the largest usual distance, which is widened too."""
SMALLEST = 160
"""Camera pixels along the side of the smallest crop, and …"""
FEWEST = 8
"""… planes of the shortest stack, that belong to what was seen."""


def tuning_stacks(
    seeds: Iterable[int] = SEEDS, *, shape: tuple[int, int, int] = (24, 320, 320)
) -> Iterator[LabelledStack]:
    """Yield two stacks of each seed's cell: as usual, and in another light.

    The first plane is in focus on the cover slip, as sessions begin: where it lies decides what
    the networks make of the flat membrane there.

    Parameters
    ----------
    seeds : iterable of int
        From 65,000 to 69,999.
    shape : tuple of int
        Planes at steps of 0.3 µm, rows, columns; another step gives as many planes as reach as far.
    """
    plan = FieldPlan()
    for seed in seeds:
        rng = np.random.default_rng([seed, 6])
        world = draw_world(plan, rng)
        p, pixel = world.parameters, world.parameters.sampling.pixel_um[0]
        sample, camera = Sample(seed, parameters=p), CameraModel.from_parameters(p.camera)
        registered = rng.random() < REGISTERED
        optics = (Optics.registered if registered else Optics.from_seed)(seed, p.optics)
        usual = rng.random() < plan.usual_z_step
        step = Z_STEP_UM if usual else float(rng.uniform(*plan.z_step_um))
        aside = rng.uniform(-12.0, 12.0, 2)
        view = View((float(aside[0]), float(aside[1])), pixel, shape[1:])
        heights = [
            world.above_um + step * k for k in range(max(round(shape[0] * Z_STEP_UM / step), 1))
        ]
        grid = Grid((len(heights), *shape[1:]), (step, pixel, pixel))
        photons = sample.emission(world.time_s, heights, view, optics)
        truth = sample.truth(world.time_s, heights, view)
        light = exp(rng.uniform(log(LIGHTS[0]), log(LIGHTS[1])))
        more = np.float32(rng.uniform(0.0, 1.0) ** 2 * BACKGROUND_PHOTONS)
        for scale, background in ((1.0, np.float32(0.0)), (light, more)):
            data = camera.expose(photons + background, rng, scale=scale)
            name = f"tuning {seed}"
            yield LabelledStack(data, grid, camera.offset, optics.chromatic, truth, name)


def fit_trust(
    package: Package,
    engine: Engine,
    stacks: Iterable[LabelledStack],
    own: Iterable[LabelledStack] = (),
) -> dict[str, Any]:
    """Return what goes into a package under ``trust``.

    Parameters
    ----------
    package : Package
    engine : Engine
        With the package loaded.
    stacks : iterable of LabelledStack
        Of what the package was trained on; `tuning_stacks` for simulated cells.
    own : iterable of LabelledStack
        Recordings that it was trained on: however unlike the others, they count as seen.

    Returns
    -------
    dict
        ``probability``: scale and bias of the logit of each structure; ``seen``: the range of each
        quantity (`livesr.segmentation.quantities`), and the largest usual distance.
    """
    reliability = Reliability(package.structures)
    rng = np.random.default_rng(0)
    simulated: list[dict[str, float]] = []
    recorded: list[dict[str, float]] = []
    for group, into in ((stacks, simulated), (own, recorded)):
        for stack in group:
            features = features_of(stack, package)
            add_to(reliability, stack, probabilities(features, package, engine), features.grid)
            into += [measured(part, package) for part in examples(stack, package, rng)]
    return {
        "probability": fit_probabilities(reliability),
        "seen": fit_seen(simulated, recorded).as_dict(),
    }


# ------------------------------------------------------------------ probabilities


def add_to(
    reliability: Reliability, stack: LabelledStack, probability: UInt8, network: Grid
) -> None:
    """Add a stack's probabilities, (K, z, y, x) on ``network``, with the truth that is known."""
    for name, volume in zip(reliability.histograms, probability, strict=True):
        if name in stack.truth:
            inside = coverage(stack.truth[name].astype(np.uint8), stack.grid, network)
            reliability.update(name, volume, inside.astype(np.float32) / np.float32(255))


def fit_probabilities(reliability: Reliability) -> dict[str, list[float]]:
    """Return scale and bias of each structure's logit, by maximum likelihood.

    Over the voxels that are uncertain: those that are not would decide the fit by their number,
    and need none. Structures with too few of them are left out.
    """
    fitted = {}
    for name, histogram in reliability.histograms.items():
        pair = _scale_and_bias(histogram)
        if pair is not None:
            fitted[name] = [round(number, 4) for number in pair]
    return fitted


def _scale_and_bias(histogram: Float64) -> tuple[float, float] | None:
    p = np.arange(VALUES) / (VALUES - 1)
    asked = (p > CERTAIN[0]) & (p < CERTAIN[1])
    outside, inside = histogram[asked].T
    total = inside.sum() + outside.sum()
    if total < LEAST_UNCERTAIN or not inside.any() or not outside.any():
        return None
    logit = np.log(p[asked] / (1 - p[asked]))

    def surprise(at: Float64) -> float:
        z = np.exp(at[0]) * logit + at[1]
        return float((inside @ np.logaddexp(0, -z) + outside @ np.logaddexp(0, z)) / total)

    log_scale, bias = minimize(surprise, np.zeros(2), method="BFGS").x
    return max(float(np.exp(log_scale)), LEAST_SCALE), float(bias)


# --------------------------------------------------------- what the package has seen


def examples(
    stack: LabelledStack, package: Package, rng: np.random.Generator
) -> Iterator[LabelledStack]:
    """Yield the stack, its lowest planes, and a smaller part; of a 2-D package three planes."""
    planes, *sides = stack.grid.shape
    if package.dims == "2d":
        for z in rng.choice(planes, min(3, planes), replace=False):
            yield _part(stack, slice(int(z), int(z) + 1), sides)
        return
    yield stack
    yield _part(stack, slice(0, min(FEWEST, planes)), sides)
    count = int(rng.integers(min(FEWEST, planes), planes + 1))
    first = int(rng.integers(planes - count + 1))
    smaller = [int(rng.integers(min(SMALLEST, side), side + 1)) for side in sides]
    yield _part(stack, slice(first, first + count), smaller)


def _part(stack: LabelledStack, planes: slice, sides: Sequence[int]) -> LabelledStack:
    """Return some planes of the middle of a stack: about its centre the optics stay true."""
    shape = stack.grid.shape[1:]
    cut = [
        slice((size - side) // 2, (size - side) // 2 + side)
        for size, side in zip(shape, sides, strict=True)
    ]
    data = stack.data[:, planes, cut[0], cut[1]]
    grid = Grid((data.shape[1], data.shape[2], data.shape[3]), stack.grid.voxel_um)
    return replace(stack, data=np.ascontiguousarray(data), grid=grid, truth={})


def measured(stack: LabelledStack, package: Package) -> dict[str, float]:
    """Return the quantities of a stack as a session would measure them."""
    norm = estimate_normalisation(stack.data, stack.grid, stack.offset)
    return measure(stack.data, features_of(stack, package), stack.grid, norm)


def fit_seen(
    stacks: Iterable[Mapping[str, float]], own: Iterable[Mapping[str, float]] = ()
) -> Seen:
    """Return the ranges of what was measured.

    Parameters
    ----------
    stacks : iterable of mapping
        The quantities of each stack; the outermost of each quantity are left out.
    own : iterable of mapping
        The same of recordings, none of which is left out.
    """
    usual = [one for one in stacks if one.get("foreground", 0.0) > LEAST_FOREGROUND]
    recorded = list(own)
    ranges = {}
    for name in BY_NAME:
        values, kept = (_values(name, group) for group in (usual, recorded))
        if len(values) + len(kept) >= LEAST_STACKS:
            ranges[name] = _range(name, values, kept)
    seen = Seen(ranges, 1.0)
    near, far = (
        np.array([seen.strangeness(one).distance for one in group]) for group in (usual, recorded)
    )
    edge = float(np.quantile(near, USUAL)) if len(near) else 0.0
    return Seen(ranges, (1 + MARGIN) * max(edge, float(far.max(initial=0.0)), 1.0))


def _values(name: str, group: Sequence[Mapping[str, float]]) -> Float64:
    return np.array([BY_NAME[name].scaled(one[name]) for one in group if name in one])


def _range(name: str, values: Float64, kept: Float64) -> Range:
    margin = BY_NAME[name].margin
    both = np.concatenate([values, kept])
    trimmed = np.quantile(values, (TRIMMED, 1 - TRIMMED)) if len(values) else both
    low, high = min(*trimmed, *kept), max(*trimmed, *kept)
    first, middle, last = np.quantile(both, (0.16, 0.5, 0.84))
    wider = max(margin, MARGIN * (high - low))
    spread = max((last - first) / 2, (high - low) / TAILS, margin / 3)
    lowest = low - wider
    if not BY_NAME[name].positive and both.min() >= 0:
        lowest = max(lowest, 0.0)  # shares and distances are never below
    return Range(float(lowest), float(middle), float(high + wider), float(spread))
