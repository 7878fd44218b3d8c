"""A channel resampled onto another by cubic B-splines, for measuring what is left between them.

`livesr.calibration.warp` is what recordings go through, and is made for speed. Here the error of
the interpolation itself would be taken for a displacement, so it is kept below a nanometre.

Stacks lie in memory as (y, x, z): a displacement that is the same for all planes then weighs whole
columns, and OpenCV filters all planes in one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np
from scipy.ndimage import spline_filter1d

if TYPE_CHECKING:
    import numpy.typing as npt

    from livesr.calibration.warp import ChromaticModel
    from livesr.types import Float32, Float64


@dataclass(frozen=True, slots=True)
class Resampled:
    """A channel on the voxels of the reference.

    Attributes
    ----------
    data : ndarray, (y, x, z), float32
    first, last : ndarray, (y, x), int16
        Planes between which a column was recorded, without the outermost of either channel;
        ``first > last`` where it was not.
    """

    data: Float32
    first: npt.NDArray[np.int16]
    last: npt.NDArray[np.int16]


def columns(planes: npt.NDArray[np.generic], offset: float) -> Float32:
    """Return planes (z, y, x) as columns (y, x, z) of counts above the camera's offset."""
    out = np.ascontiguousarray(np.moveaxis(planes, 0, 2), np.float32)
    out -= np.float32(offset)
    return out


def spline(data: Float32) -> Float32:
    """Return the cubic B-spline coefficients of columns (y, x, z), (y, x, z + 2).

    Along z the first and last two intervals are one polynomial ("not a knot"): a stack begins in
    the midst of structures, and mirroring them there would move them.
    """
    for axis in range(2):
        data = spline_filter1d(data, 3, axis=axis, output=np.float32, mode="mirror")
    return np.asarray(data @ _not_a_knot(data.shape[2]).astype(np.float32).T, np.float32)


def _not_a_knot(planes: int) -> Float64:
    """Return the matrix from values (n) to coefficients (n + 2), from knot -1 to knot n."""
    system = np.zeros((planes + 2, planes + 2))
    for row in range(planes):
        system[row, row : row + 3] = 1 / 6, 4 / 6, 1 / 6
    system[planes, :5] = system[planes + 1, -5:] = 1, -4, 6, -4, 1
    return np.asarray(np.linalg.inv(system)[:, :planes], np.float64)


def lateral_um(
    shape: tuple[int, ...], voxel_um: tuple[float, float, float]
) -> tuple[Float64, Float64]:
    """Return the pixels' coordinates (y, 1) and (1, x), µm from the centre of the image."""
    sides = zip(shape[:2], voxel_um[1:], strict=True)
    y, x = ((np.arange(n, dtype=np.float64) - (n - 1) / 2) * v for n, v in sides)
    return y[:, None], x[None, :]


def resampled(
    coefficients: Float32,
    model: ChromaticModel,
    voxel_um: tuple[float, float, float],
    z_um: float,
) -> Resampled:
    """Return the other channel where the model says that it shows the reference's voxels.

    Parameters
    ----------
    coefficients : ndarray, (y, x, z + 2), float32
        From `spline`.
    model : ChromaticModel
    voxel_um : tuple of float
        (z, y, x).
    z_um : float
        Height at which the model's displacement is taken, for all planes.
    """
    height, width, knots = coefficients.shape
    shape = (height, width, knots - 2)
    y, x = lateral_um(shape, voxel_um)
    d = model.displacement(y, x, z_um)
    dz, dy, dx = (part / v for part, v in zip(d, voxel_um, strict=True))
    out = np.zeros(shape, np.float32)
    first, last = np.ones(shape[:2], np.int16), np.zeros(shape[:2], np.int16)
    _resample(coefficients, dz, dy, dx, out, first, last)
    return Resampled(out, first, last)


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _weights(f: float) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    g = 1.0 - f
    return (
        np.float32(g * g * g / 6.0),
        np.float32((4.0 - 6.0 * f * f + 3.0 * f * f * f) / 6.0),
        np.float32((4.0 - 6.0 * g * g + 3.0 * g * g * g) / 6.0),
        np.float32(f * f * f / 6.0),
    )


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _mirrored(i: int, n: int) -> int:
    i = abs(i)
    return i if i < n else 2 * (n - 1) - i


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _resample(
    c: Float32,
    dz: Float64,
    dy: Float64,
    dx: Float64,
    out: Float32,
    first: npt.NDArray[np.int16],
    last: npt.NDArray[np.int16],
) -> None:
    height, width, knots = c.shape
    planes = knots - 2
    column = np.empty(knots, np.float32)
    for y in range(height):
        for x in range(width):
            row, line, lift = y + dy[y, x], x + dx[y, x], dz[y, x]
            inside = 0.0 <= row <= height - 1 and 0.0 <= line <= width - 1
            if not inside or abs(lift) >= planes - 2:
                continue
            i, j, k = int(np.floor(row)), int(np.floor(line)), int(np.floor(lift))
            wy, wx, wz = _weights(row - i), _weights(line - j), _weights(lift - k)
            column[:] = 0.0
            for a in range(4):
                for b in range(4):
                    weight = wy[a] * wx[b]
                    source = c[_mirrored(i + a - 1, height), _mirrored(j + b - 1, width)]
                    for z in range(knots):
                        column[z] += weight * source[z]
            first[y, x], last[y, x] = max(1, -k), min(planes - 2, planes - 2 - k)
            for z in range(first[y, x], last[y, x] + 1):
                at = z + k
                total = wz[0] * column[at] + wz[1] * column[at + 1]
                out[y, x, z] = total + wz[2] * column[at + 2] + wz[3] * column[at + 3]
