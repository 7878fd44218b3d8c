"""Open a session that runs, was interrupted, or is finished; nothing is ever written to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livesr.errors import StorageError
from livesr.plain import NotPlainError, read_yaml
from livesr.storage.folder import (
    JOURNAL_FILE,
    SESSION_FILE,
    image_number,
    image_numbers,
    image_path,
)
from livesr.storage.image_reader import ImageReader
from livesr.storage.journal import JournalTail
from livesr.storage.ledger import Ledger, Status
from livesr.storage.ngff import GROUP_FILE

if TYPE_CHECKING:
    from pathlib import Path


class SessionReader:
    """A session folder, read as its journal says; `refresh` follows one that runs.

    Attributes
    ----------
    folder : Path
    settings : mapping
        ``session.yaml`` as run.
    images : list of ImageReader
        One for each position and acquisition mode; the place in the list is the image's number.
    ledger : Ledger
        What became of each stack.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = read_settings(folder / SESSION_FILE)
        self.ledger = Ledger()
        self.images: list[ImageReader] = []
        self._entries: list[dict[str, Any]] = []
        self._tail = JournalTail(folder / JOURNAL_FILE)
        self.refresh()

    def refresh(self) -> bool:
        """Take in what was journalled since the last call and say whether anything was.

        Cheap: reads the new lines only, and opens images that are new.

        Raises
        ------
        StorageError
            If the journal or a new image is damaged.
        """
        new = self._tail.read_new()
        self.ledger.update(new)
        self._entries += new
        if new or not self.images:
            self._open_new_images()
        return bool(new)

    def journal(self) -> list[dict[str, Any]]:
        """Return the journal's entries so far, oldest first."""
        return list(self._entries)

    def status(self) -> Status:
        """Return the counts so far."""
        return self.ledger.status()

    def _open_new_images(self) -> None:
        """Open the images that the journal lists, and a later one once it was created whole."""
        listed = max((index.image for index in self.ledger.stored), default=-1)
        last = max([listed, *image_numbers(self.folder)])
        for number in range(len(self.images), last + 1):
            path = image_path(self.folder, number)
            if number > listed and not (path / "0" / GROUP_FILE).is_file():
                return
            self.images.append(ImageReader(path, number, self.ledger))


def open_session(path: Path) -> SessionReader:
    """Open a session folder for reading.

    Parameters
    ----------
    path : Path
        The folder that holds ``session.yaml``, or something in it (``image.ome.zarr``).

    Raises
    ------
    StorageError
        If this is no session's folder, or its session file, journal or an image is damaged.
    """
    inside = image_number(path) is not None or path.is_file()
    for folder in (path, path.parent) if inside else (path,):
        if (folder / SESSION_FILE).is_file():
            return SessionReader(folder)
    raise StorageError(
        "this is no session: it has no session.yaml",
        where=str(path),
        fix="give the folder that `livesr run` or `livesr demo` wrote",
    )


def read_settings(path: Path) -> dict[str, Any]:
    """Return ``session.yaml`` as it was run; raises StorageError if it is damaged."""
    try:
        settings: dict[str, Any] = read_yaml(path)
    except (OSError, NotPlainError) as error:
        raise StorageError(
            f"the session file is damaged: {error}",
            where=str(path),
            fix="restore session.yaml from a copy or from the file that the run began with",
        ) from error
    if wrong := _odd(settings):
        raise StorageError(
            f"the session file holds no settings: {wrong}",
            where=str(path),
            fix="restore session.yaml from a copy or from the file that the run began with",
        )
    return settings


def _odd(settings: Any) -> str:
    """Return what of the settings is of another kind than a reader of sessions needs."""
    if not isinstance(settings, dict):
        return f"it is {type(settings).__name__}"
    if not isinstance(settings.get("calibration", ""), str):
        return f"calibration is {settings['calibration']!r:.60}"
    for name in ("recording", "microscope"):
        source = settings.get(name) or {}
        offset = source.get("camera_offset", 0.0) if isinstance(source, dict) else None
        if not isinstance(offset, int | float):
            return f"{name} is {source!r:.60}"
    return ""
