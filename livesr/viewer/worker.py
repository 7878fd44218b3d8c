"""The thread that reads, so that the window never waits on a disk; `latest` in both directions.

The window leaves the view that it wants; what was asked for before and not begun is dropped. The
thread leaves what it made; what the window did not take is dropped. It never touches Qt.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from livesr.errors import LivesrError
from livesr.viewer import state
from livesr.viewer.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livesr.viewer.loader import Loader, Picture
    from livesr.viewer.state import Scene, View

log = logging.getLogger(__name__)

REFRESH_S = 0.5
"""Time between two looks at a running session."""
FINISHED_REFRESH_S = 3.0
"""The same for a finished one, which may be resumed."""
STILL_S = 1.0
"""Time that a stack must have been shown before its volumes are counted."""
KEPT_VOLUMES = 64
UNREADABLE = (LivesrError, OSError, ValueError, KeyError)
"""What reading a damaged, half-written or vanished session may raise."""

T = TypeVar("T")


class Latest(Generic[T]):
    """A slot for one item; a newer one takes the place of one that nobody took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: T | None = None
        self.overwritten = 0

    def put(self, item: T) -> None:
        """Leave the newest item."""
        with self._lock:
            self.overwritten += self._item is not None
            self._item = item

    def take(self) -> T | None:
        """Return the item and empty the slot; None if there is none."""
        with self._lock:
            item, self._item = self._item, None
            return item


@dataclass(frozen=True, slots=True)
class Update:
    """What the window is told.

    Attributes
    ----------
    scenes : tuple of Scene
    progress : Progress
    picture : Picture or None
        None until something is stored.
    volumes : mapping of str to float
        Volume (µm³) of each structure counted so far in the stack shown.
    problem : str
        Why the session cannot be read; empty if it can.
    """

    scenes: tuple[Scene, ...] = ()
    progress: Progress = field(default_factory=Progress)
    picture: Picture | None = None
    volumes: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""


class PictureWorker:
    """Keeps the newest picture of the newest view ready; close it, or use it as a context.

    Parameters
    ----------
    loader : Loader
        Used by this thread alone from now on.
    view : View
        Shown first.
    """

    def __init__(self, loader: Loader, view: View) -> None:
        self.updates: Latest[Update] = Latest()
        self._loader = loader
        self._view = view
        self._wake = threading.Event()
        self._closing = False
        self._relevel = False
        self._refreshed_at = float("-inf")
        self._drawn: tuple[object, ...] = ()
        self._drawn_at = 0.0
        self._picture: Picture | None = None
        self._problem = ""
        self._volumes: dict[tuple[int, int], dict[str, float]] = {}
        self._thread = threading.Thread(target=self._run, name="viewer-reader")
        self._thread.start()

    def __enter__(self) -> PictureWorker:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread."""
        self.close()

    def show(self, view: View) -> None:
        """Ask for a view; returns at once."""
        self._view = view
        self._wake.set()

    def relevel(self) -> None:
        """Ask for levels from the stack that is shown."""
        self._relevel = True
        self._wake.set()

    def close(self) -> None:
        """End the thread after what it is at."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            if self._closing:
                return
            try:
                changed, pause = self._step()
            except UNREADABLE as error:
                log.debug("cannot read the session", exc_info=True)
                changed, pause = self._set_problem(first_line(error)), REFRESH_S
            if changed:
                self._publish()

    def _step(self) -> tuple[bool, float]:
        """Do the most urgent thing; return whether there is news, and how long to rest."""
        view, changed = self._view, self._refresh_if_due()
        if self._relevel:
            self._relevel, self._drawn = False, ()
            self._loader.relevel()
        if view.image < len(self._loader.scenes):
            scene = self._loader.scenes[view.image]
            wanted = (view, state.time_of(view, scene), len(scene.segmented))
            if wanted != self._drawn:
                self._picture = self._loader.load(view)
                self._drawn, self._drawn_at = wanted, time.monotonic()
                changed = True
        changed = self._set_problem("") or changed
        counted, pause = self._count_one()
        return changed or counted, pause

    def _refresh_if_due(self) -> bool:
        now = time.monotonic()
        pause = FINISHED_REFRESH_S if self._loader.progress.finished else REFRESH_S
        if now - self._refreshed_at < pause:
            return False
        self._refreshed_at = now
        self._loader.refresh()
        return True

    def _count_one(self) -> tuple[bool, float]:
        """Count the next structure's voxels, once the picture has stood still for a while."""
        picture = self._picture
        if picture is None or picture.labels is None:
            return False, REFRESH_S
        known = self._volumes.setdefault((picture.image, picture.t), {})
        while len(self._volumes) > KEPT_VOLUMES:
            self._volumes.pop(next(iter(self._volumes)))
        left = [n for n in self._loader.scenes[picture.image].structures if n not in known]
        still = time.monotonic() - self._drawn_at
        if not left or still < STILL_S:
            return False, REFRESH_S
        known[left[0]] = self._loader.volume(picture.image, picture.t, left[0])
        return True, 0.0

    def _set_problem(self, problem: str) -> bool:
        changed, self._problem = problem != self._problem, problem
        return changed

    def _publish(self) -> None:
        picture = self._picture
        volumes = self._volumes.get((picture.image, picture.t), {}) if picture else {}
        self.updates.put(
            Update(
                self._loader.scenes,
                self._loader.progress,
                picture,
                dict(volumes),
                self._problem,
            )
        )


def first_line(error: Exception) -> str:
    """Return what an error says in one line."""
    text = error.what if isinstance(error, LivesrError) else str(error) or type(error).__name__
    return text.splitlines()[0]
