"""Beads are found, placed to a nanometre or two, and refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from bead_recordings import OFFSET, optics_of, record
from scipy.spatial import cKDTree

from livesr.calibration.beads.find import Widths, find_beads
from livesr.calibration.measure import USUAL
from livesr.errors import CalibrationError
from livesr.types import Grid

OPTICS = optics_of(60_000)


def errors(found: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distance, nearest = cKDTree(true).query(found)
    return found - true[nearest], distance


@pytest.mark.parametrize("seed", [60_000, 60_001])
def test_places_widths_and_their_errors(seed: int) -> None:
    stack, places = record(OPTICS, seed, gap_um=1.0)
    beads = find_beads(stack.data[0], stack.grid, OFFSET, USUAL)
    off, distance = errors(beads.place_um, places[0])
    assert len(beads) > 50
    assert distance.max() < 0.05  # nothing is found where no bead is
    assert np.sqrt((off[:, 1:] ** 2).mean()) < 0.002
    assert np.sqrt((off[:, 0] ** 2).mean()) < 0.005
    pull = np.abs(off / beads.error_um)
    assert np.median(pull) / 0.6745 == pytest.approx(1.0, abs=0.25)
    ball = 8 * np.log(2) / 20 * 0.1**2
    axial, wide, narrow = np.median(beads.fwhm_um, axis=0)
    assert np.sqrt(wide * narrow - ball) == pytest.approx(OPTICS.lateral_fwhm_um[0], rel=0.03)
    assert np.sqrt(axial**2 - ball) == pytest.approx(OPTICS.axial_fwhm_um[0], rel=0.03)
    assert beads.gain == pytest.approx(0.7, rel=0.25)


def test_dim_beads() -> None:
    stack, places = record(OPTICS, 60_002, photons=(500.0, 500.0), gap_um=1.0)
    beads = find_beads(stack.data[0], stack.grid, OFFSET, USUAL)
    off, distance = errors(beads.place_um, places[0])
    assert len(beads) > 50
    assert distance.max() < 0.1
    assert np.sqrt((off[:, 1:] ** 2).mean()) < 0.005


def test_hot_pixels_are_no_beads() -> None:
    stack, places = record(OPTICS, 60_003, count=30, gap_um=1.5)
    rng = np.random.default_rng(1)
    data = stack.data[0].copy()
    rows, columns = rng.integers(0, 320, (2, 60))
    data[:, rows, columns] += rng.integers(300, 3000, 60).astype(np.uint16)
    beads = find_beads(data, stack.grid, OFFSET, USUAL)
    _, distance = errors(beads.place_um, places[0])
    assert len(beads) > 15
    assert distance.max() < 0.05


def test_neighbours_edges_and_clumps_are_refused_with_the_reason() -> None:
    stack, places = record(OPTICS, 60_004, count=300, shape=(256, 256))
    beads = find_beads(stack.data[0], stack.grid, OFFSET, USUAL)
    assert beads.refused["crowded"] > 40
    assert beads.refused["edge"] > 0
    off, _ = errors(beads.place_um, places[0])
    assert np.sqrt((off[:, 1:] ** 2).mean()) < 0.005


def test_saturated_beads_are_refused() -> None:
    stack, _ = record(OPTICS, 60_005, photons=(4000.0, 120000.0), gap_um=1.0, full=4095.0)
    beads = find_beads(stack.data[0], stack.grid, OFFSET, USUAL)
    assert beads.refused["saturated"] > 10
    assert len(beads) > 10
    assert np.all(beads.peak + OFFSET < 5000)


def test_beads_at_the_end_of_the_stack_are_refused() -> None:
    stack, _ = record(OPTICS, 60_006, gap_um=1.0)
    cut = stack.data[0][9:]
    grid = Grid((len(cut), *stack.grid.shape[1:]), stack.grid.voxel_um)
    assert len(find_beads(cut, grid, OFFSET, USUAL)) == 0


@pytest.mark.parametrize("share", [0.4, 2.0])
def test_widths_need_not_be_known(share: float) -> None:
    stack, _ = record(OPTICS, 60_007, gap_um=1.5, count=50)
    usual = find_beads(stack.data[0], stack.grid, OFFSET, USUAL)
    other = Widths(USUAL.lateral_um * share, USUAL.axial_um * share)
    assert len(find_beads(stack.data[0], stack.grid, OFFSET, other)) > 0.8 * len(usual)


def test_an_empty_field_has_none() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(100, 2, (12, 128, 128)).astype(np.uint16)
    assert len(find_beads(data, Grid(data.shape, (0.2, 0.0668, 0.0668)), OFFSET, USUAL)) == 0
    assert len(find_beads(np.full_like(data, 7), Grid(data.shape, (0.2, 0.1, 0.1)), 0, USUAL)) == 0


def test_a_thin_stack_is_an_error() -> None:
    data = np.zeros((3, 64, 64), np.uint16)
    with pytest.raises(CalibrationError, match="3 planes"):
        find_beads(data, Grid(data.shape, (0.2, 0.0668, 0.0668)), OFFSET, USUAL)
