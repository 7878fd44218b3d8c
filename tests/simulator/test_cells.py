from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from livesr.catalog import NAMES
from livesr.simulator.dye import STAINS, CellDye
from livesr.simulator.motion import Motion
from livesr.simulator.sample import Sample

if TYPE_CHECKING:
    from livesr.simulator.cell import Cell

SEEDS = (61_000, 61_001)


@pytest.fixture(scope="module", params=SEEDS)
def cell(request: pytest.FixtureRequest) -> Cell:
    return Sample(request.param).cell(0)


def test_cell_has_every_structure_but_the_volumes(cell: Cell) -> None:
    assert set(cell.clouds) == set(NAMES) - {"nucleus", "cytosol", "extracellular"}
    for name, cloud in cell.clouds.items():
        assert np.isfinite(cloud.points).all(), name
        assert (cloud.emission >= 0).all(), name
        assert (cloud.truth >= 0).all(), name
        assert cloud.owner.max() < len(cloud.radii), name


@pytest.mark.parametrize(
    ("name", "count", "diameter"),
    [
        ("lipid_droplet", (20, 120), (0.2, 1.0)),
        ("peroxisome", (150, 400), (0.15, 0.35)),
        ("early_endosome", (100, 300), (0.15, 0.4)),
        ("late_endosome", (50, 150), (0.3, 0.6)),
        ("lysosome", (100, 300), (0.2, 0.8)),
    ],
)
def test_vesicles_have_the_literature_counts_and_sizes(
    cell: Cell, name: str, count: tuple[int, int], diameter: tuple[float, float]
) -> None:
    radii = cell.clouds[name].radii
    assert count[0] <= len(radii) <= count[1]
    assert 2 * radii.min() >= diameter[0] - 1e-9
    assert 2 * radii.max() <= diameter[1] + 1e-9


def test_counts_of_the_other_organelles(cell: Cell) -> None:
    assert 100 <= len(cell.clouds["mitochondria"].radii) <= 300
    assert 5 <= len(cell.clouds["golgi"].radii) <= 10
    assert 10 <= len(cell.clouds["filopodia"].radii) <= 60
    assert 2 <= len(cell.clouds["nuclear_reticulum"].radii) <= 8


def test_shape_has_the_literature_sizes(cell: Cell) -> None:
    shape = cell.shape
    cy, cx = shape.footprint.center
    y, x = np.meshgrid(cy + np.arange(-40, 40, 0.25), cx + np.arange(-40, 40, 0.25), indexing="ij")
    inside = shape.footprint.contains(y, x)
    top = shape.top(y, x)
    low, high = shape.nucleus.surfaces(y, x)
    assert 1000 < inside.sum() * 0.25**2 < 2100
    assert 2000 < ((top - 0.1) * inside).sum() * 0.25**2 < 6000
    assert 6.0 < top.max() < 8.5
    assert 600 < (high - low).sum() * 0.25**2 < 1000
    # the nucleus lies inside the cell
    nuclear = high - low > 0.5
    assert (top[nuclear] > high[nuclear]).all()
    assert low[nuclear].min() > 0.1


def test_organelles_lie_in_the_cytoplasm(cell: Cell) -> None:
    shape, nucleus = cell.shape, cell.shape.nucleus
    vesicles = ("lipid_droplet", "peroxisome", "early_endosome", "late_endosome", "lysosome")
    for name in (*vesicles, "mitochondria", "golgi", "er"):
        cloud = cell.clouds[name]
        z, y, x = cloud.centers.T if name in vesicles else cloud.points.T
        low, high = nucleus.surfaces(y, x)
        assert ((z > low + 0.2) & (z < high - 0.2)).mean() < 0.02, name
        assert shape.footprint.contains(y, x).mean() > 0.99, name
        assert (z < shape.top(y, x) + 0.1).mean() > 0.97, name
        assert (z > 0.0).mean() > 0.99, name


def test_er_is_one_network_with_three_way_junctions(cell: Cell) -> None:
    points = cell.clouds["er"].points
    grid = np.round((points - points.min(axis=0)) / 0.15).astype(int)
    volume = np.zeros(grid.max(axis=0) + 1, bool)
    volume[tuple(grid.T)] = True
    labels, _ = ndimage.label(volume, np.ones((3, 3, 3)))
    largest = np.bincount(labels[volume]).max()
    assert largest > 0.8 * volume.sum()


def test_ratio_and_brightness_follow_the_table() -> None:
    rng = np.random.default_rng(61_002)
    for name, stain in STAINS.items():
        level, ratio = CellDye(1.0, 1.0).objects(name, 4000, rng)
        assert ratio.mean() == pytest.approx(stain.ratio, rel=0.01)
        assert ratio.std() / ratio.mean() == pytest.approx(0.08, rel=0.1)
        assert stain.brightness[0] < level.mean() < stain.brightness[1]
    factors = [CellDye.draw(rng).ratio for _ in range(300)]
    assert 0.9 <= min(factors) < 0.92
    assert 1.08 < max(factors) <= 1.1


def test_ratio_of_each_structure_orders_as_in_the_table(cell: Cell) -> None:
    ratio = {
        name: float((c.emission * c.ratio).sum() / c.emission.sum())
        for name, c in cell.clouds.items()
    }
    for name, value in ratio.items():
        assert value == pytest.approx(STAINS[name].ratio, rel=0.3), name
    assert ratio["lipid_droplet"] < ratio["filopodia"] < ratio["peroxisome"] < ratio["er"]


def test_motion_is_none_at_time_zero_and_when_frozen(cell: Cell) -> None:
    stream = np.random.SeedSequence(61_003)
    for name in ("lysosome", "mitochondria", "nuclear_membrane", "plasma_membrane"):
        cloud = cell.clouds[name]
        np.testing.assert_array_equal(Motion(stream, 1.0).cloud(cell, cloud, 0.0), cloud.points)
        np.testing.assert_array_equal(Motion(stream, 0.0).cloud(cell, cloud, 99.0), cloud.points)


def test_motion_is_small_and_continuous(cell: Cell) -> None:
    motion = Motion(np.random.SeedSequence(61_004), 1.0)
    for name in ("lysosome", "early_endosome", "mitochondria", "er", "nuclear_membrane"):
        cloud = cell.clouds[name]
        at = [motion.cloud(cell, cloud, t) for t in (30.0, 30.05, 60.0)]
        step = np.linalg.norm(at[1] - at[0], axis=1)
        assert np.percentile(step, 99) < 0.12, name
        assert np.median(np.linalg.norm(at[2] - at[0], axis=1)) < 2.5, name
        assert np.linalg.norm(at[2] - at[0], axis=1).max() > 0.005, name


def test_moving_vesicles_stay_in_the_cytoplasm(cell: Cell) -> None:
    motion = Motion(np.random.SeedSequence(61_005), 1.0)
    cloud = cell.clouds["lysosome"]
    for time_s in (20.0, 3600.0):
        z, y, x = motion.cloud(cell, cloud, time_s).T
        low, high = cell.shape.nucleus.surfaces(y, x)
        assert ((z > low + 0.3) & (z < high - 0.3)).mean() < 0.02
        _, to_edge = cell.shape.inward(y, x, time_s)
        assert (to_edge > 0).all()
