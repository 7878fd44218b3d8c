"""What a daemon answers about a session."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from cellrecording import Recording
from daemon_serving import wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_within

from livesr.catalog import NAMES
from livesr.storage.reader import open_session
from livesr.viewer.loader import Loader, flattened
from livesr.viewer.state import View

if TYPE_CHECKING:
    from pathlib import Path

    from daemon_serving import Served

NIGHT = "/api/sessions/night"
connect = partial(connect_within, open_timeout=60)


def picture(content: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), 1), cv2.COLOR_BGR2RGB)


def test_status_says_all(shown: Served) -> None:
    status = shown.get(NIGHT).json()
    assert status["state"] == "interrupted"
    assert (status["stored"], status["segmented"], status["planned"]) == (2, 2, 6)
    (image,) = status["images"]
    assert image["structures"] == sorted(NAMES) or set(image["structures"]) == set(NAMES)
    assert image["channels"] == ["yellow", "red", "intensity", "ratio"]
    assert status["delay_s"] == 0.84
    daemon = shown.get("/api/status").json()
    assert daemon["running"] is None
    assert "simulated" in daemon["examples"]


@pytest.mark.parametrize(
    ("query", "view", "opacity"),
    [
        ("", View(), 0.5),
        ("t=0&z=1&channel=red&structures=er,nucleus&opacity=1",
         View(t=0, z=1, channel="red", structures=frozenset({"er", "nucleus"})), 1.0),
        ("z=max&channel=ratio&structures=none",
         View(z="max", channel="ratio", structures=frozenset()), 0.5),
        ("mode=masked&structures=all", View(masked=True, structures=frozenset(NAMES)), 0.5),
    ],
)  # fmt: skip
def test_the_overlay_is_the_viewers(shown: Served, query: str, view: View, opacity: float) -> None:
    answer = shown.get(f"{NIGHT}/overlay.png?{query}")
    assert answer.status_code == 200
    loader = Loader(open_session(shown.daemon.data.root / "night"))
    loader.refresh()
    wanted = loader.load(view)
    np.testing.assert_array_equal(picture(answer.content), flattened(wanted, opacity))
    assert answer.headers["x-livesr-t"] == str(wanted.t)
    assert answer.headers["x-livesr-z"] == str(wanted.z)
    assert answer.headers["x-livesr-masks"] == "1"


def test_a_small_overlay_says_its_scale(shown: Served) -> None:
    whole, small = (shown.get(f"{NIGHT}/overlay.png?size={size}") for size in (4096, 60))
    assert picture(whole.content).shape == (120, 120, 3)
    assert picture(small.content).shape == (60, 60, 3)
    scales = [float(answer.headers["x-livesr-um-per-pixel"]) for answer in (whole, small)]
    assert scales == pytest.approx([0.0668, 0.1336])


def test_many_who_watch_cost_one_drawing(shown: Served) -> None:
    drawn = shown.daemon.pictures.drawn
    with ThreadPoolExecutor(20) as watchers:
        path = f"{NIGHT}/overlay.png?opacity=0.37"
        answers = list(watchers.map(lambda _: shown.get(path), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert shown.daemon.pictures.drawn == drawn + 1
    again = shown.get(path, headers={"If-None-Match": answers[0].headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("z=99", 422), ("z=top", 422), ("z=-1", 422), ("channel=green", 422), ("t=5", 422),
        ("structures=ribosome", 422), ("size=5", 422), ("size=99999", 422), ("opacity=2", 422),
        ("image=3", 404), ("opacity=nan", 422), ("mode=x", 422),
    ],
)  # fmt: skip
def test_pictures_that_cannot_be(shown: Served, query: str, status: int) -> None:
    answer = shown.get(f"{NIGHT}/overlay.png?{query}")
    assert answer.status_code == status
    assert answer.json()["what"]


def test_journal_decisions_and_measurements_come_in_parts(shown: Served) -> None:
    first = shown.get(f"{NIGHT}/journal?most=2").json()
    rest = shown.get(f"{NIGHT}/journal?after={first['last']}").json()
    lines = first["lines"] + rest["lines"]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["event"] == "session_started"
    (decision,) = shown.get(f"{NIGHT}/decisions").json()["lines"]
    assert (decision["cause"], decision["number"]) == ("metaphase", len(lines))
    part = shown.get(f"{NIGHT}/measurements?after=1&most=2").json()
    assert [row["t"] for row in part["rows"]] == [1, 2]
    assert part["next"] == 3
    last = shown.get(f"{NIGHT}/measurements?after=5").json()
    assert last == {"rows": [], "next": 5}


def test_events_of_what_has_ended_end(shown: Served) -> None:
    with shown.http.stream("GET", f"{NIGHT}/events", headers={"Last-Event-ID": "4"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = answer.read().decode()
    numbers = [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]
    assert numbers == [5, 6]
    assert text.rstrip().endswith("event: end\ndata: {}")


def test_a_growing_session_is_streamed_and_drawn(served: Served, data: Path) -> None:
    """Of a session that somebody runs in the data folder, the daemon or not."""
    from livesr.session.alone import only_one

    recording = Recording(data / "live")
    address = served.address.replace("http", "ws") + "/api/sessions/live/stream"
    with only_one(recording.folder):
        assert served.get("/api/sessions/live/overlay.png").status_code == 404
        with connect(address) as one, connect(f"{address}?after=1") as other:
            assert json.loads(one.recv(60))["event"] == "session_started"
            recording.add(1)
            for socket in (one, other):
                events = [json.loads(socket.recv(60))["event"] for _ in range(2)]
                assert events == ["stack_stored", "stack_segmented"]
            assert served.get("/api/sessions/live/overlay.png").headers["x-livesr-t"] == "0"
            assert served.state("live") == "recording"
            assert served.daemon.hub.listeners == 2
            recording.finish()
            assert json.loads(one.recv(60))["event"] == "session_finished"
    wait_for(lambda: served.daemon.hub.listeners == 0)
    assert served.state("live") in {"finished", "stopped"}


@pytest.mark.parametrize("frame", ["words", b"\x00\xff", "{}", b""])
def test_a_socket_that_says_something_is_closed(served: Served, data: Path, frame: str) -> None:
    from livesr.session.alone import only_one

    recording = Recording(data / "live")
    recording.close()
    with (
        only_one(recording.folder),
        connect(served.address.replace("http", "ws") + "/api/sessions/live/stream") as socket,
    ):
        socket.recv(60)
        socket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(60)
    assert closed.value.rcvd.code == 1003


def test_bad_frames_are_refused(served: Served, data: Path) -> None:
    from livesr.session.alone import only_one

    recording = Recording(data / "live")
    recording.close()
    address = served.address.replace("http", "ws") + "/api/sessions/live/stream"
    with only_one(recording.folder):
        with connect(address) as socket:
            socket.recv(60)
            socket.send("x" * 5000)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(60)
            assert closed.value.rcvd.code in {1003, 1009}
        with connect(address) as socket:
            socket.recv(60)
            socket.socket.sendall(b"\xff\xff\xff\xff\xff\xff\xff\xff")  # reserved bits, no length
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(60)
    with pytest.raises(InvalidStatus):
        connect(address.replace("live", "none"))
    assert served.get("/api/status").status_code == 200


def test_a_damaged_session_is_told_and_hurts_no_other(served: Served, data: Path) -> None:
    Recording(data / "good").add(1).finish()
    shutil.copytree(data / "good", data / "bad")
    with (data / "bad" / "journal.jsonl").open("ab") as file:
        file.write(b"no line\n")
    answer = served.get("/api/sessions/bad")
    assert answer.status_code == 409
    assert "line 5 of the journal is damaged" in answer.json()["what"]
    assert {row["name"] for row in served.get("/api/sessions").json()} == {"good", "bad"}
    assert served.get("/api/sessions/good/overlay.png").status_code == 200


def test_metrics(shown: Served) -> None:
    answer = shown.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "livesr_disk_free_bytes" in answer.text
    assert "livesr_session_running 0.0" in answer.text


def test_a_note_waits_for_the_session(served: Served, data: Path) -> None:
    Recording(data / "live").close()
    answer = served.post("/api/sessions/live/notes", {"text": "drug added"})
    assert answer.status_code == 200
    (note,) = (data / "live" / "notes").glob("*.json")
    assert json.loads(note.read_text(encoding="utf-8"))["text"] == "drug added"


def test_a_session_has_its_page_once_it_is_there(served: Served, data: Path) -> None:
    Recording(data / "night").add(1).finish()
    missing = served.get(f"{NIGHT}/report.html")
    assert missing.status_code == 404
    assert "livesr report night" in missing.json()["mend"]
    assert not served.get(NIGHT).json()["report"]
    (data / "night" / "report.html").write_text("<h1>night</h1>", encoding="utf-8")
    there = served.get(f"{NIGHT}/report.html")
    assert there.text == "<h1>night</h1>"
    assert "sandbox" in there.headers["content-security-policy"]  # no script of it runs
    assert served.get(NIGHT).json()["report"]
