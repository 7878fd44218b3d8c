"""What every writer needs of the disk: durable files, free space, errors a user can mend."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from livesr.errors import DiskFullError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)
_FULL_WORDS = ("No space left", "RESOURCE_EXHAUSTED", "not enough space", "quota exceeded")


def storage_error(what: str, error: Exception, where: Path | str) -> StorageError:
    """Return the StorageError for an error of the disk or of tensorstore, which raises ValueError.

    It is a `DiskFullError` where room is what is missing: the write may be tried again.

    Parameters
    ----------
    what : str
        What was not done, and what is safe all the same.
    error : Exception
        Its cause.
    where : Path or str
        The file or folder.
    """
    code = getattr(error, "errno", None)
    if code in _FULL or any(word in str(error) for word in _FULL_WORDS):
        return DiskFullError(
            f"{what}: the disk is full",
            where=str(where),
            fix="free space on this disk, then go on: livesr run FOLDER/session.yaml --resume",
        )
    return StorageError(
        f"{what}: {error}",
        where=str(where),
        fix="check that the disk is there, writable and healthy, then go on: livesr run"
        " FOLDER/session.yaml --resume",
    )


@contextmanager
def disk_errors(what: str, where: Path | str) -> Iterator[None]:
    """Turn errors of the disk within the block into a StorageError.

    A table that is damaged may ask pyarrow for what it does not know: NotImplementedError.
    """
    try:
        yield
    except (OSError, ValueError, NotImplementedError) as error:
        raise storage_error(what, error, where) from error


def write_whole(file: FileIO, data: bytes, *, sync: bool = False) -> None:
    """Append ``data``; what an error (a disk that fills within it) left of it is cut off again.

    Parameters
    ----------
    file : FileIO
        Open for appending, unbuffered.
    data : bytes
    sync : bool
        Whether to wait until it is durable.

    Raises
    ------
    OSError
        If the disk is full or fails: nothing was appended then.
    """
    start = file.seek(0, os.SEEK_END)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(file.fileno(), rest) :]
        if sync:
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(start)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; Windows does so by itself and has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_text(path: Path, text: str) -> None:
    """Write a small file so that a reader, or a crash, meets the old one or the new, whole.

    Raises
    ------
    OSError
        If the disk is full, or (Windows) another program has the file open.
    """
    draft = path.with_name(path.name + ".draft")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def free_bytes(folder: Path) -> int:
    """Return the bytes free on the disk that holds, or would hold, ``folder``."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
