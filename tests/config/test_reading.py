"""Session files: what is read, and what a wrong one is told."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pytest
import yaml

from livesr.config import dump_session, read_session
from livesr.config.session import Session
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
name: night
microscope:
  config: simulated
layout: simulated
sequence:
  axis_order: tpz
  setup: {exposure: 50}
  time_plan: {interval: 30, loops: 5}
  z_plan: {bottom: 0, top: 6.9, step: 0.3}
calibration: none
"""


def write(folder: Path, text: str, name: str = "session.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def error_of(folder: Path, text: str, *settings: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_session(write(folder, text), settings)
    return caught.value


def test_reads_and_writes_back(tmp_path: Path) -> None:
    session = read_session(write(tmp_path, GOOD))
    assert session.name == "night"
    assert (session.sequence.sizes["t"], session.sequence.sizes["z"]) == (5, 24)
    again = read_session(write(tmp_path, dump_session(session), "again.yaml"))
    assert again.model_dump(exclude={"sequence"}) == session.model_dump(exclude={"sequence"})
    assert list(again.sequence) == list(session.sequence)


def test_every_default_is_written_out(tmp_path: Path) -> None:
    written = yaml.safe_load(dump_session(read_session(write(tmp_path, GOOD))))
    assert set(written) == set(Session.model_fields) - {"recording"}
    assert written["segmentation"]["policy"] == "latest"


def test_template_is_a_session_and_shows_the_defaults(tmp_path: Path) -> None:
    text = resources.files("livesr.config").joinpath("template.yaml").read_text(encoding="utf-8")
    session = read_session(write(tmp_path, text))
    plain = read_session(write(tmp_path, GOOD, "plain.yaml"))
    assert session.segmentation == plain.segmentation
    assert session.storage == plain.storage
    assert session.faults == plain.faults


def test_unknown_key_names_line_and_nearest(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD + "segmentation:\n  polcy: every\n")
    assert "segmentation.polcy" in error.what
    assert error.where.endswith("session.yaml:12")
    assert "policy" in error.fix


def test_wrong_type_names_line_and_value(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD + "storage:\n  spool_slots: many\n")
    assert "spool_slots" in error.what
    assert "'many'" in error.what
    assert error.where.endswith(":12")


def test_unknown_structure_offers_names(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD + "segmentation:\n  structures: [mitocondria]\n")
    assert "mitochondria" in error.what


def test_unknown_useq_key_is_not_swallowed(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD.replace("time_plan", "timeplan"))
    assert "time_plan" in error.what


def test_missing_calibration_says_what_to_write(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD.replace("calibration: none\n", ""))
    assert "calibration: none" in error.fix


def test_unknown_layout_preset(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD.replace("layout: simulated", "layout: prime95b-quadrant"))
    assert "prime95b-quadrants" in error.what


def test_negative_rectangle_names_its_line(tmp_path: Path) -> None:
    layout = (
        "layout:\n  kind: splitter\n  channels:\n"
        "    - {name: yellow, x: -3, y: 0, width: 10, height: 10}\n"
    )
    error = error_of(tmp_path, GOOD.replace("layout: simulated\n", layout))
    assert "x" in error.what
    assert "-3" in error.what
    assert error.where.endswith(":7")


def test_bad_yaml_names_line(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD + "storage: {spool_slots: 3\n")
    assert "session.yaml:1" in error.where


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "", "null\n"])
def test_not_a_mapping(tmp_path: Path, text: str) -> None:
    assert "mapping" in error_of(tmp_path, text).what


def test_missing_file_offers_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such session file") as caught:
        read_session(tmp_path / "none.yaml")
    assert "livesr init" in caught.value.fix


def test_settings_override(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    session = read_session(path, ["segmentation.policy=every", "sequence.time_plan.loops=2"])
    assert session.segmentation.policy == "every"
    assert session.sequence.sizes["t"] == 2


@pytest.mark.parametrize(
    ("setting", "word"),
    [("policy", "key.key=value"), ("name.x=1", "nothing to set"), ("nme=x", "no such key")],
)
def test_bad_settings(tmp_path: Path, setting: str, word: str) -> None:
    assert word in str(error_of(tmp_path, GOOD, setting))


def test_wrong_setting_is_blamed_on_the_command_line(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD, "storage.spool_slots=none-at-all")
    assert error.where == "command line, --set"


def test_plain_useq_file_is_a_session(tmp_path: Path) -> None:
    text = (
        "axis_order: tpz\ntime_plan: {interval: 1, loops: 2}\n"
        "metadata: {livesr: {name: mine, layout: simulated}}\n"
    )
    session = read_session(write(tmp_path, text))
    assert session.name == "mine"
    assert session.calibration == "none"
    assert session.sequence.sizes["t"] == 2


def test_sequence_in_a_file_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "time_plan: {interval: 1, loops: 3}\n", "plan.yaml")
    text = "calibration: none\nsequence: plan.yaml\n"
    assert read_session(write(tmp_path, text)).sequence.sizes["t"] == 3


def test_paths_are_beside_the_file(tmp_path: Path) -> None:
    text = "calibration: none\nrecording: {paths: [a.tif, b.tif]}\n"
    session = read_session(write(tmp_path, text))
    assert session.recording is not None
    assert session.recording.paths == (tmp_path / "a.tif", tmp_path / "b.tif")


def test_microscope_and_recording_exclude_each_other(tmp_path: Path) -> None:
    error = error_of(tmp_path, GOOD + "recording: {paths: a.tif}\n")
    assert "either a microscope or a recording" in error.what


@pytest.mark.parametrize(
    "text",
    [
        "calibration: none\nrecording: {paths: 5}",
        "time_plan: {interval: 1, loops: 2}\nmetadata: night",
        "time_plan: {interval: 1, loops: 2}\nmetadata: {livesr: 5}",
        "calibration: none\nsegmentation: {structures: []}",
        "calibration: none\nsegmentation: {structures: [golgi, golgi]}",
    ],
)
def test_values_of_a_wrong_kind_are_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_session(file)


def test_an_empty_setup_can_be_written_back(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("calibration: none\nsequence: {setup: null}", encoding="utf-8")
    session = read_session(file)
    file.write_text(dump_session(session), encoding="utf-8")
    assert read_session(file) == session


def test_words_are_no_files_that_happen_to_be_called_so(tmp_path: Path) -> None:
    for name in ("demo", "none", "auto"):
        (tmp_path / name).mkdir()
    file = tmp_path / "s.yaml"
    file.write_text("calibration: none\nmicroscope: {config: demo}", encoding="utf-8")
    session = read_session(file)
    assert (session.calibration, session.microscope.config) == ("none", "demo")
