from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

from livesr.catalog import NAMES
from livesr.latest import Latest
from livesr.storage.reader import open_session
from livesr.viewer import worker as worker_module
from livesr.viewer.loader import Loader
from livesr.viewer.state import View
from livesr.viewer.worker import PictureWorker, Update

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cellrecording import Recording


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "REFRESH_S", 0.02)
    monkeypatch.setattr(worker_module, "STILL_S", 0.0)


def wait_for(worker: PictureWorker, accept: Callable[[Update], bool]) -> Update:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        update = worker.updates.take()
        if update is not None and accept(update):
            return update
        time.sleep(0.005)
    raise AssertionError("the update never came")


def test_the_slot_keeps_the_newest_and_counts_what_was_lost() -> None:
    slot: Latest[int] = Latest()
    assert slot.take() is None
    for item in (1, 2, 3):
        slot.put(item)
    assert (slot.take(), slot.take(), slot.overwritten) == (3, None, 2)


def test_the_picture_asked_for_comes(recorded: Path) -> None:
    with PictureWorker(Loader(open_session(recorded)), View()) as worker:
        first = wait_for(worker, lambda u: u.picture is not None)
        assert first.progress.stored == 3
        worker.show(View(t=1, channel="red", z="max"))
        wait_for(
            worker,
            lambda u: u.picture is not None and (u.picture.t, u.picture.channel) == (1, "red"),
        )


def test_views_that_are_overtaken_are_not_drawn(recorded: Path) -> None:
    drawn: list[int | None] = []
    holding, held = threading.Event(), threading.Event()

    class Slow(Loader):
        def load(self, view: View) -> object:
            drawn.append(view.t)
            held.set()
            holding.wait(20)
            return super().load(view)

    with PictureWorker(Slow(open_session(recorded)), View(t=0)) as worker:
        assert held.wait(20)
        for t in (1, 0, 1, 2):
            worker.show(View(t=t))
        holding.set()
        wait_for(worker, lambda u: u.picture is not None and u.picture.t == 2)
    assert drawn == [0, 2]


def test_volumes_follow_the_picture(recorded: Path) -> None:
    with PictureWorker(Loader(open_session(recorded)), View(t=2)) as worker:
        update = wait_for(worker, lambda u: len(u.volumes) == len(NAMES))
    assert update.picture is not None
    assert update.picture.t == 2
    assert update.volumes["nucleus"] == volume_in(recorded, 2, "nucleus")


def volume_in(folder: Path, t: int, name: str) -> float:
    loader = Loader(open_session(folder))
    loader.refresh()
    return loader.volume(0, t, name)


def test_new_stacks_appear_by_themselves(growing: Recording) -> None:
    with PictureWorker(Loader(open_session(growing.folder)), View()) as worker:
        assert wait_for(worker, lambda u: bool(u.scenes)).picture is None
        growing.add(1)
        wait_for(worker, lambda u: u.picture is not None and u.picture.t == 0)
        growing.add(1)
        wait_for(worker, lambda u: u.picture is not None and u.picture.t == 1)


def test_a_frozen_view_does_not_move(growing: Recording) -> None:
    growing.add(1)
    with PictureWorker(Loader(open_session(growing.folder)), View(t=0)) as worker:
        wait_for(worker, lambda u: u.picture is not None)
        growing.add(1)
        update = wait_for(worker, lambda u: u.progress.stored == 2)
    assert update.picture is not None
    assert update.picture.t == 0


def test_a_folder_that_goes_is_told_and_the_picture_stays(growing: Recording) -> None:
    growing.add(1)
    with PictureWorker(Loader(open_session(growing.folder)), View()) as worker:
        wait_for(worker, lambda u: u.picture is not None)
        growing.close()
        away = growing.folder.with_name("away")
        shutil.move(growing.folder, away)
        gone = wait_for(worker, lambda u: "gone" in u.problem)
        assert gone.picture is not None
        shutil.move(away, growing.folder)
        wait_for(worker, lambda u: not u.problem)


def test_levels_are_set_anew_on_request(recorded: Path) -> None:
    with PictureWorker(Loader(open_session(recorded)), View(t=0, z=1)) as worker:
        first = wait_for(worker, lambda u: u.picture is not None).picture
        worker.relevel()
        again = wait_for(worker, lambda u: u.picture is not first).picture
    assert first is not None
    assert again is not None
    assert again.levels == first.levels
