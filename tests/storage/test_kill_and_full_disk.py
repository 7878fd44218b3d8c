"""What a kill or a full disk leaves: every stack that the journal lists, whole."""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from storage_helpers import STRUCTURES, make_info, make_masks, make_stack, start_python

from livesr.errors import StorageError
from livesr.storage import ngff
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal, read_journal
from livesr.storage.labels import LabelWriter
from livesr.storage.reader import open_session
from livesr.types import StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROUNDS = 3
SHAPE = (2, 6, 128, 160)

# Goes on wherever the last one was killed, as a resumed session does.
WRITER = """
import sys
from pathlib import Path
from storage_helpers import STRUCTURES, make_info, make_masks, make_stack
from livesr.storage.folder import JOURNAL_FILE, SESSION_FILE, image_path
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Event, Journal
from livesr.storage.labels import LabelWriter, label_names
from livesr.storage.reader import open_session
from livesr.types import StackIndex
folder, shape = Path(sys.argv[1]), (2, 6, 128, 160)
info = make_info(shape=shape, timepoints=4)
path = image_path(folder, 0)
stored = open_session(folder).images[0].stored() if (path / "0" / "zarr.json").exists() else set()
image = ImageWriter.open(path) if stored else ImageWriter.create(path, info, name="test")
if label_names(path):
    labels = LabelWriter.open(path)
else:
    labels = LabelWriter.create(path, STRUCTURES, info.grid, 4, interval_s=1.0)
journal = Journal(folder / JOURNAL_FILE)
print("ready", flush=True)
for t in range(max(stored, default=-1) + 1, 100_000):
    image.write_raw(t, make_stack(t, shape))
    journal.append(Event.STACK_STORED, StackIndex(0, t))
    labels.write(t, make_masks(t, info.grid))
    journal.append(Event.STACK_SEGMENTED, StackIndex(0, t), live=True)
"""


def test_every_stack_in_the_journal_outlives_kills_at_any_moment(tmp_path: Path) -> None:
    (tmp_path / SESSION_FILE).write_text("name: killed\n")
    moments = random.Random(60_000)  # noqa: S311, no secret
    seen = 0
    for _ in range(ROUNDS):
        with start_python(WRITER, str(tmp_path)) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            time.sleep(moments.uniform(0.02, 0.4))
            process.kill()
        image = open_session(tmp_path).images[0]
        assert image.stored() == set(range(len(image.stored())))  # no gap, none lost before
        assert len(image.stored()) >= seen
        for t in sorted(image.stored()):
            for c in range(2):
                assert np.array_equal(image.raw(t, c), make_stack(t, SHAPE)[c])
        for t in sorted(image.segmented()):
            volumes = make_masks(t, image.grid).volumes
            assert all(np.array_equal(image.mask(n, t), volumes[n]) for n in STRUCTURES)
        seen = len(image.stored())
    assert seen > ROUNDS


class Session:
    """Image, labels and journal with two stacks stored and segmented."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        info = make_info(shape=SHAPE)
        (folder / SESSION_FILE).write_text("name: full\n")
        path = image_path(folder, 0)
        self.image = ImageWriter.create(path, info, name="full")
        self.labels = LabelWriter.create(path, STRUCTURES, info.grid, 5, interval_s=1.0)
        self.journal = Journal(folder / JOURNAL_FILE)
        for t in range(2):
            self.store(t)

    def store(self, t: int) -> None:
        self.image.write_raw(t, make_stack(t, SHAPE))
        self.journal.append(Event.STACK_STORED, StackIndex(0, t))
        self.labels.write(t, make_masks(t, make_info(shape=SHAPE).grid))
        self.journal.append(Event.STACK_SEGMENTED, StackIndex(0, t), live=True)

    def check(self, count: int) -> None:
        """Everything journalled is there and right, and nothing else is listed."""
        image = open_session(self.folder).images[0]
        assert image.stored() == image.segmented() == set(range(count))
        for t in range(count):
            assert np.array_equal(image.raw(t, 1), make_stack(t, SHAPE)[1])
            volumes = make_masks(t, image.grid).volumes
            assert np.array_equal(image.mask("er", t), volumes["er"])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path)
    yield session
    session.journal.close()


class FullStore:
    """An array on a disk that takes nothing more."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __getitem__(self, index: object) -> FullStore:
        return self

    def write(self, _data: object, **_options: bool) -> FullStore:
        return self

    def exception(self) -> Exception:
        return ValueError("RESOURCE_EXHAUSTED: No space left on device [os_error_code='28']")


def test_a_full_disk_surfaces_at_the_write_and_says_what_is_safe(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session.image, "_store", FullStore(session.image.shape))
    with pytest.raises(StorageError, match="the disk is full") as caught:
        session.image.write_raw(2, make_stack(2, SHAPE))
    assert "2 stacks up to t 1 are safe" in caught.value.what
    assert "free space" in caught.value.fix
    session.check(2)
    monkeypatch.undo()
    stores = {name: FullStore(session.labels.shape) for name in session.labels.structures}
    monkeypatch.setattr(session.labels, "_stores", stores)
    with pytest.raises(StorageError, match="raw is safe"):
        session.labels.write(2, make_masks(2, make_info(shape=SHAPE).grid))
    session.check(2)
    monkeypatch.undo()
    session.store(2)
    session.check(3)


def test_all_writes_are_waited_for_though_one_fails() -> None:
    waited: list[str] = []

    class Write:
        def __init__(self, name: str, error: Exception | None) -> None:
            self.name, self.error = name, error

        def exception(self) -> Exception | None:
            waited.append(self.name)
            return self.error

    class Target:
        def __init__(self, name: str, error: Exception | None) -> None:
            self.future = Write(name, error)

        def write(self, _data: object, **_options: bool) -> Write:
            return self.future

    data = np.zeros(1, np.uint8)
    targets = [Target("a", ValueError("first")), Target("b", None), Target("c", ValueError("x"))]
    with pytest.raises(ValueError, match="first"):
        ngff.write_all([(target, data) for target in targets])
    assert waited == ["a", "b", "c"]


@pytest.fixture
def limit_file_size() -> Iterator[Callable[[int], None]]:
    """Let the system refuse bytes beyond a limit in any file: a write that really fails."""
    resource = pytest.importorskip("resource", reason="limits on file size exist on POSIX only")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file size exist on POSIX only")
def test_writes_that_the_system_refuses(
    session: Session, limit_file_size: Callable[[int], None]
) -> None:
    limit_file_size(8_000)
    with pytest.raises(StorageError, match="the stack of t 2 could not be stored") as caught:
        session.image.write_raw(2, make_stack(2, SHAPE))
    assert "2 stacks up to t 1 are safe" in caught.value.what
    with pytest.raises(StorageError, match="the masks of t 2 could not be stored"):
        session.labels.write(2, make_masks(2, make_info(shape=SHAPE).grid))
    limit_file_size((session.folder / JOURNAL_FILE).stat().st_size + 5)
    with pytest.raises(StorageError, match="the journal could not take stack_stored"):
        session.journal.append(Event.STACK_STORED, StackIndex(0, 2))
    session.check(2)
    limit_file_size(-1)
    session.store(2)
    session.check(3)
    assert len(read_journal(session.folder / JOURNAL_FILE)) == 6
    session.image.close()
