from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from livesr.viewer import movie as movie_module
from livesr.viewer.movie import Movie, arguments
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_movie_is_of_what_is_shown(tmp_path: Path) -> None:
    view = View(z="max", structures=frozenset({"nucleus", "er"}), masked=True)
    asked = arguments(tmp_path / "night", view, tmp_path / "night-001.mp4")
    assert asked == [
        "movie", str(tmp_path / "night"), "--mode", "masked", "--structures", "er,nucleus",
        "-z", "max", "-o", str(tmp_path / "night-001.mp4"),
    ]  # fmt: skip
    assert arguments(tmp_path, View(channel="ratio"), tmp_path)[3] == "ratio"


def test_without_the_verb_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movie_module, "VERB", "livesr.cli.no_such_verb")
    assert "no verb livesr movie" in Movie(tmp_path / "night").start(View())
    assert Movie(tmp_path).poll() == ""


def test_why_a_movie_failed_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movie_module, "VERB", "livesr.cli.view")
    fake = tmp_path / "fake.py"
    fake.write_text("import sys; sys.exit('frame 25/50\\nno ffmpeg here')", encoding="utf-8")
    monkeypatch.setattr(movie_module, "arguments", lambda *_: [])
    real = movie_module.subprocess.Popen
    monkeypatch.setattr(
        movie_module.subprocess,
        "Popen",
        lambda _, **rest: real([sys.executable, str(fake)], **rest),
    )
    movie = Movie(tmp_path / "night")
    assert movie.start(View()).startswith("making")
    assert "still being made" in movie.start(View())
    until = time.monotonic() + 60
    while not (said := movie.poll()):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert said == "no movie: no ffmpeg here"
    assert movie.poll() == ""
