"""One acquisition and one segmenter write in a session's folder, also after a kill."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from livesr.errors import StorageError
from livesr.session import alone, segmenter
from livesr.session.alone import only_one, only_segmenter
from livesr.storage.folder import LOCK_FILE, SEGMENTING_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from livesr.session.alone import only_segmenter
with only_segmenter(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def another_segmenter(folder: Path, seconds: float) -> Iterator[None]:
    """Hold the folder in another process, as the segmenter of a killed run does."""
    command = [sys.executable, "-c", HOLD, str(folder), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "holds\n"
        yield
    finally:
        process.kill()
        process.communicate()


def test_the_segmenter_of_a_killed_run_is_waited_for(tmp_path: Path) -> None:
    with another_segmenter(tmp_path, 0.5):
        began = time.monotonic()
        with only_one(tmp_path):
            waited = time.monotonic() - began
    assert waited > 0.1
    assert not (tmp_path / LOCK_FILE).exists()
    assert not (tmp_path / SEGMENTING_FILE).exists()


def test_one_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alone, "ORPHAN_S", 0.1)
    with (
        another_segmenter(tmp_path, 60),
        pytest.raises(StorageError, match="earlier run still writes"),
        only_one(tmp_path),
    ):
        pass
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    with another_segmenter(tmp_path, 60):
        pass
    assert (tmp_path / SEGMENTING_FILE).exists()
    with only_one(tmp_path), only_segmenter(tmp_path) as wanted:
        assert wanted


def test_a_segmenter_whose_owner_died_while_it_loaded_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(*_: object) -> None:
        pytest.fail("masks would be written into a folder that may be another run's by now")

    dead = SimpleNamespace(is_alive=lambda: False)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: dead)
    monkeypatch.setattr(segmenter, "_segment_all", written)
    segmenter._serve(None, SimpleNamespace(folder=tmp_path), None, ())
