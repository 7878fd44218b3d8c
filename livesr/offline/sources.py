"""Recordings as stacks that can be asked for in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from livesr.acquisition.layout import split
from livesr.acquisition.recorded import RecordedSource
from livesr.errors import ConfigError, StorageError
from livesr.ordered import Followed
from livesr.storage.folder import PLANES_FILE
from livesr.storage.journal import Event
from livesr.storage.ledger import stack_of
from livesr.storage.reader import open_session
from livesr.storage.tables import plane_row, read_table
from livesr.types import RecordingInfo, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from livesr.acquisition.sources import Source
    from livesr.config import Session
    from livesr.flow import StopToken
    from livesr.storage.image_reader import ImageReader
    from livesr.types import Frame, UInt16

_SAME = ("calibration", "calibration_follow", "camera_correction")
"""Keys of a session that decide what its stacks' values are."""


class Stacks(Protocol):
    """A recording, a stack at a time."""

    @property
    def source(self) -> Source:
        """What a plan is made on."""
        ...

    @property
    def order(self) -> Sequence[StackIndex]:
        """Every stack, in the order in which they were recorded."""
        ...

    @property
    def holes(self) -> Mapping[StackIndex, str]:
        """Stacks that cannot have masks, and why."""
        ...

    @property
    def followed(self) -> Mapping[StackIndex, Followed]:
        """Values that the stacks got when they were recorded; empty unless they hold for all."""
        ...

    def time_s(self, index: StackIndex) -> float:
        """Return when its first exposure began."""
        ...

    def read(self, index: StackIndex) -> UInt16:
        """Return a stack, (c, z, y, x), uint16, an array of its own."""
        ...

    def rows(self, index: StackIndex) -> Sequence[Mapping[str, object]]:
        """Return what is known of its planes, as ``planes.parquet`` has it."""
        ...

    def close(self) -> None:
        """Close the files."""
        ...


def open_stacks(session: Session) -> Stacks:
    """Open what a session's ``recording`` names.

    Raises
    ------
    LivesrError
        If it cannot be read, or the session's layout does not fit it.
    """
    assert session.recording is not None  # noqa: S101 - `session_of` gives one
    path = session.recording.paths[0]
    if (path / "session.yaml").is_file():
        return SessionStacks(path, session)
    return RecordedStacks(session)


class RecordedStacks:
    """Images that another program wrote."""

    holes: Mapping[StackIndex, str] = {}
    followed: Mapping[StackIndex, Followed] = {}

    def __init__(self, session: Session) -> None:
        self.source = RecordedSource(session)
        self._layout = session.layout
        self.order = [StackIndex(0, t) for t in range(self.source.info.timepoints)]

    def time_s(self, index: StackIndex) -> float:
        """Return when its first exposure began, as the interval has it."""
        return index.t * self.source.info.interval_s

    def read(self, index: StackIndex) -> UInt16:
        """Return a stack with the channels that the layout cuts out."""
        data = np.empty(self.source.info.shape, np.uint16)
        for frame in self.source.frames(index, self.time_s(index)):
            for channel, plane in split(frame, self._layout):
                data[channel, frame.z] = plane
        return data

    def rows(self, index: StackIndex) -> Sequence[Mapping[str, object]]:
        """Return a row a frame."""
        return [plane_row(frame) for frame in self.source.places(index, self.time_s(index))]

    def close(self) -> None:
        """Close the files."""
        self.source.close()


class SessionStacks:
    """What livesr recorded.

    Raises
    ------
    StorageError
        If the session is damaged or holds nothing.
    ConfigError
        If its images have unlike shapes.
    """

    def __init__(self, folder: Path, session: Session) -> None:
        reader = open_session(folder)
        self._folder, self._images = folder, reader.images
        entries = reader.journal()
        stored = [entry for entry in entries if entry["event"] == Event.STACK_STORED]
        self._stored = {stack_of(entry): entry for entry in stored}
        self.order = list(self._stored)
        if not self.order:
            raise StorageError(
                "the session's journal lists no stack",
                where=str(folder),
                fix="give a session that stored something",
            )
        lost = {stack_of(e) for e in entries if e["event"] == Event.FRAMES_LOST and "index" in e}
        self.holes = {
            index: "some of its frames were lost" for index in self.order if index in lost
        }
        begun = next((e for e in entries if e["event"] == Event.SESSION_STARTED), {})
        _check_shapes(self._images, folder)
        info = _info(session, self._images, begun)
        self.source: Source = AtRest(info)
        same = all(reader.settings.get(k) == getattr(session, k) for k in _SAME)
        self.followed = self._values(info) if same else {}
        self._rows: dict[StackIndex, list[Mapping[str, Any]]] | None = None

    def time_s(self, index: StackIndex) -> float:
        """Return when its first exposure began, as journalled."""
        return float(self._stored[index].get("time_s") or 0.0)

    def read(self, index: StackIndex) -> UInt16:
        """Return a stack as it was stored."""
        image = self._images[index.image]
        return np.stack([image.raw(index.t, c) for c in range(image.shape[1])])

    def rows(self, index: StackIndex) -> Sequence[Mapping[str, object]]:
        """Return the rows of the session's own table."""
        if self._rows is None:
            self._rows = {}
            table = self._folder / PLANES_FILE
            for row in read_table(table) if table.is_file() else ():
                place = StackIndex(int(row["image"]), int(row["t"]))
                self._rows.setdefault(place, []).append(row)
        return self._rows.get(index, [])

    def raw_files(self, index: StackIndex) -> tuple[Path, list[str]]:
        """Return an image's array, and where in it the shards of a stack lie."""
        image = self._images[index.image]
        return image.path / "0", [f"c/{index.t}/{c}/0/0/0" for c in range(image.shape[1])]

    def close(self) -> None:
        """Nothing is held open."""

    def _values(self, info: RecordingInfo) -> dict[StackIndex, Followed]:
        entries = self._stored
        if any("normalisation" not in entry for entry in entries.values()):
            return {}
        return {index: Followed.read(entry, info.channels) for index, entry in entries.items()}


def _check_shapes(images: Sequence[ImageReader], folder: Path) -> None:
    shapes = {(image.shape[1:], image.voxel_um) for image in images}
    if len(shapes) > 1:
        raise ConfigError(
            f"the session's images have {len(shapes)} shapes: one array cannot hold two",
            where=str(folder),
            fix="name each image by itself: " + " ".join(f'"{image.path}"' for image in images[:3]),
        )


def _info(
    session: Session, images: Sequence[ImageReader], begun: Mapping[str, Any]
) -> RecordingInfo:
    """Return what the source of a session said of itself, from what it left."""
    given = session.recording
    assert given is not None  # noqa: S101 - `session_of` gives one
    first = images[0]
    _, c, z, y, x = first.shape
    names = begun.get("position_names")
    return RecordingInfo(
        channels=first.channels,
        shape=(c, z, y, x),
        timepoints=max(image.shape[0] for image in images),
        positions=len(images),
        pixel_um=first.voxel_um[2],
        z_step_um=first.voxel_um[0] if z > 1 else 0.0,
        interval_s=float(begun.get("interval_s") or 0.0),
        camera_offset=given.camera_offset,
        microscope=given.name or str(begun.get("microscope") or ""),
        camera=given.camera or str(begun.get("camera") or ""),
        objective=given.objective,
        simulated=bool(begun.get("simulated", False)),
        extra={"recording": [str(path) for path in given.paths]},
        position_names=tuple(names)
        if isinstance(names, list) and len(names) == len(images)
        else (),
    )


class AtRest:
    """The source of a plan whose stacks are asked for one by one, not played."""

    def __init__(self, info: RecordingInfo) -> None:
        self.info = info

    def resume(self, done: Collection[StackIndex], elapsed_s: float, late_s: float = 0.0) -> None:
        """Nothing is played."""

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Refuse: a session's stacks are read, not played."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held open."""
