from __future__ import annotations

import numpy as np
import pytest

from livesr.acquisition.finding import find_layout
from livesr.acquisition.finding.alike import fit
from livesr.acquisition.finding.turns import TURNS, Box, Turn, after, turn_of
from livesr.acquisition.layout import split
from livesr.bench.setup_layouts import FAMILIES, draw, error_px, hopeless
from livesr.config.layouts import SplitterLayout, quadrants
from livesr.errors import CalibrationError
from livesr.types import Frame, StackIndex

SEED = 60_301


@pytest.mark.parametrize("number", range(len(FAMILIES) + 2))
def test_drawn_layouts_are_found_within_a_pixel(number: int) -> None:
    drawn = draw(SEED, number)
    names = [r.name for r in drawn.layout.channels]
    found = find_layout(drawn.frames, names, present=drawn.roughly)
    assert error_px(found.layout, drawn.layout) <= 1
    assert found.clear > 8
    assert abs(found.turned_deg[0]) < 0.6
    assert abs(found.larger[0]) < 0.02


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("flat", "nothing to compare"),
        ("one black", "black"),
        ("few features", "nothing to compare"),
        ("grid", "ambiguous|no two parts"),
        ("saturated", "saturated"),
    ],
)
def test_what_is_no_layout_is_refused_with_its_reason(kind: str, reason: str) -> None:
    with pytest.raises(CalibrationError, match=reason) as caught:
        find_layout(hopeless(kind, SEED))
    assert caught.value.fix


def test_without_names_at_hand_channels_are_named_as_one_reads_and_the_first_is_upright() -> None:
    drawn = draw(SEED, 0)
    layout = find_layout(drawn.frames).layout
    yellow, red = layout.channels
    assert (yellow.name, red.name) == ("yellow", "red")
    assert yellow.x < red.x
    assert turn_of(yellow) == Turn()
    both = _cut(drawn.frames[0], layout)
    truth = _cut(drawn.frames[0], drawn.layout)
    assert both[0].shape == both[1].shape
    assert _agreement(*both) == pytest.approx(_agreement(*truth), abs=0.1)


def test_names_stay_where_they_are_at_present() -> None:
    drawn = draw(SEED, 5)
    yellow, red = drawn.layout.channels
    swapped = SplitterLayout(
        kind="splitter",
        channels=(
            red.model_copy(update={"name": "yellow"}),
            yellow.model_copy(update={"name": "red"}),
        ),
    )
    found = find_layout(drawn.frames, present=swapped).layout
    assert error_px(found, swapped) <= 1


def test_three_channels_in_quarters_of_a_sensor_are_found() -> None:
    two = draw(SEED, 4)
    yellow, red = (np.asarray(c, np.float64) for c in _cut(two.frames[0], two.layout))
    side = min(yellow.shape)
    sensor = np.full((2 * side, 2 * side), 100.0)
    layout = quadrants(side, side, channels=3)
    green = 100 + 0.4 * (yellow - 100)
    for r, image in zip(layout.channels, (yellow, red, green), strict=True):
        sensor[r.y : r.y + side, r.x : r.x + side] = image[:side, :side]
    noise = np.random.default_rng(0).normal(0, 1, sensor.shape)
    frames = np.clip(np.rint(sensor + noise), 0, 65535).astype(np.uint16)
    found = find_layout(frames, ("yellow", "red", "green"), present=layout).layout
    assert error_px(found, layout) <= 2  # the two channels themselves lie within one


def test_a_black_third_channel_is_refused() -> None:
    two = draw(SEED, 4)
    yellow, red = (np.asarray(c, np.float64) for c in _cut(two.frames[0], two.layout))
    side = min(yellow.shape)
    images = [image[:side, :side] for image in (yellow, red)]
    dark = np.random.default_rng(0).normal(100, 1.5, (side, side))
    frames = np.rint(np.concatenate([*images, dark], axis=1)).astype(np.uint16)
    with pytest.raises(CalibrationError, match="black"):
        find_layout(frames, ("yellow", "red", "green"))


def test_a_sensor_that_can_be_parted_in_two_ways_is_refused() -> None:
    import cv2

    rng = np.random.default_rng(2)
    half = np.zeros((300, 200), np.float32)
    half[rng.integers(20, 280, 60), rng.integers(20, 180, 60)] = 4000
    half[140:160] = 0  # no bead lies on a border that tells
    half = 20 + cv2.GaussianBlur(half, (0, 0), 1.5)
    sensor = 100 + np.concatenate([half, half[::-1, ::-1]], axis=1)
    frames = np.rint(sensor + rng.normal(0, 1.5, sensor.shape)).astype(np.uint16)
    with pytest.raises(CalibrationError, match="parted side by side as well as") as caught:
        find_layout(frames)
    assert caught.value.fix


def test_turns_are_a_group_and_boxes_go_with_them() -> None:
    image = np.arange(35).reshape(5, 7)
    box = Box(1, 2, 4, 6)
    for turn in TURNS:
        assert np.array_equal(turn.inverse.of(turn.of(image)), image)
        there = turn.box(box, (5, 7))
        assert np.array_equal(there.of(turn.of(image)), turn.of(box.of(image)))
        assert turn.back(there, (5, 7)) == box
        for other in TURNS:
            both = after(turn, other)
            assert np.array_equal(both.of(image), other.of(turn.of(image)))
    assert len({turn.of(image).tobytes() + bytes(turn.of(image).shape) for turn in TURNS}) == 8


def test_a_fit_gives_displacement_turn_and_magnification() -> None:
    rng = np.random.default_rng(1)
    import cv2

    field = cv2.GaussianBlur(rng.random((400, 400)).astype(np.float32), (0, 0), 2.0) * 2000
    larger, turned = 0.004, 0.3
    matrix = cv2.getRotationMatrix2D((199.5, 199.5), turned, 1 + larger)
    matrix[:, 2] += (1.4, -2.3)
    moved = cv2.warpAffine(field, matrix, (400, 400), flags=cv2.INTER_CUBIC)
    inner = slice(40, 360)
    found = fit(field[inner, inner].copy(), moved[inner, inner].copy(), slack=6)
    assert (found.y, found.x) == pytest.approx((-2.3, 1.4), abs=0.15)
    assert found.larger == pytest.approx(larger, abs=0.0015)
    assert abs(found.turned_deg) == pytest.approx(turned, abs=0.1)


def _cut(image: np.ndarray, layout: SplitterLayout) -> list[np.ndarray]:
    frame = Frame(image, StackIndex(0, 0), 0, 0, 0.0, (0.0, 0.0, 0.0), 0.0)
    return [view for _, view in split(frame, layout)]


def _agreement(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), two.ravel())[0, 1])
