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


def test_a_height_outside_the_limits_is_refused_in_the_dark(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("simulated", *SMALL, "--set", "limits.z_um=[0, 5]", "-z", "9", "--json") == 2
    said = capsys.readouterr().err
    assert "outside the session's limits, 0 to 5 µm; nothing was moved" in said
    assert "where: -z" in said


def test_what_was_seen_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("simulated", *SMALL, "--try") == 0
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0].startswith("picture: 128 × 48 pixels of 0.0668 µm, 50 ms, at x 0, y 0, z 0 µm")
    assert lines[1].startswith("warning: red is too dim here")
    assert lines[2].startswith("  mend: focus higher into the cell")
    assert "  120 stacks, 360 frames" in lines
