"""Programs that may hold the hardware are known by their names and command lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr import doctor
from livesr.acquisition import holders
from livesr.acquisition.core import open_core
from livesr.acquisition.holders import Holder, advice, recognised
from livesr.errors import HardwareError

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {
    "Micro-Manager": [
        ("javaw.exe", ["C:\\jre\\bin\\javaw.exe", "-cp", "plugins\\Micro-Manager\\*", "x"]),
        ("java", ["java", "-Xmx1g", "org.micromanager.internal.MMStudio"]),
    ],
    "ImageJ": [
        ("ImageJ.exe", ["C:\\Program Files\\uM\\ImageJ.exe"]),
        ("fiji-linux64", ["./fiji-linux64"]),
        ("ImageJ-win64.exe", []),
    ],
    "pymmcore-gui or napari-micromanager": [
        ("python3.11", ["python", "-m", "pymmcore_gui"]),
        ("mmgui", ["/venv/bin/python", "/venv/bin/mmgui"]),
    ],
    "MetaMorph": [("mmapp.exe", ["C:\\MM\\app\\mmapp.exe"])],
    "NIS-Elements": [("nis_ar.exe", ["C:\\Program Files\\NIS\\nis_ar.exe"])],
    "livesr": [("python", ["python", "-m", "livesr", "run", "night.yaml"])],
    "": [
        ("python", ["python", "-m", "livesr", "view", "night"]),
        ("python", ["python", "train.py"]),
        ("bash", ["bash", "-c", "less micromanager.txt"]),
        ("imaging-service", ["imaging-service"]),
        ("java", ["java", "-jar", "minecraft.jar"]),
        ("System Idle Process", []),
    ],
}


@pytest.mark.parametrize(
    ("program", "name", "command"), [(p, *c) for p, cs in KNOWN.items() for c in cs]
)
def test_recognised(program: str, name: str, command: list[str]) -> None:
    assert recognised(name, command) == program


def test_this_very_process_holds_nothing_against_itself() -> None:
    assert all(isinstance(one, Holder) for one in holders.holders())


def test_the_error_at_open_names_who_holds_the_hardware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "scope.cfg"
    config.write_text("Device,Camera,NoSuchLibrary,Camera\n")
    monkeypatch.setattr(holders, "holders", lambda: [Holder("Micro-Manager", 4711)])
    with pytest.raises(HardwareError) as caught:
        open_core(str(config))
    assert caught.value.fix.startswith("close Micro-Manager (process 4711)")


def test_words_of_a_port_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "holders", list)
    assert "something holds the port" in advice("Cannot open port COM10: Access is denied")
    assert advice("no such library") == ""


def test_doctor_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "holders", lambda: [Holder("ImageJ", 1)])
    (found,) = doctor._hardware()
    assert (found.status, found.name) == ("warning", "hardware")
    assert "ImageJ" in found.found
    monkeypatch.setattr(doctor, "holders", list)
    assert next(iter(doctor._hardware())).status == "ok"
