"""The pictures: what is where in them, and in which colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from livesr.catalog import NAMES
from livesr.errors import StorageError
from livesr.simulator.recordings import picture as draw
from livesr.simulator.recordings import preview
from livesr.simulator.recordings.closeup import WIDTH_UM, above, beside
from livesr.simulator.recordings.preview import MitosisStrip, Shown
from livesr.types import Grid

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.types import Bool, Float32, UInt8

VOXEL = (0.3, 0.1, 0.1)
GRID = Grid((8, 60, 80), VOXEL)


def blob(z: int, y: int, x: int, light: float, shape: tuple[int, int, int] = GRID.shape) -> Float32:
    """A bright ball of 5 pixels across."""
    at = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    r2 = sum((a - b) ** 2 for a, b in zip(at, (z, y, x), strict=True))
    return (light * np.exp(-r2 / 8.0)).astype(np.float32)


def masks() -> dict[str, Bool]:
    """A droplet and a Golgi in a cell with a nucleus."""
    cell = blob(2, 30, 40, 1.0) > 1e-12
    nucleus = blob(3, 30, 40, 1.0) > 1e-3
    return {
        "lipid_droplet": blob(1, 20, 50, 1.0) > 0.3,
        "golgi": blob(2, 40, 30, 1.0) > 0.3,
        "nucleus": nucleus,
        "cytosol": cell & ~nucleus,
        "extracellular": ~(cell | nucleus),
    }


def shown(channels: int = 2) -> Shown:
    """A yellow droplet and a red Golgi."""
    droplet, golgi = blob(1, 20, 50, 800.0), blob(2, 40, 30, 300.0)
    parts = [droplet + golgi, 0.05 * droplet + 0.6 * golgi, 0.15 * droplet + 2.0 * golgi]
    return Shown(np.stack(parts[:channels]) + 1.0, VOXEL)


def test_low_ratios_are_blue_and_high_ones_red() -> None:
    ratio = np.array([[0.0, 0.3, 0.6]], np.float32)
    (blue, middle, red) = draw.hue(ratio, np.ones_like(ratio), (0.1, 0.5))[0].astype(int)
    assert blue[2] > blue[0] + 100
    assert middle[1] == middle.max()
    assert red[0] > red[2] + 100


def test_labels_have_the_catalogues_colours() -> None:
    label = NAMES.index("mitochondria") + 1
    drawn = draw.painted(np.array([[0, label]], np.uint8))[0]
    assert tuple(drawn[0]) == (0, 0, 0)
    assert tuple(drawn[1]) == draw.color_of("mitochondria") == (0xE4, 0x1A, 0x1C)


def test_contrast_is_between_the_limits_and_lifts_what_is_dim() -> None:
    light = draw.grey(np.array([-5.0, 0.0, 2.5, 10.0, 99.0], np.float32), (0.0, 10.0), 0.5)
    np.testing.assert_allclose(light, [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-6)
    assert draw.levels(np.zeros((4, 4), np.float32))[1] > 0.0


def test_a_scale_bar_is_as_long_as_it_says() -> None:
    drawn = draw.with_scale_bar(np.zeros((120, 300, 3), np.uint8), 0.1, 10.0)
    bar = np.all(drawn == draw.TEXT, axis=2).sum(axis=1)
    assert bar.max() == pytest.approx(100, abs=2)


def test_panels_lie_in_a_grid_on_the_background() -> None:
    white = [np.full((10, 20, 3), 255, np.uint8) for _ in range(3)]
    drawn = draw.grid(white, 2)
    assert drawn.shape == (2 * 10 + draw.GAP, 2 * 20 + draw.GAP, 3)
    assert tuple(drawn[-1, -1]) == draw.BACKGROUND
    assert drawn[-1, 0].min() == 255


def test_thick_parts_are_brighter_and_thin_ones_still_seen() -> None:
    mask = np.zeros((4, 1, 3), np.bool_)
    mask[:, 0, 2] = mask[0, 0, 1] = True
    none, thin, thick = draw.thickness(mask)[0]
    assert none == 0.0
    assert 0.25 < thin < thick == 1.0


def test_a_png_keeps_its_colours(tmp_path: Path) -> None:
    drawn = np.zeros((8, 8, 3), np.uint8)
    drawn[..., 0] = 200
    read = cv2.imread(str(draw.save(drawn, tmp_path / "red.png")))
    assert tuple(read[draw.GAP + 4, draw.GAP + 4]) == (0, 0, 200)
    with pytest.raises(StorageError, match="cannot be written"):
        draw.save(drawn, tmp_path / "no" / "such" / "red.png")


def test_the_empty_field_and_the_offset_are_taken_off() -> None:
    counts = np.full((2, *GRID.shape), 120, np.uint16)
    counts[0, 3, 30, 40] = 620
    ready = Shown.of(counts, GRID, 100.0, {})
    assert ready.channels.min() == 0.0
    assert ready.channels.max() == pytest.approx(500.0)
    assert ready.voxel_um == VOXEL


def where_like(drawn: UInt8, color: tuple[int, int, int]) -> tuple[float, float]:
    """Return the mean place (y, x) of the pixels whose colour points the way of ``color``."""
    pixels = drawn.astype(float)
    length = np.linalg.norm(pixels, axis=2) + 1e-9
    like = pixels @ (np.array(color) / np.linalg.norm(color)) / length
    y, x = np.nonzero((like > 0.99) & (length > 60))
    assert y.size
    return float(y.mean()), float(x.mean())


def test_the_masks_card_shows_each_structure_where_it_is() -> None:
    drawn = preview.masks_card(shown(), masks(), "Truth", "test")
    panel = drawn[40 + draw.GAP :, : preview.SMALL]
    y, x = where_like(panel[50:], draw.color_of("lipid_droplet"))
    scale = preview.SMALL / GRID.shape[2]
    assert y + 50 == pytest.approx(20.5 * scale, abs=4.0)
    assert x == pytest.approx(50.5 * scale, abs=4.0)


def test_the_cell_card_has_two_rows_of_four() -> None:
    drawn = preview.cell_card(shown(), masks(), "Cell", "test")
    assert drawn.shape[1] == 4 * preview.PANEL + 3 * draw.GAP
    heights = 2 * round(preview.PANEL * 60 / 80) + 40
    assert drawn.shape[0] > heights


def test_the_division_strip_has_a_column_a_time_point_and_stands_upright() -> None:
    strip = MitosisStrip(columns=3)
    for stage in ("prophase", "metaphase", "anaphase A", "telophase"):
        strip.add(shown(), masks(), 2.0, stage, "+1.0 min")
    drawn = strip.picture("Mitosis", "test")
    assert drawn.shape[1] == 3 * preview.STRIP + 2 * draw.GAP
    top = 40 + 2 * draw.GAP + 2 * round(preview.STRIP * 60 / 80) + draw.GAP
    side = drawn[top : top + round(preview.STRIP * 24 / 80), : preview.STRIP].sum(axis=(1, 2))
    assert np.argmax(side) > 0.6 * side.size, "the blobs lie low in the stack"


def test_the_coloc_card_shows_the_probe_without_the_droplet() -> None:
    two = {name: masks()[name] for name in ("golgi", "lipid_droplet")}
    drawn = preview.coloc_card(shown(3), two, "golgi", "Coloc", "test")
    step, top = preview.MEDIUM + draw.GAP, 40 + draw.GAP
    scale = preview.MEDIUM / GRID.shape[2]
    place = {"golgi": (40, 30), "droplet": (20, 50)}
    seen = {
        (panel, name): int(
            drawn[top + round((y + 0.5) * scale), k * step + round((x + 0.5) * scale)].max()
        )
        for k, panel in ((2, "green"), (3, "unmixed"))
        for name, (y, x) in place.items()
    }
    assert seen["green", "droplet"] > 60
    assert seen["unmixed", "droplet"] == 0
    assert seen["unmixed", "golgi"] > 150


def test_a_close_up_has_its_cross_on_the_bead() -> None:
    voxel, size = (0.2, 0.0668, 0.0668), 220
    image = blob(9, 30, 41, 500.0, (20, 60, 80))
    own = np.array([9 * 0.2, 30.0, 41.0])
    for view in (above, beside):
        drawn = view(image, own, own, voxel, size)
        cross = np.all(drawn == draw.ACCENT, axis=2)
        y, x = (float(a.mean()) for a in np.nonzero(cross))
        assert (y, x) == pytest.approx(((size - 1) / 2,) * 2, abs=1.0)
        light = np.where(cross, 0, drawn.max(axis=2)).astype(float) ** 2
        middle = [float((light.sum(axis=k) * np.arange(size)).sum() / light.sum()) for k in (1, 0)]
        assert middle == pytest.approx([(size - 1) / 2] * 2, abs=3.0)


def test_a_close_up_from_the_side_has_z_upwards() -> None:
    voxel, size = (0.2, 0.0668, 0.0668), 220
    image = blob(12, 30, 41, 500.0, (20, 60, 80))
    center = np.array([9 * 0.2, 30.0, 41.0])
    drawn = beside(image, center + np.array([3 * 0.2, 0.0, 0.0]), center, voxel, size)
    cross = np.nonzero(np.all(drawn == draw.ACCENT, axis=2))[0].mean()
    assert cross == pytest.approx((size - 1) / 2 - 0.6 * size / WIDTH_UM, abs=1.5)


def test_the_beads_card_draws_the_offset_ten_times() -> None:
    counts = np.full((2, 8, 92, 92), 100, np.uint16)
    yellow = np.array([[1.0, 40.0, 30.0]])
    drawn = preview.beads_card(
        counts,
        [yellow, yellow + np.array([0.0, 0.0, 2.0])],
        0,
        Grid((8, 92, 92), VOXEL),
        "Beads",
        "test",
    )
    field = drawn[40 + draw.GAP :, : preview.PANEL]
    columns = np.nonzero(((field[..., 2] > 150) & (field[..., 0] < 120)).any(axis=0))[0]
    scale = preview.PANEL / 92
    assert columns.max() - columns.min() == pytest.approx(20 * scale, abs=3)


def test_the_frames_card_can_show_the_middle_alone() -> None:
    frames = np.random.default_rng(60_000).integers(90, 110, (2, 4, 64, 64), dtype=np.uint16)
    drawn = preview.frames_card(frames, ("yellow", "red"), "Dark", "test", crop=16)
    assert drawn.shape[1] == 3 * preview.MEDIUM + 2 * draw.GAP
