from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from oracles import CAMERA, Oracle, package, squares

from livesr.analysis.scores import Counts
from livesr.errors import StorageError
from livesr.training.evaluation.baselines import Baselines
from livesr.training.evaluation.report import Gallery, prepare, write_report
from livesr.training.evaluation.report.gallery import densest, outline
from livesr.training.evaluation.report.page import page
from livesr.training.evaluation.report.panels import FALSE, MISSED, difference
from livesr.training.evaluation.results import assembled
from livesr.training.evaluation.scoring import Ceiling, Evaluation, Panel

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def scored() -> tuple[dict[str, Any], Gallery]:
    stack = squares()
    told = package()
    panel = Panel(
        [Evaluation(told, Oracle(stack))],  # type: ignore[arg-type]
        Baselines(told.structures),
        Ceiling(told, Oracle(stack)),  # type: ignore[arg-type]
    )
    gallery = Gallery()
    hidden = {name: mask for name, mask in stack.truth.items() if name != "filopodia"}
    for one in (stack, replace(stack, name="<b>second</b>", truth=hidden)):
        gallery.look(one, panel.add(one))
    simulator = {"version": 2, "hash": "abc", "sources": "def", "livesr": "0"}
    about = {"preset": "standard", "seeds": [60_000], "shape": [8, 48, 48], "simulator": simulator}
    return {**assembled(panel), **about, "without_ratio": False}, gallery


def test_the_page_holds_everything_and_needs_no_network(
    scored: tuple[dict[str, Any], Gallery], tmp_path: Path
) -> None:
    html = write_report(tmp_path, *scored).read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    body = html.index("<h1>")
    assert html.index("trained on simulated cells") - body < 300
    assert "not comparable with the paper" in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    assert "<b>second</b>" not in html
    assert "&lt;b&gt;second" in html
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {
        "report.html",
        "scores.png",
        "structures-1.png",
        "structures-2.png",
        "confusion.png",
        "reliability.png",
    }
    embedded = re.findall(r'<img alt="([\w-]+)" src="data:image/png;base64,([^"]+)"', html)
    assert {f"{name}.png" for name, _ in embedded} == files - {"report.html"}
    for name, data in embedded:
        assert b64decode(data) == (tmp_path / f"{name}.png").read_bytes()
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture.shape[1] > 600
        assert picture.std() > 10


def test_the_table_has_the_papers_figures_and_marks_what_is_not_better(
    scored: tuple[dict[str, Any], Gallery],
) -> None:
    result, _ = scored
    rows = page(result, []).split("<tr>")
    row = next(line for line in rows if "early endosome" in line)
    assert 'class="main"' in row
    assert "<td>0.590</td>" in row
    worse = dict(result["structures"]["golgi"], f1=0.0)
    beaten = {**result, "structures": {**result["structures"], "golgi": worse}}
    assert 'class="below">0.000' in page(beaten, [])


def test_a_data_set_is_told_apart_from_simulation(scored: tuple[dict[str, Any], Gallery]) -> None:
    result, _ = scored
    real = {k: v for k, v in result.items() if k not in ("seeds", "simulator", "preset", "shape")}
    html = page({**real, "data": "set"}, [])
    assert "against the labels of this data set" in html
    assert "Simulator:" not in html


def test_pictures_are_of_the_first_stack_with_enough() -> None:
    stack = squares()
    few = np.zeros(CAMERA.shape, bool)
    few[3, 20:24, 20:24] = True
    gallery = Gallery()
    scarce = replace(stack, truth={"golgi": few}, name="scarce")
    masks = {"golgi": stack.truth["golgi"], "er": few}
    gallery.look(scarce, masks)
    assert gallery.pictures["golgi"].sample == "scarce"
    assert gallery.pictures["golgi"].plane == 3
    assert "er" not in gallery.pictures
    gallery.look(stack, masks)
    assert gallery.pictures["golgi"].sample == "squares"
    gallery.look(replace(stack, name="third"), masks)
    assert gallery.pictures["golgi"].sample == "squares"
    picture = gallery.pictures["golgi"]
    assert Counts.of(picture.mask, picture.truth).f1 == 1.0


def test_the_densest_square_is_that_of_trying_all() -> None:
    plane = np.random.default_rng(60_000).random((17, 23)) < 0.1
    rows, columns = densest(plane, 6)
    best = max(plane[y : y + 6, x : x + 6].sum() for y in range(12) for x in range(18))
    assert plane[rows, columns].shape == (6, 6)
    assert plane[rows, columns].sum() == best
    rows, columns = densest(plane, 20)
    assert plane[rows, columns].shape == (17, 20)


def test_the_outline_is_not_the_fields_border() -> None:
    plane = np.zeros((10, 12), bool)
    plane[:, :6] = True
    assert outline(plane).sum() == 10
    assert outline(plane)[:, 5].all()


def test_the_difference_says_what_is_missed_and_what_is_false() -> None:
    stack = squares()
    gallery = Gallery()
    gallery.look(stack, {"golgi": np.roll(stack.truth["golgi"], 3, axis=2)})
    picture = gallery.pictures["golgi"]
    colors = difference(picture, (0.0, 1.0, 0.0))
    np.testing.assert_allclose(colors[picture.truth & ~picture.mask], [MISSED] * 33, rtol=1e-6)
    np.testing.assert_allclose(colors[picture.mask & ~picture.truth], [FALSE] * 33, rtol=1e-6)


def test_what_cannot_be_written_is_said_before_scoring(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="cannot be written"):
        prepare(tmp_path / "file")


def test_a_full_disk_leaves_no_half_page(
    scored: tuple[dict[str, Any], Gallery], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path as AnyPath

    write = AnyPath.write_bytes

    def full(path: AnyPath, content: bytes) -> int:
        if path.name.startswith("report"):
            write(path, content[:100])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(AnyPath, "write_bytes", full)
    monkeypatch.setattr("livesr.training.evaluation.report.write._figures", lambda *_: [])
    with pytest.raises(StorageError, match="No space left"):
        write_report(tmp_path, *scored)
    assert not (tmp_path / "report.html").exists()
