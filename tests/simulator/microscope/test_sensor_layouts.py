"""How channels fall on a sensor, and that a session's layout finds them again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livesr.acquisition.layout import split
from livesr.acquisition.sources import open_source
from livesr.config import session_from
from livesr.config.layouts import (
    PRESETS,
    Rectangle,
    SplitterLayout,
    halves,
    quadrants,
    side_by_side,
)
from livesr.errors import ConfigError
from livesr.flow import StopToken
from livesr.simulator.imaging.optics import Optics
from livesr.simulator.microscope.sensor import Sensor, read_rectangles, split_sensor
from livesr.simulator.sample import Sample
from livesr.simulator.view import View
from livesr.types import Frame, StackIndex

HEIGHT, WIDTH = 5, 4
SEED, FIELD, PIXEL, PLANES_UM = 60_007, (48, 64), 0.1, (1.2, 1.8)
EVEN = '{"camera.offset_sigma": 0, "camera.gain_sigma": 0, "camera.port_sigma": 0}'
"""A sensor without pattern, but for the read noise's."""
TURNED = [
    {"name": "yellow", "x": 0, "y": 0, "width": 48, "height": 64, "quarter_turns": 1},
    {"name": "red", "x": 50, "y": 8, "width": 64, "height": 48, "flip": "vertical"},
]


def images(*names: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(60_001)
    return {name: rng.random((HEIGHT, WIDTH), np.float32) for name in names}


def found(image: np.ndarray, sensor: Sensor) -> dict[str, np.ndarray]:
    layout = SplitterLayout(kind="splitter", channels=sensor.rectangles)
    frame = Frame(image, StackIndex(0, 0), 0, 0, 0.0, (0.0, 0.0, 0.0), 50.0)
    return {sensor.channels[channel]: view for channel, view in split(frame, layout)}


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize(
    ("layout", "shapes"),
    [
        ("side-by-side", {2: (5, 8), 3: (5, 12)}),
        ("quadrants", {2: (10, 8), 3: (10, 8)}),
        ("halves", {2: (10, 4), 3: (15, 4)}),
    ],
)
def test_a_layout_finds_what_a_splitter_shows(
    layout: str, shapes: dict[int, tuple[int, int]], channels: int
) -> None:
    sensor = split_sensor(layout, channels, HEIGHT, WIDTH)
    shown = images("yellow", "red", "green")
    image = sensor.compose(shown)
    assert image.shape == sensor.shape == shapes[channels]
    views = found(image, sensor)
    assert list(views) == ["yellow", "red", "green"][:channels]
    for name, view in views.items():
        assert np.array_equal(view, shown[name])
    inside = sum(view.sum() for view in views.values())
    assert image.sum() == pytest.approx(inside)


@given(
    flip=st.sampled_from(["none", "horizontal", "vertical"]),
    turns=st.integers(0, 3),
    x=st.integers(0, 3),
    y=st.integers(0, 3),
)
def test_compose_undoes_crop_flip_and_turn(flip: str, turns: int, x: int, y: int) -> None:
    width, height = (HEIGHT, WIDTH) if turns % 2 else (WIDTH, HEIGHT)
    rectangle = Rectangle(
        name="red", x=x, y=y, width=width, height=height, flip=flip, quarter_turns=turns
    )
    sensor = Sensor.of((rectangle,))
    shown = images("red")
    assert np.array_equal(found(sensor.compose(shown), sensor)["red"], shown["red"])


def test_rectangles_are_read_as_in_a_session_file() -> None:
    text = (
        "[{name: yellow, x: 0, y: 0, width: 4, height: 5},"
        " {name: green, x: 6, y: 1, width: 5, height: 4, quarter_turns: 3}]"
    )
    sensor = split_sensor(text, 2, HEIGHT, WIDTH)
    assert sensor.channels == ("yellow", "green")
    assert sensor.shape == (5, 11)
    shown = images("yellow", "green")
    for name, view in found(sensor.compose(shown), sensor).items():
        assert np.array_equal(view, shown[name])


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("quadrant", "no such layout", "quadrants"),
        ("[{name: yellow", "cannot be read", "side-by-side"),
        ("[{name: yellow, x: 0, y: 0, width: 4}]", "Field required", "rectangles"),
        ("[{name: blue, x: 0, y: 0, width: 4, height: 5}]", "no channel 'blue'", "known"),
        ("[]", "at least 1", "rectangles"),
    ],
)
def test_what_is_no_layout_is_refused(text: str, what: str, fix: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_rectangles(text)
    assert what in error.value.what
    assert fix in error.value.fix


def test_rectangles_of_another_size_than_the_field_are_refused() -> None:
    text = "[{name: yellow, x: 0, y: 0, width: 6, height: 5}]"
    with pytest.raises(ConfigError, match="5×6 pixels") as error:
        split_sensor(text, 2, HEIGHT, WIDTH)
    assert "FieldWidth to 6" in error.value.fix


SESSIONS: dict[str, tuple[dict[str, object], object]] = {
    # the camera's properties, and the session's layout
    "side-by-side": ({}, side_by_side(*FIELD)),
    "side-by-side, three": ({"Channels": 3}, side_by_side(*FIELD, channels=3)),
    "prime95b-quadrants": ({"Layout": "quadrants"}, quadrants(*FIELD)),
    "prime95b-quadrants-green": (
        {"Layout": "quadrants", "Channels": "3"},
        quadrants(*FIELD, channels=3),
    ),
    "wide-split": ({"Layout": "halves"}, halves(*FIELD)),
    "prime95b-sequential": ({"Layout": "single"}, PRESETS["prime95b-sequential"]),
    "prime95b-sequential-green": (
        {"Layout": "single", "Channels": 3},
        PRESETS["prime95b-sequential-green"],
    ),
    "two-prime95b": ({}, PRESETS["two-prime95b"]),
    "turned": (
        {"Layout": str(TURNED)},
        SplitterLayout.model_validate({"kind": "splitter", "channels": TURNED}),
    ),
}


@pytest.fixture(scope="module")
def photons() -> np.ndarray:
    """Return what the sample shows, (c, z, y, x)."""
    optics = Optics.from_seed(SEED, pixel_um=PIXEL)
    view = View((0.0, 0.0), PIXEL, FIELD)
    return Sample(SEED, motion=0.0).emission(0.0, PLANES_UM, view, optics, channels=(0, 1, 2))


def taken(name: str, power: float, parameters: str = "{}") -> dict[tuple[int, int], np.ndarray]:
    """Return what a session on a layout stores, {(c, z): image}."""
    properties, layout = SESSIONS[name]
    two = name == "two-prime95b"
    scene = {
        "Seed": SEED,
        "OpticsSeed": SEED,
        "Motion": 0,
        "FieldHeight": FIELD[0],
        "FieldWidth": FIELD[1],
        "PixelSizeUm": PIXEL,
        "Parameters": parameters,
    }
    session = session_from(
        {
            "calibration": "none",
            "microscope": {
                "config": "simulated-two-cameras" if two else "simulated",
                "properties": {
                    "Multi" if two else "Camera": {**scene, **properties},
                    "Laser": {"Power": power, "Bleaching": "Off"},
                    "Clock": {"Speedup": 1e6},
                },
            },
            "layout": layout.model_dump(),
            "sequence": {"axis_order": "tpcz", "z_plan": {"bottom": 1.2, "top": 1.8, "step": 0.6}},
        }
    )
    source = open_source(session)
    frames: list[Frame] = []
    source.run(frames.append, StopToken())
    source.close()
    assert source.info.shape[1:] == (len(PLANES_UM), *FIELD)
    return {(c, f.z): view for f in frames for c, view in split(f, session.layout)}


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_on_each_layout_stores_the_samples_channels(
    name: str, photons: np.ndarray
) -> None:
    power = 8.0
    images = taken(name, power, EVEN)
    channels = 1 + max(c for c, _ in images)
    assert channels == len(SESSIONS[name][1].channels)
    assert len(images) == channels * len(PLANES_UM)
    for (c, z), image in images.items():
        electrons = (image.astype(float) - 100.0) * 1.2
        expected = photons[c, z] * power * 0.95
        deviation = (electrons - expected) / np.sqrt(expected + 1.6**2)
        deviation = np.clip(deviation, -5.0, 5.0)  # hot pixels
        assert deviation.mean() == pytest.approx(0.0, abs=0.08)
        assert deviation.std() == pytest.approx(1.0, abs=0.08)  # shot and read noise


def test_cameras_of_a_pair_have_patterns_and_noise_of_their_own() -> None:
    dark = taken("two-prime95b", 0.0)
    first, second = (dark[c, 0].astype(float).ravel() for c in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert abs(np.corrcoef(first, dark[0, 1].ravel())[0, 1]) > 0.2
