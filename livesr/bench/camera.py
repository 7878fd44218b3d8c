"""Camera correction: how far it is off the simulated truth, what it does, and what it costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from livesr.bench.camera_case import (
    REGIONS,
    Errors,
    SimulatedFrames,
    Truth,
    instrument_of,
    ratio_errors,
)
from livesr.bench.rows import Row, attained
from livesr.calibration.camera.correction import PEDESTAL, Correction
from livesr.calibration.camera.measure import measure_camera
from livesr.calibration.camera.pattern import transfer_by_pixel
from livesr.calibration.warp import ChromaticModel, Warp
from livesr.features import make_features
from livesr.types import Grid, Normalisation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.calibration.camera.found import CameraCalibration
    from livesr.types import Features

SEED = 70_000
DARKS = 200
LEVELS = (50.0, 200.0, 1000.0, 5000.0, 20_000.0)
"""Photons a pixel."""
FRAMES = 20
FIELD = 480
OFFSET_ASKED = 0.2
GAIN_ASKED = 0.01
RATIO_ASKED = 0.01
NOISE_ASKED = 0.05
LIGHTS = {"a vesicle's": 20.0, "a membrane's": 100.0, "bright": 2000.0}
"""Photons a pixel at which the ratio is looked at."""
REPEATS = 7


def rows() -> Iterator[Row]:
    """Measure all of it."""
    yield from accuracy_rows()
    yield from cost_rows()


def accuracy_rows(
    *, field: int = FIELD, darks: int = DARKS, frames: int = FRAMES, seed: int = SEED
) -> Iterator[Row]:
    """Measure a simulated camera and compare it with its truth.

    Parameters
    ----------
    field : int
        Pixels along each side of a channel.
    darks, frames : int
        Dark frames, and frames at each of five levels of light.
    seed : int
    """
    taken = [instrument_of(seed + k, seed, field) for k in (1, 2)]
    found = measure_camera(
        [SimulatedFrames(taken[0], [(0.0, darks)])],
        [SimulatedFrames(taken[1], [(level, frames) for level in LEVELS])],
        REGIONS,
    )
    truth = Truth.of(taken[0])
    about = f"{darks} darks, {len(LEVELS)} levels of {frames} frames, 2 × {field} × {field} pixels"
    yield from _pixel_rows(found, truth, about)
    yield from _ratio_rows(found, truth, about)


def _pixel_rows(found: CameraCalibration, truth: Truth, about: str) -> Iterator[Row]:
    errors = Errors.of(found, truth)
    usable = ~found.maps.hot
    offset, gain = np.abs(errors.offset), np.abs(errors.gain)
    yield Row(
        "a pixel's offset, rms error",
        _rms(errors.offset),
        "counts",
        peer="one offset for all pixels",
        peer_value=float(np.std(truth.offset[usable])),
        ratio=float(np.std(truth.offset[usable])) / _rms(errors.offset),
        bound=f"{OFFSET_ASKED} asked",
        attained=attained(_rms(errors.offset), OFFSET_ASKED),
        detail=f"{np.mean(offset < OFFSET_ASKED):.1%} of pixels within {OFFSET_ASKED}, 95 % within"
        f" {np.percentile(offset, 95):.3f}; read noise over the root of the darks is"
        f" {found.offset_error:.3f}; {about}",
    )
    own = transfer_by_pixel(found.dark, found.levels, REGIONS[0])
    alone = (1 / own / truth.gain[0] - 1)[usable[0]]
    yield Row(
        "a pixel's gain, rms error",
        100 * _rms(errors.gain),
        "%",
        peer="photon transfer of each pixel alone, same frames",
        peer_value=100 * _rms(alone),
        ratio=_rms(alone) / _rms(errors.gain),
        bound=f"{GAIN_ASKED:.0%} asked",
        attained=attained(_rms(errors.gain), GAIN_ASKED),
        detail=f"{np.mean(gain < GAIN_ASKED):.2%} of pixels within {GAIN_ASKED:.0%}, 95 % within"
        f" {np.percentile(gain, 95):.2%}; light taken as smooth; one gain for all is off by"
        f" {np.std(truth.gain / truth.gain.mean()):.2%}",
    )
    yield Row(
        "median read noise, error",
        100 * abs(errors.noise),
        "%",
        bound=f"{NOISE_ASKED:.0%} asked",
        attained=attained(abs(errors.noise), NOISE_ASKED),
        detail=f"{found.read_noise_e[0]:.3f} electrons",
    )


def _ratio_rows(found: CameraCalibration, truth: Truth, about: str) -> Iterator[Row]:
    for what, photons in LIGHTS.items():
        errors = ratio_errors(found, truth, photons)
        for size, name in (("spot", "over a spot of the PSF's size"), ("pixel", "a pixel")):
            before, after = errors[f"{size} before"], errors[f"{size} after"]
            yield Row(
                f"false ratio over the field, {what} light, {name}",
                100 * after,
                "%",
                peer="one offset, no flat field",
                peer_value=100 * before,
                ratio=before / after,
                bound=f"{RATIO_ASKED:.0%} asked",
                attained=attained(after, RATIO_ASKED),
                detail=f"root mean square, {photons:g} photons, without noise; the worst spot"
                f" {errors['most before']:.1%} before, {errors['most after']:.2%} after; {about}",
            )


def cost_rows(*, side: int = 1200, planes: int = 24, repeats: int = REPEATS) -> Iterator[Row]:
    """Time the features of a stack with a correction and without, in turn."""
    rng = np.random.default_rng(SEED)
    grid = Grid((planes, side, side), (0.3, 0.0668, 0.0668))
    data = rng.integers(90, 900, (2, *grid.shape), dtype=np.uint16)
    shape = (2, side, side)
    correction = Correction.of(
        rng.normal(100.0, 1.5, shape).astype(np.float32),
        rng.normal(1.0, 0.005, shape).astype(np.float32),
        rng.random(shape) < 1e-4,
        np.ones(shape, np.float32),
    )
    models = {1: ChromaticModel().shifted(0.15, 0.2, -0.1)}
    norm = Normalisation(150.0, 0.5)
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    warps = {
        "with": Warp(grid, (0.3, 0.1, 0.1), models, correction),
        "without": Warp(grid, (0.3, 0.1, 0.1), models),
    }

    def features(which: str) -> Features:
        return make_features(data, warps[which], PEDESTAL, norm)

    for which in warps:
        features(which)
    for _ in range(repeats):
        for which in warps:
            began = time.perf_counter()
            features(which)
            seconds[which].append(time.perf_counter() - began)
    ours, without = min(seconds["with"]), min(seconds["without"])
    yield Row(
        "warp and features with a camera correction",
        ours,
        "s",
        peer="without",
        peer_value=without,
        ratio=without / ours,
        detail=f"2×{planes}×{side}×{side}; {1e3 * (ours - without) / (2 * planes):.2f} ms a plane,"
        f" spent while the next plane is exposed; least of {repeats} each, in turn",
    )
    out = np.empty_like(data[0, 0])
    began = time.perf_counter()
    for plane in data[0]:
        correction.plane(0, plane, out)
    each = (time.perf_counter() - began) / planes
    yield Row(
        "correcting one plane",
        1e3 * each,
        "ms",
        detail=f"{side}×{side}; {12 * side * side / each / 1e9:.1f} GB/s read and written",
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(values, dtype=np.float64))))
