"""From the stored stack to the networks' grid in one interpolation for each channel.

The chromatic model and the resampling by physical voxel size are composed into one map; crops,
flips and quarter turns of the channel layout are views of the sensor and cost nothing. Raw data
are never rewritten. Needs numpy, numba and OpenCV alone, so that training uses the same code.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.planes import interpolate_z
from livesr.types import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from livesr.calibration.camera.correction import Correction
    from livesr.types import ChannelOffset, Float32, Float64, UInt16

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

    def shifted(self, nm: tuple[int, int, int], source: Grid) -> ChannelMap:
        """Return the map of the channel shifted by (dz, dy, dx); a single plane has no dz."""
        dz, dy, dx = map(np.float32, shift_voxels(nm, source))
        planes = self.dz_planes
        if dz:
            planes = np.full_like(self.y, dz) if planes is None else planes + dz
        return replace(self, y=self.y + dy, x=self.x + dx, dz_planes=planes)


def shift_voxels(nm: tuple[int, int, int], grid: Grid) -> tuple[float, float, float]:
    """Return a shift (dz, dy, dx) in planes and pixels of single precision; one plane has no dz."""
    dz, dy, dx = (float(np.float32(n / (1000 * v))) for n, v in zip(nm, grid.voxel_um, strict=True))
    return dz if grid.shape[0] > 1 else 0.0, dy, dx


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
    correction : Correction, optional
        Undoes the camera's pattern of each plane before it is moved. A warp with one is not shared
        between threads.
    """

    def __init__(
        self,
        source: Grid,
        target_voxel_um: Sequence[float],
        models: Mapping[int, ChromaticModel] | None = None,
        correction: Correction | None = None,
    ) -> None:
        self.source = source
        self.correction = correction
        self._corrected = np.empty(source.shape[1:] if correction else (0, 0), np.uint16)
        self.target = target_grid(source, target_voxel_um)
        self._reference = self._map(ChromaticModel.identity())
        self._maps = {c: self._map(m) for c, m in (models or {}).items() if not m.is_identity}
        self._latest: tuple[ChannelOffset, Warp] | None = None

    def shifted(self, offset: ChannelOffset) -> Warp:
        """Return the warp with channels moved by an offset: its maps and a constant.

        The latest is kept, for a session's offset changes rarely.
        """
        offset = {c: shift for c, shift in offset.items() if any(shift)}
        if not offset:
            return self
        if self._latest is None or self._latest[0] != offset:
            moved = {c: self.channel(c).shifted(nm, self.source) for c, nm in offset.items()}
            warp = copy(self)
            vars(warp).update(_maps=self._maps | moved, _latest=None)
            self._latest = offset, warp
        return self._latest[1]

    def channel(self, number: int) -> ChannelMap:
        """Return the map of one channel."""
        return self._maps.get(number, self._reference)

    def move(self, c: int, plane: UInt16, out: UInt16) -> None:
        """Correct one plane (y, x) of a channel and resample it into ``out`` (y', x').

        Counts are rounded to whole ones (0.3 counts rms, well under read noise): half the memory
        traffic, and the camera's offset is subtracted from 2.2 times fewer pixels.
        """
        m = self.channel(c)
        if self.correction is not None:
            plane = self.correction.plane(c, plane, self._corrected)
        cv2.remap(plane, m.x, m.y, cv2.INTER_LINEAR, out, cv2.BORDER_REPLICATE)

    def apply(self, data: UInt16, offset: float, moved: UInt16 | None = None) -> Float32:
        """Return the stack on the networks' grid.

        Parameters
        ----------
        data : ndarray, (c, z, y, x), uint16
            Camera counts on ``source``; views with any strides will do.
        offset : float
            Camera counts without light; with a correction `livesr.calibration.camera.correction`'s
            pedestal.
        moved : ndarray, (c, z, y', x'), uint16, optional
            All its planes as `move` gives them, if they were moved before.

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
            self.apply_to(c, planes, offset, out[c], None if moved is None else moved[c])
        return out

    def apply_to(
        self, c: int, planes: UInt16, offset: float, out: Float32, moved: UInt16 | None = None
    ) -> None:
        """Write one channel (z, y, x) of a stack into ``out`` (z', y', x'), as `apply` does."""
        m = self.channel(c)
        if m.dz_planes is None:
            each = self._one_by_one(c, planes) if moved is None else moved
            for counts, target in zip(each, out, strict=True):
                np.subtract(counts, np.float32(offset), out=target)
        else:
            whole = self._all(c, planes) if moved is None else moved
            interpolate_z(whole, m.z_planes, m.dz_planes, np.float32(offset), out)

    def _one_by_one(self, c: int, planes: UInt16) -> Iterator[UInt16]:
        """Yield a channel's planes, moved; each holds until the next."""
        counts = np.empty(self.target.shape[1:], np.uint16)
        for plane in planes:
            self.move(c, plane, counts)
            yield counts

    def _all(self, c: int, planes: UInt16) -> UInt16:
        moved = np.empty((len(planes), *self.target.shape[1:]), np.uint16)
        for plane, counts in zip(planes, moved, strict=True):
            self.move(c, plane, counts)
        return moved

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
