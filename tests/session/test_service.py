"""What systemd is told, over a socket of the test's own."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from memory_source import MemorySource
from test_session_run import RAW_ONLY

from livesr.flow import StopToken, Ticker, Worker
from livesr.session import run_session
from livesr.session.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from livesr.session import Plan
    from livesr.types import StackIndex

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets here")


class Manager:
    """A service manager: keeps the datagrams that came."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        lines: list[str] = []
        while True:
            try:
                lines += self._socket.recv(65536).decode().split("\n")
            except BlockingIOError:
                return lines

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    address = str(tmp_path / "notify")
    manager = Manager(address)
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield manager
    manager.close()


def test_a_session_says_that_it_runs_how_it_is_and_that_it_ends(
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    manager: Manager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    run_session(plan_of(MemorySource(timepoints=2), **RAW_ONLY), tmp_path / "s")
    heard = manager.heard()
    assert heard[0] == "READY=1"
    assert heard[1] == "STATUS=memory: 2 stacks planned"
    assert "WATCHDOG=1" in heard
    assert any(line.startswith("STATUS=stack 2/2") for line in heard)
    assert heard[-1] == "STOPPING=1"


def test_a_watchdog_is_answered_through_a_wait_but_not_in_a_hang(
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    manager: Manager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "600000")
    monkeypatch.setattr("livesr.stop._SLICE_S", 0.1)
    pings: dict[str, int] = {}

    def before(index: StackIndex, stop: StopToken) -> None:
        if index.t == 1:
            time.sleep(0.3)  # until all that was stored before is
            manager.heard()
            stop.wait(1.5)
            pings["waiting"] = manager.heard().count("WATCHDOG=1")
        if index.t == 2:
            time.sleep(1.0)
            manager.heard()
            time.sleep(1.0)
            pings["hung"] = manager.heard().count("WATCHDOG=1")

    run_session(plan_of(MemorySource(timepoints=3, before=before), **RAW_ONLY), tmp_path / "s")
    assert pings["waiting"] >= 2
    assert pings["hung"] == 0


@pytest.mark.parametrize(
    ("process", "microseconds", "seconds"),
    [("", "2000000", 2.0), ("1", "2000000", 0.0), ("own", "500", 0.0005), ("", "soon", 0.0)],
)
def test_whose_watchdog_it_is(
    monkeypatch: pytest.MonkeyPatch, process: str, microseconds: str, seconds: float
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if process == "own" else process)
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    assert Service.of_environment().watchdog_s == seconds


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Service.of_environment().ready("well")
    gone = Service(str(tmp_path / "gone"), watchdog_s=0.01)
    gone.status("two\nlines")
    with gone.watched(lambda _s: True):
        time.sleep(0.03)


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="abstract sockets exist on Linux only")  # noqa: PTH110
def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"livesr-test-{os.getpid()}"
    manager = Manager("\0" + name)
    monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
    Service.of_environment().status("two\nlines")
    assert manager.heard() == ["STATUS=two lines"]
    manager.close()


def test_signs_of_life_are_of_one_thread() -> None:
    stop = StopToken()
    stop.attend()
    time.sleep(0.05)
    other = threading.Thread(target=lambda: stop.now)
    other.start()
    other.join()
    assert stop.silence_s >= 0.05
    assert not stop.now
    assert stop.silence_s < 0.05


def test_a_worker_says_how_long_it_is_at_it() -> None:
    begun, end = threading.Event(), threading.Event()

    def work(_item: int) -> None:
        begun.set()
        end.wait()

    worker = Worker("test", work, size=1, on_error=lambda _error: None)
    assert worker.busy_s == 0
    worker.put(1)
    begun.wait()
    assert worker.busy_s > 0
    end.set()
    worker.close()
    assert worker.busy_s == 0


def test_a_ticker_ticks_until_its_block_ends() -> None:
    ticks: list[float] = []
    with Ticker("test", 0.01, lambda: ticks.append(time.monotonic())):
        time.sleep(0.1)
    count = len(ticks)
    assert count >= 2
    time.sleep(0.03)
    assert len(ticks) == count
