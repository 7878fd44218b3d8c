"""What an input's masks are written to: a folder like any session's."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from livesr.acquisition.images import Images
from livesr.config import dump_session
from livesr.errors import ConfigError, StorageError
from livesr.offline.shop import make_findings
from livesr.ordered import Estimate
from livesr.session.alone import only_one
from livesr.session.files import close_tables, prepare_folder, session_image
from livesr.session.log import session_log
from livesr.session.past import Past, check_same, read_past
from livesr.session.restore import restore_rows
from livesr.storage.folder import (
    JOURNAL_FILE,
    LOG_FILE,
    MEASUREMENT_ROWS,
    MEASUREMENTS_FILE,
    PLANE_ROWS,
    PLANES_FILE,
    SESSION_FILE,
)
from livesr.storage.journal import Event, Journal, read_journal
from livesr.storage.ledger import stack_of
from livesr.storage.reader import read_settings
from livesr.storage.tables import RowLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from livesr.config import Session
    from livesr.session.plan import Plan
    from livesr.storage.image import ImageWriter
    from livesr.types import StackIndex

log = logging.getLogger(__name__)

_FREE = ("threads", "engine", "policy", "catch_up")
"""Keys of ``segmentation`` that may be other ones when an output is gone on with."""


@dataclass(slots=True)
class Output:
    """The files of an output, open for the one process that writes its books.

    Attributes
    ----------
    past : Past
        What earlier runs did.
    estimates : mapping of StackIndex to Estimate
        What each stored stack said, in the order in which it was followed.
    """

    folder: Path
    past: Past
    journal: Journal
    planes: RowLog
    measurements: RowLog
    images: Sequence[ImageWriter]
    estimates: Mapping[StackIndex, Estimate] = field(default_factory=dict)

    def close(self) -> None:
        """Close the files; tables become parquet."""
        for image in self.images:
            image.close()
        for file in (self.journal, self.planes, self.measurements):
            try:
                file.close()
            except (StorageError, OSError) as error:  # a full disk; the rest is closed all the same
                log.error("%s lacks its last lines: %s", file.path, error)  # noqa: TRY400 - its text is the message
        close_tables(self.folder)


@contextmanager
def open_output(plan: Plan, folder: Path) -> Iterator[Output]:
    """Make an output, or go on with one, and close it whatever happens.

    Raises
    ------
    StorageError
        If it cannot be written, another process is at it, or the disk has no room.
    ConfigError
        If it was made from another recording or in another way.
    """
    new = not is_begun(folder)
    if new:
        prepare_folder(plan, folder)
    else:
        check_same_work(plan.session, folder)
    with only_one(folder), session_log(folder / LOG_FILE):
        output = _opened(plan, folder)
        try:
            yield output
        finally:
            output.close()


def is_begun(folder: Path) -> bool:
    """Return whether a folder is an output already.

    Raises
    ------
    StorageError
        If it is something else, which is never written over.
    """
    if (folder / SESSION_FILE).is_file():
        return True
    if folder.exists():
        with suppress(OSError):  # an empty one was left by a kill
            folder.rmdir()
    if folder.exists():
        raise StorageError(
            "there is something of this name that is no output of livesr process",
            where=str(folder),
            fix="choose another --out",
        )
    return False


def check_same_work(session: Session, folder: Path) -> None:
    """Refuse to go on with an output of another recording, or of other masks.

    Raises
    ------
    ConfigError
        With the keys that differ.
    """
    try:
        check_same(session, folder)
    except ConfigError as error:
        raise ConfigError(
            error.what.replace("session", "output", 1),
            where=str(folder),
            fix="choose another --out, or ask for the same as before",
        ) from None
    before = read_settings(folder / SESSION_FILE).get("segmentation") or {}
    now: dict[str, Any] = yaml.safe_load(dump_session(session))["segmentation"]
    differ = [key for key in now if key not in _FREE and before.get(key) != now[key]]
    if differ:
        raise ConfigError(
            f"the output in {folder} was begun with another segmentation.{', '.join(differ)}",
            where=str(folder),
            fix="choose another --out: masks of two kinds do not stand in one session",
        )


def _opened(plan: Plan, folder: Path) -> Output:
    begun = (folder / JOURNAL_FILE).is_file()
    past = read_past(folder, plan.info.channels) if begun else Past()
    estimates = _estimates(read_journal(folder / JOURNAL_FILE)) if begun else {}
    restore_rows(folder / PLANE_ROWS, folder / PLANES_FILE, set(past.stored))
    restore_rows(folder / MEASUREMENT_ROWS, folder / MEASUREMENTS_FILE, set(past.segmented))
    known, begun_ones = Images(plan.info), {index.image for index in past.stored}
    images = [
        session_image(plan, folder, number, known, has_stacks=number in begun_ones)
        for number in range(plan.info.positions)
    ]
    make_findings(plan, folder)
    names = plan.info.position_names
    return Output(
        folder,
        past,
        Journal(folder / JOURNAL_FILE),
        RowLog(folder / PLANE_ROWS, names),
        RowLog(folder / MEASUREMENT_ROWS, names),
        images,
        estimates,
    )


def _estimates(entries: Sequence[Mapping[str, Any]]) -> dict[StackIndex, Estimate]:
    found: dict[StackIndex, Estimate] = {}
    for entry in entries:
        if entry["event"] == Event.STACK_STORED and "estimate" in entry:
            found.setdefault(stack_of(entry), Estimate.read(entry["estimate"]))
    return found
