"""Files that people edit are written once, and never over one that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path


def write_new(path: Path, text: str, *, rename: str, folder: str = "") -> None:
    """Write a text file; one that is there is left as it is.

    Parameters
    ----------
    path : Path
    text : str
    rename : str
        How to name another file, for the error.
    folder : str
        How to choose another folder; default: a general word.

    Raises
    ------
    StorageError
        If there is such a file, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise StorageError(
            "there is a file of this name already, and it is left as it is",
            where=str(path),
            fix=rename,
        ) from None
    except OSError as error:
        raise StorageError(
            f"the file cannot be written: {error.strerror or error}",
            where=str(path),
            fix=folder or "choose a folder that exists and that you may write to",
        ) from None
