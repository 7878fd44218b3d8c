"""Pauses between two stacks, asked for or for want of room, and disks that fill within a write."""

from __future__ import annotations

import errno
import threading
import time
from typing import TYPE_CHECKING

import pytest
from memory_source import PLANES, MemorySource
from test_session_run import RAW_ONLY, assert_raw, events

from livesr.config import plain_session, session_from
from livesr.errors import DiskFullError
from livesr.flow import StopToken
from livesr.session import make_plan, room, run_session
from livesr.session.demo import demo_session
from livesr.storage import disk
from livesr.storage.folder import PAUSE_FILE, PLANES_FILE, STOP_FILE
from livesr.storage.image import ImageWriter
from livesr.storage.reader import open_session
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np

    from livesr.session import Plan, Progress
    from livesr.types import StackIndex

STACK = 2 * PLANES * 64 * 64 * 2
PLENTY = 2**40


class FakeDisk:
    """A disk whose free bytes are told."""

    def __init__(self) -> None:
        self.free = PLENTY

    def soon(self, free: int, seconds: float = 0.4) -> None:
        """Change them from another thread."""
        timer = threading.Timer(seconds, lambda: setattr(self, "free", free))
        timer.start()
        self._timers.append(timer)

    _timers: list[threading.Timer] = []  # noqa: RUF012 - one disk a test


@pytest.fixture
def fake_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDisk]:
    fake = FakeDisk()
    fake._timers = []
    monkeypatch.setattr(room, "free_bytes", lambda _folder: fake.free)
    yield fake
    for timer in fake._timers:
        timer.join()


def test_no_stack_begins_below_the_floor_until_there_is_room(
    plan_of: Callable[..., Plan], tmp_path: Path, fake_disk: FakeDisk
) -> None:
    told: list[str] = []

    def fill(index: StackIndex, _stop: StopToken) -> None:
        if index.t == 2:
            fake_disk.free = STACK // 2
            fake_disk.soon(PLENTY)

    source, folder = MemorySource(timepoints=5, before=fill), tmp_path / "s"

    def hear(progress: Progress) -> None:
        told.append(progress.paused)

    result = run_session(plan_of(source, **RAW_ONLY), folder, progress=hear)
    assert result.exit_code == 0
    assert_raw(folder, 5)
    (paused,), (continued,) = events(folder, "paused"), events(folder, "continued")
    assert paused["by"] == "disk"
    assert "left on the disk" in paused["reason"]
    assert continued["paused_s"] > 0
    journal = open_session(folder).journal()
    between = journal[journal.index(paused) + 1 : journal.index(continued)]
    assert not [e for e in between if e["event"] == "stack_stored" and e["index"]["t"] >= 2]
    assert any("left on the disk" in words for words in told)
    assert result.disk["pauses"] == 1


def test_a_session_without_room_ends_in_order(
    plan_of: Callable[..., Plan], tmp_path: Path, fake_disk: FakeDisk
) -> None:
    def fill(index: StackIndex, _stop: StopToken) -> None:
        if index.t == 2:
            fake_disk.free = 10

    folder = tmp_path / "s"
    storage = {"keep_free_gib": 0, "wait_for_room_min": 0.005}
    plan = plan_of(MemorySource(timepoints=5, before=fill), storage=storage, **RAW_ONLY)
    result = run_session(plan, folder)
    assert result.exit_code == 5
    assert "there was none for 0.005 min" in result.error.what
    assert_raw(folder, 2)
    assert len(events(folder, "paused")) == 1
    assert not events(folder, "continued")
    assert events(folder, "session_finished")[0]["stacks"] == 2
    assert not (folder / "spool").exists()


def test_room_that_will_not_last_is_told_while_there_is_some(
    plan_of: Callable[..., Plan], tmp_path: Path, fake_disk: FakeDisk
) -> None:
    def fill(index: StackIndex, _stop: StopToken) -> None:
        if index.t == 2:
            fake_disk.free = 9 * STACK

    folder = tmp_path / "s"
    plan = plan_of(MemorySource(timepoints=40, before=fill), **RAW_ONLY)
    result = run_session(plan, folder, stop=(stop := StopToken()), progress=_stop_at(stop, 4))
    assert len(result.outcome.stored) >= 4
    (warning,) = [e for e in events(folder, "disk") if "will not last" in e["what"]]
    assert warning["stacks_that_fit"] < warning["stacks_left"]
    assert "will not last" in (folder / "log.jsonl").read_text()


def test_a_disk_that_does_not_answer_has_no_room(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([PLENTY, PLENTY, None, None])

    def free(_folder: Path) -> int:
        answer = next(answers, PLENTY)
        if answer is None:
            raise OSError(errno.EIO, "Input/output error")
        return answer

    monkeypatch.setattr(room, "free_bytes", free)
    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=4), **RAW_ONLY), folder)
    assert result.exit_code == 0
    assert_raw(folder, 4)
    assert "does not say what is free" in (folder / "log.jsonl").read_text()


def _stop_at(stop: StopToken, stacks: int) -> Callable[[Progress], None]:
    def progress(now: Progress) -> None:
        if now.stacks >= stacks:
            stop.stop("enough")

    return progress


@pytest.mark.parametrize("by", ["token", "file"])
def test_a_pause_that_is_asked_for(plan_of: Callable[..., Plan], tmp_path: Path, by: str) -> None:
    folder, stop = tmp_path / "s", StopToken()
    begun: list[float] = []

    def pause() -> None:
        stop.pause("lunch") if by == "token" else (folder / PAUSE_FILE).touch()

    def go_on() -> None:
        stop.go_on() if by == "token" else (folder / PAUSE_FILE).unlink()

    timer = threading.Timer(0.6, go_on)

    def before(index: StackIndex, _stop: StopToken) -> None:
        begun.append(time.monotonic())
        if index.t == 1:
            pause()
            timer.start()

    result = run_session(
        plan_of(MemorySource(timepoints=3, before=before), **RAW_ONLY), folder, stop=stop
    )
    timer.join()
    assert result.exit_code == 0
    assert_raw(folder, 3)
    (paused,), (continued,) = events(folder, "paused"), events(folder, "continued")
    assert paused["by"] == "user"
    file_there = "there is a file pause in the session's folder"
    assert paused["reason"] == ("lunch" if by == "token" else file_there)
    assert continued["paused_s"] >= 0.3
    assert begun[2] - begun[1] >= 0.3


def test_a_stop_ends_a_pause(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    folder, stop = tmp_path / "s", StopToken()
    timer = threading.Timer(0.5, lambda: stop.stop("enough"))

    def before(index: StackIndex, stop: StopToken) -> None:
        if index.t == 1:
            stop.pause()
            timer.start()

    result = run_session(
        plan_of(MemorySource(timepoints=3, before=before), **RAW_ONLY), folder, stop=stop
    )
    timer.join()
    assert result.exit_code == 6
    assert_raw(folder, 1)


@pytest.mark.parametrize("says", ["", "now"])
def test_a_file_ends_the_session_and_is_taken_away(
    plan_of: Callable[..., Plan], tmp_path: Path, says: str
) -> None:
    folder = tmp_path / "s"

    def before(index: StackIndex, stop: StopToken) -> None:
        if index.t == 1:
            (folder / STOP_FILE).write_text(says, encoding="utf-8")
            assert stop.wait(10)
            assert stop.now == (says == "now")

    result = run_session(plan_of(MemorySource(timepoints=9, before=before), **RAW_ONLY), folder)
    assert len(result.outcome.stored) <= 2 < result.planned
    assert result.exit_code == 6
    assert "a file stop" in events(folder, "session_finished")[0]["stopped"]
    assert not (folder / STOP_FILE).exists()


def test_a_pause_delays_the_rest_of_a_plan_and_darkens_the_sample(tmp_path: Path) -> None:
    data = plain_session(demo_session(timepoints=3, field=64, planes=4, seed=3))
    data["segmentation"]["enabled"] = False
    data["sequence"]["time_plan"] = {"interval": 20, "loops": 3}
    plan, stop, folder = make_plan(session_from(data, where="test")), StopToken(), tmp_path / "s"
    core, lit = plan.source.core, []  # type: ignore[attr-defined] # a microscope's
    clock = plan.source._clock  # type: ignore[attr-defined]

    def hear(progress: Progress) -> None:
        if progress.paused:
            core.setShutterOpen(True)  # somebody's lamp is on: the next look is after the pause
            lit.append(core.getShutterOpen())
            clock.start(clock.now() + 100)  # time that passes meanwhile
            stop.go_on()
        elif progress.stacks == 1 and not lit:
            stop.pause("look")

    result = run_session(plan, folder, stop=stop, progress=hear)
    assert result.exit_code == 0
    assert lit == [True]
    starts = [e["time_s"] for e in events(folder, "stack_stored")]
    assert starts[1] - starts[0] >= 100
    assert starts[2] - starts[1] == pytest.approx(20, abs=2)


def full(path: str) -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", path)


@pytest.mark.parametrize("where", ["raw", "journal", "rows"])
def test_a_disk_that_fills_within_a_write_keeps_the_stack_until_there_is_room(
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fake_disk: FakeDisk,
    where: str,
) -> None:
    folder = tmp_path / "s"
    failing = {"left": 2, "since": 0.0}
    real_raw, real_whole = ImageWriter.write_raw, disk.write_whole

    def fail(name: str) -> None:
        failing["left"] -= 1
        failing["since"] = failing["since"] or time.monotonic()
        fake_disk.free = 2**30  # less; then it rises
        fake_disk.soon(PLENTY)
        raise full(name)

    def write_raw(self: ImageWriter, t: int, data: np.ndarray) -> None:
        if where == "raw" and t == 2 and failing["left"]:
            try:
                fail("shard")
            except OSError as error:
                raise disk.storage_error("not stored", error, self.path) from error
        real_raw(self, t, data)

    def write_whole(file: object, data: bytes, *, sync: bool = False) -> None:
        wanted = b"stack_stored" if where == "journal" else b"exposure_ms"
        if where != "raw" and wanted in data and b'"t": 2' in data and failing["left"]:
            fail("file")
        real_whole(file, data, sync=sync)  # type: ignore[arg-type] # a file

    monkeypatch.setattr(ImageWriter, "write_raw", write_raw)
    monkeypatch.setattr("livesr.storage.journal.write_whole", write_whole)
    monkeypatch.setattr("livesr.storage.tables.write_whole", write_whole)
    result = run_session(plan_of(MemorySource(timepoints=6), **RAW_ONLY), folder)
    assert failing["left"] == 0
    assert result.exit_code == 0
    assert_raw(folder, 6)
    assert len(events(folder, "stack_stored")) == 6
    rows = read_table(folder / PLANES_FILE)
    assert sorted((row["t"], row["z"]) for row in rows) == [
        (t, z) for t in range(6) for z in range(PLANES)
    ]
    waits, again = [e for e in events(folder, "disk") if "0, t 2" in e["what"]]
    assert "image 0, t 2 waits: the disk is full" in waits["what"]
    assert "there is room again" in again["what"]


def test_a_full_disk_that_stays_full_keeps_the_stack_in_the_spool(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ImageWriter.write_raw

    def write_raw(self: ImageWriter, t: int, data: np.ndarray) -> None:
        if t == 2:
            raise DiskFullError("the disk is full", where="here", fix="make room")
        real(self, t, data)

    monkeypatch.setattr(ImageWriter, "write_raw", write_raw)
    folder, storage = tmp_path / "s", {"keep_free_gib": 0, "wait_for_room_min": 0.01}
    result = run_session(plan_of(MemorySource(timepoints=9), storage=storage, **RAW_ONLY), folder)
    assert result.exit_code == 5
    assert_raw(folder, 2)
    assert (folder / "spool").exists()
    failed = [e["index"]["t"] for e in events(folder, "stack_failed")]
    assert 2 in failed
    assert all("the spool keeps" in e["reason"] for e in events(folder, "stack_failed"))


def test_masks_wait_for_room_and_the_acquisition_does_not(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    """The feeder asks again for a stack whose masks found the disk full."""
    from test_errors_beside_the_acquisition import FakeGuest

    from livesr.flow import Reply
    from livesr.session import feeder as feeding

    class FullOnce(FakeGuest):
        asked: list[int] = []  # noqa: RUF012

        def send(self, task: object) -> None:
            super().send(task)  # type: ignore[arg-type]
            FullOnce.asked.append(task.index.t)  # type: ignore[attr-defined]
            if FullOnce.asked == [0]:
                full_now = DiskFullError("masks: the disk is full", where="x", fix="y")
                self._replies[-1] = Reply("failed", full_now)

    folder = tmp_path / "s"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeding, "Guest", FullOnce)
        patch.setattr(room, "_RETRY_S", 0.1)
        result = run_session(plan_of(MemorySource(timepoints=3)), folder)
    assert result.exit_code == 0
    assert FullOnce.asked.count(0) == 2
    assert sorted(FullOnce.asked) == [0, 0, 1, 2]
    assert not events(folder, "paused")


def test_slow_disk_is_told(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ImageWriter.write_raw

    def slow(self: ImageWriter, t: int, data: np.ndarray) -> None:
        time.sleep(0.05)
        real(self, t, data)

    monkeypatch.setattr(ImageWriter, "write_raw", slow)
    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=16), **RAW_ONLY), folder)
    (said,) = events(folder, "disk")
    assert "the disk is slower than the camera" in said["what"]
    assert result.disk["slower_than_camera"]
    assert 0 < result.disk["slowest_mb_per_s"] <= result.disk["mb_per_s"] < 5
    stored = events(folder, "stack_stored")
    assert all(e["store_s"] >= 0.05 and 0 < e["stored_bytes"] < 2 * STACK for e in stored)
    assert result.disk["stored_bytes"] == sum(e["stored_bytes"] for e in stored)
