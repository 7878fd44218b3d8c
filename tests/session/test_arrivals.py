"""Planes are found in the spool as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from livesr.session.arrivals import Arrivals
from livesr.storage.spool import Spool, SpoolReader
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (2, 3, 8, 9)
FIRST, SECOND = StackIndex(0, 0), StackIndex(0, 1)


class Sent:
    """In place of what warps them."""

    def __init__(self) -> None:
        self.planes: dict[StackIndex, dict[tuple[int, int], np.ndarray]] = {}
        self.forgotten: list[StackIndex] = []
        self.times = 0

    def arrived(self, index: StackIndex, c: int, z: int, plane: np.ndarray) -> None:
        self.planes.setdefault(index, {})[c, z] = plane.copy()
        self.times += 1

    def forget(self, index: StackIndex) -> None:
        self.forgotten.append(index)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool", SHAPE, 2)
    yield spool
    spool.close(remove=False)


@pytest.fixture
def reader(spool: Spool) -> Iterator[SpoolReader]:
    reader = Spool.attach(spool.folder)
    yield reader
    reader.close()


def plane(value: int) -> np.ndarray:
    return np.full(SHAPE[2:], value, np.uint16)


def test_each_plane_is_sent_once_as_it_arrives(spool: Spool, reader: SpoolReader) -> None:
    sent = Sent()
    arrivals = Arrivals(reader, {SHAPE[1]: sent})
    arrivals.look()
    slot = spool.acquire(FIRST)
    slot.put(0, 0, plane(7))
    slot.put(1, 0, plane(8))
    arrivals.look()
    assert {at: int(p[0, 0]) for at, p in sent.planes[FIRST].items()} == {(0, 0): 7, (1, 0): 8}
    slot.put(0, 1, plane(9))
    arrivals.look()
    arrivals.look()
    assert sent.times == 3
    np.testing.assert_array_equal(sent.planes[FIRST][0, 1], plane(9))


def test_a_slot_that_is_used_again_is_another_stack(spool: Spool, reader: SpoolReader) -> None:
    sent = Sent()
    arrivals = Arrivals(reader, {SHAPE[1]: sent})
    slot = spool.acquire(FIRST)
    slot.put(0, 0, plane(7))
    arrivals.look()
    spool.release(slot.number)
    slot = spool.acquire(SECOND)
    arrivals.look()
    assert SECOND not in sent.planes
    slot.put(0, 2, plane(5))
    arrivals.look()
    assert list(sent.planes[SECOND]) == [(0, 2)]


def test_a_whole_stack_is_left_to_whoever_asks_for_its_masks(
    spool: Spool, reader: SpoolReader
) -> None:
    sent = Sent()
    slot = spool.acquire(FIRST)
    for c, z in np.ndindex(SHAPE[:2]):
        slot.put(c, z, plane(c + z))
    Arrivals(reader, {SHAPE[1]: sent}).look()
    assert not sent.planes


def test_a_stack_that_leaves_its_slot_while_it_is_read_is_forgotten(
    spool: Spool, reader: SpoolReader
) -> None:
    class Late(Sent):
        def arrived(self, index: StackIndex, c: int, z: int, plane: np.ndarray) -> None:
            super().arrived(index, c, z, plane)
            spool.release(slot.number)
            spool.acquire(SECOND)

    sent = Late()
    slot = spool.acquire(FIRST)
    slot.put(0, 0, plane(7))
    slot.put(0, 1, plane(7))
    Arrivals(reader, {SHAPE[1]: sent}).look()
    assert sent.times == 1
    assert sent.forgotten == [FIRST]


def test_what_is_asked_for_is_not_kept_waiting(spool: Spool, reader: SpoolReader) -> None:
    sent = Sent()
    arrivals = Arrivals(reader, {SHAPE[1]: sent})
    slot = spool.acquire(FIRST)
    for z in range(3):
        slot.put(0, z, plane(z))
    arrivals.look(until=lambda: sent.times == 2)
    assert sent.times == 2
    arrivals.look()
    assert sorted(sent.planes[FIRST]) == [(0, 0), (0, 1), (0, 2)]
    assert sent.times == 3
