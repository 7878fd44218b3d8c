from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from livesr.acquisition.layout import channel_names, frames_per_plane, split, stored_shape
from livesr.config.layouts import (
    PRESETS,
    Layout,
    Rectangle,
    SplitterLayout,
    check_layout,
    side_by_side,
)
from livesr.errors import ConfigError
from livesr.types import Frame, StackIndex

SENSORS = {
    "prime95b-quadrants": ((1200, 1200), (2, 600, 600)),
    "prime95b-quadrants-green": ((1200, 1200), (3, 600, 600)),
    "prime95b-sequential-green": ((1200, 1200), (3, 1200, 1200)),
    "prime95b-sequential": ((1200, 1200), (2, 1200, 1200)),
    "two-prime95b": ((1200, 1200), (2, 1200, 1200)),
    "wide-split": ((2304, 2304), (2, 1152, 2304)),
    "simulated": ((512, 1024), (2, 512, 512)),
    "single": ((20, 30), (1, 20, 30)),
}


def frame(image: np.ndarray, c: int = 0) -> Frame:
    return Frame(image, StackIndex(0, 0), 0, c, 0.0, (0.0, 0.0, 0.0), 50.0)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_their_sensors(name: str) -> None:
    sensor, stored = SENSORS[name]
    layout = PRESETS[name]
    check_layout(layout, sensor)
    assert stored_shape(layout, sensor) == stored
    assert len(channel_names(layout)) == stored[0]
    image = np.arange(sensor[0] * sensor[1], dtype=np.uint32).reshape(sensor).astype(np.uint16)
    views = [v for c in range(frames_per_plane(layout)) for v in split(frame(image, c), layout)]
    assert [channel for channel, _ in views] == list(range(stored[0]))
    assert all(view.shape == stored[1:] and np.shares_memory(view, image) for _, view in views)
    assert TypeAdapter(Layout).validate_python(layout.model_dump()) == layout


@given(
    x=st.integers(0, 5),
    y=st.integers(0, 5),
    width=st.integers(1, 6),
    height=st.integers(1, 6),
    flip=st.sampled_from(["none", "horizontal", "vertical"]),
    turns=st.integers(0, 3),
)
def test_split_is_crop_flip_turn(
    x: int, y: int, width: int, height: int, flip: str, turns: int
) -> None:
    rectangle = Rectangle(
        name="a", x=x, y=y, width=width, height=height, flip=flip, quarter_turns=turns
    )
    layout = SplitterLayout(kind="splitter", channels=(rectangle,))
    image = np.arange(12 * 12, dtype=np.uint16).reshape(12, 12)
    ((_, view),) = split(frame(image), layout)
    crop = image[y : y + height, x : x + width]
    axis = {"none": (), "horizontal": (1,), "vertical": (0,)}[flip]
    assert np.array_equal(view, np.rot90(np.flip(crop, axis), turns))
    assert view.shape == stored_shape(layout, (12, 12))[1:]
    assert np.shares_memory(view, image)


def test_the_simulated_splitter_undoes_its_mirror() -> None:
    yellow = np.arange(12, dtype=np.uint16).reshape(3, 4)
    sensor = np.hstack([yellow, yellow[:, ::-1]])
    views = dict(split(frame(sensor), side_by_side(3, 4)))
    assert np.array_equal(views[0], yellow)
    assert np.array_equal(views[1], yellow)


def test_rectangles_outside_the_sensor_are_named() -> None:
    with pytest.raises(ConfigError, match=r"1024 pixels.*red: x 600…1200") as error:
        check_layout(PRESETS["prime95b-quadrants"], (1200, 1024))
    assert "yellow" not in error.value.what
    assert error.value.fix


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "yellow"}, "must differ"),
        ({"width": 3}, "one shape"),
        ({"quarter_turns": 1}, "one shape"),
        ({"x": -1}, "greater than or equal to 0"),
        ({"turns": 1}, "Extra inputs"),
    ],
)
def test_impossible_rectangles_are_refused(change: dict[str, object], message: str) -> None:
    yellow = {"name": "yellow", "x": 0, "y": 0, "width": 4, "height": 2}
    red = {**yellow, "name": "red", "x": 4, **change}
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(Layout).validate_python({"kind": "splitter", "channels": [yellow, red]})


def test_quarter_turns_make_unlike_rectangles_alike() -> None:
    tall = Rectangle(name="a", x=0, y=0, width=2, height=4)
    wide = Rectangle(name="b", x=2, y=0, width=4, height=2, quarter_turns=1)
    layout = SplitterLayout(kind="splitter", channels=(tall, wide))
    assert stored_shape(layout, (4, 6)) == (2, 4, 2)


def test_one_camera_cannot_show_two_channels() -> None:
    channels = [{"name": name, "camera": "A"} for name in ("yellow", "red")]
    with pytest.raises(ValidationError, match="camera of its own"):
        TypeAdapter(Layout).validate_python({"kind": "cameras", "channels": channels})
