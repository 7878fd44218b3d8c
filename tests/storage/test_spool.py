"""The spool: bounded, reused, shared between processes, whole after a kill."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from storage_helpers import SHAPE, make_stack, start_python

from livesr.errors import StorageError
from livesr.storage import slot as slot_module
from livesr.storage.slot import slot_bytes
from livesr.storage.spool import Spool, slot_path
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool", SHAPE, 2, max_slots=3)
    yield spool
    spool.close(remove=True)
    assert not (tmp_path / "spool").exists()


def fill(spool: Spool, t: int) -> int:
    slot = spool.acquire(StackIndex(0, t))
    assert slot is not None
    stack = make_stack(t)
    for c, z in np.ndindex(SHAPE[:2]):
        slot.put(c, z, stack[c, z])
    return slot.number


def test_ring_is_bounded_grows_to_its_limit_and_reuses(spool: Spool) -> None:
    numbers = [fill(spool, t) for t in range(3)]
    assert sorted(numbers) == [0, 1, 2]
    assert spool.acquire(StackIndex(0, 3)) is None
    spool.release(numbers[1])
    again = spool.acquire(StackIndex(0, 4))
    assert again is not None
    assert again.number == numbers[1]
    assert not again.arrived.any()
    assert [slot.index for slot in spool.held()] == [StackIndex(0, t) for t in (0, 2, 4)]


def test_room_is_reserved_when_slots_are_made(spool: Spool) -> None:
    status = slot_path(spool.folder, 0).stat()
    assert status.st_size == slot_bytes(SHAPE)
    if hasattr(status, "st_blocks"):
        assert status.st_blocks * 512 >= slot_bytes(SHAPE)


def test_reader_sees_planes_as_they_arrive_and_copies(spool: Spool) -> None:
    reader = Spool.attach(spool.folder)
    assert reader.shape == SHAPE
    number = fill(spool, 7)
    assert reader.index(number) == StackIndex(0, 7)
    copy = reader.read(number, StackIndex(0, 7))
    assert np.array_equal(copy, make_stack(7))
    assert not reader.view(number).flags.writeable
    spool.release(number)
    with pytest.raises(StorageError, match="holds nothing"):
        reader.read(number, StackIndex(0, 7))
    assert np.array_equal(copy, make_stack(7))
    reader.close()


def test_complete_only_when_every_plane_arrived(spool: Spool) -> None:
    slot = spool.acquire(StackIndex(0, 0))
    assert slot is not None
    for c, z in np.ndindex(SHAPE[:2]):
        assert not slot.complete
        slot.data[c, z] = 1
        slot.mark(c, z)
    assert slot.complete


@pytest.mark.parametrize("image", [np.zeros((3, 3), np.uint16), np.zeros(SHAPE[2:], np.uint8)])
def test_a_plane_that_does_not_fit_is_refused(spool: Spool, image: np.ndarray) -> None:
    slot = spool.acquire(StackIndex(0, 0))
    assert slot is not None
    with pytest.raises(StorageError, match="a plane is"):
        slot.put(0, 0, image)
    assert not slot.arrived.any()


def test_threads_never_share_a_slot(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", (1, 1, 4, 4), 2, max_slots=4)
    clashes: list[int] = []

    def work(image: int) -> None:
        for t in range(60):
            slot = spool.acquire(StackIndex(image, t))
            if slot is None:
                continue
            slot.data[0, 0] = image
            if (slot.data != image).any() or slot.index != StackIndex(image, t):
                clashes.append(image)
            spool.release(slot.number)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not clashes
    assert not spool.held()
    spool.close(remove=True)


WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from livesr.storage.spool import Spool
from livesr.types import StackIndex
from storage_helpers import SHAPE, make_stack
spool = Spool(Path(sys.argv[1]), SHAPE, 2)
for t in (3, 4):
    slot = spool.acquire(StackIndex(0, t))
    slot.time_s = 12.5 * t
    for k, (c, z) in enumerate(np.ndindex(SHAPE[:2])):
        if t == 4 and k == 4:
            print("ready", flush=True)
            time.sleep(60)
        slot.put(c, z, make_stack(t)[c, z])
"""


def test_a_kill_leaves_stacks_for_the_next_run(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with start_python(WRITER, str(folder)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        process.kill()
        process.wait()
    spool = Spool(folder, SHAPE, 2)
    first, second = spool.held()
    assert (first.index, first.complete, first.time_s) == (StackIndex(0, 3), True, 37.5)
    assert np.array_equal(first.data, make_stack(3))
    assert (second.index, second.complete) == (StackIndex(0, 4), False)
    assert int(second.arrived.sum()) == 4
    assert np.array_equal(second.data[second.arrived], make_stack(4)[second.arrived])
    del first, second
    spool.close(remove=False)


def test_a_slot_cut_short_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    Spool(folder, SHAPE, 1).close(remove=False)
    path = slot_path(folder, 0)
    path.write_bytes(path.read_bytes()[:5000])
    spool = Spool(folder, SHAPE, 1)
    assert path.stat().st_size == slot_bytes(SHAPE)
    assert spool.acquire(StackIndex(0, 0)) is not None
    spool.close(remove=True)


def test_another_shape_replaces_empty_slots_but_never_stacks(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    Spool(folder, SHAPE, 1).close(remove=False)
    spool = Spool(folder, (1, 2, 8, 8), 1)
    assert spool.acquire(StackIndex(0, 5)) is not None
    spool.close(remove=False)
    with pytest.raises(StorageError, match="image 0, t 5"):
        Spool(folder, SHAPE, 1)


def test_no_room_is_told_before_anything_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool", SHAPE, 1, max_slots=2)
    fill(spool, 0)

    def full(handle: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(slot_module, "_reserve", full)
    with pytest.raises(StorageError, match="cannot grow: the disk is full"):
        spool.acquire(StackIndex(0, 1))
    assert np.array_equal(spool.held()[0].data, make_stack(0))
    assert not slot_path(spool.folder, 1).exists()
    spool.close(remove=True)


def test_reserving_without_fallocate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    spool = Spool(tmp_path / "spool", (2, 9, 300, 301), 1)
    assert slot_path(spool.folder, 0).stat().st_size == slot_bytes((2, 9, 300, 301))
    spool.close(remove=True)


def test_no_spool_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no spool"):
        Spool.attach(tmp_path)


def test_a_slot_holds_stacks_of_fewer_planes(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", SHAPE, 1)
    c, z, y, x = SHAPE
    slot = spool.acquire(StackIndex(1, 0), z - 1)
    assert slot is not None
    reader = Spool.attach(spool.folder)
    (waiting,) = list(reader.arriving())
    assert waiting[2].shape == (c, z - 1)
    low = make_stack(3)[:, : z - 1]
    for channel, plane in np.ndindex(c, z - 1):
        slot.put(channel, plane, low[channel, plane])
    assert slot.complete
    assert not list(reader.arriving())
    np.testing.assert_array_equal(reader.read(slot.number), low)
    spool.release(slot.number)
    assert spool.acquire(StackIndex(0, 1)) is slot
    assert slot.data.shape == (c, z, y, x)
    assert not slot.arrived.any()
    reader.close()
    spool.close(remove=True)
