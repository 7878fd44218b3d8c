"""Presets: kept, listed, laid over sessions, written into them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from livesr.cli.app import register, run
from livesr.config import read_session
from livesr.config.layers import laid_over
from livesr.config.presets import read_preset, save_preset
from livesr.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

SESSION = """name: mine            # who
microscope:
  config: scope.cfg
  properties: {Camera: {Seed: 3}}   # seeds
layout: simulated
sequence: {axis_order: tpcz, z_plan: {bottom: 0, top: 3, step: 0.3}}
calibration: none
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "presets"
    monkeypatch.setenv("LIVESR_PRESETS", str(folder))
    (tmp_path / "scope.cfg").write_text("")
    (tmp_path / "session.yaml").write_text(SESSION)
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    register(list(arguments))
    capsys.readouterr()
    code = run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_what_was_measured_of_a_microscope_is_kept(tmp_path: Path) -> None:
    measured = {"camera_correction": "mine", "validation": "none", "calibration": "none"}
    content = {**measured, "limits": {"z_um": [0, 90]}, "name": "night"}
    kept = read_preset(str(save_preset("scope", content, tmp_path)))
    assert kept == {**measured, "limits": {"z_um": [0, 90]}}


def test_kept_listed_shown_applied(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    session, other = tmp_path / "session.yaml", tmp_path / "elsewhere" / "other.yaml"
    code, said = call(capsys, "presets", "save", "scope", str(session))
    assert (code, said["keys"]) == (0, ["microscope", "layout", "calibration"])
    assert call(capsys, "presets", "list")[1] == [{"name": "scope", "keys": said["keys"]}]
    shown = call(capsys, "presets", "show", "scope")[1]["content"]
    assert shown["microscope"]["config"] == str(tmp_path / "scope.cfg")
    other.parent.mkdir()
    other.write_text("# theirs\nname: theirs\nlayout: {kind: single}\ncalibration: simulated\n")
    assert call(capsys, "presets", "apply", "scope", str(other))[0] == 0
    applied = read_session(other)
    assert applied.name == "theirs"
    assert applied.microscope.properties == {"Camera": {"Seed": 3}}
    assert applied.calibration == "none"
    assert other.read_text().startswith("# theirs\n")


def test_a_preset_lies_over_the_file_and_below_settings(tmp_path: Path) -> None:
    preset = {"microscope": {"camera_offset": 200}, "calibration": "simulated"}
    path = tmp_path / "session.yaml"
    both = read_session(path, ["calibration=none"], [preset])
    assert both.microscope.camera_offset == 200
    assert both.microscope.properties == {"Camera": {"Seed": 3}}
    assert both.calibration == "none"


def test_layouts_and_plans_are_replaced_whole() -> None:
    below = {
        "layout": {"kind": "splitter", "channels": [1]},
        "sequence": {"z_plan": {"top": 1, "bottom": 0}, "time_plan": {"interval": 1}},
    }
    above = {"layout": {"kind": "single"}, "sequence": {"z_plan": {"range": 2, "step": 1}}}
    assert laid_over(below, above) == {
        "layout": {"kind": "single"},
        "sequence": {"z_plan": {"range": 2, "step": 1}, "time_plan": {"interval": 1}},
    }
    assert below["layout"] == {"kind": "splitter", "channels": [1]}


def test_a_file_serves_as_a_preset(tmp_path: Path) -> None:
    shared = tmp_path / "shared.yaml"
    shared.write_text("storage: {spool_slots: 7}\n")
    assert read_preset(str(shared)) == {"storage": {"spool_slots": 7}}


def test_what_is_wrong(tmp_path: Path, own_folder: Path) -> None:
    with pytest.raises(ConfigError, match="no preset 'none'"):
        read_preset("none")
    save_preset("scope", {"layout": "single"}, tmp_path)
    with pytest.raises(StorageError, match="already"):
        save_preset("scope", {"layout": "single"}, tmp_path)
    with pytest.raises(ConfigError) as caught:
        read_preset("scop")
    assert "scope" in caught.value.fix
    for name in ("", "../x", ".hidden", "a/b"):
        with pytest.raises(ConfigError, match="cannot be a preset's name"):
            save_preset(name, {"layout": "single"}, tmp_path)
    with pytest.raises(ConfigError, match="no such key"):
        save_preset("x", {"layout": "single"}, tmp_path, ["layuot"])
    with pytest.raises(ConfigError, match="does not say storage"):
        save_preset("x", {"layout": "single"}, tmp_path, ["storage"])
    (own_folder / "bad.yaml").write_text("layuot: single\n")
    with pytest.raises(ConfigError, match="layuot"):
        read_preset("bad")
