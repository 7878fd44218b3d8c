"""Make the tables of a stored session, or make them again: the numbers that it has live."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from livesr.calibration.camera.correction import PEDESTAL
from livesr.calibration.profile import load_profile
from livesr.config import session_from
from livesr.errors import ConfigError, StorageError
from livesr.session.alone import only_one
from livesr.session.camera import camera_again
from livesr.session.measuring import Measuring
from livesr.session.past import read_past
from livesr.session.tables import TABLES, TableWriter, close_tables
from livesr.storage.parts import remove_parts
from livesr.storage.reader import open_session
from livesr.types import AS_CALIBRATED, Masks, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from livesr.calibration.warp import ChromaticModel
    from livesr.config.analysis import Analysis
    from livesr.config.session import Session
    from livesr.session.past import Past
    from livesr.storage.image_reader import ImageReader


@dataclass(frozen=True, slots=True)
class Remade:
    """What was made.

    Attributes
    ----------
    folder : Path
    stacks : int
        That were measured.
    rows : mapping of str to int
        Rows of each table.
    """

    folder: Path
    stacks: int
    rows: Mapping[str, int]


def remeasure(
    path: Path,
    *,
    changed: Callable[[Analysis], Analysis] = lambda asked: asked,
    calibration: str = "",
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Remade:
    """Measure every segmented stack of a session that does not run, and follow its objects.

    Parameters
    ----------
    path : Path
        The session's folder.
    changed : callable
        Takes what the session file asks for, and returns what is made.
    calibration : str
        In place of the session's: a file, a name, or none.
    progress : callable
        Told after each stack how many are done, of how many.

    Raises
    ------
    StorageError
        If it is no session, runs, or is damaged, or the disk fails.
    ConfigError
        If nothing is asked for, the calibration is not there any more, or the camera correction
        is another one than the session had.
    CalibrationError
        If the camera correction is not there any more.
    """
    reader = open_session(path)
    folder = reader.folder
    session = session_from(reader.settings)
    asked = changed(session.analysis)
    with only_one(folder):
        channels = reader.images[0].channels if reader.images else ()
        past = read_past(folder, channels)
        camera = camera_again(session, channels, past.camera, folder)
        measuring = Measuring(
            asked,
            _models(calibration or session.calibration, channels),
            _offset(session) if camera.correction is None else PEDESTAL,
            os.cpu_count() or 1,
            camera.correction,
        )
        if not measuring.wanted:
            raise ConfigError(
                "nothing is asked for: objects and contacts are both off",
                where="analysis",
                fix="livesr measure SESSION --contacts, or analysis: {objects: true}",
            )
        tables, stacks = TableWriter(folder), sorted(past.segmented)
        for name in TABLES:
            remove_parts(folder / name)
        for done, index in enumerate(stacks, start=1):
            _one(reader.images[index.image], index, past, measuring, tables)
            progress(done, len(stacks))
        return Remade(folder, len(stacks), close_tables(folder, asked))


def _one(
    image: ImageReader, index: StackIndex, past: Past, measuring: Measuring, tables: TableWriter
) -> None:
    """Measure one stack from what is stored of it."""
    names = image.structures
    volumes = {name: image.mask(name, index.t) for name in names}
    masks = Masks(volumes, image.mask_grid(names[0]), index)
    data = np.stack([image.raw(index.t, c) for c in range(len(image.channels))])
    followed = past.followed.get(index)
    offset = followed.channel_offset if followed else AS_CALIBRATED
    time_s = past.times_s.get(index, 0.0)
    tables.write(index, measuring.measure(masks, data, image.grid, offset, time_s))


def _models(name: str, channels: tuple[str, ...]) -> Mapping[int, ChromaticModel]:
    if name == "none":
        return {}
    try:
        models = load_profile(name).models()
    except (ConfigError, StorageError) as error:
        raise ConfigError(
            f"the session's calibration cannot be read: {error.what}",
            where=name,
            fix="name the file with --calibration FILE, or none: ratios are then of channels as"
            " they lie",
        ) from error
    return {k: models[channel] for k, channel in enumerate(channels) if channel in models}


def _offset(session: Session) -> float:
    source = session.recording or session.microscope
    return source.camera_offset


def with_changes(
    asked: Analysis, *, contacts: bool, shuffles: int | None, tracks: tuple[str, ...]
) -> Analysis:
    """Return what is asked for with what the command line adds, checked like a session file.

    Raises
    ------
    ConfigError
        For a structure that cannot be followed.
    """
    values = asked.model_dump()
    values["contacts"] = asked.contacts or contacts or bool(shuffles)
    if shuffles is not None:
        values["shuffles"] = shuffles
    if tracks:
        values["tracks"] = tracks
    try:
        return type(asked).model_validate(values)
    except ValidationError as error:
        raise ConfigError(
            error.errors()[0]["msg"].removeprefix("Value error, "),
            where="livesr measure",
            fix="livesr measure --help",
        ) from None
