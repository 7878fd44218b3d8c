"""Patches as the networks see them live, each with the conditions of another day.

Expected photons become camera counts and pass through the very warp and features of a session.
The target is the truth's soft coverage of the networks' voxels: the program resizes probabilities
linearly to the camera's grid and thresholds them there, so where within a voxel a border runs is
worth learning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import cv2
import numba
import numpy as np
import numpy.typing as npt

from livesr.calibration.warp import ChromaticModel, Warp, exponents
from livesr.catalog import NAMES
from livesr.errors import ConfigError
from livesr.features import make_features
from livesr.training.sampling.fields import counts_per_photon
from livesr.types import Grid, Normalisation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from livesr.simulator.imaging.camera import CameraModel
    from livesr.training.plan import Augmentation
    from livesr.training.sampling.fields import Field
    from livesr.types import Bool, Float32, UInt8, UInt16

BORDER = 8
"""Voxels cut off each side of a patch: the chromatic offset looks beyond its edge."""
MOST_COUNTS = 65_535
Voxel = TypeVar("Voxel", np.float32, np.uint8)
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Seen(Protocol):
    """A field of any kind: where its pixels lie, and where red lies against yellow."""

    @property
    def grid(self) -> Grid:
        """Of its photons."""

    @property
    def chromatic(self) -> ChromaticModel:
        """Red against yellow."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What a network is shown.

    Attributes
    ----------
    features : ndarray, (2, z, y, x), float32
    target : ndarray, (structures, z, y, x), uint8
        Coverage of each voxel, 0 to 255, in the catalog's order.
    known : ndarray, (structures,), bool, optional
        Which structures the target is about; all if not given.
    """

    features: Float32
    target: UInt8
    known: Bool | None = None


@dataclass(frozen=True, slots=True)
class PatchMaker:
    """Cuts patches out of fields and draws their conditions.

    Attributes
    ----------
    shape : tuple of int
        (z, y, x) on the networks' grid.
    voxel_um : tuple of float
        Of the networks' grid.
    planes_apart : bool
        Choose planes at random instead of neighbours: for networks that see single planes.
    """

    shape: tuple[int, int, int]
    voxel_um: tuple[float, float, float]
    augmentation: Augmentation
    sampling: Mapping[str, float]
    camera: CameraModel
    planes_apart: bool = False

    def draw(self, field: Field, rng: np.random.Generator, planes: int | None = None) -> Patch:
        """Return a random patch of ``field``, of ``planes`` planes if its own are not wanted."""
        box, pixel_um = self._box(field, rng)
        photons = self._light(field.photons[:, :, *box].astype(np.float32), rng)
        exposure = self._exposure(field, rng)
        red = 1.0 + _around(self.augmentation.ratio_gain, rng)
        if field.measured:
            counts = self._dimmed(photons, exposure, red, rng)
        else:
            photons[0] *= exposure
            photons[1] *= exposure * red
            counts = self.camera.expose(photons, rng)
        source = Grid(counts.shape[1:], (field.grid.voxel_um[0], pixel_um, pixel_um))
        warp = Warp(source, self.voxel_um, {1: self._registration(field, box, pixel_um, rng)})
        offset = self.camera.offset + _around(self.augmentation.offset_counts, rng)
        features = make_features(counts, warp, offset, self._norm(field, exposure, red, rng)).data
        if rng.random() < self.augmentation.no_ratio:
            features[1] = 0.0
        target = coverage(field.truth[:, *box], warp.target.shape[1:])
        patch = self._finish(features, target, planes or self.shape[0], rng)
        known = np.array([name in field.known for name in NAMES])
        return patch if known.all() else replace(patch, known=known)

    def _exposure(self, field: Field, rng: np.random.Generator) -> float:
        """Return the light of this patch; a recording can be made dimmer, never brighter."""
        low, high = self.augmentation.exposure
        low, high = (min(low, 1.0), min(high, 1.0)) if field.measured else (low, high)
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def _dimmed(
        self, photons: Float32, exposure: float, red: float, rng: np.random.Generator
    ) -> UInt16:
        """Return counts of a recording at less light: electrons thinned, as a binomial draw."""
        electrons = photons * np.float32(self.camera.qe)
        thinned = electrons * np.float32(exposure)
        if exposure < 1.0:
            spread = np.sqrt(electrons * np.float32(exposure * (1.0 - exposure)))
            thinned += spread * rng.standard_normal(electrons.shape, np.float32)
        thinned[1] *= np.float32(red)
        counts = thinned / np.float32(self.camera.gain_e_per_adu) + np.float32(self.camera.offset)
        whole: UInt16 = np.clip(np.rint(counts), 0, MOST_COUNTS).astype(np.uint16)
        return whole

    def _box(self, field: Field, rng: np.random.Generator) -> tuple[tuple[slice, slice], float]:
        """Return the camera's pixels to cut, and their size such that they fill whole voxels."""
        scale = 1.0 + _around(self.augmentation.pixel_size, rng)
        voxels = self.shape[1] + 2 * BORDER  # patches are square
        height, width = field.truth.shape[1:]
        wanted = round(voxels * self.voxel_um[1] / (field.grid.voxel_um[1] * scale))
        side = wanted
        if min(height, width) < wanted:
            need = voxels * self.voxel_um[1]
            raise ConfigError(
                f"a field of {height} x {width} pixels of {field.grid.voxel_um[1]:.3g} µm is too "
                f"small for a patch of {self.shape[1]} voxels with its border ({need:.1f} µm)",
                where="schedule.patch",
                fix="choose a smaller patch, or larger images",
            )
        y, x = self._centre(field, rng)
        top, left = (
            int(np.clip(at - side // 2 + rng.integers(-side // 4, side // 4 + 1), 0, n - side))
            for at, n in ((y, height), (x, width))
        )
        box = (slice(top, top + side), slice(left, left + side))
        return box, voxels * self.voxel_um[1] / side

    def _centre(self, field: Field, rng: np.random.Generator) -> tuple[int, int]:
        names = [name for name in self.sampling if field.centres.get(name)]
        if not names:
            height, width = field.truth.shape[1:]
            return int(rng.integers(height)), int(rng.integers(width))
        weights = np.array([self.sampling[name] for name in names])
        centres = field.centres[names[rng.choice(len(names), p=weights / weights.sum())]]
        y, x = centres[rng.integers(len(centres))]
        return y, x

    def _light(self, photons: Float32, rng: np.random.Generator) -> Float32:
        blur = rng.uniform(0.0, self.augmentation.blur_px) if rng.random() < 0.5 else 0.0
        if blur > 0.2:
            for plane in photons.reshape(-1, *photons.shape[2:]):
                cv2.GaussianBlur(plane, (0, 0), blur, plane)
        photons += np.float32(rng.uniform(0.0, 1.0) ** 2 * self.augmentation.background_photons)
        return photons

    def _registration(
        self, field: Field, box: tuple[slice, slice], pixel_um: float, rng: np.random.Generator
    ) -> ChromaticModel:
        """Return the field's model around the box's own centre, with what registration leaves."""
        residual = self.augmentation.registration_um
        dz, dy, dx = (_around(residual, rng) for _ in range(3))
        return around_box(field, box, pixel_um).shifted(3 * dz, dy, dx)

    def _norm(
        self, field: Field, exposure: float, red: float, rng: np.random.Generator
    ) -> Normalisation:
        ratio = field.norm.ratio
        mean = exposure * (1.0 + red * ratio) / (1.0 + ratio)
        wrong = self.augmentation.normalisation
        return Normalisation(
            field.norm.intensity
            * counts_per_photon(self.camera)
            * mean
            * (1.0 + _around(wrong, rng)),
            ratio * red * (1.0 + _around(wrong, rng) / 2),
        )

    def _finish(
        self, features: Float32, target: UInt8, planes: int, rng: np.random.Generator
    ) -> Patch:
        z = self._planes(target.shape[1], planes, rng)
        inner = slice(BORDER, BORDER + self.shape[1]), slice(BORDER, BORDER + self.shape[2])
        return Patch(features[:, z][:, :, *inner], target[:, z][:, :, *inner])

    def _planes(self, available: int, wanted: int, rng: np.random.Generator) -> Sequence[int]:
        if self.planes_apart:
            return [int(k) for k in np.sort(rng.choice(available, wanted, replace=False))]
        start = int(rng.integers(0, max(available - wanted, 0) + 1))
        return range(start, start + wanted)


def around_box(field: Seen, box: tuple[slice, slice], pixel_um: float) -> ChromaticModel:
    """Return the field's chromatic model in coordinates of a box whose pixels are ``pixel_um``.

    A quadratic through 7 x 7 points; over 20 µm that leaves less than a nanometre.
    """
    own = field.grid.voxel_um[1]
    places = []
    for edge, size in zip(box, field.grid.shape[1:], strict=True):
        half = (edge.stop - edge.start - 1) / 2
        places.append((edge.start + half - (size - 1) / 2 + np.linspace(-half, half, 7)) * own)
    moved = field.chromatic.displacement(places[0][:, None], places[1][None, :])
    unit = np.linspace(-1.0, 1.0, 7)
    v, u = (grid.ravel() for grid in np.meshgrid(unit, unit, indexing="ij"))
    terms = np.stack([v**i * u**j for i, j in exponents(2)], axis=1)
    scales = (1.0, pixel_um / own, pixel_um / own)
    rows = [
        np.linalg.lstsq(terms, d.ravel() * scale, rcond=None)[0].tolist()
        for d, scale in zip(moved, scales, strict=True)
    ]
    along_z = [row[0] for row in field.chromatic.affine]
    return ChromaticModel(
        affine=(
            (along_z[0], 0.0, 0.0, 0.0),
            (along_z[1], 1.0, 0.0, 0.0),
            (along_z[2], 0.0, 1.0, 0.0),
        ),
        polynomial=tuple(tuple(row) for row in rows),
        degree=2,
        radius_um=(box[0].stop - box[0].start - 1) / 2 * pixel_um,
    )


def coverage(words: UInt16, shape: tuple[int, int]) -> UInt8:
    """Return how much of each voxel a structure covers.

    Parameters
    ----------
    words : ndarray, (z, y, x), uint16
        One bit a structure (`livesr.training.sampling.fields.pack`).
    shape : tuple of int
        Voxels (y, x) over the same area.

    Returns
    -------
    ndarray, (structures, z, y', x'), uint8
        0 to 255.
    """
    out = np.empty((len(NAMES), words.shape[0], *shape), np.uint8)
    _cover(words, *_shares(words.shape[1], shape[0]), *_shares(words.shape[2], shape[1]), out)
    return out


def _shares(fine: int, coarse: int) -> tuple[Ints, Float32]:
    """Return for each of ``coarse`` pixels the first fine pixel in it and its fine pixels' shares.

    Shares have shape (coarse, most): those of ``most`` fine pixels from the first on.
    """
    edges = np.linspace(0.0, fine, coarse + 1)
    first = np.minimum(edges[:-1].astype(np.int64), fine - 1)
    most = int(np.ceil(fine / coarse)) + 1
    pixel = first[:, None] + np.arange(most)
    inside = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return first, (np.maximum(inside, 0.0) * coarse / fine).astype(np.float32)


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _cover(words: UInt16, top: Ints, tall: Float32, left: Ints, wide: Float32, out: UInt8) -> None:
    height, width = words.shape[1:]
    sums = np.empty((len(left), out.shape[0]), np.float32)
    for z in range(words.shape[0]):
        for i in range(len(top)):
            sums[:] = 0.0
            for a in range(tall.shape[1]):
                row = min(top[i] + a, height - 1)
                if tall[i, a] == 0.0:
                    continue
                for j in range(len(left)):
                    for b in range(wide.shape[1]):
                        share = tall[i, a] * wide[j, b]
                        word = words[z, row, min(left[j] + b, width - 1)]
                        for k in range(out.shape[0]):
                            sums[j, k] += share * np.float32((word >> k) & 1)
            for k in range(out.shape[0]):
                for j in range(len(left)):
                    out[k, z, i, j] = np.uint8(sums[j, k] * np.float32(255.0) + np.float32(0.5))


def _around(half_width: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(-half_width, half_width))


def turned(patch: Patch, rng: np.random.Generator) -> Patch:
    """Return the patch in one of its eight orientations in the plane."""
    turn, flip = int(rng.integers(4)), bool(rng.integers(2))
    features, target = _turned(patch.features, turn, flip), _turned(patch.target, turn, flip)
    return Patch(features, target, patch.known)


def _turned(volume: npt.NDArray[Voxel], turn: int, flip: bool) -> npt.NDArray[Voxel]:
    volume = np.rot90(volume, turn, axes=(2, 3))
    return np.ascontiguousarray(volume[..., ::-1] if flip else volume)
