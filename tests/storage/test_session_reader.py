"""Reading a session that runs, was interrupted, or is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from storage_helpers import SHAPE, STRUCTURES, make_info, make_masks, make_stack

from livesr.errors import StorageError
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.labels import LabelWriter
from livesr.storage.ledger import Ledger
from livesr.storage.reader import open_session
from livesr.types import Grid, StackIndex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Running:
    """A session that is being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / SESSION_FILE).write_text("name: night\nsegmentation:\n  policy: every\n")
        self.journal = Journal(folder / JOURNAL_FILE)
        self.journal.append(Event.SESSION_STARTED)
        self.images = [self.start_image(0)]
        self.grid = make_info().grid
        self.labels = LabelWriter.create(
            image_path(folder, 0), STRUCTURES, self.grid, 5, interval_s=30.0
        )

    def start_image(self, number: int) -> ImageWriter:
        writer = ImageWriter.create(image_path(self.folder, number), make_info(), name="night")
        self.journal.append(Event.SESSION_STARTED, images=number + 1, shape=SHAPE)
        return writer

    def store(self, t: int, image: int = 0) -> None:
        self.images[image].write_raw(t, make_stack(t))
        self.journal.append(Event.STACK_STORED, StackIndex(image, t))

    def segment(self, t: int, *, live: bool) -> None:
        self.labels.write(t, make_masks(t, self.grid))
        self.journal.append(Event.STACK_SEGMENTED, StackIndex(0, t), live=live)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    session = Running(tmp_path)
    yield session
    session.journal.close()


def test_a_viewer_follows_a_session_that_runs(running: Running) -> None:
    reader = open_session(running.folder)
    (image,) = reader.images
    assert reader.settings["segmentation"] == {"policy": "every"}
    assert image.stored() == set()
    assert not reader.refresh()
    running.store(0)
    running.segment(0, live=True)
    assert image.stored() == set()  # not before it was told
    assert reader.refresh()
    assert image.stored() == image.segmented() == {0}
    assert np.array_equal(image.raw(0, 1), make_stack(0)[1])
    assert np.array_equal(image.raw(0, 1, 2), make_stack(0)[1, 2])
    expected = make_masks(0, running.grid).volumes["er"]
    assert np.array_equal(image.mask("er", 0), expected)
    assert np.array_equal(image.mask("er", 0, 1), expected[1])
    running.start_image(1)
    running.images.append(ImageWriter.open(image_path(running.folder, 1)))
    running.store(0, image=1)
    assert reader.refresh()
    assert len(reader.images) == 2
    assert reader.images[1].stored() == {0}
    assert reader.images[1].structures == ()
    assert len(reader.journal()) == 6


def test_flags_of_a_stack_are_those_it_was_last_segmented_with(running: Running) -> None:
    reader = open_session(running.folder)
    flag = {"quantity": "noise", "value": 0.4, "low": 0.02, "high": 0.2}
    running.store(0)
    running.store(1)
    for t, flags in ((0, [flag]), (1, [])):
        running.journal.append(
            Event.STACK_SEGMENTED, StackIndex(0, t), live=True, strangeness=1.2, flags=flags
        )
    reader.refresh()
    assert reader.images[0].flags() == {0: [flag]}
    running.segment(0, live=False)  # again, by a package that says nothing
    reader.refresh()
    assert reader.images[0].flags() == {}


def test_what_the_image_says_of_itself(running: Running) -> None:
    image = open_session(running.folder / "image.ome.zarr").images[0]
    assert image.shape == (5, *SHAPE)
    assert image.channels == ("yellow", "red")
    assert image.voxel_um == (0.3, 0.0668, 0.0668)
    assert image.interval_s == 30.0
    assert image.structures == STRUCTURES
    assert image.mask_grid("er") == running.grid == image.grid


def test_masks_on_the_networks_grid_say_so(tmp_path: Path) -> None:
    running = Running(tmp_path)
    grid = Grid((8, 16, 21), (0.3, 0.1, 0.1))
    path = image_path(tmp_path, 1)
    running.start_image(1)
    LabelWriter.create(path, STRUCTURES, grid, 5, interval_s=30.0)
    assert open_session(tmp_path).images[1].mask_grid("er") == grid
    running.journal.close()


def test_what_exists_is_what_the_journal_says(running: Running) -> None:
    running.images[0].write_raw(0, make_stack(0))  # written, then killed before the journal
    image = open_session(running.folder).images[0]
    with pytest.raises(StorageError, match="t 0 is not stored"):
        image.raw(0, 0)
    running.journal.append(Event.STACK_STORED, StackIndex(0, 1))  # a dark stack: zeros, yet there
    reader = open_session(running.folder)
    assert reader.images[0].stored() == {1}
    assert not reader.images[0].raw(1, 0).any()
    with pytest.raises(StorageError, match="t 1 is not segmented"):
        reader.images[0].mask("er", 1)


def test_counts(running: Running) -> None:
    for t in range(5):
        running.store(t)
    running.segment(0, live=True)
    running.journal.append(Event.STACK_FAILED, StackIndex(0, 1), reason="engine died")
    running.segment(1, live=False)  # caught up
    running.journal.append(Event.STACK_FAILED, StackIndex(0, 2), reason="out of memory")
    running.journal.append(Event.FRAMES_LOST, StackIndex(0, 5), count=3)
    running.journal.append(Event.FAULT, what="segmenter restarted")
    reader = open_session(running.folder)
    status = reader.status()
    assert (status.stacks, status.segmented_live, status.segmented_later) == (5, 1, 1)
    assert (status.failed, status.pending, status.frames_lost, status.faults) == (1, 2, 3, 1)
    assert not status.finished
    assert reader.ledger.failed == {StackIndex(0, 2): "out of memory"}
    assert reader.ledger.pending() == [StackIndex(0, 3), StackIndex(0, 4)]
    running.journal.append(Event.SESSION_FINISHED)
    reader.refresh()
    assert reader.status().finished
    running.journal.append(Event.SESSION_RESUMED)
    reader.refresh()
    assert not reader.status().finished


def test_a_session_that_was_shortened_while_open(running: Running) -> None:
    running.store(0)
    reader = open_session(running.folder)
    assert reader.images[0].shape[0] == 5
    running.images[0].trim(1)
    assert reader.images[0].shape[0] == 1
    assert np.array_equal(reader.images[0].raw(0, 0), make_stack(0)[0])


def test_masks_that_were_replaced_while_open(running: Running) -> None:
    running.store(0)
    running.segment(0, live=True)
    image = open_session(running.folder).images[0]
    assert np.array_equal(image.mask("er", 0, 0), make_masks(0, running.grid).volumes["er"][0])
    running.labels.write(0, make_masks(8, running.grid))
    assert np.array_equal(image.mask("er", 0, 0), make_masks(8, running.grid).volumes["er"][0])


def test_an_image_half_created_waits(running: Running) -> None:
    reader = open_session(running.folder)
    path = image_path(running.folder, 1)
    path.mkdir()
    (path / "zarr.json").write_text("{}")
    running.store(0)
    reader.refresh()
    assert len(reader.images) == 1


def test_unknown_things_are_told(running: Running) -> None:
    running.store(0)
    running.segment(0, live=True)
    image = open_session(running.folder).images[0]
    with pytest.raises(StorageError, match="no masks of 'nucleos'") as caught:
        image.mask("nucleos", 0)
    assert "nucleus" in caught.value.fix
    for c, z in ((2, None), (-1, 0), (0, 3)):
        with pytest.raises(StorageError, match="there is no"):
            image.raw(0, c, z)


def break_session(folder: Path) -> None:
    (folder / SESSION_FILE).write_text("a: [1\nb: }")


def break_group(folder: Path) -> None:
    (folder / "image.ome.zarr" / "zarr.json").write_text('{"zarr_format": 3, "attri')


def break_array(folder: Path) -> None:
    (folder / "image.ome.zarr" / "0" / "zarr.json").write_bytes(b"")


def empty_metadata(folder: Path) -> None:
    (folder / "image.ome.zarr" / "zarr.json").write_text('{"attributes": {"ome": {}}}')


def break_journal(folder: Path) -> None:
    (folder / JOURNAL_FILE).write_text('{"event"\n{"event": "fault"}\n')


def incomplete_journal(folder: Path) -> None:
    (folder / JOURNAL_FILE).write_text('{"event": "stack_stored", "index": {"image": 0}}\n')


def no_image(folder: Path) -> None:
    (folder / "image.ome.zarr").rename(folder / "elsewhere.zarr")


def no_settings(folder: Path) -> None:
    (folder / SESSION_FILE).write_text("- 1\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_session, "session file is damaged"),
        (no_settings, "holds no settings"),
        (break_group, "no readable OME-Zarr"),
        (break_array, "image is damaged"),
        (empty_metadata, "image is damaged"),
        (break_journal, "line 1 of the journal"),
        (incomplete_journal, "incomplete"),
        (no_image, "no readable OME-Zarr"),
    ],
)
def test_damage_is_named(running: Running, damage: object, message: str) -> None:
    running.store(0)
    damage(running.folder)  # type: ignore[operator]
    with pytest.raises(StorageError, match=message) as caught:
        open_session(running.folder)
    assert caught.value.where
    assert caught.value.fix


def test_a_damaged_shard_costs_its_stack_alone(running: Running) -> None:
    running.store(0)
    running.store(1)
    shard = running.folder / "image.ome.zarr" / "0" / "c" / "0" / "0" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:100])
    image = open_session(running.folder).images[0]
    with pytest.raises(StorageError, match="image is damaged"):
        image.raw(0, 0)
    assert np.array_equal(image.raw(1, 0), make_stack(1)[0])


def test_no_session(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="this is no session"):
        open_session(tmp_path)


def test_ledger_of_nothing() -> None:
    assert Ledger().status().stacks == 0
