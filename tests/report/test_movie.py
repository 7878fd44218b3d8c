"""A session as a movie: its frames, how long they stand, and what is written on them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import night
import numpy as np
import pytest
from PIL import Image

from livesr.cli.app import register, run
from livesr.errors import ConfigError, StorageError
from livesr.movie import drawn, files
from livesr.movie.drawn import Drawn
from livesr.movie.make import make_movie
from livesr.movie.shots import Shot, shots_of
from livesr.report.told import Told

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written on pictures."""
    said: list[str] = []
    write = drawn._text

    def spy(draw: Any, at: Any, text: str, *rest: Any) -> None:
        said.append(text)
        write(draw, at, text, *rest)

    monkeypatch.setattr(drawn, "_text", spy)
    return said


def test_a_gif_has_a_frame_a_stack_with_clock_and_stage(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    out = tmp_path / "deep" / "night.gif"
    register(["movie"])
    asked = ["movie", str(finished), "-o", str(out), "--fps", "4", "--size", "200", "--json"]
    assert run(asked) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["frames"], said["seconds"]) == (night.STACKS, 1.0)
    with Image.open(out) as movie:
        assert movie.n_frames == night.STACKS
        assert movie.size == (said["width"], said["height"])
        shown = []
        for k in range(night.STACKS):
            movie.seek(k)
            assert movie.info["duration"] == 250
            shown.append(np.asarray(movie.convert("RGB")))
    assert not np.array_equal(shown[0], shown[1])
    clocks = [text for text in words if text.startswith("0:")]
    assert clocks[-night.STACKS :] == ["0:00:00", "0:00:02", "0:00:04", "0:00:06"]
    assert {"cell 1: interphase", "cell 1: metaphase", "cell 1: anaphase", "1 µm"} <= set(words)
    assert [path.name for path in out.parent.iterdir()] == ["night.gif"]


def test_the_scale_bar_has_the_length_that_it_says() -> None:
    size = 300
    one = Drawn((60, 100), (0.1, 0.1), size, ())
    assert one.shape == (60, 100)  # never larger than recorded
    one = Drawn((600, 1000), (0.05, 0.05), size, ())
    assert one.size == one.shape == (180, size)
    assert one.bar_um == 10
    assert one.bar_pixels == round(10 / (50 / size))
    frame = one.frame(np.zeros((600, 1000, 3), np.uint8), Shot(0, 0, 0.0, ""))
    row = frame[frame.shape[0] - max(6, round(0.018 * size)) - 2]
    assert int((row == 255).all(axis=-1).sum()) == one.bar_pixels


def test_pixels_that_are_no_squares_are_drawn_as_squares() -> None:
    assert Drawn((100, 100), (0.2, 0.1), 400, ()).shape == (100, 50)


def test_mp4_plays_as_long_as_it_says(finished: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    out = tmp_path / "night.mp4"
    made = make_movie(finished, out, mode="overlay", fps=2.5, z=1, structures=["er", "nucleus"])
    with av.open(str(out)) as movie:
        stream = movie.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(made.seconds)
        assert made.seconds == pytest.approx(night.STACKS / 2.5)
        frames = [frame.to_ndarray(format="rgb24") for frame in movie.decode(video=0)]
        assert movie.metadata["title"] == "night: livesr, overlay"
    assert len(frames) == made.frames == night.STACKS
    assert frames[0].shape[:2] == made.size
    assert all(length % 2 == 0 for length in made.size)


def test_without_pyav_the_command_that_installs_it_is_said(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError) as raised:
        make_movie(finished, tmp_path / "night.mp4")
    assert 'pip install "livesr[movie]"' in raised.value.fix
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("a.avi", {}, "neither MP4 nor GIF"),
        ("a.gif", {"position": 3}, "no position 3"),
        ("a.gif", {"structures": ["lysozome"]}, "no structure"),
        ("a.gif", {"z": 9}, "no plane 9"),
    ],
)
def test_what_cannot_be_is_refused(
    finished: Path, tmp_path: Path, name: str, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        make_movie(finished, tmp_path / name, **changes)
    assert not list(tmp_path.iterdir())


def test_a_session_without_stacks_or_masks_is_told(tmp_path: Path) -> None:
    empty = night.record(tmp_path / "empty", cells=False, stacks=0)
    with pytest.raises(StorageError, match="no stacks"):
        make_movie(empty, tmp_path / "a.gif")


def test_a_ratio_movie_has_its_hue_scale(finished: Path, tmp_path: Path) -> None:
    made = make_movie(finished, tmp_path / "r.gif", mode="ratio", size=120)
    with Image.open(made.path) as movie:
        below = np.asarray(movie.convert("RGB"))[-10:]
    assert made.size[0] > made.size[1]
    assert below.std(axis=-1).max() > 50  # colours


def test_a_frame_that_fails_leaves_no_half_movie(tmp_path: Path) -> None:
    def good() -> Any:
        return np.zeros((32, 32, 3), np.uint8)

    def bad() -> Any:
        raise StorageError("a stack is damaged", where="here")

    with pytest.raises(StorageError, match="damaged"):
        files.write(tmp_path / "a.gif", [good] * 9 + [bad], 5.0, "x")
    assert not list(tmp_path.iterdir())


def test_stacks_without_masks_are_told(tmp_path: Path) -> None:
    folder = night.record(tmp_path / "night", cells=False, finish=False)
    journal = folder / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if '"stack_segmented"' not in line or '"t": 3' not in line]
    journal.write_text("".join(kept), encoding="utf-8")
    assert [shot.words for shot in shots_of(Told(folder))] == ["", "", "", "no masks"]
    assert make_movie(folder, tmp_path / "a.gif", size=96).frames == night.STACKS
