"""The journal: whole lines, durable, readable while it grows and after a kill."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livesr.errors import StorageError
from livesr.storage.journal import Event, Journal, JournalTail, read_journal
from livesr.types import StackIndex

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_says_event_time_and_stack(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(Event.STACK_STORED, StackIndex(1, 7), time_s=np.float64(2.5), bad=math.nan)
    line = path.read_text(encoding="utf-8")
    assert line.startswith('{"event": "stack_stored", "time": ')
    (entry,) = read_journal(path)
    assert datetime.fromisoformat(entry["time"]).tzinfo is not None
    assert entry["index"] == {"image": 1, "t": 7}
    assert entry["time_s"] == 2.5
    assert entry["bad"] is None


def test_every_line_is_synced_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync
    journal = Journal(tmp_path / "journal.jsonl")

    def count(handle: int) -> None:
        real(handle)
        synced.append((tmp_path / "journal.jsonl").stat().st_size)

    monkeypatch.setattr(os, "fsync", count)
    for t in range(3):
        journal.append(Event.STACK_STORED, StackIndex(0, t))
        assert len(synced) == t + 1
        assert synced[-1] == (tmp_path / "journal.jsonl").stat().st_size
    journal.close()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.integers(min_value=0, max_value=400))
def test_a_cut_anywhere_loses_the_cut_line_only(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path) as journal:
        for t in range(4):
            journal.append(Event.STACK_STORED, StackIndex(0, t), note="µ" * t)
    text = path.read_bytes()
    path.write_bytes(text[: max(len(text) - cut, 0)])
    whole = path.read_bytes().count(b"\n")
    assert [e["index"]["t"] for e in read_journal(path)] == list(range(whole))
    with Journal(path) as journal:  # goes on after the last whole line
        journal.append(Event.SESSION_RESUMED)
    assert [e["event"] for e in read_journal(path)] == ["stack_stored"] * whole + [
        "session_resumed"
    ]


@pytest.mark.parametrize("damage", [b"{half", b"[]", b'"text"', b"{}", b"\x00\x00", b"\xff\xfe"])
def test_a_damaged_earlier_line_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        for t in range(3):
            journal.append(Event.STACK_STORED, StackIndex(0, t))
    lines = path.read_bytes().split(b"\n")
    lines[1] = damage
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(StorageError, match="line 2") as caught:
        read_journal(path)
    assert "line 2" in caught.value.where
    assert caught.value.fix


def test_tail_gives_each_line_once_and_waits_for_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    tail = JournalTail(path)
    assert tail.read_new() == []
    journal = Journal(path)
    journal.append(Event.SESSION_STARTED)
    assert [e["event"] for e in tail.read_new()] == ["session_started"]
    with path.open("ab") as file:
        file.write(b'{"event": "fau')
        file.flush()
        assert tail.read_new() == []
        file.write(b'lt"}\n')
    assert [e["event"] for e in tail.read_new()] == ["fault"]
    assert tail.read_new() == []
    journal.close()


def test_threads_never_mix_their_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")

    def write(image: int) -> None:
        for t in range(20):
            journal.append(Event.STACK_STORED, StackIndex(image, t), pad="x" * 50 * image)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    entries = read_journal(tmp_path / "journal.jsonl")
    for image in range(4):
        mine = [e["index"]["t"] for e in entries if e["index"]["image"] == image]
        assert mine == list(range(20))


def test_disk_full_surfaces_at_once_and_leaves_earlier_lines_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(Event.STACK_STORED, StackIndex(0, 0))
    real = os.write

    def short_then_full(handle: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", full)
        return real(handle, bytes(data)[:9])

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", short_then_full)
    with pytest.raises(StorageError, match="disk is full") as caught:
        journal.append(Event.STACK_STORED, StackIndex(0, 1))
    assert caught.value.where == str(path)
    assert "free space" in caught.value.fix
    assert [e["index"]["t"] for e in read_journal(path)] == [0]
    monkeypatch.setattr(os, "write", real)
    journal.append(Event.STACK_STORED, StackIndex(0, 1))
    journal.close()
    assert [e["index"]["t"] for e in read_journal(path)] == [0, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_real_full_device(tmp_path: Path) -> None:
    link = tmp_path / "journal.jsonl"
    link.symlink_to("/dev/full")
    journal = Journal(link)
    with pytest.raises(StorageError, match="disk is full"):
        journal.append(Event.SESSION_STARTED)
    journal.close()


def test_no_journal_and_no_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no journal"):
        read_journal(tmp_path / "journal.jsonl")
    with pytest.raises(StorageError, match="cannot be opened"):
        Journal(tmp_path / "absent" / "journal.jsonl")


def test_lines_are_plain_json_whatever_is_given(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append(
            "decision",
            array=np.arange(2, dtype=np.uint16),
            path=tmp_path,
            nested={"a": (np.float32(1.5), float("inf")), 3: {1}},
        )
    entry = json.loads((tmp_path / "journal.jsonl").read_text(encoding="utf-8"))
    assert entry["array"] == [0, 1]
    assert entry["path"] == str(tmp_path)
    assert entry["nested"] == {"a": [1.5, None], "3": [1]}
