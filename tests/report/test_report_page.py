"""The page of a session: what its files say, and why a part is missing."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import night
import numpy as np
import pytest
from scripted_cells import cell_at

from livesr.analysis.mitosis.record import as_record
from livesr.cli.app import register, run
from livesr.report.anatomy import anatomy_of
from livesr.report.curves import numbers_of, parted
from livesr.report.happened import decided, otherwise
from livesr.report.lives import lives_of
from livesr.report.portraits import SIDE, cut
from livesr.report.told import Told
from livesr.report.words import clock, number, span
from livesr.report.write import write_report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def page(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "report.html"
    before = sorted(path.name for path in finished.iterdir())
    write_report(finished, out)
    assert sorted(path.name for path in finished.iterdir()) == before
    return out.read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What people read, without pictures."""
    return re.sub(r'src="[^"]*"', "", page)


def test_the_page_tells_all_and_opens_without_a_network(page: str) -> None:
    text = text_of(page)
    assert "It came to its end. 4 of 4 planned stacks stored. Masks: 4 while recording." in text
    assert "trained on simulated cells only" in text
    assert "cell 1 is in metaphase" in text
    assert "a stack every 2 s, 1.2 µm tall; the stage followed the cell once" in text
    assert "lunch" in text
    assert "after 90 s" in text
    assert "image 0, t 0: the shutter stuck (retried)" in text
    assert "&lt;script&gt;drug" in text
    assert "<script" not in page
    assert "3.0 times as unusual" in text
    assert "Not measured: analysis: {contacts: true}" in text
    assert not re.findall(r'(?:src|href)="(?!data:image/)', page)


def test_each_stage_of_a_cell_has_its_two_pictures(page: str) -> None:
    assert page.count("data:image/jpeg") == 2 * len(night.COURSE)
    assert re.findall(r"<figcaption>(0:00:0\d \w+)</figcaption>", page) == [
        "0:00:00 interphase", "0:00:02 metaphase", "0:00:06 anaphase",
    ]  # fmt: skip


def test_anatomy_counts_stacks_that_show_the_cell_whole(finished: Path) -> None:
    found = anatomy_of(Told(finished))
    assert found is not None
    assert found.stages == ("metaphase", "anaphase")  # in interphase it was cut
    assert found.stacks == (2, 1)
    rows = {name: k for k, name in enumerate(found.structures)}
    np.testing.assert_allclose(found.number[rows["peroxisome"]], [6, 2])
    np.testing.assert_allclose(found.volume_um3[rows["peroxisome"]], [3, 1])
    np.testing.assert_allclose(found.volume_um3[rows["er"]], [10, 10])
    np.testing.assert_allclose(found.ratio[rows["er"]], 0.4)
    np.testing.assert_allclose(found.cell_um3, 900)
    np.testing.assert_allclose(found.height_um, [7.5, 9])


def test_an_interrupted_session_has_the_same_numbers(tmp_path: Path, finished: Path) -> None:
    folder = night.record(tmp_path / "night", finish=False)
    assert (folder / "objects.parts").is_dir()
    path = write_report(folder)
    text = text_of(path.read_text(encoding="utf-8"))
    assert "did not come to its end" in text
    now, then = anatomy_of(Told(folder)), anatomy_of(Told(finished))
    assert now is not None
    assert then is not None
    np.testing.assert_array_equal(now.number, then.number)
    assert numbers_of(Told(folder)) == numbers_of(Told(finished))
    assert numbers_of(Told(folder))["peroxisome"][0] == ([0, 2, 4, 6], [4, 6, 8, 3])


def test_what_a_session_lacks_is_said_in_a_line(tmp_path: Path) -> None:
    folder = night.record(tmp_path / "night", cells=False, stacks=1)
    text = text_of(write_report(folder).read_text(encoding="utf-8"))
    assert "The session has no rules." in text
    assert text.count("No stages: they are followed in sessions with rules") == 2
    assert "data:image/jpeg" not in text


def test_a_session_that_stored_nothing_has_a_page_too(tmp_path: Path) -> None:
    folder = night.record(tmp_path / "night", cells=False, stacks=0, finish=False)
    text = text_of(write_report(folder).read_text(encoding="utf-8"))
    assert "0 of 4 planned stacks stored" in text
    assert text.count("No stack was stored.") == 2


def test_what_is_damaged_is_left_out_and_told(
    tmp_path: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "night"
    shutil.copytree(finished, folder)
    (folder / "objects.parquet").write_bytes(b"PAR1 but not for long")
    journal = folder / "journal.jsonl"
    text = journal.read_text(encoding="utf-8")
    journal.write_text(text.replace('"rule": "follow"', '"rool": "follow"'), encoding="utf-8")
    register(["report"])
    assert run(["report", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["report"] == str(folder / "report.html")
    assert "Anatomy by stage is left out" in err
    text = text_of((folder / "report.html").read_text(encoding="utf-8"))
    assert "Left out: the table cannot be read" in text
    assert "KeyError(&#x27;rule&#x27;)" in text
    assert "lunch" in text


def test_what_is_no_session_is_an_error_and_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(["report"])
    assert run(["report", str(tmp_path), "--json"]) == 5
    assert "no session" in json.loads(capsys.readouterr().out)["what"]
    assert not list(tmp_path.iterdir())


def test_following_is_told_with_the_decision_that_began_it(finished: Path) -> None:
    made = decided(Told(finished))
    assert [one.number for one in made] == [1, 2]
    (ruled,) = otherwise(Told(finished))
    assert (ruled.rule, ruled.begin_s, ruled.end_s) == ("follow", 2.0, 6.0)


def test_stages_begin_when_they_are_said_to_have_begun() -> None:
    lines = [
        {
            "index": {"image": 0, "t": t}, "position": 0, "time_s": 2.0 * t, "light_ms": 0.0,
            "brightness": 0.0, "obstacle": "", "cells": [as_record(cell_at(0.6, 3.0, 3.0))],
        }
        for t in range(4)
    ]  # fmt: skip
    late = {**lines[0], "late": True}
    (life,) = lives_of([*lines, late])
    spells = [(spell.stage, spell.begin_s, spell.end_s) for spell in life.spells()]
    assert spells == [("interphase", 0, 2), ("metaphase", 2, 6), ("anaphase", 6, 6)]
    assert life.divides


def test_a_curve_is_broken_where_stacks_are_missing() -> None:
    at, values = parted([0, 1, 2, 10, 11], [5, 6, 7, 8, 9])
    np.testing.assert_array_equal(at, [0, 1, 2, 2, 10, 11])
    np.testing.assert_array_equal(values, [5, 6, 7, np.nan, 8, 9])


def test_a_cut_shows_the_place_in_the_middle() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10, 50] = 255
    square = cut(pixels, (10 * 0.1, 50 * 0.1), 1.5, (0.1, 0.1))
    assert square.shape == (SIDE, SIDE, 3)
    y, x = np.unravel_index(int(np.argmax(square[..., 0])), (SIDE, SIDE))
    assert (y, x) == pytest.approx((SIDE / 2, SIDE / 2), abs=5)


def test_numbers_are_said_shortly() -> None:
    assert [clock(0), clock(59.6), clock(36_000)] == ["0:00:00", "0:01:00", "10:00:00"]
    assert [span(90), span(600), span(9000)] == ["90 s", "10.0 min", "2.5 h"]
    assert [number(v) for v in (0.123, 12.34, 1234.5, float("nan"))] == [
        "0.12", "12.3", "1\u202f234", "–",
    ]  # fmt: skip
