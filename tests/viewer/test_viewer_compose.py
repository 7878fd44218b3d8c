from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livesr.catalog import BY_NAME, NAMES
from livesr.viewer import compose
from livesr.viewer.compose import Levels

OFFSET = 100.0


def square(size: int = 20, low: int = 5, high: int = 15) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[low:high, low:high] = 1
    return mask


def test_grey_runs_from_black_to_white_between_its_levels() -> None:
    plane = np.array([[0, 100, 150, 200, 65535]], np.uint16)
    assert compose.to_grey(plane, Levels(100, 200)).tolist() == [[0, 0, 128, 255, 255]]


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 60000), st.integers(1, 5000))
def test_grey_never_swaps_two_pixels(a: int, b: int, low: int, width: int) -> None:
    grey = compose.to_grey(np.array([[min(a, b), max(a, b)]], np.uint16), Levels(low, low + width))
    assert grey[0, 0] <= grey[0, 1]


def test_levels_ignore_a_few_hot_pixels_and_are_never_empty() -> None:
    rng = np.random.default_rng(60_001)
    plane = rng.integers(100, 200, (100, 100)).astype(np.uint16)
    plane[0, :3] = 60000
    assert compose.levels_of(plane).high <= 200
    flat = compose.levels_of(np.full((8, 8), 7, np.uint16))
    assert flat.high > flat.low


def test_every_structure_has_its_colour_and_a_place_in_the_paint_order() -> None:
    assert sorted(compose.PAINT_ORDER) == sorted(NAMES)
    table = compose.colour_table(0.5)
    for number, name in enumerate(NAMES, start=1):
        assert bytes(table[number, :3]).hex().upper() == BY_NAME[name].color
        assert table[number, 3] == 128
    assert not table[0].any()


def test_small_structures_lie_on_top_of_large_ones() -> None:
    everywhere = np.ones((20, 20), np.uint8)
    masks = {"lipid_droplet": square(), "er": everywhere, "cytosol": everywhere}
    labels = compose.label_image(masks, (20, 20), contour=False)
    assert labels[10, 10] == NAMES.index("lipid_droplet") + 1
    assert labels[0, 0] == NAMES.index("er") + 1


def test_no_masks_make_an_empty_label_image() -> None:
    assert not compose.label_image({}, (4, 5), contour=True).any()


def test_a_contour_is_the_masks_own_edge_and_open_at_the_edge_of_the_field() -> None:
    edge = compose.outline(square())
    assert edge[5, 5:15].all()
    assert not edge[6:14, 6:14].any()
    assert not (edge & (1 - square())).any()
    assert not compose.outline(np.ones((6, 6), np.uint8)).any()


def test_opacity_blends_label_and_base_exactly() -> None:
    base = np.full((20, 20), 100, np.uint8)
    labels = compose.label_image({"mitochondria": square()}, (20, 20), contour=False)
    picture = compose.flatten(base, labels, (1.0, 1.0), compose.colour_table(0.5))
    assert picture[0, 0].tolist() == [100, 100, 100]
    alpha = 128 / 255
    red, green, blue = bytes.fromhex(BY_NAME["mitochondria"].color)
    expected = [round(100 * (1 - alpha) + c * alpha) for c in (red, green, blue)]
    assert picture[10, 10].tolist() == expected


@pytest.mark.parametrize("factor", [0.5, 2 / 3, 1.0, 2.0])
def test_labels_on_another_grid_lie_where_they_lie_in_the_sample(factor: float) -> None:
    base = np.zeros((60, 60), np.uint8)
    count = round(60 * factor)
    labels = np.zeros((count, count), np.uint8)
    labels[count // 2 :, :] = 1
    picture = compose.flatten(base, labels, (factor, factor), compose.colour_table(1.0))
    assert not picture[:30].any()
    assert picture[30:].any(axis=-1).all()


def test_hue_follows_the_ratio_and_brightness_the_light() -> None:
    ratio = np.repeat([0.1, 0.5], 30)
    light = np.repeat([0.0, 400.0, 800.0], 20)[:, None]
    yellow = (OFFSET + light + 0 * ratio).astype(np.uint16)
    red = (OFFSET + light * ratio).astype(np.uint16)
    picture = compose.to_composite(yellow, red, OFFSET, Levels(0.1, 0.5), Levels(100, 800))
    low, high = picture[50, 10], picture[50, 50]
    assert colorsys.rgb_to_hsv(*low / 255)[0] == pytest.approx(2 / 3, abs=0.03)
    assert colorsys.rgb_to_hsv(*high / 255)[0] == pytest.approx(0, abs=0.03)
    assert picture[30, 50].max() < picture[50, 50].max()
    assert picture[5].max() < 10


def test_ratio_is_taken_above_the_cameras_offset() -> None:
    yellow, red = np.full((9, 9), 300, np.uint16), np.full((9, 9), 150, np.uint16)
    assert compose.ratio_of(yellow, red, OFFSET) == pytest.approx(0.25)
    dark = np.full((9, 9), 100, np.uint16)
    assert not compose.ratio_of(dark, dark, OFFSET).any()


def test_ratio_limits_are_those_of_the_cells_however_empty_the_field() -> None:
    rng = np.random.default_rng(60_002)
    limits = []
    for size in (60, 240):
        ratio = rng.uniform(0, 3, (size, size)).astype(np.float32)
        light = np.full((size, size), 100, np.uint16)
        ratio[:30, :30] = rng.uniform(0.1, 0.4, (30, 30))
        light[:30, :30] = 900
        limits.append(compose.ratio_levels(ratio, light))
    for found in limits:
        assert found.low == pytest.approx(0.1, abs=0.02)
        assert found.high == pytest.approx(0.4, abs=0.02)


def test_ratio_limits_of_a_dark_field_are_some() -> None:
    dark = np.zeros((5, 5), np.uint16)
    assert compose.ratio_levels(dark.astype(np.float32), dark) == Levels(0.0, 1.0)


def test_the_colour_bar_is_the_composites_own_scale() -> None:
    assert compose.HUES.shape == (256, 3)
    assert compose.HUES[0].tolist() == [0, 0, 255]
    assert compose.HUES[-1].tolist() == [255, 0, 0]


def test_bits_give_the_labels_that_masks_give() -> None:
    rng = np.random.default_rng(60200)
    masks = {name: (rng.random((9, 11)) < 0.3).astype(np.uint8) for name in NAMES}
    bits = np.zeros((9, 11), np.uint16)
    for k, name in enumerate(NAMES):
        bits |= masks[name].astype(np.uint16) << k
    assert all(np.array_equal(compose.mask_of(bits, name), masks[name]) for name in NAMES)
    for names in (NAMES, NAMES[3:9], ()):
        some = {name: masks[name] for name in names}
        whole = compose.label_image(some, (9, 11), contour=False)
        assert np.array_equal(compose.labels_of(bits, names), whole)
