from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from livesr.cli.app import main
from livesr.config import read_session

if TYPE_CHECKING:
    from pathlib import Path

SMALL = [
    "--set",
    "microscope.properties.Camera={Seed: 60302, FieldHeight: 48, FieldWidth: 64, "
    "SampleSizeUm: 20, Motion: 0}",
    "--set",
    "segmentation.enabled=false",
    "--set",
    "sequence.z_plan={bottom: 0, top: 0.6, step: 0.3}",
]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["live", *arguments])
    return int(ended.value.code or 0)


def test_one_stack_is_tried_without_a_window(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "night.yaml"
    assert run("simulated", *SMALL, "--try", "--json", "--out", str(out)) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["promise"]["frames"] == 120 * 3
    assert said["promise"]["measured"] is True
    assert said["camera"]["shape_yx"] == [48, 128]
    assert said["pixel_um"] == 0.0668
    assert isinstance(said["doubts"], list)
    assert said["session_file"] == str(out)
    assert read_session(out).layout.channels[1].x == 64
    assert [file.name for file in tmp_path.iterdir()] == ["night.yaml"]


def test_a_file_that_exists_is_never_written_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "night.yaml"
    out.write_text("mine")
    assert run("simulated", *SMALL, "--try", "--json", "--out", str(out)) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "config"
    assert out.read_text() == "mine"


def test_a_configuration_that_does_not_load_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(str(tmp_path / "none.cfg"), "--json") == 3
    assert "does not exist" in capsys.readouterr().err


def test_a_layout_that_does_not_fit_the_sensor_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("simulated", *SMALL, "--try", "--layout", "wide-split") == 2
    assert "the sensor is 128 pixels wide" in capsys.readouterr().err
