"""Programs beside a session, whose end nobody waits for."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from livesr.cli import launch
from livesr.cli import run as verb

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that were begun; none is run."""
    commands: list[list[str]] = []

    def begin(command: list[str], **_: Any) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(pid=0, returncode=None)

    monkeypatch.setattr(launch.subprocess, "Popen", begin)
    monkeypatch.setattr(launch.psutil, "Process", lambda _: SimpleNamespace(nice=lambda _: None))
    monkeypatch.delenv(launch.REPORT, raising=False)
    return commands


def test_the_page_is_left_to_a_process_of_its_own(begun: list[list[str]], tmp_path: Path) -> None:
    launch.leave_report(tmp_path, wanted=True)
    assert begun == [[sys.executable, "-P", "-m", "livesr", "report", str(tmp_path)]]


def test_no_page_where_none_is_wanted(
    begun: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch.leave_report(tmp_path, wanted=False)
    monkeypatch.setenv(launch.REPORT, "off")
    launch.leave_report(tmp_path, wanted=True)
    assert begun == []


def test_a_page_that_cannot_be_begun_fails_no_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> subprocess.Popen[bytes]:
        raise OSError("no processes left")

    monkeypatch.setattr(launch.subprocess, "Popen", refuse)
    monkeypatch.delenv(launch.REPORT, raising=False)
    launch.leave_report(tmp_path, wanted=True)
    assert "no report: no processes left" in capsys.readouterr().err


@pytest.mark.parametrize(("stored", "asked", "pages"), [(1, True, 1), (1, False, 0), (0, True, 0)])
def test_a_session_that_stored_something_gets_its_page(
    begun: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    stored: int, asked: bool, pages: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(verb, "report", lambda _result, _as_json: 6)
    result = SimpleNamespace(folder=tmp_path, outcome=SimpleNamespace(stored=[0] * stored))
    session = SimpleNamespace(storage=SimpleNamespace(report=asked))
    assert verb.closed(result, session, as_json=True) == 6
    assert len(begun) == pages
