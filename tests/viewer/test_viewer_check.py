from __future__ import annotations

import subprocess
import sys

import pytest

from livesr.viewer import check


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux without a display and without a choice of platform."""
    monkeypatch.setattr(check.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def outcome(monkeypatch: pytest.MonkeyPatch, code: int, stdout: str = "", stderr: str = "") -> None:
    done = subprocess.CompletedProcess([], code, stdout, stderr)
    monkeypatch.setattr(check.subprocess, "run", lambda *_, **__: done)


def test_offscreen_works_here() -> None:
    assert check.unavailable(offscreen=True) is None


@pytest.mark.usefixtures("linux")
def test_no_display_is_said_before_qt_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.subprocess, "run", lambda *_, **__: pytest.fail("Qt was started"))
    reason = check.unavailable()
    assert reason is not None
    assert "DISPLAY" in reason
    assert "--headless" in reason


@pytest.mark.usefixtures("linux")
def test_a_display_that_answers_nobody_ends_the_probe_not_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    reason = check.unavailable()
    assert reason is not None
    assert "Qt does not start" in reason
    assert "libxcb-cursor0" in reason


@pytest.mark.usefixtures("linux")
def test_a_missing_library_names_itself_and_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = "ImportError: libEGL.so.1: cannot open shared object file"
    outcome(monkeypatch, 1, stderr=f"Traceback …\n{missing}\n")
    reason = check.unavailable(offscreen=True)
    assert reason is not None
    assert missing in reason
    assert "apt install" in reason
    assert "libegl1" in reason


def test_a_probe_that_hangs_or_dies_in_silence_is_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome(monkeypatch, -6)
    assert check.unavailable(offscreen=True) is not None

    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("python", 1)

    monkeypatch.setattr(check.subprocess, "run", hang)
    assert check.unavailable(offscreen=True) is not None


def test_the_bad_release_of_qt_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.metadata, "version", lambda _: "6.12.0")
    reason = check.unavailable(offscreen=True)
    assert reason is not None
    assert "!=6.12.0" in reason


def test_qt_that_is_not_installed_says_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> str:
        raise check.metadata.PackageNotFoundError

    monkeypatch.setattr(check.metadata, "version", missing)
    reason = check.unavailable()
    assert reason is not None
    assert "pip install" in reason


def test_offscreen_on_windows_finds_the_systems_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.sys, "platform", "win32")
    monkeypatch.setenv("SYSTEMROOT", r"D:\Windows")
    monkeypatch.delenv("QT_QPA_FONTDIR", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "windows")
    check.use_offscreen()
    assert check.os.environ["QT_QPA_PLATFORM"] == "offscreen"
    assert check.os.environ["QT_QPA_FONTDIR"] == r"D:\Windows\Fonts"
    monkeypatch.delenv("QT_QPA_FONTDIR")


def test_asking_does_not_load_qt() -> None:
    program = (
        "import sys; from livesr.viewer import check, run; "
        "print([m for m in sys.modules if m.split('.')[0] in ('PySide6', 'pyqtgraph')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
