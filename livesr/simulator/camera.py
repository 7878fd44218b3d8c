"""The camera: photons to counts, with shot noise, read noise and the sensor's fixed pattern."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.special import ndtri

if TYPE_CHECKING:
    from livesr.types import Float32, UInt16

NORMALS = 2**17
"""Entries of each noise table; a power of two."""
BLOCK = 1024
"""Pixels that read consecutive entries of the noise tables, from a random start."""


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

    def expose(
        self, photons: Float32, rng: np.random.Generator, out: UInt16 | None = None
    ) -> UInt16:
        """Return counts of one exposure of every image.

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

        Returns
        -------
        ndarray, (…, y, x), uint16
            ``out`` if it was given.

        Raises
        ------
        ValueError
            If ``out`` is not a contiguous array of uint16 of the shape of ``photons``.
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
        offset, gain, noise = (part.ravel() for part in self.pattern(height, width))
        for image, target in zip(images, counts.reshape(images.shape), strict=True):
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
                *_normals(),
                target,
            )
        return counts

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
        block, dark_counts, factor, spread = photons[here], offset[here], gain[here], noise[here]
        counts = out[here]
        # no branches and no calls in here: the compiler turns it into vector instructions
        for i in range(block.size):
            mean = max(block[i], zero) * qe + dark
            # a·g + b·(g² - 1) has variance a² + 2 b², and b = 1/6 gives Poisson's skewness
            b = min(one / np.float32(6), three * mean)
            a = np.sqrt(max(mean - two * b * b, zero))
            g = shot[i]
            electrons = min(mean + a * g + b * (g * g - one), full_well)
            value = dark_counts[i] + factor[i] * electrons + spread[i] * read[i]
            rounded = np.int32(min(max(value + np.float32(0.5), zero), highest))
            counts[i] = np.uint16(rounded)
