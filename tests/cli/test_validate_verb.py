"""``livesr validate`` and ``livesr label`` of a session, as they are called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from probed_session import Drawn, session

from livesr.cli.app import register, run
from livesr.validation.record import load_validation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def verbs() -> None:
    register([])


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_record_and_a_report_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = session(tmp_path / "control", Drawn(share=0.2))
    folder = session(tmp_path / "s", Drawn(share=0.2, probe=300.0, timepoints=2))
    record = tmp_path / "record.yaml"
    arguments = ("--probe", "green=mitochondria", "--foreground", "0.5", "-o", record, "--json")
    code, out, err = call(capsys, "validate", folder, "--control", control, *arguments)
    assert code == 0, err
    printed = json.loads(out)
    assert printed["structures"]["mitochondria"]["passed"]
    assert load_validation(record).is_validated("mitochondria")
    assert (tmp_path / "record-report" / "index.html").is_file()
    assert "unmixing factor of the control: 0." in err
    code, _, err = call(capsys, "validate", folder, *arguments)
    assert code == 5
    assert "already" in err


def test_two_ways_to_say_the_share_are_one_too_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(
        capsys, "validate", tmp_path, "--unmixing", "0.2", "--control", tmp_path, "-o",
        tmp_path / "r.yaml",
    )  # fmt: skip
    assert code == 2
    assert "--control" in err


def test_a_folder_that_is_no_session_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, "validate", tmp_path, "-o", tmp_path / "r.yaml")
    assert code == 5
    assert "no session" in err


def test_label_takes_a_session_and_then_the_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = session(tmp_path / "probe", Drawn(share=0.2, probe=300.0))
    control = session(tmp_path / "control", Drawn(share=0.2))
    out = tmp_path / "mine"
    code, _, err = call(
        capsys, "label", folder, "--probe", "green=mitochondria", "--control", control,
        "--foreground", "0.5", "--out", out,
    )  # fmt: skip
    assert code == 0, err
    code, printed, err = call(capsys, "label", out, "--json")
    assert code == 0, err
    assert json.loads(printed)["corrected"] == []
    code, _, err = call(capsys, "label", out / "dataset.yaml", "--probe", "green=golgi")
    assert code == 2
    assert "a plan names its probes itself" in err
