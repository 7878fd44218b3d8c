"""``livesr serve`` as a user starts it, with a session of the simulated microscope."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from daemon_serving import wait_for

from livesr.cli.app import register, run
from livesr.client import Client
from livesr.daemon.units import systemd_unit, windows_task
from livesr.storage.reader import open_session

if TYPE_CHECKING:
    from pathlib import Path

SMALL = [
    "segmentation.enabled=false",
    "microscope.properties.Camera.FieldWidth=64",
    "microscope.properties.Camera.FieldHeight=64",
    "sequence.z_plan.top=0.9",
    "sequence.time_plan.loops=400",
    "microscope.properties.Clock.Speedup=60",
    *(f"layout.channels.{c}.{side}=64" for c in (0, 1) for side in ("width", "height")),
    "layout.channels.1.x=64",
]


class Program:
    """``livesr serve``, in a process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        call = [sys.executable, "-m", "livesr", "serve", str(folder), "--port", "0", *arguments]
        self.process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.address = self.process.stdout.readline().decode().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.process.stderr.read()

    def end(self, how: int) -> str:
        self.process.send_signal(how)
        return self.process.communicate(timeout=60)[1].decode()


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESR_STATE", str(tmp_path / "state"))
    for name in ("LIVESR_ADDRESS", "LIVESR_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    register([])


def test_a_session_outlives_a_killed_daemon_and_is_ended_through_the_next(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Program(data)
    asked = {"example": "simulated", "name": "kept_{counter}", "changes": SMALL}
    name = Client(first.address).post("/api/sessions", asked)["name"]
    wait_for(lambda: (Client(first.address).session(name)["stored"] or 0) >= 2, 120)
    first.end(getattr(signal, "SIGKILL", signal.SIGTERM))

    second = Program(data)
    client = Client()  # finds it by the file that it left
    assert client.address == second.address
    assert client.status()["running"] == name
    before = client.session(name)["stored"]
    wait_for(lambda: client.session(name)["stored"] > before, 60)
    assert run(["pause"]) == 0
    wait_for(lambda: client.session(name)["state"] == "paused", 60)
    assert run(["resume"]) == 0
    wait_for(lambda: client.session(name)["state"] == "recording", 60)
    capsys.readouterr()
    assert run(["stop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": name, "done": "stopping"}
    wait_for(lambda: client.session(name)["state"] == "stopped", 60)
    assert run(["status"]) == 0
    assert name in capsys.readouterr().err
    assert "Traceback" not in second.end(signal.SIGTERM)
    assert run(["status"]) == 2
    assert "no daemon answers" in capsys.readouterr().err

    session = open_session(data / name)
    status = session.status()
    assert status.finished
    assert (status.faults, status.frames_lost, status.failed) == (0, 0, 0)
    assert {index.t for index in session.ledger.stored} == set(range(status.stacks))
    assert session.images[0].raw(status.stacks - 1, 0).any()


def test_no_qt_and_no_pytorch_in_the_daemon() -> None:
    code = (
        "import sys, livesr.daemon.serve; "
        "print([m for m in ('PySide6', 'pyqtgraph', 'torch', 'pymmcore_plus') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_other_addresses_ask_for_a_token(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loopback address with a token asked for stands for another one: tests open no port."""
    file = tmp_path / "token"
    served = Program(data, "--token-file", str(file))
    try:
        with monkeypatch.context() as another_user:
            another_user.setenv("LIVESR_STATE", str(tmp_path / "another"))
            assert run(["status", "--address", served.address]) == 2
        assert run(["status", "--address", served.address, "--token-file", str(file)]) == 0
        assert run(["status"]) == 0  # the daemon left where its token stands
    finally:
        said = served.end(signal.SIGTERM)
    assert str(file) in said
    assert file.read_text(encoding="utf-8").strip() not in said


def test_one_daemon_a_folder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served = Program(data)
    try:
        assert run(["serve", str(data), "--port", "0"]) == 5
        assert "another daemon serves this folder" in capsys.readouterr().err
        port = served.address.rsplit(":", 1)[1]
        assert run(["serve", str(data.parent / "b"), "--port", port]) == 2
        assert "nothing can listen" in capsys.readouterr().err
    finally:
        served.end(signal.SIGTERM)


def test_without_its_packages_serve_says_what_to_install(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "livesr.daemon.serve", None)
    assert run(["serve", str(data)]) == 2
    assert 'pip install "livesr[serve]"' in capsys.readouterr().err


def test_units(data: Path) -> None:
    unit = systemd_unit(data, "127.0.0.1", 8470)
    assert "KillMode=process" in unit  # or systemd would end the sessions with the daemon
    assert f"serve {data} --host 127.0.0.1 --port 8470" in unit
    task = windows_task(data.parent / "a & b", "127.0.0.1", 8470)
    assert "a &amp; b" in task
    assert "PT0S" in task
    assert os.path.basename(sys.executable) in task  # noqa: PTH119
