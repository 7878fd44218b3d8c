"""Threads, processes, queues and shutdown."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from livesr.flow import (
    Guest,
    GuestDiedError,
    Reply,
    StopToken,
    Waiting,
    Worker,
    requests,
    stop_on_signals,
)

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def echo(pipe: Connection, greeting: str) -> None:
    """A guest that answers, dies or sleeps on request."""
    pipe.send(Reply("ready", greeting))
    for request in requests(pipe):
        if request == "die":
            os._exit(3)
        if request == "sleep":
            time.sleep(60)
        pipe.send(Reply("done", request))


def test_waiting_every_gives_oldest_latest_gives_newest() -> None:
    for policy, order in (("every", [1, 2, 3]), ("latest", [3, 2, 1])):
        waiting: Waiting[int] = Waiting(policy)  # type: ignore[arg-type] # a str in the loop
        for item in (1, 2, 3):
            waiting.put(item)
        assert [waiting.take(0) for _ in range(3)] == order
        assert waiting.take(0) is None


def test_waiting_changes_the_oldest_in_place() -> None:
    waiting: Waiting[int] = Waiting("every")
    for item in (1, 2, 3):
        waiting.put(item)
    assert waiting.change_oldest(lambda n: n > 1, lambda n: -n) == 2
    assert waiting.drain() == [1, -2, 3]
    assert waiting.change_oldest(lambda _: True, lambda n: n) is None


def test_waiting_wakes_on_close() -> None:
    waiting: Waiting[int] = Waiting("every")
    threading.Timer(0.05, waiting.close).start()
    assert waiting.take(timeout_s=30) is None
    assert waiting.closed


def test_worker_keeps_order_and_works_off_before_it_closes() -> None:
    seen: list[int] = []
    worker: Worker[int] = Worker("w", seen.append, size=2, on_error=pytest.fail)
    for n in range(20):
        worker.put(n)
    worker.close()
    assert seen == list(range(20))


def test_worker_reports_the_first_error_once_and_drops_the_rest() -> None:
    seen: list[int] = []
    errors: list[Exception] = []

    def work(n: int) -> None:
        if n == 2:
            raise ValueError(str(n))
        seen.append(n)

    worker: Worker[int] = Worker("w", work, size=1, on_error=errors.append)
    for n in range(6):
        worker.put(n)
    worker.close()
    assert seen == [0, 1]
    assert [str(e) for e in errors] == ["2"]
    assert isinstance(worker.error, ValueError)


def test_guest_answers_and_ends_with_its_pipe() -> None:
    guest = Guest(echo, "hello")
    assert guest.receive(60) == Reply("ready", "hello")
    guest.send([1, 2])
    assert guest.receive(60) == Reply("done", [1, 2])
    guest.close()


def test_guest_that_dies_is_noticed() -> None:
    guest = Guest(echo, "hello")
    guest.receive(60)
    guest.send("die")
    with pytest.raises(GuestDiedError, match="exit code 3"):
        guest.receive(60)
    guest.close()


def test_guest_that_hangs_is_noticed_and_killed() -> None:
    guest = Guest(echo, "hello")
    guest.receive(60)
    guest.send("sleep")
    with pytest.raises(GuestDiedError, match="no answer"):
        guest.receive(0.05)
    guest.close(timeout_s=0.05)


def test_first_signal_ends_after_the_stack_second_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)  # a shell's background ignores it
    stop = StopToken()
    with stop_on_signals(stop):
        signal.raise_signal(signal.SIGINT)
        assert (stop.stopping, stop.now, stop.signal) == (True, False, signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stop.now
    assert signal.getsignal(signal.SIGINT) is before


def test_stop_keeps_the_first_reason() -> None:
    stop = StopToken()
    stop.stop("first")
    stop.stop_now("second")
    assert stop.reason == "first"


def test_a_pause_without_a_gate_holds_until_it_ends_or_the_session_does() -> None:
    stop = StopToken()
    assert not stop.pausing
    for end in (stop.go_on, stop.stop):
        stop.pause("lunch")
        assert stop.pausing
        assert stop.pause_asked == "lunch"
        timer = threading.Timer(0.2, end)
        timer.start()
        began = time.monotonic()
        stop.hold()
        assert time.monotonic() - began >= 0.1
        timer.join()
    assert stop.stopping
    assert not stop.pausing, "a session that ends holds nothing"
