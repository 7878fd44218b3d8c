"""A session as the daemon sees it: its journal and images, read as they grow, never written."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from livesr.daemon.errors import UnknownError
from livesr.daemon.state import glance, progress_fields, state_of
from livesr.storage.disk import free_bytes
from livesr.storage.folder import (
    MEASUREMENT_ROWS,
    MEASUREMENTS_FILE,
    REPORT_FILE,
    SESSION_FILE,
)
from livesr.storage.reader import open_session
from livesr.storage.tables import part_of_table
from livesr.viewer.loader import Loader

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from livesr.daemon.folder import DataFolder, Job
    from livesr.daemon.lane import Lane
    from livesr.errors import LivesrError
    from livesr.viewer.state import Scene

DECIDED = ("decision", "cell", "changed")
"""Journal lines about what was decided, and of which cell."""
_REFRESH_S = 0.1
_MOST_OPEN = 4
"""Sessions whose arrays are kept open."""


class Watched:
    """One session; thread-safe but for `loader`, which belongs to the thread that draws.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    StorageError
        If it is no session, or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._session = open_session(folder)
        self._read_at = float("-inf")
        self.entries: list[dict[str, Any]] = []
        self.loader = Loader(self._session)
        self.refresh()

    def refresh(self) -> None:
        """Take in what is new, at most ten times a second whoever asks.

        Raises
        ------
        StorageError
            If the session cannot be read any more.
        """
        with self._lock:
            if time.monotonic() - self._read_at < _REFRESH_S:
                return
            known = len(self.entries)
            self.loader.refresh()
            journal = self._session.journal()
            if len(journal) != known:
                self.entries = journal
            self._read_at = time.monotonic()

    def scene(self, image: int) -> Scene:
        """Return what an image has to show; raises UnknownError if there is none."""
        scenes = self.loader.scenes
        if image >= len(scenes):
            raise UnknownError(f"there is no image {image} yet", where=self.folder.name)
        return scenes[image]

    def lines(
        self, after: int = 0, most: int = 500, events: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """Return journal lines, each with its ``number`` from 1, those after a number."""
        found = []
        entries = self.entries
        for number in range(max(after, 0), len(entries)):
            entry = entries[number]
            if not events or entry["event"] in events:
                found.append({"number": number + 1, **entry})
                if len(found) == most:
                    break
        return found

    def measurements(self, after: int, most: int) -> tuple[list[dict[str, Any]], int]:
        """Return rows of the table of measurements from a row on, and the next row's number."""
        rows = self.folder / MEASUREMENT_ROWS, self.folder / MEASUREMENTS_FILE
        return part_of_table(*rows, after=after, most=most)


class Sessions:
    """The sessions of a data folder, opened when they are asked for."""

    def __init__(self, data: DataFolder, lane: Lane) -> None:
        self._data, self._lane = data, lane
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Watched] = OrderedDict()

    def watched(self, name: str) -> Watched:
        """Return a session, refreshed.

        Raises
        ------
        UnknownError
            If it has not begun, or there is none.
        StorageError
            If it is damaged.
        """
        folder = self._data.session(name)
        if not (folder / SESSION_FILE).is_file():
            with self._lock:
                self._open.pop(name, None)
            what = "has not begun yet" if name in self._lane.jobs() else "is not there"
            raise UnknownError(f"the session {name} {what}", where="the daemon's data folder")
        with self._lock:
            if name not in self._open:
                self._open[name] = Watched(folder)
            self._open.move_to_end(name)
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
            session = self._open[name]
        session.refresh()
        return session

    def names(self) -> list[str]:
        """Return what waits and what is there, the newest first."""
        stored = self._data.sessions()
        jobs = self._lane.jobs().values()
        known = set(stored)
        return [job.name for job in _newest(jobs) if job.name not in known] + stored

    def brief(self, name: str) -> dict[str, Any]:
        """Return a line about a session, without reading all of its journal."""
        job, folder = self._lane.jobs().get(name), self._data.session(name)
        seen = glance(folder)
        runs = self._lane.runs(name)
        return {
            "name": name,
            "state": state_of(job, seen, self._data.result(name), runs=runs),
            "begun": seen.begun,
            "stored": seen.stored,
            "planned": seen.planned,
        }

    def status(self, name: str) -> dict[str, Any]:
        """Return all about a session.

        Raises
        ------
        UnknownError
            If there is none.
        StorageError
            If it is damaged.
        """
        jobs = self._lane.jobs()
        brief = self.brief(name)
        found: dict[str, Any] = {
            **brief,
            "queue": _place(name, self._lane),
            "error": self._why(name),
        }
        if (self._data.session(name) / SESSION_FILE).is_file():
            session = self.watched(name)
            found |= progress_fields(session.loader.progress, session.entries)
            found["images"] = [_scene(scene) for scene in session.loader.scenes]
            found["free_bytes"] = free_bytes(session.folder)
            found["report"] = (session.folder / REPORT_FILE).is_file()
            found["state"] = state_of(
                jobs.get(name),
                glance(session.folder),
                self._data.result(name),
                runs=self._lane.runs(name),
            )
        elif name not in jobs:
            raise UnknownError(f"there is no session {name}", where="the daemon's data folder")
        return found

    def _why(self, name: str) -> dict[str, Any] | None:
        """Return what ended a session, or kept it from beginning."""
        trouble: LivesrError | None = self._lane.trouble(name)
        if trouble is not None:
            return trouble.as_dict()
        result = self._data.result(name)
        if "what" in result:
            return result
        error = result.get("error")
        return error if isinstance(error, dict) else None


def _newest(jobs: Collection[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: job.order, reverse=True)


def _place(name: str, lane: Lane) -> int | None:
    waiting = lane.queue()
    return waiting.index(name) + 1 if name in waiting else None


def _scene(scene: Scene) -> dict[str, Any]:
    return {
        "name": scene.name,
        "shape_tczyx": list(scene.shape),
        "voxel_um": list(scene.voxel_um),
        "channels": list(scene.pictures),
        "structures": list(scene.structures),
        "stored": len(scene.stored),
        "segmented": len(scene.segmented),
        "newest_stored": scene.stored[-1] if scene.stored else None,
        "newest_segmented": scene.segmented[-1] if scene.segmented else None,
        "unreliable": list(scene.unreliable),
        "simulated": scene.simulated,
        "flagged": len(scene.flagged),
    }
