"""Notes into a session, from any process, while it runs and afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from memory_source import MemorySource
from test_session_run import RAW_ONLY, events

from livesr.cli.app import register, run
from livesr.errors import ConfigError
from livesr.session import run_session
from livesr.session.notes import SessionTime, take_into_closed
from livesr.storage.folder import NOTES_FOLDER
from livesr.storage.notes import drop_note, waiting_notes
from livesr.viewer.progress import notes_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.flow import StopToken
    from livesr.session import Plan
    from livesr.types import StackIndex


def test_a_note_from_another_process_while_it_runs(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    folder = tmp_path / "session"
    said: list[subprocess.CompletedProcess[str]] = []

    def before(index: StackIndex, _stop: StopToken) -> None:
        if index.t == 2:
            command = [sys.executable, "-m", "livesr", "note", str(folder), "drug: ünï", "--json"]
            said.append(
                subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            )

    run_session(plan_of(MemorySource(timepoints=3, before=before), **RAW_ONLY), folder)
    assert said[0].returncode == 0, said[0].stderr
    assert json.loads(said[0].stdout)["journalled"] is True
    (note,) = events(folder, "note")
    assert note["text"] == "drug: ünï"
    assert note["time_s"] >= 1.0  # the second frame's stamp
    assert not (folder / NOTES_FOLDER).exists()


def test_notes_of_a_session_that_nobody_runs(
    plan_of: Callable[..., Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "session"
    run_session(plan_of(MemorySource(timepoints=1), **RAW_ONLY), folder)
    drop_note(folder, "left when it was killed")
    register(["note"])
    assert run(["note", str(folder), "found dry"]) == 0
    assert "noted in" in capsys.readouterr().err
    texts = [line["text"] for line in events(folder, "note")]
    assert texts == ["left when it was killed", "found dry"]
    assert take_into_closed(folder) == 0


def test_a_damaged_note_is_left_alone(tmp_path: Path) -> None:
    drop_note(tmp_path, "good")
    for name, text in (("a.json", "{"), ("b.json", "[]"), ("c.json", '{"text": "x"}')):
        (tmp_path / NOTES_FOLDER / name).write_text(text)
    assert [note.text for note in waiting_notes(tmp_path)] == ["good"]


@pytest.mark.parametrize("text", ["", "  ", "a" * 2001])
def test_notes_that_say_nothing_or_too_much(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="characters"):
        drop_note(tmp_path, text)


def test_no_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(["note"])
    assert run(["note", str(tmp_path), "x"]) == 5
    assert "no journal.jsonl" in capsys.readouterr().err


def test_the_sessions_time_at_a_moment() -> None:
    clock = SessionTime(stands_still=False)
    now = datetime.now(UTC)
    assert clock.at(now) is None
    clock.frame(100.0)
    assert clock.at(datetime.now(UTC) + timedelta(seconds=30)) == pytest.approx(130, abs=1)
    assert clock.at(now - timedelta(hours=1)) == 0.0
    still = SessionTime(stands_still=True)
    still.frame(100.0)
    assert still.at(now + timedelta(seconds=30)) == 100.0


def test_notes_belong_to_the_first_stack_after_them() -> None:
    def stored(t: int, time_s: float, image: int = 0) -> dict[str, object]:
        return {"event": "stack_stored", "index": {"image": image, "t": t}, "time_s": time_s}

    journal = [
        stored(0, 0.0),
        {"event": "note", "text": "a", "time_s": 5.0},
        stored(1, 10.0),
        {"event": "note", "text": "b", "time_s": 12.0},
        {"event": "note", "text": "c", "time_s": None},
    ]
    assert notes_of(journal, 0) == ((1, "a"), (1, "b"), (1, "c"))
    assert notes_of([*journal, stored(2, 20.0)], 0) == ((1, "a"), (2, "b"), (2, "c"))
    assert notes_of(journal, 1) == ()
