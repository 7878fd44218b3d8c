"""The camera: photons to counts, with shot noise, read noise and the sensor's fixed pattern."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.special import ndtri, pdtr

if TYPE_CHECKING:
    from livesr.types import Float32, UInt8, UInt16

ROWS_PER_E = 4
TABLE_TOP_E = 32
"""Mean electrons below which shot noise is looked up in a Poisson table; above it is Gaussian."""
QUANTILES = 1024
"""Columns of the Poisson table; a power of two, as `NORMALS`."""
NORMALS = 4096


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A scientific CMOS camera; defaults are a Prime 95B's (the docs' science page).

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
    hot_share : float
        Share of hot pixels, whose offset is raised by 150 counts on average.
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
    seed: int = 0

    def expose(self, photons: Float32, rng: np.random.Generator) -> UInt16:
        """Return counts of one exposure of every image.

        Parameters
        ----------
        photons : ndarray, (…, y, x), float32
            Expected photons a pixel.
        rng : numpy.random.Generator
            Equal generators give equal counts.

        Returns
        -------
        ndarray, (…, y, x), uint16
        """
        height, width = photons.shape[-2:]
        images = np.ascontiguousarray(photons, np.float32).reshape(-1, height, width)
        counts = np.empty(images.shape, np.uint16)
        offset, gain, noise = self.pattern(height, width)
        for image, out in zip(images, counts, strict=True):
            _expose(
                image,
                offset,
                gain,
                noise,
                np.float32(self.qe),
                np.float32(self.dark_e_per_s * self.exposure_s),
                np.float32(self.full_well_e),
                np.float32(2**self.bits - 1),
                rng.integers(0, 2**63, dtype=np.uint64),
                _normals(),
                _shots(),
                out,
            )
        return counts.reshape(photons.shape)

    def pattern(self, height: int, width: int) -> tuple[Float32, Float32, Float32]:
        """Return the maps of offset (counts), gain (counts an electron) and read noise (counts)."""
        return _pattern(self, height, width)


@lru_cache(maxsize=4)
def _pattern(camera: CameraModel, height: int, width: int) -> tuple[Float32, Float32, Float32]:
    rng = np.random.default_rng(np.random.SeedSequence([camera.seed, 0xCA3E6A]))
    shape = (height, width)
    offset = camera.offset + camera.offset_sigma * rng.standard_normal(shape)
    hot = rng.uniform(size=shape) < camera.hot_share
    offset[hot] += rng.exponential(150.0, int(hot.sum()))
    gain = (1.0 + camera.gain_sigma * rng.standard_normal(shape)) / camera.gain_e_per_adu
    tail = np.exp(camera.noise_spread * rng.standard_normal(shape))
    noise = tail * camera.read_noise_e * gain
    return offset.astype(np.float32), gain.astype(np.float32), noise.astype(np.float32)


@lru_cache(maxsize=1)
def _normals() -> Float32:
    """Return equally likely values of a standard normal variable, variance exactly 1."""
    table = ndtri((np.arange(NORMALS) + 0.5) / NORMALS)
    return np.asarray(table / table.std(), np.float32)


@lru_cache(maxsize=1)
def _shots() -> UInt8:
    """Return equally likely electron counts for each mean (rows) and quantile, flat."""
    means = np.arange(TABLE_TOP_E * ROWS_PER_E + 2) / ROWS_PER_E
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    electrons = np.arange(128)
    table = [np.searchsorted(pdtr(electrons, mean), shares) for mean in means]
    return np.asarray(table, np.uint8).ravel()


@njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _expose(
    photons: Float32,
    offset: Float32,
    gain: Float32,
    noise: Float32,
    qe: np.float32,
    dark: np.float32,
    full_well: np.float32,
    highest: np.float32,
    seed: np.uint64,
    normals: Float32,
    shots: UInt8,
    out: UInt16,
) -> None:
    state = seed
    share = np.float32(1.0 / 65536.0)
    for i in range(photons.shape[0]):
        for j in range(photons.shape[1]):
            # splitmix64: 64 bits a pixel, cut into the draws that it needs
            state += np.uint64(0x9E3779B97F4A7C15)
            bits = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            bits ^= bits >> np.uint64(31)
            mean = max(photons[i, j], np.float32(0.0)) * qe + dark
            if mean < np.float32(TABLE_TOP_E):
                dither = np.float32(np.int32(bits & np.uint64(0xFFFF))) * share
                row = np.int32(mean * np.float32(ROWS_PER_E) + dither)
                column = (bits >> np.uint64(16)) & np.uint64(QUANTILES - 1)
                electrons = np.float32(shots[np.uint64(row) * np.uint64(QUANTILES) + column])
            else:
                g = normals[(bits >> np.uint64(16)) & np.uint64(NORMALS - 1)]
                # the second term gives the Poisson's skewness
                electrons = mean + np.sqrt(mean) * g + (g * g - np.float32(1.0)) / np.float32(6.0)
                electrons = min(electrons, full_well)
            g = normals[(bits >> np.uint64(40)) & np.uint64(NORMALS - 1)]
            counts = offset[i, j] + gain[i, j] * electrons + noise[i, j] * g + np.float32(0.5)
            out[i, j] = np.uint16(min(max(counts, np.float32(0.0)), highest))
