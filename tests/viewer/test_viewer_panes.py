"""The window with all that can stand beside the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from cellrecording import Recording
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from shownwindow import Shown, dispose

from livesr.storage.folder import JOURNAL_FILE
from livesr.storage.journal import Journal
from livesr.types import StackIndex
from livesr.viewer.state import View
from livesr.viewer.worker import PictureWorker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication, QWidget

KEY = Qt.Key


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stacks, a decision and a note; simulated calibration, though none was made."""
    recording = Recording(tmp_path_factory.mktemp("panes") / "night", pixels=80).add(3)
    recording.close()
    journal = Journal(recording.folder / JOURNAL_FILE)
    journal.append("decision", rule="r", cause="why", acted=True, time_s=2.0, position=0, cell=1)
    journal.append("note", text="drug added", time_s=3.0)
    journal.close()
    (recording.folder / "session.yaml").write_text("calibration: simulated\n", encoding="utf-8")
    return recording.folder


@pytest.fixture
def shown(qt: QApplication, eventful: Path) -> Iterator[Shown]:
    one = Shown(eventful, View(t=0, z=1))
    yield one
    dispose(one.window)


def colours(widget: QWidget) -> int:
    image = widget.grab().toImage()
    places = ((x, y) for x in range(0, image.width(), 5) for y in range(0, image.height(), 5))
    return len({image.pixel(x, y) for x, y in places})


def test_keys_open_and_close_what_stands_beside_the_picture(shown: Shown) -> None:
    panes = shown.window.panes
    assert not panes.xz.isVisible()
    assert shown.press(KEY.Key_X).panes == "sections"
    assert panes.xz.isVisible()
    assert colours(panes.xz) > 20
    assert colours(panes.yz) > 20
    assert shown.press(KEY.Key_D).panes == "solid"
    assert panes.space.isVisible()
    assert panes.space.picture is not None
    assert colours(panes.space) > 50
    assert shown.press(KEY.Key_D).panes == "plane"
    assert not panes.canvas.error_bar.isVisible()
    assert shown.press(KEY.Key_E).error
    assert panes.canvas.error_bar.isVisible()
    assert "expected error of red" in panes.canvas.caption.text()
    assert shown.press(KEY.Key_T).over_time == "lives"
    assert shown.window.drawer.isVisible()
    assert shown.press(KEY.Key_T).over_time == ""
    assert shown.press(KEY.Key_N).tour
    assert shown.press(KEY.Key_BracketRight).image == 0  # there is but one
    help_sheet = shown.window.help
    shown.press(KEY.Key_Question)
    assert help_sheet.isVisible()
    QTest.mouseClick(help_sheet, Qt.MouseButton.LeftButton)
    assert not help_sheet.isVisible()


def test_a_click_says_where_the_sections_meet(shown: Shown) -> None:
    shown.press(KEY.Key_X)
    canvas = shown.window.canvas
    canvas.clicked.emit(2.0, 3.0)
    assert shown.window.view.cursor == (2.0, 3.0)
    shown.window.panes.xz.clicked.emit(0.75, 4.0)
    assert shown.window.view.z == 2
    assert shown.window.view.cursor == pytest.approx((2.0, 4.0), abs=0.04)
    shown.window.panes.yz.clicked.emit(0.1, 1.0)
    assert shown.window.view.z == 0
    assert shown.window.view.cursor == pytest.approx((1.0, 4.0), abs=0.04)


def test_sections_stay_on_the_scale_of_the_plane(shown: Shown) -> None:
    shown.press(KEY.Key_X)
    panes = shown.window.panes
    panes.canvas.box.setRange(xRange=(1.0, 3.0), yRange=(1.0, 3.0), padding=0.0)
    (left, right), _ = panes.canvas.box.viewRange()
    (low, high), _ = panes.xz._box.viewRange()
    assert (low, high) == pytest.approx((left, right), abs=0.02)


def test_the_masks_are_turned_with_the_mouse(shown: Shown) -> None:
    shown.press(KEY.Key_D)
    space, before = shown.window.panes.space, shown.window.view.turn
    QTest.mousePress(space, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    QTest.mouseMove(space, QPoint(150, 80))
    QTest.mouseRelease(space, Qt.MouseButton.LeftButton, pos=QPoint(150, 80))
    around, away = shown.window.view.turn
    assert around == pytest.approx((before[0] - 20) % 360)
    assert away == pytest.approx(before[1] + 8)


def test_contrast_is_drawn_with_the_mouse_and_left_again(shown: Shown) -> None:
    contrast = shown.window.sidebar.drawing.contrast
    own = shown.window.picture.levels if shown.window.picture else None
    assert own is not None
    x = round(contrast._x(own.high))
    QTest.mousePress(contrast, Qt.MouseButton.LeftButton, pos=QPoint(x, 40))
    QTest.mouseMove(contrast, QPoint(x - 20, 40))
    QTest.mouseRelease(contrast, Qt.MouseButton.LeftButton, pos=QPoint(x - 20, 40))
    ((channel, low, high),) = shown.window.view.contrast
    assert channel == "yellow"
    assert low == own.low
    assert high < own.high
    assert colours(contrast) > 4
    QTest.mouseDClick(contrast, Qt.MouseButton.LeftButton, pos=QPoint(x, 40))
    assert shown.window.view.contrast == ()


def test_a_click_on_the_time_axis_goes_to_that_stack(shown: Shown) -> None:
    shown.press(KEY.Key_T)
    lives = shown.window.drawer.lives
    x = round(lives.axis().x(4.0))
    QTest.mouseClick(lives, Qt.MouseButton.LeftButton, pos=QPoint(x - 1, 60))
    assert shown.window.view.t == 2


def test_marks_say_what_happened(shown: Shown) -> None:
    shown.press(KEY.Key_T)
    lives = shown.window.drawer.lives
    assert lives.words_at(lives.axis().x(2.0), 8) == "2 s: r: why"
    assert lives.words_at(lives.axis().x(3.0), 8) == "3 s: drug added"
    assert lives.words_at(lives.axis().x(0.4), 8) == ""


def test_curves_say_what_is_missing(shown: Shown) -> None:
    shown.press(KEY.Key_T)
    drawer = shown.window.drawer
    for button, word in zip(drawer.buttons[1:], ("volumes", "objects", "contacts"), strict=True):
        button.click()
        series = drawer.curves._series
        assert series is not None
        assert word in series.empty
        assert colours(drawer) > 5


@pytest.mark.usefixtures("qt")
def test_the_tour_goes_where_the_newest_stack_is(eventful: Path) -> None:
    one = Shown(eventful, View(tour=True))
    reader = one.loader._course
    course = reader.update([*one.loader.session.journal()])
    stacks = (*course.stacks, (9.0, StackIndex(1, 0)))
    one.loader.course = type(course)(course.lives, course.marks, stacks, course.told)
    one.loader.scenes = (one.loader.scenes[0], one.loader.scenes[0])
    one.loader.refresh = lambda: None  # type: ignore[method-assign]  # as it stands
    one.loader.load = lambda _: None  # type: ignore[method-assign]  # of an image that is none
    one.refresh(View(tour=True))
    assert one.window.view.image == 1
    dispose(one.window)


def test_the_readout_names_the_object(shown: Shown) -> None:
    canvas = shown.window.canvas
    beside = shown.loader.beside()
    place = (2.7, 2.7)
    pointed = beside.make("pointed", shown.window.view, place)
    canvas._on_mouse(canvas.box.mapViewToScene(QPointF(place[1], place[0])))
    canvas.show_object(pointed)  # type: ignore[arg-type]
    assert pointed.title in canvas.readout.text()  # type: ignore[attr-defined]
    assert "x 2.70  y 2.70 µm" in canvas.readout.text()


def test_the_thread_makes_what_is_wanted_and_no_more(
    eventful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from test_viewer_worker import wait_for

    from livesr.storage.reader import open_session
    from livesr.viewer import worker as worker_module
    from livesr.viewer.loader import Loader

    monkeypatch.setattr(worker_module, "REFRESH_S", 0.02)
    with PictureWorker(Loader(open_session(eventful)), View(t=0, z=1, panes="sections")) as worker:
        update = wait_for(worker, lambda u: u.extras.sections is not None)
        assert update.extras.solid is None
        worker.show(View(t=0, z=1, panes="solid"))
        update = wait_for(worker, lambda u: u.extras.solid is not None)
        assert update.extras.sections is None
        worker.show(View(t=0, z=1))
        worker.point((2.7, 2.7))
        assert wait_for(worker, lambda u: u.extras.pointed is not None).extras.solid is None
        worker.point(None)
        wait_for(worker, lambda u: u.extras.pointed is None)
        assert np.isfinite(update.progress.stored)
