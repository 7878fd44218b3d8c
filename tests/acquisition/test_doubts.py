from __future__ import annotations

import numpy as np
import pytest

from livesr.acquisition.doubts import doubts
from livesr.acquisition.layout import split
from livesr.bench.setup_layouts import PIXEL_UM, draw
from livesr.types import Frame, StackIndex

FULL = 4095


@pytest.fixture(scope="module")
def channels() -> dict[str, np.ndarray]:
    """Both channels of a cell, as a right layout cuts them out."""
    drawn = draw(60_301, 5)
    frame = Frame(drawn.frames[0], StackIndex(0, 0), 0, 0, 0.0, (0.0, 0.0, 0.0), 0.0)
    views = [np.minimum(view, FULL - 1) for _, view in split(frame, drawn.layout)]
    return dict(zip(("yellow", "red"), views, strict=True))


def kinds(channels: dict[str, np.ndarray], pixel_um: float = PIXEL_UM) -> list[str]:
    found = doubts(channels, offset=100.0, full=FULL, pixel_um=pixel_um)
    assert all(doubt.what and doubt.fix for doubt in found)
    return [doubt.kind for doubt in found]


def test_a_right_picture_raises_no_doubt(channels: dict[str, np.ndarray]) -> None:
    assert kinds(channels) == []


def test_saturated_pixels_are_told(channels: dict[str, np.ndarray]) -> None:
    bright = channels["yellow"].copy()
    bright[:10, :10] = FULL
    assert "saturated" in kinds({**channels, "yellow": bright})


def test_a_black_channel_is_told_by_its_name(channels: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    dark = rng.normal(100, 1.5, channels["red"].shape).astype(np.uint16)
    found = doubts({**channels, "red": dark}, offset=100.0, full=FULL, pixel_um=PIXEL_UM)
    assert [doubt.kind for doubt in found] == ["black"]
    assert found[0].what.startswith("red")
    assert kinds({"yellow": dark, "red": dark}) == ["black"]


def test_a_channel_beside_the_networks_may_be_dark(channels: dict[str, np.ndarray]) -> None:
    """Green of Nile Red is what leaks from lipid droplets."""
    dark = np.random.default_rng(2).normal(100, 1.5, channels["red"].shape).astype(np.uint16)
    assert kinds({**channels, "green": dark}) == []
    assert kinds({**channels, "green": np.full_like(dark, FULL)}) == ["saturated"]


@pytest.mark.parametrize("light", [0.01, 0.06])
def test_a_dim_channel_is_not_called_black(channels: dict[str, np.ndarray], light: float) -> None:
    """As near the glass, where yellow shows plasma membrane and red next to nothing."""
    rng = np.random.default_rng(1)
    yellow, red = (np.maximum(channels[name].astype(float) - 100, 0) for name in channels)
    dim = {
        name: (100 + rng.poisson(share * image) + rng.normal(0, 1.5, image.shape)).astype(np.uint16)
        for name, image, share in (("yellow", yellow, 5 * light), ("red", red, light))
    }
    assert kinds(dim) == ["dim"]


@pytest.mark.parametrize(
    ("flip", "word"), [((0,), "upside down"), ((1,), "mirrored"), ((0, 1), "180")]
)
def test_a_splitter_that_stands_otherwise_is_told(
    channels: dict[str, np.ndarray], flip: tuple[int, ...], word: str
) -> None:
    turned = {**channels, "red": np.ascontiguousarray(np.flip(channels["red"], flip))}
    found = doubts(turned, offset=100.0, full=FULL, pixel_um=PIXEL_UM)
    assert [doubt.kind for doubt in found] == ["flipped"]
    assert word in found[0].what


def test_rectangles_beside_the_channel_are_told(channels: dict[str, np.ndarray]) -> None:
    off = {**channels, "red": np.roll(channels["red"], (9, 14), axis=(0, 1))}
    assert kinds(off) == ["displaced"]


def test_swapped_channels_are_told(channels: dict[str, np.ndarray]) -> None:
    assert kinds({"yellow": channels["red"], "red": channels["yellow"]}) == ["swapped"]


@pytest.mark.parametrize("pixel_um", [0.0, 6.5, 0.0668 / 2.5, 0.0668 * 2.5])
def test_a_pixel_size_that_cannot_be_is_told(
    channels: dict[str, np.ndarray], pixel_um: float
) -> None:
    assert kinds(channels, pixel_um) == ["pixel_size"]
