"""Patches for FG-net: planes of a probe's image, each with the conditions of another day.

Expected photons become camera counts and pass through what labels are made with: registration,
subtraction of Nile Red, lipid droplets set to zero, brightness (`livesr.training.labels.probe`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livesr.calibration.warp import Warp
from livesr.simulator.coloc import NILE_RED_SHARE
from livesr.training.labels.probe import feature, without_nile_red
from livesr.training.plan import Augmentation
from livesr.training.sampling.colocalisation import DROPLET_BIT, FOREGROUND_BIT
from livesr.training.sampling.fields import counts_per_photon
from livesr.training.sampling.patches import BORDER, Patch, around_box
from livesr.types import Grid

if TYPE_CHECKING:
    from livesr.calibration.warp import ChromaticModel
    from livesr.simulator.imaging.camera import CameraModel
    from livesr.training.sampling.colocalisation import ColocField
    from livesr.types import Bool, Float32, UInt8

    Box = tuple[slice, slice]

CENTRED = 0.7
"""Share of patches that are centred on foreground."""
UNKNOWN_DROPLETS, LARGE_DROPLETS = 0.15, 0.3
"""Share of patches whose droplets nobody found, and whose droplets were found too large."""
GREEN_BACKGROUND = 0.3
"""Of what is added to yellow as background, green has this share."""
WRONG_SHARE = 2.0
"""By how much more than ``ratio_gain`` the share of yellow that is subtracted is wrong."""
HALF = np.float32(127.5)


@dataclass(frozen=True, slots=True)
class Day:
    """The light of a patch: factors on yellow and green, and photons added to each."""

    gain: tuple[float, float]
    added: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ColocalisationMaker:
    """Cuts patches out of fields and draws their conditions.

    Attributes
    ----------
    shape : tuple of int
        (planes, y, x) on FG-net's grid.
    voxel_um : tuple of float
        Of FG-net's grid; z is the field's own.
    augmentation : Augmentation
    camera : CameraModel
    """

    shape: tuple[int, int, int]
    voxel_um: tuple[float, float, float]
    augmentation: Augmentation
    camera: CameraModel

    def draw(self, field: ColocField, rng: np.random.Generator, planes: int | None = None) -> Patch:
        """Return planes at a random place of ``field``: features (1, z, y, x), target likewise."""
        wanted = min(planes or self.shape[0], field.grid.shape[0])
        box, pixel_um = self._box(field, rng)
        slab = _slab(field.grid.shape[0], 2 * wanted, rng)
        day = self._day(rng)
        counts = self._expose(field.photons[:, slab, *box].astype(np.float32), day, rng)
        _, planes_seen, height, width = counts.shape
        source = Grid((planes_seen, height, width), (field.grid.voxel_um[0], pixel_um, pixel_um))
        registered = {1: self._registration(field, box, pixel_um, rng)}
        warp = Warp(source, (source.voxel_um[0], *self.voxel_um[1:]), registered)
        yellow, green = warp.apply(counts, self.camera.offset)
        words = field.truth[slab, *box]
        droplets = self._droplets(_covered((words & DROPLET_BIT) > 0, warp.target), rng)
        share = NILE_RED_SHARE * (1.0 + _around(WRONG_SHARE * self.augmentation.ratio_gain, rng))
        image = without_nile_red(yellow, green, self._empty(field, day, rng), share, droplets)
        features = feature(image, self._bright(field, day, rng))
        target = _covered((words & FOREGROUND_BIT) > 0, warp.target)[None]
        z = np.sort(rng.choice(len(image), wanted, replace=False))
        inner = slice(BORDER, BORDER + self.shape[1]), slice(BORDER, BORDER + self.shape[2])
        return Patch(features[:, z][:, :, *inner], target[:, z][:, :, *inner])

    def _box(self, field: ColocField, rng: np.random.Generator) -> tuple[Box, float]:
        """Return the camera's pixels to cut, and their size such that they fill whole voxels."""
        scale = 1.0 + _around(self.augmentation.pixel_size, rng)
        voxels = self.shape[1] + 2 * BORDER
        height, width = field.grid.shape[1:]
        wanted = round(voxels * self.voxel_um[1] / (field.grid.voxel_um[1] * scale))
        side = min(wanted, height, width)
        centre = (int(rng.integers(height)), int(rng.integers(width)))
        if field.centres and rng.random() < CENTRED:
            y, x = field.centres[rng.integers(len(field.centres))]
            centre = (y, x)
        top, left = (
            int(np.clip(at - side // 2 + rng.integers(-side // 4, side // 4 + 1), 0, n - side))
            for at, n in zip(centre, (height, width), strict=True)
        )
        box = (slice(top, top + side), slice(left, left + side))
        return box, voxels * self.voxel_um[1] / side

    def _day(self, rng: np.random.Generator) -> Day:
        exposure = float(np.exp(rng.uniform(*np.log(self.augmentation.exposure))))
        green = exposure * (1.0 + _around(self.augmentation.ratio_gain, rng))
        added = float(rng.uniform(0.0, 1.0) ** 2 * self.augmentation.background_photons)
        return Day((exposure, green), (added, GREEN_BACKGROUND * added))

    def _expose(
        self, photons: Float32, day: Day, rng: np.random.Generator
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
        blur = rng.uniform(0.0, self.augmentation.blur_px) if rng.random() < 0.5 else 0.0
        if blur > 0.2:
            for plane in photons.reshape(-1, *photons.shape[2:]):
                cv2.GaussianBlur(plane, (0, 0), blur, plane)
        for channel, gain, added in zip(photons, day.gain, day.added, strict=True):
            channel *= np.float32(gain)
            channel += np.float32(added)
        return self.camera.expose(photons, rng)

    def _registration(
        self, field: ColocField, box: Box, pixel_um: float, rng: np.random.Generator
    ) -> ChromaticModel:
        """Return the field's model around the box's own centre, with what registration leaves."""
        residual = self.augmentation.registration_um
        dz, dy, dx = (_around(residual, rng) for _ in range(3))
        return around_box(field, box, pixel_um).shifted(3 * dz, dy, dx)

    def _droplets(self, coverage: UInt8, rng: np.random.Generator) -> Bool | None:
        """Return the droplets as a network might find them."""
        kind = rng.random() if self.augmentation != Augmentation.none() else 1.0
        if kind < UNKNOWN_DROPLETS:
            return None
        if kind < UNKNOWN_DROPLETS + LARGE_DROPLETS:
            return coverage > 0
        return coverage > HALF

    def _empty(self, field: ColocField, day: Day, rng: np.random.Generator) -> tuple[float, float]:
        """Return the counts of the empty field, as wrong as an offset may be."""
        unit, wrong = counts_per_photon(self.camera), self.augmentation.offset_counts
        yellow, green = (
            (gain * light + added) * unit + _around(wrong, rng)
            for light, gain, added in zip(field.empty, day.gain, day.added, strict=True)
        )
        return yellow, green

    def _bright(self, field: ColocField, day: Day, rng: np.random.Generator) -> float:
        wrong = np.exp(_around(self.augmentation.normalisation, rng))
        return float(field.bright * day.gain[1] * counts_per_photon(self.camera) * wrong)


def _slab(available: int, wanted: int, rng: np.random.Generator) -> slice:
    """Return neighbouring planes: green lies between yellow's planes, so some to spare."""
    start = int(rng.integers(0, max(available - wanted, 0) + 1))
    return slice(start, start + wanted)


def _covered(mask: Bool, grid: Grid) -> UInt8:
    """Return how much of each voxel of ``grid`` a mask covers, 0 to 255; planes stay."""
    _, ny, nx = grid.shape
    inside = np.where(mask, np.uint8(255), np.uint8(0))
    return np.stack([cv2.resize(p, (nx, ny), interpolation=cv2.INTER_AREA) for p in inside])


def _around(half_width: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(-half_width, half_width))
