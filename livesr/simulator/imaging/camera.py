"""The camera: photons to counts, with shot noise, read noise and the sensor's fixed pattern."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.special import ndtri

if TYPE_CHECKING:
    from livesr.simulator.parameters import CameraParameters
    from livesr.types import Float32, Float64, UInt16

NORMALS = 2**17
"""Entries of each noise table; a power of two."""
BLOCK = 1024
"""Pixels that read consecutive entries of the noise tables, from a random start."""


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A scientific CMOS camera; defaults are a Prime 95B's (docs/simulator.md).

    Attributes
    ----------
    offset : float
        Counts without light.
    gain_e_per_adu, read_noise_e, qe : float
        Electrons a count, median read noise (electrons, rms), quantum efficiency.
    bits : int
        Counts are clipped to this depth.
    full_well_e : float
        Electrons at which a pixel saturates.
    dark_e_per_s, exposure_s : float
        Dark current and the exposure that collects it.
    offset_sigma, gain_sigma, noise_spread : float
        Fixed pattern: spread of the offset (counts), of the gain (relative) and of the read noise
        (log-normal).
    hot_share, hot_adu : float
        Share of hot pixels, and by how many counts their offset is raised on average.
    line_time_us : float
        From one row's readout to the next one's: the rolling shutter.
    port_sigma : float
        Spread (counts) of the offset between the four quadrants that are read by ports of their
        own.
    seed : int
        Of the fixed pattern.
    """

    offset: float = 100.0
    gain_e_per_adu: float = 1.2
    read_noise_e: float = 1.6
    qe: float = 0.95
    bits: int = 16
    full_well_e: float = 80_000.0
    dark_e_per_s: float = 0.55
    exposure_s: float = 0.05
    offset_sigma: float = 1.5
    gain_sigma: float = 0.005
    noise_spread: float = 0.2
    hot_share: float = 1e-4
    hot_adu: float = 150.0
    line_time_us: float = 20.3
    port_sigma: float = 0.0
    seed: int = 0

    @classmethod
    def from_parameters(
        cls, p: CameraParameters, *, bits: int = 16, exposure_s: float = 0.05, seed: int = 0
    ) -> CameraModel:
        """Return the camera of a set of parameters.

        Parameters
        ----------
        p : CameraParameters
        bits : int
            Depth at which counts are clipped, 12 or 16.
        exposure_s : float
            Exposure that collects dark current, s.
        seed : int
            Of the fixed pattern: which camera it is.
        """
        return cls(**asdict(p), bits=bits, exposure_s=exposure_s, seed=seed)

    def expose(
        self,
        photons: Float32,
        rng: np.random.Generator,
        out: UInt16 | None = None,
        *,
        scale: float = 1.0,
        floor: Float32 | None = None,
        floor_scale: float = 0.0,
    ) -> UInt16:
        """Return counts of one exposure of every image.

        What arrives is ``scale * photons + floor_scale * floor``: light and bleaching act on the
        fly, and need no image of their own.

        Electrons have the mean, variance and, above 1/18 electron, skewness of Poisson's
        distribution, but are not whole numbers: read noise above 0.5 electrons hides the
        difference.

        Parameters
        ----------
        photons : ndarray, (…, y, x), float32
            Expected photons a pixel.
        rng : numpy.random.Generator
            Equal generators give equal counts.
        out : ndarray, (…, y, x), uint16, optional
            Contiguous array that takes the counts.
        scale, floor_scale : float
            Factors on ``photons`` and on ``floor``.
        floor : ndarray, (y, x), float32, optional
            Photons that another factor acts on, such as the background, which does not bleach.

        Returns
        -------
        ndarray, (…, y, x), uint16
            ``out`` if it was given.

        Raises
        ------
        ValueError
            If ``out`` is not a contiguous array of uint16 of the shape of ``photons``, or
            ``floor`` is not of an image's shape.
        """
        counts = np.empty(photons.shape, np.uint16) if out is None else out
        if counts.shape != photons.shape or counts.dtype != np.uint16:
            raise ValueError(
                f"out is {counts.dtype} {counts.shape}, expected uint16 {photons.shape}"
            )
        if not counts.flags.c_contiguous:
            raise ValueError("out is not contiguous")
        height, width = photons.shape[-2:]
        images = np.ascontiguousarray(photons, np.float32).reshape(-1, height * width)
        if floor is not None and floor.shape != (height, width):
            raise ValueError(f"floor is {floor.shape}, expected {height, width}")
        under = None if floor is None else np.ascontiguousarray(floor, np.float32).ravel()
        offset, gain, noise = (part.ravel() for part in self.pattern(height, width))
        for image, target in zip(images, counts.reshape(images.shape), strict=True):
            _expose(
                image,
                image if under is None else under,
                np.float32(scale),
                np.float32(0.0 if under is None else floor_scale),
                offset,
                gain,
                noise,
                np.float32(self.qe),
                np.float32(self.dark_e_per_s * self.exposure_s),
                np.float32(self.full_well_e),
                np.float32(2**self.bits - 1),
                rng.integers(0, 2**63, dtype=np.uint64),
                *_normals(),
                target,
            )
        return counts

    def pattern(self, height: int, width: int) -> tuple[Float32, Float32, Float32]:
        """Return the maps of offset (counts), gain (counts an electron) and read noise (counts)."""
        return _pattern(self, height, width)

    def readout_s(self, rows: int) -> float:
        """Return how long the readout of so many rows takes: the shortest time between frames."""
        return rows * self.line_time_us * 1e-6

    def row_delays(self, rows: int) -> Float64:
        """Return how much later (s) each row begins and ends its exposure than the first one."""
        delays: Float64 = np.linspace(0.0, self.readout_s(rows), rows, endpoint=False)
        return delays

    def late_share(self, rows: int, change_s: float) -> Float32:
        """Return the share of each row's exposure that falls after a change of what is seen.

        Row r is exposed from ``row_delays[r]`` for ``exposure_s``. If light is gated to the time in
        which all rows are exposed ("pseudo-global"), nothing changes while it is on and there is
        nothing to blend. If light is on all the time, a stage that moves at ``change_s`` is seen at
        both heights: see `rolling_blend`.

        Parameters
        ----------
        rows : int
            Rows read out.
        change_s : float
            When it changes, seconds after the first row's exposure began. For a stage triggered by
            the end of the first row's exposure this is ``exposure_s``: later rows see the next
            plane in their last moments. For one triggered by the end of the previous frame's last
            row in an uninterrupted sequence it is the shorter of ``exposure_s`` and
            ``readout_s(rows)``: earlier rows see the previous plane at first.

        Returns
        -------
        ndarray, (rows,), float32
            0 to 1.
        """
        after = (self.row_delays(rows) + self.exposure_s - change_s) / self.exposure_s
        return np.clip(after, 0.0, 1.0).astype(np.float32)


def rolling_blend(before: Float32, after: Float32, late_share: Float32) -> Float32:
    """Return what a rolling shutter collects when the image changes during its exposure.

    Parameters
    ----------
    before, after : ndarray, (…, y, x), float32
        Expected photons a pixel of a whole exposure before and after the change.
    late_share : ndarray, (y,), float32
        Of each row, from `CameraModel.late_share`.

    Returns
    -------
    ndarray, (…, y, x), float32
    """
    blended: Float32 = before + late_share[:, None] * (after - before)
    return blended


@lru_cache(maxsize=4)
def _pattern(camera: CameraModel, height: int, width: int) -> tuple[Float32, Float32, Float32]:
    rng = np.random.default_rng(np.random.SeedSequence([camera.seed, 0xCA3E6A]))
    shape = (height, width)
    offset = camera.offset + camera.offset_sigma * rng.standard_normal(shape)
    hot = rng.uniform(size=shape) < camera.hot_share
    offset[hot] += rng.exponential(camera.hot_adu, int(hot.sum()))
    gain = (1.0 + camera.gain_sigma * rng.standard_normal(shape)) / camera.gain_e_per_adu
    tail = np.exp(camera.noise_spread * rng.standard_normal(shape))
    noise = tail * camera.read_noise_e * gain
    for rows in np.array_split(offset, 2):
        for quadrant in np.array_split(rows, 2, axis=1):
            quadrant += camera.port_sigma * rng.standard_normal()
    return offset.astype(np.float32), gain.astype(np.float32), noise.astype(np.float32)


@lru_cache(maxsize=1)
def _normals() -> tuple[Float32, Float32]:
    """Return tables of standard normal noise for light and readout, variance exactly 1.

    Each ends as it begins, so that a block may start at any of its first `NORMALS` entries.
    """
    values = ndtri((np.arange(NORMALS) + 0.5) / NORMALS)
    values /= values.std()
    rng = np.random.default_rng(0x5E4501)
    light, readout = (
        np.resize(rng.permutation(values), NORMALS + BLOCK).astype(np.float32) for _ in range(2)
    )
    return light, readout


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _expose(
    photons: Float32,
    floor: Float32,
    scale: np.float32,
    floor_scale: np.float32,
    offset: Float32,
    gain: Float32,
    noise: Float32,
    qe: np.float32,
    dark: np.float32,
    full_well: np.float32,
    highest: np.float32,
    seed: np.uint64,
    light: Float32,
    readout: Float32,
    out: UInt16,
) -> None:
    state = seed
    mask = np.uint64(NORMALS - 1)
    zero, one, two, three = np.float32(0), np.float32(1), np.float32(2), np.float32(3)
    for begin in range(0, photons.size, BLOCK):
        # splitmix64: the starts in both tables
        state += np.uint64(0x9E3779B97F4A7C15)
        bits = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(31)
        here = slice(begin, min(begin + BLOCK, photons.size))
        shot = light[np.int64(bits & mask) :]
        read = readout[np.int64((bits >> np.uint64(32)) & mask) :]
        block, under = photons[here], floor[here]
        dark_counts, factor, spread = offset[here], gain[here], noise[here]
        counts = out[here]
        # no branches and no calls in here: the compiler turns it into vector instructions
        for i in range(block.size):
            arriving = scale * block[i] + floor_scale * under[i]
            mean = max(arriving, zero) * qe + dark
            # a·g + b·(g² - 1) has variance a² + 2 b², and b = 1/6 gives Poisson's skewness
            b = min(one / np.float32(6), three * mean)
            a = np.sqrt(max(mean - two * b * b, zero))
            g = shot[i]
            electrons = min(mean + a * g + b * (g * g - one), full_well)
            value = dark_counts[i] + factor[i] * electrons + spread[i] * read[i]
            rounded = np.int32(min(max(value + np.float32(0.5), zero), highest))
            counts[i] = np.uint16(rounded)
