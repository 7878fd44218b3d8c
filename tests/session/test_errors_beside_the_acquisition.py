"""What goes wrong beside the camera costs no frame, and is in the journal."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from memory_source import PLANES, SIDE, MemorySource
from test_session_run import RAW_ONLY, assert_raw, events

from livesr.errors import EngineError, StorageError
from livesr.flow import GuestDiedError, Reply, StopToken, Worker
from livesr.session import feeder as feeding
from livesr.session import files, run_session
from livesr.session.segmenter import Segmented
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.reader import open_session
from livesr.storage.spool import Spool
from livesr.storage.tables import RowLog
from livesr.types import Frame, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.pipeline import Task
    from livesr.session import Plan, Progress
    from livesr.session.job import Job


class FakeGuest:
    """Answers at once in the segmenter's place; dies with the stacks of ``deadly``.

    Its engine, a card, is lost with the first stack of ``lost``.
    """

    deadly: tuple[int, ...] = ()
    lost: int | None = None
    closed = 0

    def __init__(self, _target: object, job: Job) -> None:
        self.pid = 1
        self._on_card = "card" not in job.without
        self._replies = [Reply("ready", {"engine": "fake"})]

    def send(self, task: Task) -> None:
        if task.index.t in self.deadly:
            type(self).deadly = tuple(t for t in self.deadly if t != task.index.t)
            raise GuestDiedError("hung")
        if task.index.t == self.lost and self._on_card:
            error = EngineError("the card fell off the bus", engine="card")
            self._replies += [Reply("taken"), Reply("engine failed", ("card", error))]
            return
        self._replies += [
            Reply("taken"),
            Reply("done", Segmented([{"voxels": 1}], {"read": 0.0}, None)),
        ]

    def answers(self, _timeout_s: float) -> bool:
        return True

    def receive(self, _timeout_s: float) -> Reply:
        return self._replies.pop(0)

    def close(self, timeout_s: float = 20.0) -> None:  # noqa: ARG002 - a guest's signature
        type(self).closed += 1


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeGuest]:
    guest = type("OneFake", (FakeGuest,), {})
    monkeypatch.setattr(feeding, "Guest", guest)
    return guest


def test_the_next_best_engine_takes_over(
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    fake: type[FakeGuest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.lost = 1
    monkeypatch.setattr(feeding, "another", lambda without: without == ("card",))
    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=3)), folder)
    assert sorted([*result.outcome.live, *result.outcome.later]) == [
        StackIndex(0, t) for t in range(3)
    ]
    (fault,) = events(folder, "fault")
    assert fault["what"] == "engine card failed, the next best one takes over"
    assert fault["reason"] == "the card fell off the bus"
    assert len(events(folder, "segmenter_started")) == 2


@pytest.mark.parametrize("asked", ["auto", "openvino"])
def test_the_last_engine_and_one_by_name_are_not_replaced(
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    fake: type[FakeGuest],
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
) -> None:
    fake.lost = 1
    monkeypatch.setattr(feeding, "another", lambda _: asked != "auto")
    folder = tmp_path / "s"
    plan = plan_of(MemorySource(timepoints=3), segmentation={"engine": asked})
    result = run_session(plan, folder)
    assert result.outcome.failed == [StackIndex(0, 1)]
    assert len(events(folder, "segmenter_started")) == 1
    (failed,) = events(folder, "stack_failed")
    assert failed["reason"] == "the card fell off the bus"


def test_an_engine_whose_process_dies_twice_is_left(
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    fake: type[FakeGuest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.deadly = (1, 2)
    monkeypatch.setattr(StopToken, "wait", lambda self, _: self.stopping)
    monkeypatch.setattr(feeding, "another", lambda without: without == ("fake",))
    folder = tmp_path / "s"
    plan = plan_of(MemorySource(timepoints=4), segmentation={"policy": "every"})
    result = run_session(plan, folder)
    assert not result.outcome.failed
    said = [line["what"] for line in events(folder, "fault")]
    assert said.count("the segmenter died") == 2
    assert "engine fake died 2 times, the next best one takes over" in said


def test_the_acquisition_does_not_wait_for_the_segmenter(
    plan_of: Callable[..., Plan], tmp_path: Path, fake: type[FakeGuest]
) -> None:
    """It may compile for minutes; stacks wait for it, on the disk."""
    ready = threading.Event()
    fake.answers = lambda _self, timeout_s: ready.wait(timeout_s)

    def last(index: StackIndex, _stop: StopToken) -> None:
        if index.t == 2:
            ready.set()

    result = run_session(plan_of(MemorySource(timepoints=3, before=last)), tmp_path / "s")
    assert sorted([*result.outcome.live, *result.outcome.later]) == [
        StackIndex(0, t) for t in range(3)
    ]


def test_a_stop_at_once_ends_a_segmenter_that_is_not_ready(
    plan_of: Callable[..., Plan], tmp_path: Path, fake: type[FakeGuest]
) -> None:
    fake.answers = lambda _self, timeout_s: threading.Event().wait(timeout_s)

    def stop_at_1(index: StackIndex, stop: StopToken) -> None:
        if index.t == 1:
            stop.stop_now("enough")

    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=3, before=stop_at_1)), folder)
    assert result.outcome.failed == [StackIndex(0, 0)]
    assert fake.closed == 1
    said = [line.get("what") for line in open_session(folder).journal()]
    assert "the segmenter died" not in said


def test_stack_that_the_segmenter_died_with_is_caught_up(
    plan_of: Callable[..., Plan], tmp_path: Path, fake: type[FakeGuest]
) -> None:
    fake.deadly = (1,)
    result = run_session(plan_of(MemorySource(timepoints=3)), tmp_path / "s")
    ended = [*result.outcome.live, *result.outcome.later]
    assert sorted(ended) == [StackIndex(0, t) for t in range(3)]
    assert not result.outcome.failed
    assert fake.closed == 2, "one that hangs is ended too"


def test_stack_that_the_segmenter_dies_with_twice_fails(
    plan_of: Callable[..., Plan], tmp_path: Path, fake: type[FakeGuest]
) -> None:
    fake.send = lambda self, task: _die(task) if task.index.t == 1 else FakeGuest.send(self, task)  # type: ignore[method-assign] # dies each time
    result = run_session(plan_of(MemorySource(timepoints=3)), tmp_path / "s")
    assert result.outcome.failed == [StackIndex(0, 1)]
    assert "twice" in events(tmp_path / "s", "stack_failed")[0]["reason"]


def _die(_task: Task) -> None:
    raise GuestDiedError("gone")


@pytest.mark.parametrize(
    ("error", "code"), [(StorageError("full", where="x", fix="y"), 5), (ZeroDivisionError(), 4)]
)
def test_error_in_the_feeder_fails_its_stacks_and_the_exit_code_says_so(
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fake: type[FakeGuest],
    error: Exception,
    code: int,
) -> None:
    append = RowLog.append

    def fail(self: RowLog, row: dict) -> None:
        if "voxels" in row:
            raise error
        append(self, row)

    monkeypatch.setattr(RowLog, "append", fail)
    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=3)), folder)
    assert result.exit_code == code
    assert sorted(result.outcome.failed) == [StackIndex(0, t) for t in range(3)]
    assert not result.outcome.live
    assert fake.closed == 1
    assert_raw(folder, 3)
    status = open_session(folder).status()
    assert (status.finished, status.failed, status.pending) == (True, 3, 0)


def test_failing_progress_ends_nothing(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    calls: list[int] = []

    def broken(progress: Progress) -> None:
        calls.append(progress.stacks)
        raise BrokenPipeError

    source = MemorySource(timepoints=3)
    result = run_session(plan_of(source, **RAW_ONLY), tmp_path / "s", progress=broken)
    assert result.exit_code == 0
    assert calls == [1]


def test_stack_without_any_frame_is_journalled(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    source = MemorySource(timepoints=3, lose={(1, z) for z in range(PLANES)})
    result = run_session(plan_of(source, **RAW_ONLY), tmp_path / "s")
    assert result.exit_code == 6
    assert result.frames_lost == PLANES
    assert result.as_dict()["failed_stacks"] == ["image 0, t 1"]
    failed = events(tmp_path / "s", "stack_failed")
    assert [line["index"]["t"] for line in failed] == [1]
    assert open_session(tmp_path / "s").status().frames_lost == PLANES


def test_stacks_that_an_error_left_in_the_spool_are_journalled(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: ImageWriter, _t: int, _data: np.ndarray) -> None:
        raise StorageError("the disk is full", where="here", fix="make room")

    monkeypatch.setattr(ImageWriter, "write_raw", full)
    result = run_session(plan_of(MemorySource(timepoints=50), **RAW_ONLY), tmp_path / "s")
    assert result.exit_code == 5
    failed = {line["index"]["t"] for line in events(tmp_path / "s", "stack_failed")}
    assert 0 in failed
    assert failed == {index.t for index in result.outcome.failed}


def test_first_frame_that_does_not_fit_is_told_as_such(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    source = MemorySource(timepoints=2)
    source._frame = lambda index, z: Frame(  # type: ignore[method-assign] # the camera's region changed
        np.zeros((SIDE // 2, 2 * SIDE), np.uint16), index, z, 0, 0.0, (0.0, 0.0, 0.0), 50.0
    )
    result = run_session(plan_of(source, **RAW_ONLY), tmp_path / "s")
    assert result.exit_code == 5
    assert "region" in result.error.fix
    assert not (tmp_path / "s" / "spool").exists()


def test_cut_stack_is_stored_when_the_session_stops_before_the_next(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = Spool.acquire
    source = MemorySource(timepoints=3, lose={(0, PLANES - 1)})
    tokens: list[StopToken] = []
    source.before = lambda _index, stop: tokens.append(stop)

    def none_for_the_second(self: Spool, index: StackIndex, planes: int) -> object:
        if index.t == 1:
            tokens[0].stop_now("twice")
            return None
        return acquire(self, index, planes)

    monkeypatch.setattr(Spool, "acquire", none_for_the_second)
    result = run_session(plan_of(source, **RAW_ONLY), tmp_path / "s")
    assert list(result.outcome.stored) == [StackIndex(0, 0)]


def test_files_are_let_go_of_when_one_cannot_be_made(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full", where="here", fix="make room")

    monkeypatch.setattr(files, "session_image", full)
    with pytest.raises(StorageError):
        run_session(plan_of(MemorySource(), **RAW_ONLY), tmp_path / "s")
    assert not (tmp_path / "s" / "spool").exists()
    opened = [file.path for file in psutil.Process().open_files()]
    assert not [path for path in opened if path.startswith(str(tmp_path))]


def test_rows_that_do_not_reach_the_disk_cost_no_result(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = RowLog.close

    def full(self: RowLog) -> None:
        close(self)
        raise StorageError("the disk is full", where="here", fix="make room")

    monkeypatch.setattr(RowLog, "close", full)
    result = run_session(plan_of(MemorySource(), **RAW_ONLY), tmp_path / "s")
    assert len(result.outcome.stored) == 3
    assert not (tmp_path / "s" / "spool").exists()


def test_worker_outlives_an_error_that_cannot_be_told() -> None:
    def work(_: int) -> None:
        raise ValueError

    def untold(_: Exception) -> None:
        raise OSError

    worker: Worker[int] = Worker("w", work, size=1, on_error=untold)
    for n in range(5):
        worker.put(n)
    worker.close()
    assert isinstance(worker.error, ValueError)


def test_journal_is_json_whatever_a_path_is_called(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append(Event.FAULT, what="a name of other bytes: \udcff")
    line = (tmp_path / "journal.jsonl").read_text(encoding="utf-8")
    assert json.loads(line)["what"].endswith("\udcff")


def test_stop_at_once_is_no_death_of_the_segmenter(
    plan_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = StopToken()

    class Slow(FakeGuest):
        def answers(self, _timeout_s: float) -> bool:
            ready = bool(self._replies) and self._replies[0].kind == "ready"
            if not ready:
                stop.stop_now("twice")
            return ready

    monkeypatch.setattr(feeding, "Guest", Slow)
    folder = tmp_path / "s"
    result = run_session(plan_of(MemorySource(timepoints=2)), folder, stop=stop)
    assert not events(folder, "fault")
    reasons = {line["reason"] for line in events(folder, "stack_failed")}
    assert any("stopped before its turn" in reason for reason in reasons)
    assert result.outcome.failed
