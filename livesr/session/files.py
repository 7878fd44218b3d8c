"""The files of a running session: made before the first frame, closed after the last."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livesr import __version__
from livesr.acquisition.images import Images
from livesr.config import dump_session
from livesr.errors import StorageError
from livesr.session.past import Past, read_past
from livesr.session.restore import restore_image, restore_rows
from livesr.session.tables import close_tables as close_measured
from livesr.session.tables import restore_tables
from livesr.storage.folder import (
    JOURNAL_FILE,
    MASKED,
    MEASUREMENT_ROWS,
    MEASUREMENTS_FILE,
    PLANE_ROWS,
    PLANES_FILE,
    PROBABILITY,
    SESSION_FILE,
    SPOOL_FOLDER,
    beside_path,
    image_path,
)
from livesr.storage.image import ImageWriter
from livesr.storage.journal import Journal
from livesr.storage.labels import LabelWriter, label_names
from livesr.storage.space import check_space
from livesr.storage.spool import Spool
from livesr.storage.structure_image import StructureImageWriter
from livesr.storage.tables import RowLog, to_parquet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from livesr.config.analysis import Analysis
    from livesr.session.plan import Plan
    from livesr.session.result import Outcome
    from livesr.types import StackIndex

log = logging.getLogger(__name__)


def check_folder(plan: Plan, folder: Path) -> None:
    """Refuse a folder that exists, or a disk without room for the session; write nothing."""
    if folder.exists():
        raise StorageError(
            "the session folder exists already; a recording is never written over",
            where=str(folder),
            fix="choose another --out",
        )
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir():
        raise StorageError(
            f"{above} is a file, so there can be no folder in it",
            where=str(folder),
            fix="choose another --out",
        )
    keep = int(plan.session.storage.keep_free_gib * 2**30)
    check_space(folder, plan.disk_bytes() + keep)


def past_of(plan: Plan, folder: Path) -> Past:
    """Return what the session in a folder did, once nobody else runs it any more.

    Raises
    ------
    StorageError
        If its journal is damaged, or the disk has no room for the rest.
    """
    past = read_past(folder, plan.info.channels)
    planned = plan.info.stacks
    left = max(planned - len(past.stored), 0) / max(planned, 1)
    keep = int(plan.session.storage.keep_free_gib * 2**30)
    check_space(folder, int(plan.disk_bytes() * left) + keep)
    return past


def prepare_folder(plan: Plan, folder: Path) -> None:
    """Make the session's folder, or refuse.

    Raises
    ------
    StorageError
        If it exists, the disk has no room for the session, or it cannot be written.
    """
    check_folder(plan, folder)
    try:
        folder.mkdir(parents=True)
        (folder / SESSION_FILE).write_text(dump_session(plan.session), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"the session folder cannot be made: {error.strerror or error}",
            where=str(folder),
            fix="choose an --out that you may write to",
        ) from None


@dataclass(slots=True)
class SessionFiles:
    """What a running session writes to.

    Attributes
    ----------
    stored : list of StackIndex
        Filled by the recorder: what stands in OME-Zarr and need not stay in the spool.
    analysis : Analysis or None
        What is made of the tables once they are closed.
    """

    folder: Path
    journal: Journal
    planes: RowLog
    measurements: RowLog
    spool: Spool
    images: Images
    writers: ImageWriters
    stored: list[StackIndex] = field(default_factory=list)
    analysis: Analysis | None = None

    def trim(self, outcome: Outcome) -> None:
        """Shorten arrays that were declared longer than the recording became, and close them."""
        for number, image in enumerate(self.writers):
            length = outcome.length(number)
            if length < self.images.info(number).timepoints:
                image.trim(length)
                if label_names(image.path):
                    LabelWriter.open(image.path).trim(length)
                for kind in (PROBABILITY, MASKED):
                    path = beside_path(self.folder, kind, number)
                    if path.exists():
                        StructureImageWriter.open(path).trim(length)
            image.close()

    def close(self) -> None:
        """Close everything; the spool stays if it holds the only copy of a stack."""
        for file in (self.journal, self.planes, self.measurements):
            try:
                file.close()
            except (StorageError, OSError) as error:  # a full disk; the rest is closed all the same
                log.error("%s lacks its last lines: %s", file.path, error)  # noqa: TRY400 - its text is the message
        only = [str(slot.index) for slot in self.spool.held() if slot.index not in self.stored]
        self.spool.close(remove=not only)
        if only:
            where = self.folder / SPOOL_FOLDER
            log.error("%s could not be stored and were kept in %s", "; ".join(only), where)
        close_tables(self.folder, self.analysis)


def close_tables(folder: Path, analysis: Analysis | None = None) -> None:
    """Turn a session's rows into parquet; rows that cannot be turned stay as they are."""
    for rows, table in ((PLANE_ROWS, PLANES_FILE), (MEASUREMENT_ROWS, MEASUREMENTS_FILE)):
        try:
            to_parquet(folder / rows, folder / table)
        except StorageError as error:
            log.error("%s stays as it is: %s", rows, error.what)  # noqa: TRY400 - its text is the message
        else:
            _unlink(folder / rows)
    if analysis is not None:
        close_measured(folder, analysis)


@contextmanager
def open_files(plan: Plan, folder: Path, past: Past | None = None) -> Iterator[SessionFiles]:
    """Open the files of a session in its prepared folder, and close them whatever happens.

    With ``past`` those that an interrupted session left are gone on with.
    """
    stored = list(past.stored) if past else []
    with ExitStack() as opened:
        if past:
            restore_rows(folder / PLANE_ROWS, folder / PLANES_FILE, set(stored))
            made = set(past.segmented)
            restore_rows(folder / MEASUREMENT_ROWS, folder / MEASUREMENTS_FILE, made)
            restore_tables(folder, made)
        journal = opened.enter_context(Journal(folder / JOURNAL_FILE))
        names = plan.info.position_names
        planes = RowLog(folder / PLANE_ROWS, names)
        rows = RowLog(folder / MEASUREMENT_ROWS, names)
        opened.callback(planes.close)
        opened.callback(rows.close)
        spool = Spool(folder / SPOOL_FOLDER, plan.info.tallest, plan.session.storage.spool_slots)
        opened.callback(spool.close, remove=past is None)
        images = Images(plan.info, past.images if past else ())
        writers = ImageWriters(plan, folder, images, {index.image for index in stored})
        opened.pop_all()  # from here on SessionFiles closes them
    files = SessionFiles(
        folder, journal, planes, rows, spool, images, writers, stored, plan.session.analysis
    )
    try:
        yield files
    finally:
        files.close()


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:  # Windows: another program reads it
        log.warning("%s may be deleted by hand: %s", path, error)


class ImageWriters:
    """The images of a session: those of the positions from the start, others once they are needed.

    Parameters
    ----------
    plan : Plan
    folder : Path
    images : Images
    has_stacks : collection of int
        Images with journalled stacks, to go on with; others are made anew.
    """

    def __init__(
        self, plan: Plan, folder: Path, images: Images, has_stacks: Collection[int]
    ) -> None:
        self._plan, self._folder, self._images = plan, folder, images
        self._has_stacks = has_stacks
        self._open: list[ImageWriter] = []
        self[max([plan.info.positions - 1, *has_stacks])]

    def __getitem__(self, number: int) -> ImageWriter:
        """Return an image; it and those before it are made or opened if they are not yet."""
        while len(self._open) <= number:
            self._open.append(self._next(len(self._open)))
        return self._open[number]

    def __iter__(self) -> Iterator[ImageWriter]:
        return iter(self._open)

    def _next(self, number: int) -> ImageWriter:
        images, has_stacks = self._images, number in self._has_stacks
        return session_image(self._plan, self._folder, number, images, has_stacks=has_stacks)


def session_image(
    plan: Plan, folder: Path, number: int, images: Images, *, has_stacks: bool
) -> ImageWriter:
    """Return an image of a session to write to: made new, unless it holds journalled stacks."""
    info, mode, position = images.info(number), images.mode(number), images.position(number)
    named = plan.info.position_names[position] if plan.info.position_names else ""
    attributes = {
        "livesr": __version__,
        "session": plan.session.name,
        "position": position,
        "position_name": named,
        "mode": plan.info.modes[mode - 1].name if mode else "",
        "sample": plan.session.sample.model_dump(),
        "simulated": plan.info.simulated,
        "calibration": plan.calibration,
        "calibration_applies_to": "masks and displays; raw is never interpolated",
        "calibration_measured": {name: one.as_dict() for name, one in plan.applies.items()},
        "package": plan.networks.name if plan.networks else None,
        "unreliable_without_ratio": list(plan.unreliable),
        "channels_beside": plan.beside(),
    }
    rule = f", {attributes['mode']}" if mode else ""
    name = f"{plan.session.name} {named or position}{rule}"
    path = image_path(folder, number)

    def create() -> ImageWriter:
        return ImageWriter.create(path, info, name=name, attributes=attributes)

    return restore_image(path, info, has_stacks=has_stacks, create=create)
