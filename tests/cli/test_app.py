"""The command line: what it prints where, and what a wrong call is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from livesr.cli import app as app_module
from livesr.cli import launch
from livesr.cli.app import run
from livesr.cli.evaluate import seed_range
from livesr.cli.output import emit
from livesr.config import read_session
from livesr.errors import ConfigError
from livesr.segmentation.engines import ENGINES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def verbs() -> None:
    """Register every verb, as the program does when none is asked for."""
    from livesr.cli.app import register

    register([])


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    "arguments",
    [("run",), ("rnu",), ("demo", "--timepoints", "0"), ("view",), ("demo", "--colour", "red"), ()],
)
def test_wrong_calls_end_with_2_and_no_traceback(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert "Traceback" not in out + err
    if arguments:
        assert "--help" in err


def test_json_errors_are_one_object_on_stdout(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = call(capsys, "run", str(tmp_path / "none.yaml"), "--json")
    assert code == 2
    error = json.loads(out)
    assert error["exit_code"] == 2
    assert "no such session file" in error["what"]
    assert "livesr init" in error["mend"]
    assert "no such session file" in err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--version")
    assert code == 0
    assert out.startswith("livesr ")


@pytest.mark.parametrize(
    "verb",
    ["demo", "init", "run", "view", "train", "evaluate", "simulate", "models", "bench", "doctor"],
)
def test_every_verb_has_help(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, out, _ = call(capsys, verb, "--help")
    assert code == 0
    assert verb in out


def test_init_writes_a_session_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "night.yaml"
    assert call(capsys, "init", str(file))[0] == 0
    assert read_session(file).calibration == "simulated"
    code, out, err = call(capsys, "init", str(file), "--json")
    assert code == 5
    assert "left as it is" in json.loads(out)["what"]
    assert err


def test_init_into_a_missing_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "init", str(tmp_path / "no" / "such" / "s.yaml"))
    assert code == 5
    assert "mend" in err


def test_dry_run_moves_nothing_and_says_what_would_happen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "night.yaml"
    call(capsys, "init", str(file))
    arguments = ("run", str(file), "--dry-run", "--set", "sequence.time_plan.loops=7", "--json")
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    plan = json.loads(out)
    assert plan["timepoints"] == 7
    assert plan["stack_shape_czyx"] == [2, 24, 512, 512]
    assert plan["simulated"] is True
    assert any(plan["engine"] == entry.name for entry in ENGINES)
    assert all(plan["engines_passed_over"].values())
    assert plan["device"]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("setting", "word", "code"),
    [
        ("calibration=nowhere", "no calibration", 2),
        ("segmentation.package=NONE", "no model package", 4),
        ("segmentation.engine=tensorlow", "no engine", 4),
        ("microscope.config=/no/such.cfg", "such.cfg", 3),
        ("layout=wide-split", "sensor", 2),
        ("segmentation.structures=[golgi, mitocondria]", "mitochondria", 2),
        ("microscope.properties.Camera.Sed=3", "Sed", 2),
        ("sequence.z_plan={bottom: 0, top: 1, step: 0.3, foo: 1}", "foo", 2),
        ("microscope.objective=60x", "objective", 2),
        ("sequence.time_plan.loops=two", "--set", 2),
        ("sequence.z_plan.step=0", "0 µm apart", 2),
        ("storage.keep_free_gib=9999999", "the session needs", 5),
        ("calibraton=simulated", "calibration", 2),
        ("microscope.properties.Camera.PixelSizeUm=0.11", "pixels", 2),
    ],
)
def test_sessions_that_cannot_be(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, setting: str, word: str, code: int
) -> None:
    file = tmp_path / "night.yaml"
    call(capsys, "init", str(file))
    found, _, err = call(capsys, "run", str(file), "--dry-run", "--set", setting)
    assert word in err
    assert "mend" in err
    assert found == code
    assert "Traceback" not in err


def test_simulated_calibration_is_refused_on_other_hardware(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    session = {
        "microscope": {"config": "demo"},
        "layout": "single",
        "sequence": {"time_plan": {"interval": 0, "loops": 1}},
        "calibration": "simulated",
    }
    file = tmp_path / "real.yaml"
    file.write_text(yaml.safe_dump(session), encoding="utf-8")
    code, _, err = call(capsys, "run", str(file), "--dry-run")
    assert code == 2
    assert "made on the simulated microscope" in err


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "models", "list", "--json")
    assert code == 0
    assert {"ALL", "ALL2D"} <= {package["name"] for package in json.loads(out)}
    code, out, _ = call(capsys, "models", "info", "ALL", "--json")
    assert len(json.loads(out)["structures"]) == 15
    assert call(capsys, "models", "check", "ALL")[0] == 0
    code, _, err = call(capsys, "models", "info", "ALLL")
    assert code == 4
    assert "ALL" in err


def test_view_of_what_is_no_session(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "view", str(tmp_path), "--screenshot", str(tmp_path / "p.png"))
    assert code == 5
    assert "no session" in err


def test_train_needs_a_recipe(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "train", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "train-all.yaml" in err


def test_doctor_names_each_finding(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = call(capsys, "doctor", "--folder", str(tmp_path), "--json")
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert {"python", "micro-manager", "engine openvino", "models", "viewer", "disk"} <= set(checks)
    assert all(check["mend"] for check in checks.values() if check["status"] != "ok")
    assert code == int(any(check["status"] == "failed" for check in checks.values()))
    assert "disk" in err


def test_seed_ranges() -> None:
    assert list(seed_range("70000-70002")) == [70_000, 70_001, 70_002]
    assert list(seed_range("5")) == [5]
    for text in ("", "a-b", "7-5", "-3"):
        with pytest.raises(ConfigError):
            seed_range(text)


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe on Windows has the code page's letters only."""
    emit({"unit": "µm → 1 × 1"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["unit"] == "µm → 1 × 1"


def test_a_bug_is_told_like_any_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(**_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(app_module, "app", bug)
    code, out, err = call(capsys, "doctor", "--json")
    assert code == 1
    assert "ZeroDivisionError: oh" in json.loads(out)["what"]
    assert "Traceback" not in err
    assert "Traceback" in call(capsys, "demo", "-v")[2]


def test_dry_run_refuses_a_folder_that_exists(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "night.yaml"
    call(capsys, "init", str(file))
    code, _, err = call(capsys, "run", str(file), "--dry-run", "--out", str(tmp_path))
    assert code == 5
    assert "exists already" in err


def test_viewer_that_cannot_start_is_no_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(launch.subprocess, "Popen", no_memory)
    launch.open_viewer(tmp_path)
    assert "goes on without it" in capsys.readouterr().err


def test_view_of_a_misspelt_name_beside_a_session_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call(capsys, "init", str(tmp_path / "session.yaml"))
    missing, picture = str(tmp_path / "typo"), str(tmp_path / "p.png")
    code, _, err = call(capsys, "view", missing, "--screenshot", picture)
    assert code == 5
    assert "no session" in err
