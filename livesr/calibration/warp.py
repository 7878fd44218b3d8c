"""From the stored stack to the networks' grid in one interpolation for each channel.

The chromatic model and the resampling by physical voxel size are composed into one map; crops,
flips and quarter turns of the channel layout are views of the sensor and cost nothing. Raw data
are never rewritten. Needs numpy, numba and OpenCV alone, so that training uses the same code.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numba
import numpy as np

from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from livesr.types import Float32, Float64, UInt16

Row = tuple[float, float, float, float]
IDENTITY: tuple[Row, Row, Row] = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
MAX_DEGREE = 5
SAME_STEP = 0.01
"""z steps that differ by less than this share are taken as equal: no interpolation along z."""


def exponents(degree: int) -> tuple[tuple[int, int], ...]:
    """Return the powers (of y, of x) of a polynomial's terms, in the order of its coefficients."""
    return tuple((total - i, i) for total in range(degree + 1) for i in range(total + 1))


@dataclass(frozen=True, slots=True)
class ChromaticModel:
    """Where a point of the reference channel appears in another channel.

    Lateral coordinates are µm from the centre of the channel's stored image, z is µm from the
    first plane.

    Attributes
    ----------
    affine : tuple, (3, 4)
        Acts on reference coordinates (z, y, x, 1) and gives the position (z, y, x) in the other
        channel, µm.
    polynomial : tuple, (3, terms)
        Coefficients (µm) of what dz, dy and dx deviate from the affine, as polynomials in
        (y, x) / ``radius_um`` with terms in the order of `exponents`; empty for none.
    degree : int
        Degree of the polynomials, 0 to 5.
    radius_um : float
        Length that scales the polynomials' coordinates to about 1, so that they stay well
        conditioned.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """

    affine: tuple[Row, Row, Row] = IDENTITY
    polynomial: tuple[tuple[float, ...], ...] = ()
    degree: int = 0
    radius_um: float = 1.0

    def __post_init__(self) -> None:
        if np.shape(self.affine) != (3, 4):
            raise ValueError(f"affine is {np.shape(self.affine)}, must be (3, 4)")
        if not 0 <= self.degree <= MAX_DEGREE:
            raise ValueError(f"degree {self.degree} is not 0 to {MAX_DEGREE}")
        if not self.radius_um > 0:
            raise ValueError(f"radius_um {self.radius_um} is not positive")
        terms = len(exponents(self.degree))
        if self.polynomial and [len(row) for row in self.polynomial] != [terms] * 3:
            raise ValueError(f"a polynomial of degree {self.degree} is 3 rows of {terms}")

    @classmethod
    def identity(cls) -> ChromaticModel:
        """Return the model of a channel without chromatic aberration."""
        return cls()

    @property
    def is_identity(self) -> bool:
        """True if it moves nothing."""
        return self.affine == IDENTITY and not any(map(any, self.polynomial))

    def shifted(self, dz_um: float, dy_um: float, dx_um: float) -> ChromaticModel:
        """Return the model with a translation added: the field's shape stays, its offset drifts."""
        rows = [
            (a, b, c, d + shift)
            for (a, b, c, d), shift in zip(self.affine, (dz_um, dy_um, dx_um), strict=True)
        ]
        return replace(self, affine=(rows[0], rows[1], rows[2]))

    def displacement(
        self, y_um: npt.ArrayLike, x_um: npt.ArrayLike, z_um: npt.ArrayLike = 0.0
    ) -> tuple[Float64, Float64, Float64]:
        """Return how far points of the reference channel are moved in the other channel.

        Parameters
        ----------
        y_um, x_um, z_um : array_like
            Reference coordinates, broadcast against each other.

        Returns
        -------
        dz, dy, dx : ndarray, float64
            Position in the other channel minus position in the reference, µm.
        """
        coordinates = (np.asarray(value, np.float64) for value in (z_um, y_um, x_um))
        z, y, x = np.broadcast_arrays(*coordinates)
        at = self._position
        return at(0, z, y, x) - z, at(1, z, y, x) - y, at(2, z, y, x) - x

    def inverse_displacement(
        self, y_um: npt.ArrayLike, x_um: npt.ArrayLike
    ) -> tuple[Float64, Float64, Float64]:
        """Return d such that the reference point p + d (z = 0) appears laterally at p.

        ``dz`` is minus the axial displacement of that point. Fixed-point iteration: displacements
        change by at most a percent over their own length, so four rounds leave less than 1 pm.
        """
        y, x = np.broadcast_arrays(np.asarray(y_um, np.float64), np.asarray(x_um, np.float64))
        dz, dy, dx = self.displacement(y, x)
        for _ in range(4):
            dz, dy, dx = self.displacement(y - dy, x - dx)
        return -dz, -dy, -dx

    def _position(self, row: int, z: Float64, y: Float64, x: Float64) -> Float64:
        """Return one coordinate (0 z, 1 y, 2 x) of the points in the other channel, µm."""
        a, b, c, d = self.affine[row]
        position: Float64 = b * y + c * x + (a * z + d)
        if self.polynomial:
            v, u = y / self.radius_um, x / self.radius_um
            table = np.zeros((self.degree + 1, self.degree + 1))
            for (i, j), value in zip(exponents(self.degree), self.polynomial[row], strict=True):
                table[i, j] = value
            position = position + np.polynomial.polynomial.polyval2d(v, u, table)
        return position


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """Where the voxels of the target grid lie in one source channel, in its pixels and planes.

    Attributes
    ----------
    y, x : ndarray, (y', x')
        Row and column in each plane.
    z_planes : ndarray, (z',)
        Plane, before the channel's own displacement …
    dz_planes : ndarray, (y', x'), or None
        … which is this one; None where planes are taken as they are.
    """

    y: Float32
    x: Float32
    z_planes: Float64
    dz_planes: Float32 | None = field(default=None)


class Warp:
    """One map for each channel of a stored stack to the networks' grid; built once.

    Parameters
    ----------
    source : Grid
        The camera's grid of one stored channel.
    target_voxel_um : sequence of float
        The networks' voxel (z, y, x), µm. A single plane keeps its own z; so does a stack whose
        z step agrees within `SAME_STEP`.
    models : mapping of int to ChromaticModel
        Index of a channel to its chromatic model; channels left out are the reference's like.
    """

    def __init__(
        self,
        source: Grid,
        target_voxel_um: Sequence[float],
        models: Mapping[int, ChromaticModel] | None = None,
    ) -> None:
        self.source = source
        self.target = target_grid(source, target_voxel_um)
        self._reference = self._map(ChromaticModel.identity())
        self._maps = {c: self._map(m) for c, m in (models or {}).items() if not m.is_identity}

    def channel(self, number: int) -> ChannelMap:
        """Return the map of one channel."""
        return self._maps.get(number, self._reference)

    def apply(self, data: UInt16, offset: float) -> Float32:
        """Return the stack on the networks' grid.

        Parameters
        ----------
        data : ndarray, (c, z, y, x), uint16
            Camera counts on ``source``; views with any strides will do.
        offset : float
            Camera counts without light.

        Returns
        -------
        ndarray, (c, z', y', x'), float32
            Counts above ``offset``; beyond the edge of a channel its outermost pixels are repeated.

        Raises
        ------
        ValueError
            If the stack does not lie on ``source``.
        """
        if data.ndim != 4 or data.shape[1:] != self.source.shape:
            raise ValueError(f"stack of shape {data.shape} is not (c, *{self.source.shape})")
        out = np.empty((data.shape[0], *self.target.shape), np.float32)
        for c, planes in enumerate(data):
            self._apply_channel(planes, offset, self.channel(c), out[c])
        return out

    def _apply_channel(self, planes: UInt16, offset: float, m: ChannelMap, out: Float32) -> None:
        # Interpolated counts are rounded to whole ones (0.3 counts rms, well under read noise):
        # half the memory traffic, and the offset is subtracted from 2.2 times fewer pixels.
        def remap(plane: UInt16, target: UInt16) -> None:
            cv2.remap(plane, m.x, m.y, cv2.INTER_LINEAR, target, cv2.BORDER_REPLICATE)

        if m.dz_planes is None:
            counts = np.empty(out.shape[1:], np.uint16)
            for plane, target in zip(planes, out, strict=True):
                remap(plane, counts)
                np.subtract(counts, np.float32(offset), out=target)
            return
        moved = np.empty((len(planes), *out.shape[1:]), np.uint16)
        for plane, counts in zip(planes, moved, strict=True):
            remap(plane, counts)
        interpolate_z(moved, m.z_planes, m.dz_planes, np.float32(offset), out)

    def _map(self, model: ChromaticModel) -> ChannelMap:
        (nz, ny, nx), (vz, vy, vx) = self.source.shape, self.source.voxel_um
        (tz, ty, tx), (wz, wy, wx) = self.target.shape, self.target.voxel_um
        y = (_source_index(ty, wy / vy) - (ny - 1) / 2) * vy
        x = (_source_index(tx, wx / vx) - (nx - 1) / 2) * vx
        middle = (nz - 1) * vz / 2
        dz, dy, dx = model.displacement(y[:, None], x[None, :], middle)
        z_scale = model.affine[0][0]
        z: Float64 = np.arange(tz, dtype=np.float64) * (z_scale * wz / vz)
        dz_planes = ((dz - (z_scale - 1) * middle) / vz).astype(np.float32)
        moves = nz > 1 and (np.any(dz_planes) or z_scale != 1 or wz != vz)
        return ChannelMap(
            ((y[:, None] + dy) / vy + (ny - 1) / 2).astype(np.float32),
            ((x[None, :] + dx) / vx + (nx - 1) / 2).astype(np.float32),
            z,
            dz_planes if moves else None,
        )


def target_grid(source: Grid, voxel_um: Sequence[float]) -> Grid:
    """Return the networks' grid that covers ``source``.

    Outer edges coincide at index 0 in y and x and the grid covers the source to its other edge;
    plane 0 lies with plane 0.
    """
    (nz, ny, nx), (vz, vy, vx) = source.shape, source.voxel_um
    wz, wy, wx = voxel_um
    if nz == 1 or abs(wz / vz - 1) < SAME_STEP:
        wz, planes = vz, nz
    else:
        planes = round((nz - 1) * vz / wz) + 1
    return Grid((planes, _covering(ny, vy, wy), _covering(nx, vx, wx)), (wz, wy, wx))


def _covering(pixels: int, pixel_um: float, target_um: float) -> int:
    """Return how many target pixels cover the source; a thousandth of a pixel is forgiven."""
    return max(1, ceil(pixels * pixel_um / target_um - 1e-3))


def _source_index(n: int, scale: float) -> Float64:
    """Return the source index of ``n`` target pixels, with outer edges together."""
    return (np.arange(n, dtype=np.float64) + 0.5) * scale - 0.5


def _interpolate_z(
    planes: UInt16, z: Float64, dz: Float32, offset: np.float32, out: Float32
) -> None:
    """Sample ``planes`` (z, y, x) linearly at plane ``z[k] + dz[y, x]`` into ``out`` (k, y, x)."""
    last = np.float32(planes.shape[0] - 1)
    top = np.uint32(planes.shape[0] - 2)
    for k in range(out.shape[0]):
        start = np.float32(z[k])
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                at = min(max(start + dz[y, x], np.float32(0)), last)
                below = min(np.uint32(at), top)
                weight = at - np.float32(below)
                low = np.float32(planes[below, y, x])
                high = np.float32(planes[below + np.uint32(1), y, x])
                out[k, y, x] = low + weight * (high - low) - offset


interpolate_z: Callable[[UInt16, Float64, Float32, np.float32, Float32], None] = numba.njit(
    nogil=True, cache=True
)(_interpolate_z)
