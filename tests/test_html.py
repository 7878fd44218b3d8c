"""Pages that open without a network, whatever names they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure

from livesr import html
from livesr.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script>alert('x')</script>&\""


def test_names_do_no_harm() -> None:
    one = html.Illustration(HOSTILE, HOSTILE, "data:,")
    page = html.document(
        HOSTILE,
        [
            html.paragraph(HOSTILE, "fair"),
            html.heading(HOSTILE),
            html.table([HOSTILE], [[HOSTILE]], [0]),
            html.terms([(HOSTILE, HOSTILE)]),
            html.picture(one),
        ],
    )
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 11
    assert page.startswith("<!doctype html>")
    assert 'charset="utf-8"' in page


def test_a_figure_stands_in_the_page_and_beside_it(tmp_path: Path) -> None:
    html.prepare(tmp_path / "deep" / "er")
    figure = Figure((1.0, 1.0))
    figure.subplots().plot([0, 1])
    one = html.illustrate(tmp_path / "deep" / "er", "line", "A line.", figure)
    png = tmp_path / "deep" / "er" / "line.png"
    assert png.read_bytes().startswith(b"\x89PNG")
    assert one.data.startswith("data:image/png;base64,")
    assert [file.name for file in png.parent.iterdir()] == ["line.png"]


def test_a_figure_may_stand_in_the_page_alone() -> None:
    figure = Figure((1.0, 1.0))
    figure.subplots().plot([0, 1])
    one = html.embedded("line", "A line.", figure)
    assert one.data.startswith("data:image/png;base64,")
    assert "line.png" not in html.picture(one)


def test_what_cannot_be_written_is_an_error_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match="report cannot be written"):
        html.prepare(tmp_path / "file" / "below")
    with pytest.raises(StorageError, match="report cannot be written"):
        html.put(tmp_path / "nowhere" / "page.html", b"")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("red", "red"),
        ("far red/2", "far-red-2"),
        ("..", "unnamed"),
        ("a:b*", "a-b"),
        ("Rot é", "Rot-é"),
    ],
)
def test_names_of_channels_become_names_of_files(text: str, name: str) -> None:
    assert html.file_name(text) == name
