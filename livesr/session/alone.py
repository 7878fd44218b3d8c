"""Who may write in a session's folder: one acquisition, and one segmenter."""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from livesr.errors import StorageError
from livesr.storage.folder import LOCK_FILE, SEGMENTING_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORPHAN_S = 120.0
"""How long the segmenter of a killed run is waited for: it ends after the stack that it is at."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep other processes from running the session in this folder, for as long as this one does.

    Raises
    ------
    StorageError
        If another one does.
    """
    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StorageError(
            "another process runs this session",
            where=str(folder),
            fix="wait for its end, or stop it there; livesr view shows what it does",
        ) from None
    try:
        _wait_for_segmenter(folder)
        yield
    finally:
        lock.release()
        for name in (LOCK_FILE, SEGMENTING_FILE):
            with suppress(OSError):  # Windows: somebody looks at it
                (folder / name).unlink(missing_ok=True)


@contextmanager
def only_segmenter(folder: Path) -> Iterator[bool]:
    """Hold a session's folder as its segmenter; False if its owner died while it was loading.

    Raises
    ------
    StorageError
        If another segmenter holds it.
    """
    owner = multiprocessing.parent_process()
    with _segmenting(folder, ORPHAN_S):
        yield owner is None or owner.is_alive()


def _wait_for_segmenter(folder: Path) -> None:
    """Wait for the segmenter of a run that was killed: until it sees that, it writes masks."""
    if (folder / SEGMENTING_FILE).exists():
        with _segmenting(folder, ORPHAN_S):
            pass


@contextmanager
def _segmenting(folder: Path, patience_s: float) -> Iterator[None]:
    lock = FileLock(folder / SEGMENTING_FILE, timeout=patience_s)
    try:
        lock.acquire()
    except Timeout:
        raise StorageError(
            "the segmenter of an earlier run still writes masks here",
            where=str(folder),
            fix="wait for its end, or end that process: its pid stands in journal.jsonl, "
            "segmenter_started",
        ) from None
    try:
        yield
    finally:
        lock.release()
