"""The shipped packages flag what is not the cells that they know, and leave those alone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from livesr.bench import lookalikes
from livesr.bench.lookalikes import LookAlike
from livesr.calibration.warp import ChromaticModel
from livesr.segmentation.package import load_package
from livesr.segmentation.trust import Seen, Strangeness, tables
from livesr.training.labelled import LabelledStack, simulate
from livesr.training.trust import measured
from livesr.types import Grid

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"


def judged(name: str, one: LookAlike) -> Strangeness:
    package = load_package(name)
    seen = Seen.of(package.trust)
    assert seen is not None, f"{name} does not say what it was trained on"
    stack = LabelledStack(one.data, one.grid, one.offset, ChromaticModel(), {})
    return seen.strangeness(measured(stack, package))


def recording(name: str) -> Path:
    folder = Path(os.environ.get("LIVESR_TEST_DATA", BESIDE)) / name
    if not folder.is_dir():
        pytest.skip(f"real recordings are not here: {folder} (set LIVESR_TEST_DATA)")
    return folder


@pytest.mark.parametrize("name", ["ALL", "ALL2D"])
def test_every_structure_is_calibrated(name: str) -> None:
    package = load_package(name)
    assert set(package.trust["probability"]) == set(package.structures)
    for table in tables(package.trust, package.structures).values():
        assert table[-1] > 100


@pytest.mark.parametrize("name", lookalikes.lookalikes())
def test_what_is_no_cell_is_flagged(name: str) -> None:
    found = judged("ALL", lookalikes.lookalikes()[name])
    assert found.flags
    assert found.score > 1.05


def test_cells_through_another_objective_are_flagged() -> None:
    stack = simulate(60_010, shape=(16, 192, 192))
    package = load_package("ALL")
    seen = Seen.of(package.trust)
    assert seen is not None
    blurred = replace(stack, data=lookalikes.out_of_focus(stack.data))
    usual, poor = (seen.strangeness(measured(one, package)) for one in (stack, blurred))
    assert not usual.flags
    assert poor.flags
    assert poor.score > usual.score


@pytest.mark.parametrize("shape", [(24, 192, 192), (8, 192, 192), (36, 192, 192), (16, 400, 160)])
def test_cells_as_trained_on_are_not_flagged_whatever_the_field(
    shape: tuple[int, int, int],
) -> None:
    package = load_package("ALL")
    seen = Seen.of(package.trust)
    assert seen is not None
    found = seen.strangeness(measured(simulate(60_011 + shape[0], shape=shape), package))
    assert not found.flags, found.words


def test_single_planes_of_cells_are_not_flagged_and_another_plane_is() -> None:
    stack = simulate(60_012, shape=(12, 256, 256))
    grid = Grid((1, *stack.grid.shape[1:]), stack.grid.voxel_um)
    plane = np.ascontiguousarray(stack.data[:, 6:7])
    assert not judged("ALL2D", LookAlike(plane, grid, stack.offset)).flags
    assert judged("ALL2D", lookalikes.pollen()).flags


def test_yeast_from_a_real_microscope_is_flagged() -> None:
    folder = recording("yeast_mitochondria")
    for stack in tifffile.imread(folder / "yeast_3d_mitochondria_t0-9.ome.tif"):
        grid = Grid(stack.shape, (0.25, 0.0655, 0.0655))
        assert judged("ALL", LookAlike(stack[None].astype(np.uint16), grid, 100.0)).flags


def test_a_pollen_tube_from_a_real_microscope_is_flagged() -> None:
    folder = recording("nile_red_two_emission")
    channels = [tifffile.imread(folder / f"{name}.tif") for name in ("donor", "acceptor")]
    data = np.stack(channels).astype(np.uint16)[:, None]
    grid = Grid((1, *data.shape[2:]), (1.0, 0.24, 0.24))
    assert len(judged("ALL2D", LookAlike(data, grid, 0.0)).flags) > 3
