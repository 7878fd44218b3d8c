"""Masks × intensity on the screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cellrecording import OFFSET, PIXEL_UM, Recording
from test_viewer_loader import loader_of, picture_of

from livesr.catalog import BY_NAME, NAMES
from livesr.storage.reader import open_session
from livesr.viewer import masked
from livesr.viewer.loader import flattened
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = frozenset({"nucleus", "mitochondria"})
VIEW = View(t=0, z=1, structures=SHOWN, masked=True)


def colour(name: str) -> np.ndarray:
    return np.array(list(bytes.fromhex(BY_NAME[name].color)), float)


def test_a_structure_is_as_bright_as_its_light_and_the_rest_is_black(recorded: Path) -> None:
    picture = picture_of(loader_of(recorded), VIEW)
    assert picture.masked
    assert picture.channel == "intensity"
    image = open_session(recorded).images[0]
    masks = {name: image.mask(name, 0, 1) != 0 for name in SHOWN}
    assert not picture.base[~(masks["nucleus"] | masks["mitochondria"])].any()
    for name in SHOWN:
        pixels = picture.base[masks[name]].astype(float)
        light = picture.values[masks[name]].astype(float) - OFFSET
        shade = pixels @ colour(name) / (colour(name) @ colour(name))
        assert np.abs(pixels - shade[:, None] * colour(name)).max() <= 1
        bright = np.percentile(light, masked.BRIGHTEST)
        expected = np.clip(light / bright, 0, 1) ** masked.GAMMA
        np.testing.assert_allclose(shade, expected, atol=0.02)


def test_the_projection_is_of_the_structures_light_alone(recorded: Path) -> None:
    loader = loader_of(recorded)
    view = replace(VIEW, z="max", channel="yellow", structures=frozenset({"mitochondria"}))
    picture = picture_of(loader, view)
    image = open_session(recorded).images[0]
    mask, counts = image.mask("mitochondria", 0), image.raw(0, 0)
    highest = (counts * mask).max(axis=0).astype(float) - OFFSET
    inside = mask.any(axis=0)
    assert not picture.base[~inside].any()
    shade = picture.base[inside].max(axis=-1) / colour("mitochondria").max()
    bright = np.percentile(highest[inside], masked.BRIGHTEST)
    expected = np.clip(highest[inside] / bright, 0, 1) ** masked.GAMMA
    np.testing.assert_allclose(shade, expected, atol=0.02)


def test_scales_stay_from_stack_to_stack_until_they_are_set_anew(recorded: Path) -> None:
    loader = loader_of(recorded)
    picture_of(loader, VIEW)
    kept = picture_of(loader, replace(VIEW, t=1)).base
    loader.relevel()
    anew = picture_of(loader, replace(VIEW, t=1)).base
    assert np.array_equal(anew, picture_of(loader_of(recorded), replace(VIEW, t=1)).base)
    assert not np.array_equal(kept, anew)


def test_the_ratio_is_cut_out_by_the_masks(recorded: Path) -> None:
    loader = loader_of(recorded)
    whole = picture_of(loader, View(t=0, z=1, channel="ratio"))
    cut = picture_of(loader, replace(VIEW, channel="ratio"))
    assert cut.labels is not None
    inside = cut.labels != 0
    assert np.array_equal(cut.base[inside], whole.base[inside])
    assert not cut.base[~inside].any()


def test_without_masks_the_picture_is_shown(growing: Recording) -> None:
    growing.store()
    picture = picture_of(loader_of(growing.folder), replace(VIEW, t=None))
    assert not picture.masked
    assert picture.base.ndim == 2
    growing.segment(0)
    off = picture_of(loader_of(growing.folder), replace(VIEW, labels=False))
    assert not off.masked


def test_masks_of_a_coarser_grid_are_multiplied_where_they_lie(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "coarse", mask_um=3 * PIXEL_UM).add(1).finish()
    for z in (1, "max"):
        view = replace(VIEW, z=z, structures=frozenset({"extracellular"}))
        picture = picture_of(loader_of(recording.folder), view)
        assert picture.base.shape == (120, 120, 3)
        assert picture.base[3:9, 3:9].any()
        assert not picture.base[57:63, 57:63].any()


def test_every_structure_can_be_multiplied_and_saved_whole(recorded: Path) -> None:
    view = replace(VIEW, structures=frozenset(NAMES), z="max")
    picture = picture_of(loader_of(recorded), view)
    assert np.array_equal(flattened(picture, 0.5), picture.base)
    assert len(np.unique(picture.base.reshape(-1, 3), axis=0)) > 200


def test_a_structure_that_is_nowhere_is_no_trouble() -> None:
    counts = np.full((4, 5), 300, np.uint16)
    empty = np.zeros((4, 5), np.uint8)
    assert np.isnan(masked.brightest_of(counts, empty, OFFSET))
    picture = masked.to_picture(counts, empty, OFFSET, {"er": float("nan")})
    assert not picture.any()


@pytest.mark.usefixtures("qt")
def test_the_command_draws_masked_pictures(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtGui import QImage

    from livesr.viewer import run

    monkeypatch.setattr("livesr.viewer.check.unavailable", lambda **_: None)
    black = {}
    for mode in ("overlay", "masked"):
        file = tmp_path / f"{mode}.png"
        run(recorded, screenshot=file, size=(800, 560), t=0, channel="intensity", mode=mode)
        image = QImage(str(file))
        field = [(x, y) for x in range(40, 480, 4) for y in range(60, 440, 4)]
        black[mode] = sum(image.pixelColor(x, y).value() < 2 for x, y in field) / len(field)
    assert black["masked"] > black["overlay"] + 0.1
