"""What is asked for becomes a session; files elsewhere are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import useq
import yaml

from livesr.config import dump_session
from livesr.daemon.asked import Asked, examples, session_asked
from livesr.daemon.folder import DataFolder
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(data: Path) -> DataFolder:
    folder = DataFolder(data)
    (data.parent / "secret.cfg").write_text("Device,Camera,DemoCamera,DCam\n", encoding="utf-8")
    (data / "mine.cfg").write_text("Device,Camera,DemoCamera,DCam\n", encoding="utf-8")
    (data / "mine.yaml").write_text("calibration: none\nname: mine\n", encoding="utf-8")
    return folder


def test_examples_need_no_microscope(folder: DataFolder) -> None:
    assert "simulated" in examples()
    session = session_asked(
        Asked(example="simulated", changes=["sequence.time_plan.loops=7"]), folder
    )
    assert session.microscope.config == "simulated"
    assert session.sequence.sizes["t"] == 7


def test_a_useq_sequence_is_a_session(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    presets = folder.root.parent / "presets"
    presets.mkdir()
    (presets / "stand.yaml").write_text("microscope: {config: demo}\n", encoding="utf-8")
    monkeypatch.setenv("LIVESR_PRESETS", str(presets))
    plan = useq.MDASequence(time_plan={"interval": 1, "loops": 4}, channels=["Cy5"])
    asked = Asked(sequence=plan.model_dump(mode="json", exclude_unset=True), presets=["stand"])
    session = session_asked(asked, folder)
    assert session.sequence.sizes == plan.sizes
    assert session.microscope.config == "demo"
    assert session.calibration == "none"
    with pytest.raises(ConfigError, match="is no preset's name"):
        session_asked(Asked(sequence={}, presets=["../presets/stand"]), folder)


def test_files_in_the_folder_are_taken(folder: DataFolder) -> None:
    assert session_asked(Asked(file="mine.yaml"), folder).name == "mine"
    content = {"calibration": "none", "microscope": {"config": "mine.cfg"}}
    session = session_asked(Asked(session=content), folder)
    assert session.microscope.config == str(folder.root / "mine.cfg")
    again = Asked(text=dump_session(session))
    assert session_asked(again, folder).microscope.config == session.microscope.config


ELSEWHERE = ["../secret.cfg", "/etc/passwd", "a/../../secret.cfg", "..\\secret.cfg", "..", "a\0/b"]


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize(
    "key",
    [
        "microscope.config",
        "calibration",
        "camera_correction",
        "validation",
        "segmentation.package",
        "recording.paths",
    ],
)
def test_files_elsewhere_are_refused(folder: DataFolder, key: str, name: str) -> None:
    for value in (name, [name]) if key in {"segmentation.package", "recording.paths"} else (name,):
        content: dict[str, Any] = {"calibration": "none"}
        if "." in key:
            section, key_ = key.split(".")
            content[section] = {key_: value}
        else:
            content[key] = value
        with pytest.raises(ConfigError, match="does not lie in the daemon's data folder"):
            session_asked(Asked(session=content), folder)
        with pytest.raises(ConfigError, match="does not lie"):
            session_asked(Asked(text=yaml.safe_dump(content)), folder)


def test_files_elsewhere_are_refused_in_changes_too(folder: DataFolder) -> None:
    asked = Asked(example="simulated", changes=["microscope.config=../secret.cfg"])
    with pytest.raises(ConfigError, match="does not lie"):
        session_asked(asked, folder)
    with pytest.raises(ConfigError, match="no session file"):
        session_asked(Asked(file="../mine.yaml"), folder)
    with pytest.raises(ConfigError, match="no example"):
        session_asked(Asked(example="../../pyproject"), folder)
    with pytest.raises(ConfigError, match="give its content"):
        session_asked(Asked(session={"sequence": "mine.yaml"}), folder)


def test_only_a_cfg_is_a_microscope(folder: DataFolder) -> None:
    """A configuration may run Python: nothing that came over HTTP can be one."""
    (folder.root / "text.yaml").write_text("#py import os\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no configuration"):
        session_asked(
            Asked(session={"calibration": "none", "microscope": {"config": "text.yaml"}}), folder
        )


@pytest.mark.parametrize(
    "asked",
    [Asked(), Asked(example="simulated", file="mine.yaml"), Asked(session={"clibration": "none"})],
)
def test_wrong_requests_are_told(folder: DataFolder, asked: Asked) -> None:
    with pytest.raises(ConfigError):
        session_asked(asked, folder)
