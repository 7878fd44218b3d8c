from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from livesr.acquisition.shots import Shot
from livesr.config import read_session, session_from
from livesr.config.layouts import SplitterLayout, side_by_side
from livesr.session.settings import z_range
from livesr.session.stand import Stand
from livesr.viewer import compose
from livesr.viewer.live import app
from livesr.viewer.live.colour import ratio_colours
from livesr.viewer.live.composer import MODES, Composer, Look, Painter
from livesr.viewer.live.figures import figures, focus_score

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

SIZE = (60, 80)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    light = np.zeros(SIZE)
    light[20:40, 10:60] = 200.0
    yellow, red = ((100 + rng.poisson(scale * light + 5)).astype(np.uint16) for scale in (1, 0.5))
    return yellow, red


def test_the_quick_composite_is_the_slow_one(pair: tuple[np.ndarray, np.ndarray]) -> None:
    limits, bright = compose.Levels(0.1, 0.9), 150.0
    quick, ratio = ratio_colours(*pair, 100.0, limits, bright)
    above = [np.maximum(image.astype(np.float32) - 100, 0) for image in pair]
    slow = compose.polarity_image(*above, ratio_range=(0.1, 0.9), brightest=bright)
    assert np.abs(quick.astype(int) - slow.astype(int)).mean() < 4
    assert ratio[30, 30] == pytest.approx(above[1][30, 30] / above[0][30, 30])


def test_each_view_is_drawn(pair: tuple[np.ndarray, np.ndarray]) -> None:
    yellow, red = pair
    sensor = np.concatenate([yellow, red], axis=1)
    channels = {"yellow": yellow, "red": red}
    painter = Painter()
    shapes = {
        mode: painter.draw(channels, sensor, Look(mode=mode, pixel_um=0.1)).base.shape
        for mode in MODES
    }
    assert shapes["channels"] == (60, 168)
    assert shapes["overlay"] == (60, 80, 3)
    assert shapes["ratio"] == (60, 80, 3)
    assert shapes["sensor"] == (60, 160)
    assert painter.draw({}, sensor, Look()).channel == "sensor"
    overlay = painter.draw(channels, sensor, Look(mode="overlay")).base
    assert overlay[30, 30].min() > 100  # both channels: white
    red_only = painter.draw({"yellow": red * 0, "red": red}, sensor, Look(mode="overlay")).base
    assert red_only[30, 30].tolist()[1] == 0  # magenta


def test_levels_stay_until_new_ones_are_asked_for(pair: tuple[np.ndarray, np.ndarray]) -> None:
    yellow, red = pair
    sensor = np.concatenate([yellow, red], axis=1)
    painter = Painter()
    first = painter.draw({"yellow": yellow, "red": red}, sensor, Look()).base
    brighter = {"yellow": yellow * 2, "red": red * 2}
    second = painter.draw(brighter, sensor, Look()).base
    assert second.mean() > first.mean()
    painter.relevel()
    third = painter.draw(brighter, sensor, Look()).base
    assert third.mean() < second.mean()


def test_figures_tell_what_is_saturated() -> None:
    image = np.full((90, 90), 200, np.uint16)
    image[:9] = 4095
    said = figures(image, offset=100.0, full=4095)
    assert said.saturated == pytest.approx(0.1)
    assert said.highest == 4095
    assert said.histogram.shape == (128,)
    assert said.histogram[-1] > 0
    assert figures(image[20:], offset=100.0, full=4095).saturated == 0


def test_the_focus_score_is_highest_in_focus_whatever_exposure_and_noise() -> None:
    import cv2

    rng = np.random.default_rng(3)
    sharp = cv2.GaussianBlur(rng.gamma(0.3, 300.0, (200, 200)), (0, 0), 1.2)
    scores = {}
    for blur in (0.0, 0.8, 2.0):
        seen = cv2.GaussianBlur(sharp, (0, 0), blur) if blur else sharp
        for light in (0.25, 1.0):
            counts = (100 + rng.poisson(light * seen)).astype(np.uint16)
            scores[blur, light] = focus_score(counts, 100.0)
    assert scores[0.0, 1.0] > scores[0.8, 1.0] > scores[2.0, 1.0]
    assert scores[0.0, 0.25] > scores[0.8, 0.25] > scores[2.0, 0.25]
    assert scores[0.0, 0.25] == pytest.approx(scores[0.0, 1.0], rel=0.1)
    noise = (100 + rng.poisson(20.0, (200, 200))).astype(np.uint16)
    assert focus_score(noise, 100.0) < 0.1 * scores[2.0, 0.25]


def test_the_composer_draws_the_newest_shot_and_an_old_one_again(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    sensor = np.concatenate(pair, axis=1)
    shots = [Shot((sensor,), n, 0.0, 50.0, (0.0, 0.0, 0.0), 20.0) for n in (1, 2)]
    waiting = list(shots)

    def channels(shot: Shot) -> dict[str, np.ndarray]:
        return {"yellow": shot.images[0][:, :80], "red": shot.images[0][:, 80:]}

    with Composer(lambda: waiting.pop(0) if waiting else None, channels, Look()) as composer:
        seen = _until(lambda: composer.pictures.take(), lambda p: p.shot.number == 2)
        assert set(seen.figures) == {"yellow", "red"}
        composer.show(Look(mode="ratio"))
        again = _until(lambda: composer.pictures.take(), lambda p: p.picture.channel == "ratio")
        assert again.shot is shots[1]


def _until(take: object, right: object) -> object:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = take()
        if found is not None and right(found):
            return found
        time.sleep(0.002)
    raise AssertionError


# ------------------------------------------------------------------------------ the window


@pytest.fixture
def preview(qt: QApplication, tmp_path: Path) -> Iterator[app.Preview]:
    """The window of a small simulated microscope, its camera running."""
    session = session_from(
        {
            "name": "look",
            "microscope": {
                "config": "simulated",
                "properties": {
                    "Camera": {
                        "Seed": 60_302,
                        "FieldHeight": 48,
                        "FieldWidth": 64,
                        "SampleSizeUm": 20,
                        "Motion": 0,
                    }
                },
            },
            "layout": side_by_side(48, 64).model_dump(),
            "sequence": {
                "axis_order": "tpcz",
                "setup": {"exposure": 5.0},
                "time_plan": {"interval": 10, "loops": 3},
                "z_plan": {"bottom": 0.0, "top": 0.6, "step": 0.3},
            },
            "calibration": "none",
            "segmentation": {"enabled": False},
        },
        where="test",
    )
    with Stand(session) as stand:
        stand.camera.start()
        with app.Preview(stand, light="", folder=tmp_path) as preview:
            preview.window.resize(1100, 760)
            preview.window.show()
            preview.wait(lambda: preview.composer.shot is not None)
            preview.wait(lambda: preview.window.canvas.picture is not None)
            yield preview
            preview.window.close()


def press(preview: app.Preview, key: Qt.Key, shift: bool = False) -> None:
    window = preview.window
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(window, key, modifier)


def test_the_keyboard_turns_light_focus_and_views(preview: app.Preview) -> None:
    told = lambda: preview.actions.told  # noqa: E731
    press(preview, Qt.Key.Key_E)
    preview.wait(lambda: told().exposure_ms == pytest.approx(6.25))
    press(preview, Qt.Key.Key_P, shift=True)
    preview.wait(lambda: told().power == pytest.approx(0.8))
    press(preview, Qt.Key.Key_Up, shift=True)
    press(preview, Qt.Key.Key_Down)
    preview.wait(lambda: told().z_um == pytest.approx(0.9))
    press(preview, Qt.Key.Key_N)
    assert z_range(told().session) == pytest.approx((0.0, 0.9))
    for key, mode in (
        (Qt.Key.Key_2, "overlay"),
        (Qt.Key.Key_3, "ratio"),
        (Qt.Key.Key_1, "channels"),
    ):
        press(preview, key)
        assert preview.window.mode == mode
    assert "6.25 ms" in preview.window.panel.exposure.text()


def test_freezing_turns_the_light_off_and_says_so(preview: app.Preview) -> None:
    camera = preview._stand.camera
    press(preview, Qt.Key.Key_Space)
    preview.wait(lambda: bool(camera.frozen_because))
    assert not camera.ask(lambda core: core.getShutterOpen())
    assert "dark" in preview.window.status.text()
    press(preview, Qt.Key.Key_Space)
    preview.wait(lambda: not camera.frozen_because)


def test_rectangles_are_dragged_and_swapped(preview: app.Preview) -> None:
    press(preview, Qt.Key.Key_4)
    preview.wait(lambda: preview.window.rectangles.layout_of() is not None)
    preview.window.rectangles.drag("red", 60, 3)
    layout = preview.actions.told.session.layout
    assert isinstance(layout, SplitterLayout)
    assert (layout.channels[1].x, layout.channels[1].y) == (60, 0)  # stays on the sensor
    press(preview, Qt.Key.Key_X)
    layout = preview.actions.told.session.layout
    assert isinstance(layout, SplitterLayout)
    assert [channel.name for channel in layout.channels] == ["yellow", "red"]
    assert layout.channels[0].x == 60


def test_a_frame_is_saved_with_its_metadata_and_nothing_else_is_written(
    preview: app.Preview, tmp_path: Path
) -> None:
    assert not list(tmp_path.iterdir())
    preview.do(preview.actions.save)
    (file,) = tmp_path.iterdir()
    with tifffile.TiffFile(file) as tiff:
        assert tiff.asarray().shape == (2, 48, 64)
        text = tiff.ome_metadata or ""
    for words in ('Name="yellow"', 'PhysicalSizeX="0.0668"', 'ExposureTime="0.005"', "PositionZ"):
        assert words in text


def test_one_stack_is_tried_shown_and_the_session_written(
    preview: app.Preview, tmp_path: Path
) -> None:
    preview.do(preview.actions.try_one)
    told = preview.actions.told
    assert not told.bad, told.note
    assert told.trial is not None
    assert preview.window.mode == "stack"
    assert "3 stacks, 9 frames" in preview.window.panel.trial.text()
    press(preview, Qt.Key.Key_Up)
    preview.wait(lambda: getattr(preview.actions.told.picture, "z", 0) == 1)
    preview.do(preview.actions.write)
    written = preview.actions.told.saved
    assert written == tmp_path / "look-001.yaml"
    assert read_session(written).layout == preview.actions.told.session.layout
    preview.window.panel.run.click()
    assert preview.left == app.Left(written, run=True)


def test_what_cannot_be_found_is_told_and_the_preview_goes_on(preview: app.Preview) -> None:
    preview.do(preview.actions.find)
    assert preview.actions.told.bad
    preview.wait(lambda: "ff6" in preview.window.status.text() or preview.actions.told.note != "")
    number = preview.composer.shot.number
    preview.wait(lambda: preview.composer.shot.number > number)


def test_a_screenshot_of_the_preview(qt: QApplication, tmp_path: Path) -> None:
    session = session_from(
        {
            "microscope": {
                "config": "simulated",
                "properties": {
                    "Camera": {"FieldHeight": 48, "FieldWidth": 64, "SampleSizeUm": 20, "Motion": 0}
                },
            },
            "layout": side_by_side(48, 64).model_dump(),
            "calibration": "none",
            "segmentation": {"enabled": False},
        },
        where="test",
    )
    file = tmp_path / "shot.png"
    with Stand(session) as stand:
        app.screenshot(stand, file, light="", mode="ratio", steps=(), size=(900, 640))
        assert not stand.camera.ask(lambda core: core.getShutterOpen())
    image = QImage(str(file))
    assert (image.width(), image.height()) == (900, 640)
