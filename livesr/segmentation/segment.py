"""From features to masks: probabilities on the networks' grid, masks on the camera's.

Probabilities are interpolated, not masks: nearest neighbours would cost vesicles of two to four
camera pixels up to a third of their F1 even with a perfect network.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.sparse import csr_array

from livesr.calibration.warp import target_grid
from livesr.errors import EngineError, ModelError
from livesr.segmentation.package import positions
from livesr.segmentation.windows import MAX_VOXELS, predict
from livesr.types import Masks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from livesr.segmentation.engines import Engine
    from livesr.segmentation.package import Package
    from livesr.types import Features, Grid, StackIndex, UInt8

ROUNDTRIP_THRESHOLD = 0.45
"""Linear interpolation lowers the peaks of small vesicles: a little below one half keeps them
without widening anything else (0.5 leaves peroxisomes an F1 of 0.88, 0.45 at least 0.93)."""
VOXEL_TOLERANCE = 0.011
"""Features' voxels may differ from the package's by this share: as far as `Warp` keeps z."""


def probabilities(
    features: Features, package: Package, engine: Engine, *, max_voxels: int = MAX_VOXELS
) -> UInt8:
    """Return each structure's probability, times 255, on the networks' grid.

    Parameters
    ----------
    features : Features
    package : Package
    engine : Engine
        With the package loaded, for all its structures or some.
    max_voxels : int
        Largest window.

    Returns
    -------
    ndarray, (K, z, y, x), uint8
        In the order of ``engine.structures``.

    Raises
    ------
    ModelError
        If the features' channels or voxels are not the package's, or a feature is no finite
        number, which would spread over the masks without a word.
    EngineError
        If the engine fails.
    """
    check_fit(features.data.shape[0], features.grid, package)
    _check_finite(features)
    with engine_errors(engine.name):
        return predict(
            engine.run,
            features.data,
            len(engine.structures),
            multiple=package.multiple,
            halo=package.halo,
            max_voxels=max_voxels,
        )


@contextmanager
def engine_errors(name: str) -> Iterator[None]:
    """Turn what an engine says when it fails into an error that names the engine."""
    try:
        yield
    except ModelError as error:
        raise EngineError(error.what, where=error.where, fix=error.fix, engine=name) from error


def to_masks(
    probability: UInt8,
    package: Package,
    grid: Grid,
    index: StackIndex,
    *,
    structures: Iterable[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Masks:
    """Return masks on ``grid``: probabilities interpolated linearly, then thresholded.

    Parameters
    ----------
    probability : ndarray, (K, z, y, x), uint8
    package : Package
    grid : Grid
        The camera's grid, or the networks' for masks that are not resized.
    index : StackIndex
    structures : iterable of str, optional
        Those to make masks of; all that there are if not given.
    outputs : sequence of str, optional
        Whose probabilities they are; those of all the package's structures if not given.

    Raises
    ------
    ModelError
        If one of the structures is not there.
    """
    given = package.structures if outputs is None else tuple(outputs)
    wanted = positions(package, given if structures is None else structures, given)
    network = target_grid(grid, network_voxel(package, grid))
    if network.shape != probability.shape[1:]:
        if grid.shape != probability.shape[1:]:
            raise ValueError(f"probability {probability.shape} does not belong to {grid}")
        network = grid
    volumes = {
        name: mask_on(grid, probability[k], network, package.threshold(name))
        for name, k in wanted.items()
    }
    return Masks(volumes, grid, index)


def network_voxel(package: Package, camera: Grid) -> tuple[float, float, float]:
    """Return the networks' voxel for a camera's grid: 2-D networks leave the planes as they are."""
    z, y, x = package.voxel_um
    return (camera.voxel_um[0] if package.dims == "2d" else z), y, x


def mask_on(grid: Grid, probability: UInt8, network: Grid, threshold: int) -> UInt8:
    """Return one structure's mask (z, y, x) on ``grid``, 0 or 1."""
    out = np.zeros(grid.shape, np.uint8)
    if network == grid:
        np.greater_equal(probability, threshold, out=out.view(bool))
        return out
    present = probability.max(axis=(1, 2)) >= threshold
    for target, (below, above, weight) in zip(out, planes_between(grid, network), strict=True):
        if present[below] or present[above]:
            plane = _between(probability, below, above, weight, grid, network)
            np.greater_equal(plane, threshold, out=target.view(bool))
    return out


def probability_on(grid: Grid, probability: UInt8, network: Grid) -> UInt8:
    """Return one structure's probability, times 255, on ``grid`` (z, y, x), interpolated linearly.

    `mask_on` is where it reaches the threshold.
    """
    if network == grid:
        return probability
    out = np.empty(grid.shape, np.uint8)
    for target, (below, above, weight) in zip(out, planes_between(grid, network), strict=True):
        target[:] = _between(probability, below, above, weight, grid, network)
    return out


def _between(
    probability: UInt8, below: int, above: int, weight: float, grid: Grid, network: Grid
) -> UInt8:
    """Return a plane between two of the networks', on the pixels of ``grid``."""
    plane = probability[below]
    if weight:
        plane = cv2.addWeighted(plane, 1 - weight, probability[above], weight, 0)
    return _resized(plane, grid, network)


def planes_between(grid: Grid, network: Grid) -> list[tuple[int, int, float]]:
    """Return for each plane of ``grid`` the networks' planes around it and the upper's weight."""
    last = network.shape[0] - 1
    at = np.minimum(np.arange(grid.shape[0]) * (grid.voxel_um[0] / network.voxel_um[0]), last)
    below = np.floor(at + 1e-6).astype(int)
    weights = np.where(at - below < 1e-6, 0.0, at - below)
    return [(int(k), min(int(k) + 1, last), float(w)) for k, w in zip(below, weights, strict=True)]


def _resized(plane: UInt8, grid: Grid, network: Grid) -> UInt8:
    """Return a networks' plane on the pixels of ``grid``; outer edges coincide at index 0."""
    fy, fx = (network.voxel_um[i] / grid.voxel_um[i] for i in (1, 2))
    # With factors and no size OpenCV keeps the exact scale; the plane covers the field.
    large: UInt8 = cv2.resize(plane, None, fx=fx, fy=fy, interpolation=cv2.INTER_LINEAR)
    return large[: grid.shape[1], : grid.shape[2]]


def check_fit(channels: int, grid: Grid, package: Package) -> None:
    """Refuse features that are not what the package sees.

    Parameters
    ----------
    channels : int
        Images of the features.
    grid : Grid
        Of the features.
    package : Package

    Raises
    ------
    ModelError
        If the channels or voxels are not the package's.
    """
    if channels != len(package.channels):
        raise ModelError(
            f"package {package.name} sees {len(package.channels)} channel(s) "
            f"({', '.join(package.channels)}), these features have {channels}",
            where="segmentation.package",
            fix="livesr models list shows what each package sees",
        )
    first = 1 if package.dims == "2d" or grid.shape[0] == 1 else 0
    found, expected = grid.voxel_um[first:], package.voxel_um[first:]
    if any(abs(a / b - 1) > VOXEL_TOLERANCE for a, b in zip(found, expected, strict=True)):
        raise ModelError(
            f"package {package.name} sees voxels of {package.voxel_um} µm, these are of "
            f"{grid.voxel_um} µm",
            where="segmentation.package",
            fix="warp the stack to the package's voxels",
        )


def _check_finite(features: Features) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        total = features.data.sum()
    if not np.isfinite(total):
        raise ModelError(
            "the features of this stack are not all finite numbers",
            where="features",
            fix="look at the raw stack and its normalisation: is the field dark, the offset right?",
        )


def coverage(mask: UInt8, camera: Grid, network: Grid) -> UInt8:
    """Return how much of each of the networks' voxels a mask covers, times 255.

    The best that a network could say of a structure: y and x by area, z by linear interpolation.
    """
    y, x = (
        _overlap(network.shape[i], network.voxel_um[i], camera.shape[i], camera.voxel_um[i])
        for i in (1, 2)
    )
    planes = [y @ plane @ x.T for plane in mask.astype(np.float64)]
    return np.stack(
        [
            np.rint(255 * ((1 - w) * planes[below] + w * planes[above])).astype(np.uint8)
            for below, above, w in planes_between(network, camera)
        ]
    )


def roundtrip(
    mask: UInt8, camera: Grid, voxel_um: Sequence[float], threshold: float = ROUNDTRIP_THRESHOLD
) -> UInt8:
    """Take a perfect mask (z, y, x) to the networks' grid and back: what resampling alone costs."""
    network = target_grid(camera, voxel_um)
    return mask_on(camera, coverage(mask, camera, network), network, round(255 * threshold))


def _overlap(n: int, size: float, m: int, pixel: float) -> csr_array:
    """Return (n, m), nearly all zero: the share of each of n voxels that lies in each of m pixels.

    Shares are of what lies within the pixels at all, so that voxels at the far edge count whole.
    """
    starts, edges = np.arange(n)[:, None] * size, np.arange(m)[None, :] * pixel
    shared = np.minimum(starts + size, edges + pixel) - np.maximum(starts, edges)
    shared = np.maximum(shared, 0.0)
    return csr_array(shared / shared.sum(axis=1, keepdims=True))
