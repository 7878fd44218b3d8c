"""Objects against scikit-image and SciPy, and against shapes whose sizes are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label
from skimage.measure import regionprops

from livesr.analysis.detection import centroids
from livesr.analysis.objects.columns import COLUMNS
from livesr.analysis.objects.measure import Channels, find_all, measure_objects
from livesr.analysis.objects.per_cell import Columns
from livesr.types import Grid, Masks, StackIndex

VOXEL = (0.3, 0.0668, 0.0668)
WIDE = np.ones((3, 3, 3))


def measured(volume: np.ndarray, name: str = "golgi", voxel: tuple = VOXEL, **more: object) -> dict:
    grid = Grid(volume.shape, voxel)
    masks = Masks({name: volume.astype(np.uint8)}, grid, StackIndex(1, 7))
    found = find_all(masks, more.pop("columns", None), least_um3={})
    return measure_objects(masks, found, **more)


def ball(
    radius: float, voxel: tuple, at: tuple = (0.02, 0.03, 0.01), margin: float = 0.8
) -> np.ndarray:
    sizes = [2 * int((radius + margin) / v) + 1 for v in voxel]
    z, y, x = np.ogrid[tuple(slice(0, n) for n in sizes)]
    middle = [(n // 2) * v + d for n, v, d in zip(sizes, voxel, at, strict=True)]
    squares = ((k * v - m) ** 2 for k, v, m in zip((z, y, x), voxel, middle, strict=True))
    return sum(squares) < radius**2


@pytest.mark.parametrize("width", [64, 61])
def test_components_are_those_of_scikit_image(width: int) -> None:
    rng = np.random.default_rng(60_001)
    volume = rng.random((9, 40, width)) < 0.08
    yellow, red = rng.uniform(100, 900, (2, *volume.shape)).astype(np.float32)
    table = measured(volume, channels=Channels(yellow, red, 100.0, 0.0), time_s=3.5)
    labels, count = label(volume, WIDE)
    regions = regionprops(labels, yellow, spacing=VOXEL)
    assert len(table["label"]) == count
    ours = np.lexsort([table[f"centroid_{a}_um"].round(9) for a in "xyz"])
    theirs = np.lexsort(np.array([r.centroid for r in regions]).T[::-1].round(9))
    for k, i in zip(ours, theirs, strict=True):
        region = regions[i]
        assert table["volume_um3"][k] == pytest.approx(region.area)
        assert [table[f"centroid_{a}_um"][k] for a in "zyx"] == pytest.approx(region.centroid)
        low = [table[f"bbox_min_{a}_um"][k] / v + 0.5 for a, v in zip("zyx", VOXEL, strict=True)]
        high = [table[f"bbox_max_{a}_um"][k] / v + 0.5 for a, v in zip("zyx", VOXEL, strict=True)]
        assert [*low, *high] == pytest.approx(region.bbox)
        assert table["equivalent_diameter_um"][k] == pytest.approx(region.equivalent_diameter_area)
        inside = labels == region.label
        light = (yellow[inside].mean() - 100, red[inside].mean())
        assert table["ratio_mean"][k] == pytest.approx(light[1] / light[0], rel=1e-4)
        assert table["intensity_mean"][k] == pytest.approx(sum(light) / 2, rel=1e-4)
    assert set(table) == {column.name for column in COLUMNS}
    assert set(table["image"]) == {1}
    assert set(table["t"]) == {7}


def test_axes_of_an_ellipsoid() -> None:
    z, y, x = np.ogrid[-15:16, -60:61, -40:41]
    volume = (z * 0.1 / 1.0) ** 2 + (y * 0.1 / 5.0) ** 2 + (x * 0.1 / 3.0) ** 2 <= 1
    table = measured(volume, voxel=(0.1, 0.1, 0.1))
    lengths = [table[f"axis_{n}_length_um"][0] for n in ("major", "middle", "minor")]
    assert lengths == pytest.approx([10, 6, 2], rel=0.01)
    assert table["volume_um3"][0] == pytest.approx(4 / 3 * np.pi * 15, rel=0.01)


@pytest.mark.parametrize(("radius", "tolerance"), [(0.5, 0.05), (1.0, 0.03), (2.0, 0.015)])
@pytest.mark.parametrize("voxel", [VOXEL, (0.3, 0.1, 0.1), (0.1, 0.1, 0.1)])
def test_surface_of_balls(radius: float, tolerance: float, voxel: tuple) -> None:
    table = measured(ball(radius, voxel), voxel=voxel)
    assert table["surface_um2"][0] == pytest.approx(4 * np.pi * radius**2, rel=tolerance)


def test_a_single_plane_has_areas_and_perimeters() -> None:
    y, x = np.ogrid[-30:31, -30:31]
    disc = (np.hypot(y, x) <= 25)[None]
    table = measured(disc, voxel=(1.0, 0.1, 0.1))
    assert table["area_um2"][0] == pytest.approx(np.pi * 2.5**2, rel=0.02)
    assert table["perimeter_um"][0] == pytest.approx(2 * np.pi * 2.5, rel=0.03)
    assert np.isnan(table["volume_um3"][0])
    assert np.isnan(table["axis_minor_length_um"][0])
    assert table["axis_major_length_um"][0] == pytest.approx(5.0, rel=0.02)


def two_balls(apart: float) -> np.ndarray:
    z, y, x = np.ogrid[0:9, 0:60, 0:60]
    out = np.zeros((9, 60, 60), bool)
    for side in (-apart / 2, apart / 2):
        d = ((z - 4) * 0.3 / 3) ** 2 + ((y - 30) * 0.0668) ** 2 + ((x - 30) * 0.0668 - side) ** 2
        out |= d < 0.35**2
    return out


def test_touching_vesicles_are_told_apart() -> None:
    for apart, count in ((0.15, 1), (0.6, 2)):
        volume = two_balls(apart)
        table = measured(volume, "lysosome")
        assert len(table["label"]) == count, apart
        assert table["volume_um3"].sum() == pytest.approx(volume.sum() * np.prod(VOXEL))
    ours = np.sort(table["centroid_x_um"])
    assert ours == pytest.approx(np.sort(centroids(volume, VOXEL)[:, 2]), abs=0.02)
    assert len(measured(two_balls(0.6), "golgi")["label"]) == 1, "only vesicles are split"


def test_what_spans_two_cells_is_two_and_a_vesicle_at_the_border_is_one() -> None:
    grid = Grid((4, 80, 200), (0.3, 0.1, 0.1))
    cells = np.zeros((20, 50), np.int32)
    cells[:, :25], cells[:, 25:45] = 1, 2
    columns = Columns.of(cells, (0.4, 0.4), grid)
    er, lysosome = np.zeros((2, *grid.shape), np.uint8)
    er[1:3, 10:60, 20:170] = 1
    lysosome[1:3, 30:34, 97:101] = 1
    lysosome[1:3, 30:34, 185:189] = 1  # beside cell 2, within reach
    masks = Masks({"er": er, "lysosome": lysosome}, grid, StackIndex(0, 0))
    table = measure_objects(masks, find_all(masks, columns))
    rows = list(zip(table["structure"], table["cell"], table["voxels"], strict=True))
    assert rows == [
        ("lysosome", 1, 32), ("lysosome", 2, 32), ("er", 1, 2 * 50 * 80), ("er", 2, 2 * 50 * 70),
    ]  # fmt: skip
    # a cut face is surface of both parts, so each part's is that of its box
    for k, width in ((2, 8.0), (3, 7.0)):
        box = 2 * (0.6 * 5.0 + 0.6 * width + 5.0 * width)
        assert table["surface_um2"][k] == pytest.approx(box, rel=0.25)


def test_nothing_and_everything() -> None:
    assert not len(measured(np.zeros((3, 16, 16), bool))["label"])
    table = measured(np.ones((3, 16, 16), bool))
    assert table["voxels"].tolist() == [768]
    assert table["on_border"].all()
    assert table["cut"].all()


def test_specks_are_no_objects() -> None:
    volume = np.zeros((4, 40, 40), np.uint8)
    volume[1, 3, 3] = volume[1:3, 20:30, 20:30] = 1
    masks = Masks({"lysosome": volume}, Grid(volume.shape, VOXEL), StackIndex(0, 0))
    assert measure_objects(masks, find_all(masks))["voxels"].tolist() == [200]
    assert measure_objects(masks, find_all(masks, least_um3={}))["voxels"].tolist() == [1, 200]
