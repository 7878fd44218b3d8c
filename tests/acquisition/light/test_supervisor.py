"""The light goes off when the program that lit it dies or hangs, and nothing is lit unwatched."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from lit_program import CONFIG

from livesr.acquisition.light import supervisor as supervising
from livesr.acquisition.light.dark import DarkRoom
from livesr.acquisition.light.path import LightPath
from livesr.acquisition.light.supervisor import Supervisor
from livesr.bench.lamp.box import lamp
from livesr.errors import HardwareError
from livesr.storage.folder import LIGHT_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livesr.bench.lamp.box import Lamp

PROGRAM = Path(__file__).with_name("lit_program.py")
WITHIN = LightPath((), {}, (), within=("Laser",))
LAMP = ("pyDevice", "Lamp", "livesr.bench.lamp.shutter", "LampShutter")
INITIALISE = ("Property", "Core", "Initialize", "1")


def wait_for(true: Callable[[], bool]) -> None:
    """Wait, at most the time that pytest leaves."""
    while not true():
        time.sleep(0.01)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Lamp]:
    with lamp(tmp_path / "lamp.log") as shining:
        yield shining


@contextmanager
def program(folder: Path, box: Lamp, doing: str) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """Run the program; yield it and its supervisor."""
    config = folder / "lamp.cfg"
    config.write_text(CONFIG.format(port=box.port), encoding="utf-8")
    running = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(config), str(folder), doing],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    try:
        said, pid = running.stdout.readline().split()
        assert said == doing
        yield psutil.Process(running.pid), psutil.Process(int(pid))
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def word(folder: Path) -> dict[str, Any]:
    """Return what the supervisor left in the folder."""
    path = folder / LIGHT_FILE
    wait_for(lambda: path.is_file() and path.read_text(encoding="utf-8").endswith("\n"))
    said = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(said, dict)
    return said


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_program_that_dies_leaves_no_light_on(tmp_path: Path, box: Lamp, how: str) -> None:
    with program(tmp_path, box, "exposing") as (running, _):
        assert box.shines()
        getattr(running, how)()
        said = word(tmp_path)
    assert not box.shines()
    assert said["why"] == "the acquisition died while exposing"
    assert said["off"] == ["Lamp closed"]
    assert said["failed"] == {}


def test_a_program_that_hangs_with_the_light_on_is_ended(tmp_path: Path, box: Lamp) -> None:
    with program(tmp_path, box, "exposing") as (running, _):
        running.suspend()
        said = word(tmp_path)
        wait_for(lambda: running.status() == psutil.STATUS_ZOMBIE or not running.is_running())
    assert not box.shines()
    assert "no sign of life for 1 s" in said["why"]
    assert said["failed"] == {}


def test_a_program_that_stands_still_in_the_dark_is_left_alone(tmp_path: Path, box: Lamp) -> None:
    with program(tmp_path, box, "waiting") as (running, watcher):
        running.suspend()
        time.sleep(2.0)
        assert running.is_running()
        assert watcher.is_running()
        running.resume()
    assert not box.shines()


def test_signals_of_a_terminal_do_not_reach_the_supervisor(tmp_path: Path, box: Lamp) -> None:
    with program(tmp_path, box, "exposing") as (running, watcher):
        watcher.terminate()
        running.kill()
        assert word(tmp_path)["off"] == ["Lamp closed"]


def test_it_ends_without_a_word_when_its_owner_does_so_in_order(tmp_path: Path) -> None:
    watching = Supervisor(WITHIN, folder=tmp_path, hang_after_s=5)
    watching.expect_ready()
    watching.says("exposing", lit=True)
    watching.says("waiting", lit=False)
    process = psutil.Process(watching.pid)
    watching.close()
    assert not process.is_running()
    assert not (tmp_path / LIGHT_FILE).exists()


def test_another_one_takes_over_and_after_some_the_session_ends(tmp_path: Path) -> None:
    told: list[str] = []
    watching = Supervisor(WITHIN, folder=tmp_path, hang_after_s=5)
    watching.listen(lambda event, **_: told.append(str(event)))
    try:
        for _ in range(supervising.DEATHS):
            watching.expect_ready()
            psutil.Process(watching.pid).kill()
            wait_for(lambda: not watching.alive)
        with pytest.raises(HardwareError, match="died 3 times") as error:
            watching.expect_ready()
        assert error.value.fix
    finally:
        watching.close()
    assert told == ["supervisor_started", "fault"] * supervising.DEATHS


def test_one_that_stands_still_itself_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "UNHEARD", 3)
    watching = Supervisor(WITHIN, folder=tmp_path, hang_after_s=5)
    try:
        watching.expect_ready()
        first = watching.pid
        psutil.Process(first).suspend()
        wait_for(lambda: watching.pid != first)
        watching.expect_ready()
    finally:
        watching.close()


def test_heartbeats_stop_when_the_thread_that_exposes_hangs(tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    watching = Supervisor(WITHIN, folder=tmp_path, hang_after_s=60)
    try:
        watching.expect_ready()
        watching.attend(lambda: 10.0, patience_s=5.0)
        watching._companion.say = lambda **message: said.append(message)  # type: ignore[method-assign]
        watching._said = {"doing": "exposing", "lit": True}
        watching._beat()
        assert not said
        watching._said = {"doing": "waiting", "lit": False}
        watching._beat()
        assert said
    finally:
        del watching._companion.say
        watching.close()


def test_a_light_that_fails_keeps_no_other_on(box: Lamp) -> None:
    gone = ("pyDevice", "Gone", *LAMP[2:])
    lines = (LAMP, gone, ("Property", "Lamp", "Port", str(box.port)))
    path = LightPath(("Gone", "Lamp"), {"Nothing": {"State": "0"}}, (*lines, INITIALISE))
    done = DarkRoom(path).switch_off()
    assert done.off == ["Lamp closed"]
    assert {"Gone", "Nothing.State"} <= set(done.failed)
    assert box.log.read_text(encoding="utf-8").endswith("off\n")
