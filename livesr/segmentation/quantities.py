"""What a stack looks like in a score of numbers: light, ratio, noise, sharpness, registration.

Cheap physical quantities of what the camera gave and of what the networks are shown, from a sample
of planes and rows. `livesr.segmentation.trust` compares them with those of the stacks that a
package was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, log, pi, sqrt
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.contrast import compress, expand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.types import Bool, Features, Float32, Grid, Normalisation, UInt16

PLANES = 6
"""Planes of a stack that are looked at, and …"""
VOXELS = 100_000
"""… voxels in whole rows of them, but of a plane …"""
ROWS = (16, 64)
"""… at least and at most so many rows."""
BRIGHT = 0.5
"""Foreground is brighter than this share of the membranes' median …"""
LIT = 0.2
"""… and what is brighter than this shows a cell at all."""
FEW = 300
"""Fewer voxels than these say nothing."""
LEAST_SIGNAL = 0.1
"""Of a picture with a smaller share of variance that is not noise, sharpness says nothing."""
WINDOW = 9
"""Pixels over which a row is averaged to find its dark parts."""
_BRIGHT, _LIT = (float(level) for level in compress(np.array([BRIGHT, LIT])))


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number that describes a stack.

    Attributes
    ----------
    name : str
        As in packages and journals.
    title : str
        For people: "the ratio's spread".
    unit : str
    positive : bool
        Always above 0 and compared by its logarithm.
    margin : float
        Least distance of a limit from what was seen, on the scale that is compared: what differs
        between stacks without meaning anything.
    """

    name: str
    title: str
    unit: str = ""
    positive: bool = False
    margin: float = 0.1

    def scaled(self, value: float) -> float:
        """Return the value on the scale that is compared."""
        return log(max(value, 1e-4)) if self.positive else value

    def natural(self, scaled: float) -> float:
        """Return the value for people: the inverse of `scaled`."""
        return float(np.exp(scaled)) if self.positive else scaled


QUANTITIES: tuple[Quantity, ...] = (
    Quantity("pixel_um", "the camera's pixel", " µm", positive=True),
    Quantity("z_step_um", "the distance of the planes", " µm", positive=True),
    Quantity("intensity", "the membranes' intensity", " counts", positive=True, margin=0.5),
    Quantity("noise", "the noise beside the membranes' intensity", positive=True, margin=0.3),
    Quantity("noise_share", "the noise's share of the contrast", margin=0.05),
    Quantity("grain", "the noise of neighbours beside that of pixels apart"),
    Quantity("saturated", "the share of pixels at the camera's limit", margin=0.001),
    Quantity("ratio", "the membranes' ratio", positive=True, margin=0.4),
    Quantity("ratio_spread", "the ratio's spread", margin=0.05),
    Quantity("ratio_low", "the ratio's 5th percentile"),
    Quantity("ratio_high", "the ratio's 95th percentile", positive=True),
    Quantity("ratio_of_bright", "the ratio of what is bright, against the rest's"),
    Quantity("background", "the darkest tenth beside the membranes' intensity", margin=0.1),
    Quantity("haze", "the median beside the membranes' intensity", margin=0.1),
    Quantity("brightest", "the brightest hundredth beside the membranes' intensity", positive=True),
    Quantity("foreground", "the share of the field that is bright", positive=True, margin=1.0),
    Quantity("bright_of_lit", "the bright share of what shows light at all", margin=0.05),
    Quantity("thickness_um", "the mean chord of what is bright", " µm", positive=True),
    Quantity("asymmetry", "the skewness of the contrast", margin=0.3),
    Quantity("sharpness", "the correlation over 0.4 µm", margin=0.05),
    Quantity("texture", "the correlation over 1.6 µm", margin=0.05),
    Quantity("axial", "the correlation over 0.3 µm in depth, beside that in the plane"),
    Quantity("shift_um", "the distance of red from yellow in the plane", " µm", margin=0.01),
    Quantity("shift_z_um", "the distance of red from yellow in depth", " µm", margin=0.03),
)
"""In the order in which they are told."""
BY_NAME: dict[str, Quantity] = {quantity.name: quantity for quantity in QUANTITIES}


def measure(
    data: UInt16, features: Features, camera: Grid, norm: Normalisation
) -> dict[str, float]:
    """Return every quantity of `QUANTITIES` that this stack has.

    Parameters
    ----------
    data : ndarray, (c, z, y, x), uint16
        Camera counts.
    features : Features
        What the networks are shown of it.
    camera : Grid
        Of ``data``.
    norm : Normalisation
        That the features were made with.

    Returns
    -------
    dict of str to float
        Without those that cannot be told: of the ratio where there is one channel, of depth where
        there is one plane, of the foreground where there is none.
    """
    found = {
        "pixel_um": camera.voxel_um[1],
        "z_step_um": camera.voxel_um[0],
        "intensity": norm.intensity,
        "ratio": norm.ratio,
        **_counts(data, norm.intensity),
        **_light(features),
        **_contrast(features.data[0], features.grid),
    }
    if features.has_ratio:
        found |= _ratio(features) | _registration(features)
    else:
        del found["ratio"]
    if camera.shape[0] == 1:
        del found["z_step_um"]
    return {name: float(found[name]) for name in BY_NAME if np.isfinite(found.get(name, np.nan))}


def looked_at(shape: tuple[int, int, int]) -> tuple[list[int], list[int]]:
    """Return the planes and rows of features (z, y, x) that `measure` reads; it reads no others.

    Where features lie in another memory than the processor's, these are all that it needs.
    """
    planes, rows = (range(n)[where] for n, where in zip(shape, _sample(shape), strict=False))
    deeper = range(shape[0])[_every(max(shape[0] - 1, 1), PLANES)]
    inner = range(shape[0])[_every(shape[0], PLANES, edge=1 if shape[0] > 2 else 0)]
    between = range(shape[1])[_between_edges(shape)]
    return (
        _with_neighbours([*planes, *deeper, *inner], shape[0]),
        _with_neighbours([*rows, *between], shape[1]),
    )


def _with_neighbours(indices: list[int], size: int) -> list[int]:
    return sorted({at for i in indices for at in (i - 1, i, i + 1) if 0 <= at < size})


def _between_edges(shape: Sequence[int]) -> slice:
    """Return the rows of a volume (z, y, x) whose gradients are looked at."""
    _, rows = _sample(shape)
    return _every(shape[1], shape[1] // rows.step, edge=1)


def _sample(shape: Sequence[int]) -> tuple[slice, slice]:
    """Return the planes and rows of a volume (z, y, x) that are looked at."""
    rows = min(max(VOXELS // (PLANES * shape[2]), ROWS[0]), ROWS[1])
    return _every(shape[0], PLANES), _every(shape[1], rows)


def _every(size: int, wanted: int, edge: int = 0) -> slice:
    """Return about ``wanted`` of ``size`` indices, ``edge`` away from both ends if it can be."""
    room = size - 2 * edge
    if room < 1:
        return slice(0, size)
    step = max(1, room // wanted)
    first = edge + (room - 1) % step // 2
    return slice(first, size - edge, step)


def _moved(where: slice, by: int) -> slice:
    return slice(where.start + by, where.stop + by, where.step)


def _counts(data: UInt16, intensity: float) -> dict[str, float]:
    """Return noise and saturation, from rows of the first channel as the camera gave them."""
    sample = data[0][_sample(data.shape[1:])].reshape(-1, data.shape[3])
    found = {"saturated": float(np.mean(sample >= _limit(sample)))}
    counts = sample.astype(np.float32)
    level = cv2.blur(counts, (WINDOW, 1))
    dark = level <= np.quantile(level, 0.25)
    near, apart = (_spread(counts, dark, lag) for lag in (1, 3))
    if apart > 0:
        found["grain"] = near / apart
    return found | {"noise": near / intensity}


def _limit(sample: UInt16) -> int:
    """Return the counts of a full pixel: the end of the 8, 10, 12, 14 or 16 bits that they need."""
    highest = int(sample.max())
    return next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if highest < 2**bits)


def _spread(counts: Float32, where: Bool, lag: int) -> float:
    """Return the noise (standard deviation) from differences of pixels ``lag`` apart."""
    difference = np.abs(counts[:, lag:] - counts[:, :-lag])[where[:, lag:] & where[:, :-lag]]
    return float(difference.mean()) * sqrt(pi) / 2 if difference.size >= FEW else float("nan")


def _light(features: Features) -> dict[str, float]:
    """Return how the light is distributed."""
    contrast = _sampled(features.data[0])
    bright = contrast > _BRIGHT
    share = float(bright.mean())
    low, middle = expand(np.quantile(contrast, (0.1, 0.5)))
    found = {"foreground": share, "background": float(low), "haze": float(middle)}
    if np.count_nonzero(bright) < FEW:
        return found
    chords = np.count_nonzero(bright[..., 1:] & ~bright[..., :-1]) + np.count_nonzero(
        bright[..., 0]
    )
    lit = np.count_nonzero(contrast > _LIT)
    return found | {
        "brightest": float(expand(np.quantile(contrast[bright], [0.99]))[0]),
        "bright_of_lit": share * contrast.size / lit,
        "thickness_um": np.count_nonzero(bright) / chords * features.grid.voxel_um[2],
    }


def _sampled(volume: Float32) -> Float32:
    return volume[_sample(volume.shape)]


def _contrast(contrast: Float32, grid: Grid) -> dict[str, float]:
    """Return noise, skewness and sharpness from the contrast's correlation along rows."""
    centre = _sampled(contrast)
    centre = centre - centre.mean()
    variance = float(np.mean(centre * centre))
    near = _together(centre, grid, 0.1)
    if variance <= 0:
        return {}
    found = {
        "noise_share": 1 - near / variance,
        "asymmetry": float(np.mean(centre**3)) / variance**1.5,
    }
    if near < LEAST_SIGNAL * variance:
        return found
    found["sharpness"] = _together(centre, grid, 0.4) / near
    found["texture"] = _together(centre, grid, 1.6) / near
    if len(contrast) > 1:
        planes, (_, rows) = _every(len(contrast) - 1, PLANES), _sample(contrast.shape)
        below, above = contrast[planes, rows], contrast[_moved(planes, 1), rows]
        in_depth = float(np.mean((below - below.mean()) * (above - above.mean())))
        found["axial"] = in_depth / _together(centre, grid, 0.3)
    return found


def _together(centred: Float32, grid: Grid, distance_um: float) -> float:
    """Return the covariance of voxels that far apart in a row."""
    lag = max(1, round(distance_um / grid.voxel_um[2]))
    if lag >= centred.shape[-1]:
        return float("nan")
    return float(np.mean(centred[..., lag:] * centred[..., :-lag]))


def _ratio(features: Features) -> dict[str, float]:
    """Return how the ratio is distributed over the foreground, whose median is about 1."""
    contrast, ratio = (_sampled(volume) for volume in features.data)
    bright = contrast > _BRIGHT
    values = ratio[bright]
    if values.size < FEW:
        return {}
    low, first, third, high = np.quantile(values, (0.05, 0.25, 0.75, 0.95))
    found = {"ratio_spread": (third - first) / 1.349, "ratio_low": low, "ratio_high": high}
    light = contrast[bright]
    top = light > np.quantile(light, 0.8)
    if top.any():
        found["ratio_of_bright"] = float(values[top].mean() - values[~top].mean())
    return found


def _registration(features: Features) -> dict[str, float]:
    """Return how far red lies from yellow.

    A shift d of red changes the ratio by -d·∇I / I: its slope against the gradient along each axis
    is the shift. A wider point-spread function changes it with the second derivative instead.
    """
    contrast, ratio = features.data
    deep = len(contrast) > 2
    planes = _every(len(contrast), PLANES, edge=1 if deep else 0)
    rows = _between_edges(contrast.shape)
    inner = slice(1, -1)
    centre = contrast[planes, rows, inner]
    bright = centre > _BRIGHT
    if np.count_nonzero(bright) < FEW or contrast.shape[1] < 3:
        return {}
    along = [
        (contrast[planes, _moved(rows, -1), inner], contrast[planes, _moved(rows, 1), inner]),
        (contrast[planes, rows, :-2], contrast[planes, rows, 2:]),
    ]
    if deep:
        along.append(
            (contrast[_moved(planes, -1), rows, inner], contrast[_moved(planes, 1), rows, inner])
        )
    steps = features.grid.voxel_um
    values = ratio[planes, rows, inner][bright]
    values = values - values.mean()
    light = expand(centre[bright])
    shifts = []
    for (before, after), step in zip(along, (steps[1], steps[2], steps[0]), strict=False):
        slope = (expand(after[bright]) - expand(before[bright])) / (2 * light)
        shifts.append(step * float(values @ slope) / max(float(slope @ slope), 1e-12))
    found = {"shift_um": hypot(shifts[0], shifts[1])}
    return found | {"shift_z_um": abs(shifts[2])} if deep else found
