"""Sessions that are queued, held, ended and found again; processes stand for them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from daemon_serving import FAKE, Served, serving, wait_for

from livesr.daemon.children import lives
from livesr.daemon.errors import BusyError, UnknownError
from livesr.daemon.folder import BOOKS, DataFolder
from livesr.daemon.lane import Lane
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SIMULATED = {"example": "simulated"}


def start(served: Served, name: str, **more: object) -> str:
    answer = served.post("/api/sessions", {**SIMULATED, "name": name, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["name"])


def test_a_session_is_held_goes_on_and_ends(served: Served) -> None:
    name = start(served, "one_{counter}")
    assert name == "one_001"
    served.until(name, "recording")
    assert served.get("/api/status").json()["running"] == name
    assert served.post(f"/api/sessions/{name}/pause").json() == {"name": name, "done": "pausing"}
    served.until(name, "paused")
    assert served.post(f"/api/sessions/{name}/resume").status_code == 200
    served.until(name, "recording")
    assert served.post(f"/api/sessions/{name}/stop", {"now": True}).json()["done"] == "stopping"
    served.until(name, "stopped")
    assert served.get("/api/status").json()["running"] is None
    refused = served.post(f"/api/sessions/{name}/pause")
    assert refused.status_code == 409
    assert "does not run" in refused.json()["what"]


def test_a_stopped_session_goes_on_and_a_paused_one_ends(served: Served, data: Path) -> None:
    name = start(served, "one_{counter}")
    served.until(name, "recording")
    served.post(f"/api/sessions/{name}/pause")
    served.until(name, "paused")
    served.post(f"/api/sessions/{name}/stop")
    served.until(name, "stopped")
    assert not (data / name / "pause").exists()
    (data / name / "stop").touch()  # an old request does not end it again
    assert served.post(f"/api/sessions/{name}/resume").json()["done"] == "going on"
    served.until(name, "recording")


def test_one_after_the_other(served: Served) -> None:
    names = [start(served, "s_{counter}") for _ in range(3)]
    assert len(set(names)) == 3
    served.until(names[0], "recording")
    assert served.get("/api/status").json()["queue"] == names[1:]
    assert [served.state(name) for name in names[1:]] == ["queued", "queued"]
    assert served.get(f"/api/sessions/{names[2]}").json()["queue"] == 2
    assert served.post(f"/api/sessions/{names[1]}/stop").json()["done"] == "removed"
    assert served.get(f"/api/sessions/{names[1]}").status_code == 404
    served.post(f"/api/sessions/{names[0]}/stop")
    served.until(names[2], "recording")
    listed = {row["name"]: row["state"] for row in served.get("/api/sessions").json()}
    assert listed == {names[0]: "stopped", names[2]: "recording"}


def test_a_session_outlives_the_daemon_and_the_next_one_finds_it(data: Path) -> None:
    """The one lane is forgotten as a kill would have it: nothing is told to anybody."""
    with serving(data) as served:
        name, waits = start(served, "one_{counter}"), start(served, "two_{counter}")
        served.until(name, "recording")
        again = Lane(DataFolder(data), FAKE)
        assert again.running() == name
        assert again.queue() == [waits]
        again.pause(name)
        served.until(name, "paused")
        assert lives(again.jobs()[name])
        again.stop(waits)
        again.stop(name)
        wait_for(lambda: not lives(again.jobs()[name]))
        again.tick()
        assert again.jobs()[name].state == "ended"


def test_a_killed_session_is_interrupted_and_can_go_on(served: Served) -> None:
    name = start(served, "one_{counter}")
    served.until(name, "recording")
    os.kill(served.daemon.lane.jobs()[name].pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    served.until(name, "interrupted")
    served.post(f"/api/sessions/{name}/resume")
    served.until(name, "recording")


def test_a_process_whose_number_another_one_got_is_not_taken_for_it(data: Path) -> None:
    folder = DataFolder(data)
    (folder.books / "old.job.json").write_text(
        f'{{"name": "old", "order": 1, "state": "started", "pid": {os.getpid()}, "born": 1.0}}',
        encoding="utf-8",
    )
    (folder.books / "odd.job.json").write_text('{"name": "../odd", "order": 1}', encoding="utf-8")
    (folder.books / "torn.job.json").write_text('{"name": "to', encoding="utf-8")
    lane = Lane(folder, FAKE)
    assert set(lane.jobs()) == {"old"}
    assert psutil.pid_exists(os.getpid())
    assert lane.running() is None
    lane.tick()
    assert lane.jobs()["old"].state == "ended"
    with pytest.raises(BusyError, match="does not run"):
        lane.stop("old")


@pytest.mark.parametrize("name", ["..", ".daemon", "a/b", "a\\b", "", "x" * 300, "a\0b"])
def test_names_that_lead_elsewhere_are_refused(data: Path, name: str) -> None:
    folder = DataFolder(data)
    with pytest.raises(ConfigError, match="is no session's name"):
        folder.session(name)
    for ask in (Lane(folder, FAKE).pause, Lane(folder, FAKE).go_on):
        with pytest.raises(ConfigError):
            ask(name)


def test_a_link_to_elsewhere_is_no_session(data: Path, tmp_path: Path) -> None:
    folder = DataFolder(data)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "session.yaml").write_text("calibration: none\n", encoding="utf-8")
    try:
        (data / "linked").symlink_to(tmp_path / "other", target_is_directory=True)
    except OSError:
        pytest.skip("this user may make no links here")
    assert folder.sessions() == []
    with pytest.raises(ConfigError, match="is no session's name"):
        Lane(folder, FAKE).go_on("linked")
    assert not list((tmp_path / "other").glob("pause"))


def test_what_is_not_there_is_told(data: Path) -> None:
    lane = Lane(DataFolder(data), FAKE)
    for ask in (lane.pause, lane.go_on, lane.stop):
        with pytest.raises(UnknownError, match="no session 'none'"):
            ask("none")
    assert sorted(path.name for path in data.iterdir()) == [BOOKS]
