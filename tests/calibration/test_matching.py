"""Widths of two channels made equal."""

from __future__ import annotations

import numpy as np
import pytest

from livesr.calibration.beads.widths import FWHM
from livesr.calibration.matching import Matching
from livesr.calibration.records import PointSpread
from livesr.calibration.warp import Warp
from livesr.features import make_features
from livesr.types import Grid, Normalisation

VOXEL = (0.15, 0.05, 0.05)


def spot(
    lateral_fwhm: float, axial_fwhm: float, shape: tuple[int, ...] = (31, 41, 41)
) -> np.ndarray:
    z, y, x = (np.arange(n) - n // 2 for n in shape)
    sz, sy = axial_fwhm / FWHM / VOXEL[0], lateral_fwhm / FWHM / VOXEL[1]
    r = (y[:, None] ** 2 + x[None, :] ** 2) / sy**2
    bell = np.exp(-0.5 * (z[:, None, None] / sz) ** 2 - 0.5 * r[None])
    return (20 * bell / bell.sum() * bell.size).astype(np.float32)


def variance(image: np.ndarray, axis: int) -> float:
    profile = image.sum(axis=tuple(k for k in range(3) if k != axis), dtype=np.float64)
    at = np.arange(len(profile)) - len(profile) // 2
    return float((profile * at**2).sum() / profile.sum())


@pytest.mark.parametrize(("lateral", "axial"), [(0.150, 0.50), (0.300, 0.95), (0.120, 0.55)])
def test_both_end_up_with_the_wider_width(lateral: float, axial: float) -> None:
    yellow, red = (
        PointSpread(lateral_um=0.135, axial_um=0.45),
        PointSpread(lateral_um=lateral, axial_um=axial),
    )
    channels = np.stack([spot(0.135, 0.45), spot(lateral, axial)])
    Matching.of(yellow, red).apply(channels, VOXEL)
    for axis in range(3):
        one, two = (variance(image, axis) for image in channels)
        assert one == pytest.approx(two, rel=0.02)
    assert channels[0].sum() == pytest.approx(channels[1].sum(), rel=1e-3)


def test_a_point_has_one_ratio_once_widths_are_matched() -> None:
    grid = Grid((31, 41, 41), VOXEL)
    stack = np.rint(np.stack([spot(0.135, 0.45), 0.5 * spot(0.200, 0.65)]) + 100).astype(np.uint16)
    norm = Normalisation(float(stack.max()) - 100, 0.5)
    matching = Matching.of(
        PointSpread(lateral_um=0.135, axial_um=0.45), PointSpread(lateral_um=0.200, axial_um=0.65)
    )
    warp = Warp(grid, VOXEL)
    plain = make_features(stack, warp, 100.0, norm)
    matched = make_features(stack, warp, 100.0, norm, matching=matching)
    near = spot(0.135, 0.45) > 0.3 * spot(0.135, 0.45).max()
    assert np.std(matched.data[1][near]) < 0.4 * np.std(plain.data[1][near])
