from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QFont, QFontDatabase, QImage

from livesr.cli.app import register
from livesr.cli.app import run as cli
from livesr.errors import ConfigError, StorageError
from livesr.storage.reader import open_session
from livesr.viewer import app, fonts, run
from livesr.viewer.__main__ import main
from livesr.viewer.loader import Loader, flattened
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication


@pytest.fixture
def screen_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the probe, which other tests run."""
    monkeypatch.setattr("livesr.viewer.check.unavailable", lambda **_: None)


@pytest.mark.usefixtures("qt")
def test_a_screenshot_is_the_window(recorded: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "shot.png"
    run(recorded, screenshot=file, size=(800, 560), channel="ratio", z="max", opacity=0.3)
    image = QImage(str(file))
    assert (image.width(), image.height()) == (800, 560)
    colours = {image.pixel(x, y) for x in range(0, 800, 3) for y in range(0, 560, 3)}
    assert len(colours) > 300


@pytest.mark.usefixtures("qt", "screen_here")
def test_two_screenshots_of_one_view_are_alike(recorded: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        run(recorded, screenshot=tmp_path / name, t=1)
    assert QImage(str(tmp_path / "a.png")) == QImage(str(tmp_path / "b.png"))


@pytest.mark.usefixtures("qt", "screen_here")
@pytest.mark.parametrize(
    "wrong", [{"channel": "blue"}, {"t": 99}, {"z": 99}, {"structures": ["golgy"]}, {"opacity": 2}]
)
def test_a_view_that_cannot_be_is_refused(
    recorded: Path, tmp_path: Path, wrong: dict[str, object]
) -> None:
    with pytest.raises(ConfigError):
        run(recorded, screenshot=tmp_path / "x.png", **wrong)
    assert not (tmp_path / "x.png").exists()


@pytest.mark.usefixtures("qt", "screen_here")
def test_a_name_that_is_no_image_is_refused(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not be written"):
        run(recorded, screenshot=tmp_path / "shot.docx")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        run(recorded, screenshot=blocked / "shot.png")


@pytest.mark.usefixtures("screen_here")
def test_what_is_no_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="session"):
        run(tmp_path, screenshot=tmp_path / "x.png")


def test_no_window_is_an_error_with_its_mend(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livesr.viewer.check.unavailable", lambda **_: "no display: do this")
    with pytest.raises(ConfigError) as caught:
        run(recorded)
    assert caught.value.fix == "no display: do this"


@pytest.mark.usefixtures("screen_here")
def test_the_program_shows_pictures_saves_them_and_ends(
    qt: QApplication, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def look() -> None:
        for window in qt.topLevelWidgets():
            if getattr(window, "picture", None) is not None:
                seen.append(window.picture)
                app._save_beside(window, recorded, whole=True)
                app._save_beside(window, recorded, whole=False)
                window.close()
                window.deleteLater()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(10)
    run(recorded, size=(700, 500))
    timer.stop()
    assert seen
    first, second = (recorded.parent / f"night-00{n}.png" for n in (1, 2))
    assert QImage(str(first)).width() == 700
    assert QImage(str(second)).width() == 120
    for file in (first, second):
        file.unlink()


@pytest.mark.usefixtures("qt")
def test_the_full_picture_is_the_composed_one(recorded: Path, tmp_path: Path) -> None:
    loader = Loader(open_session(recorded))
    loader.refresh()
    view = View(t=0, z=1, opacity=0.7)
    picture = loader.load(view)
    assert picture is not None
    app.save_picture(picture, view, tmp_path / "picture.png")
    image = QImage(str(tmp_path / "picture.png")).convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(120, image.bytesPerLine())
    assert np.array_equal(flat[:, :360].reshape(120, 120, 3), flattened(picture, 0.7))


@pytest.mark.usefixtures("qt")
def test_a_machine_without_fonts_takes_one_from_a_file_or_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(QFontDatabase, "families", lambda: ["Monospace", "Sans Serif", "Serif"])
    monkeypatch.setattr(fonts, "_files", lambda: [tmp_path / "none.ttf"])
    with caplog.at_level(logging.WARNING):
        assert isinstance(fonts.choose_font(13), QFont)
    assert "no font" in caplog.text
    caplog.clear()
    monkeypatch.setattr(fonts, "_load_any", lambda: {"DejaVu Sans"})
    assert fonts.choose_font(13).family() == "DejaVu Sans"
    assert not caplog.text


def test_the_module_is_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "livesr.viewer", "nowhere"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 5
    assert "session.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_program_wants_one_folder(caplog: pytest.LogCaptureFixture) -> None:
    assert main([]) == 2
    assert "usage" in caplog.text


@pytest.mark.usefixtures("qt", "screen_here")
def test_the_verb_shows_what_stands_beside_the_picture(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(["view"])
    file = tmp_path / "solid.png"
    beside = ["--show", "3d", "--over-time", "cells", "--json"]
    assert cli(["view", str(recorded), "--screenshot", str(file), *beside]) == 0
    assert json.loads(capsys.readouterr().out)["screenshot"] == str(file)
    assert not QImage(str(file)).isNull()
    wrong = ["view", str(recorded), "--screenshot", str(tmp_path / "x.png"), "--json"]
    assert cli([*wrong, "--position", "5"]) == 2
    assert "from 0" in json.loads(capsys.readouterr().out)["mend"]
    assert cli([*wrong, "--error"]) == 2
    assert "calibrat" in json.loads(capsys.readouterr().out)["what"]
    assert cli(["view", "http://127.0.0.1:1/night", *wrong[2:]]) == 2
    assert "no daemon answers" in json.loads(capsys.readouterr().out)["what"]
