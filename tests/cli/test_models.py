"""``livesr models``: what it prints, and what it refuses."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from livesr.cli.app import register, run
from livesr.data import data_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def verbs() -> None:
    register([])


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages in place of models/, with the smallest that travels."""
    shutil.copytree(data_folder("models") / "ALL2D", tmp_path / "models" / "ALL2D")
    monkeypatch.setattr(
        "livesr.segmentation.package.data_folder", lambda kind: tmp_path / str(kind)
    )
    return tmp_path / "models"


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["models", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_list_has_a_row_a_package(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    code, out, err = call(capsys, "list")
    assert (code, out) == (0, "")
    heading, _, row = err.strip().splitlines()
    columns = ["name", "dims", "networks", "structures", "parameters", "MB", "sha256"]
    assert heading.split()[:7] == columns
    assert heading.endswith("mean F1")
    assert row.split()[:4] == ["ALL2D", "2d", "10", "15"]


def test_the_list_as_json(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    row = json.loads(call(capsys, "list", "--json")[1])[0]
    assert row["name"] == "ALL2D"
    assert row["channels"] == ["intensity", "ratio"]
    assert len(row["networks"]) == 10
    assert len(row["sha256"]) == 64
    assert 1 < row["megabytes"] < 10


def test_a_damaged_package_does_not_hide_the_others(
    capsys: pytest.CaptureFixture[str], shipped: Path
) -> None:
    shutil.copytree(shipped / "ALL2D", shipped / "BROKEN")
    (shipped / "BROKEN" / "rdf.yaml").write_text("name: [", encoding="utf-8")
    code, out, err = call(capsys, "list", "--json")
    assert code == 4
    assert [row["name"] for row in json.loads(out)] == ["ALL2D"]
    assert "not YAML" in err


def test_info_is_for_people(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    code, out, err = call(capsys, "info", "ALL2D")
    assert (code, out) == (0, "")
    assert err.startswith("Trained on simulated cells")
    for said in ("nuclear reticulum", "each plane alone", "BSD-3-Clause", "F1"):
        assert said in err
    assert "{" not in err
    about = json.loads(call(capsys, "info", "ALL2D", "--json")[1])
    assert about["weights"]["file"] == "model.onnx"
    assert len(about["structures"]) == 15


def test_check_runs_every_package(capsys: pytest.CaptureFixture[str], shipped: Path) -> None:
    shutil.copytree(shipped / "ALL2D", shipped / "OTHER")
    weights = shipped / "OTHER" / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:1000])
    code, out, err = call(capsys, "check", "--json")
    assert code == 4
    whole, broken = json.loads(out)
    assert whole["name"] == "ALL2D"
    assert whole["outputs"] == 15 * 8 * 32 * 32
    assert whole["largest"] <= 1
    assert broken["name"] == "OTHER"
    assert "it has 1,000 bytes" in broken["what"]
    assert "ALL2D: whole; openvino differs in" in err
    assert call(capsys, "check", "ALL2D")[0] == 0


def test_export_writes_once(
    capsys: pytest.CaptureFixture[str], shipped: Path, tmp_path: Path
) -> None:
    arguments = ("export", "ALL2D", "--out", str(tmp_path / "out"))
    code, out, _ = call(capsys, *arguments, "--json")
    assert code == 0
    told = json.loads(out)
    assert told["path"] == str(tmp_path / "out" / "ALL2D.zip")
    assert told["bytes"] == (tmp_path / "out" / "ALL2D.zip").stat().st_size
    assert call(capsys, *arguments)[0] == 5
    assert call(capsys, *arguments, "--format", "onnx")[0] == 0
    code, _, err = call(capsys, *arguments, "--format", "torchscript")
    assert code == 2
    assert "bioimageio-zip" in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ALL2D.onnx", "ALL2D.zip"]


@pytest.mark.parametrize("verb", ["info", "check", "export"])
def test_an_unknown_package_offers_the_nearest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str
) -> None:
    more = ("--out", str(tmp_path)) if verb == "export" else ()
    code, _, err = call(capsys, verb, "ALLL2D", *more)
    assert code == 4
    assert "did you mean" in err
