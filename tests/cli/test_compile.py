"""``livesr compile``: what it prints, and what it refuses."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from livesr.cli.app import register, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def verbs() -> None:
    register([])


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["compile", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without TensorRT and without TensorRT-RTX."""
    for name in ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings"):
        monkeypatch.setitem(sys.modules, name, None)


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert "Example: livesr compile ALL --engine tensorrt-rtx --target sm86,sm89" in out
    assert "without a GPU" in " ".join(out.split())


@pytest.mark.parametrize("engine", ["tensorrt", "tensorrt-rtx"])
def test_a_library_that_is_missing_is_named(
    capsys: pytest.CaptureFixture[str], no_library: None, engine: str
) -> None:
    code, out, err = call(capsys, "FG", "--engine", engine, "--json")
    assert code == 4
    told = json.loads(out)
    assert told["mend"] == f'python -m pip install "livesr[{engine}]"'
    assert "cannot be loaded" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("FG", "--engine", "tensorrt-rtz"), 2, "did you mean tensorrt-rtx"),
        (("FG", "--window", "24,816"), 2, "--window 24,816,816"),
        (("FG", "--window", "24,816,0"), 2, "'24,816,0' is no window"),
        (("FGG",), 4, "did you mean FG"),
        (("FG", "--precision", "bf16"), 4, "f16 or f32 here, not bf16"),
    ],
)
def test_what_is_wrong_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    found, _, err = call(capsys, *arguments)
    assert found == code
    assert said in err


def test_plans_are_written_for_each_card(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("tensorrt_rtx_bindings")
    arguments = ("FG", "--window", "8,64,64", "--out", str(tmp_path / "plans"), "--json")
    code, out, err = call(capsys, *arguments, "--target", "sm75,8.9")
    assert code == 0
    plans = json.loads(out)["plans"]
    assert [plan["target"] for plan in plans] == ["sm75", "sm89"]
    assert [plan["precision"] for plan in plans] == ["f16", "f16"]
    for plan in plans:
        (found,) = (tmp_path / "plans").glob(f"FG-TensorRT-RTX-{plan['target']}-*.plan")
        assert str(found) == plan["path"]
        assert found.stat().st_size == plan["bytes"]
    assert "TensorRT-RTX compiles package FG for sm75" in err


def test_a_window_that_the_network_cannot_see(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorrt_rtx_bindings")
    code, _, err = call(capsys, "ALL", "--target", "sm89", "--window", "24,800,801")
    assert code == 4
    assert "--window 24,800,816" in err


def test_without_a_card_a_target_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorrt_rtx_bindings")
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    code, _, err = call(capsys, "FG")
    assert code == 4
    assert "--target sm75,sm80" in err
