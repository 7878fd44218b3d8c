"""The session's log: JSON lines, in parts, and never the reason for an end."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

import pytest

from livesr.session.log import session_log

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("livesr.test")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_the_log_has_parts_and_an_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with session_log(path, part_bytes=2000, parts=2):
        for number in range(100):
            log.warning("message %d", number)
    parts = sorted(tmp_path.iterdir())
    assert [part.name for part in parts] == ["log.jsonl", "log.jsonl.1", "log.jsonl.2"]
    assert all(part.stat().st_size <= 2000 for part in parts)
    oldest_first = [*sorted(parts[1:], reverse=True), path]
    kept = [json.loads(line)["message"] for part in oldest_first for line in _lines(part)]
    assert kept == [f"message {n}" for n in range(100 - len(kept), 100)]


def test_no_message_no_file(tmp_path: Path) -> None:
    with session_log(tmp_path / "log.jsonl"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_log_goes_on_in_its_file_where_it_cannot_turn_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_use(_source: str, _dest: str) -> None:
        raise PermissionError("another program reads it")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", in_use)
        with session_log(tmp_path / "log.jsonl", part_bytes=500, parts=2):
            for number in range(20):
                log.warning("message %d", number)
    assert len(_lines(tmp_path / "log.jsonl")) == 20


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a full disk to try")  # noqa: PTH110
def test_a_full_disk_costs_lines_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    path.symlink_to("/dev/full")
    with session_log(path):
        for _ in range(3):
            log.warning("lost")
    assert capsys.readouterr().err.count("the session's log lacks lines") == 1
