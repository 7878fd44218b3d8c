"""The thread that reads, so that the window never waits on a disk; `latest` in both directions.

The window leaves the view that it wants; what was asked for before and not begun is dropped. The
thread leaves what it made; what the window did not take is dropped. It never touches Qt.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from livesr.errors import LivesrError
from livesr.latest import Latest
from livesr.viewer import state
from livesr.viewer.beside import Extras
from livesr.viewer.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from livesr.viewer.beside import Beside, Part, Point
    from livesr.viewer.course import Course
    from livesr.viewer.loader import Picture
    from livesr.viewer.state import Scene, View

log = logging.getLogger(__name__)

REFRESH_S = 0.15
"""Time between two looks at a running session."""
FINISHED_REFRESH_S = 3.0
"""The same for a finished one, which may be resumed."""
STILL_S = 1.0
"""Time that a stack must have been shown before its volumes are counted."""
KEPT_VOLUMES = 64
UNREADABLE = (LivesrError, OSError, ValueError, KeyError)
"""What reading a damaged, half-written or vanished session may raise."""
TRIED = ("session", "picture", "sections", "solid", "series", "error", "pointed", "volumes")
"""What may fail; the first of them that does is told."""


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
    extras : Extras
        What is shown beside the picture.
    """

    scenes: tuple[Scene, ...] = ()
    progress: Progress = field(default_factory=Progress)
    picture: Picture | None = None
    volumes: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""
    extras: Extras = field(default_factory=Extras)


class Source(Protocol):
    """What pictures come from: a session's folder, or a daemon."""

    scenes: tuple[Scene, ...]
    progress: Progress
    course: Course

    def refresh(self) -> None:
        """Look again at what is stored."""

    def relevel(self) -> None:
        """Forget the levels."""

    def load(self, view: View) -> Picture | None:
        """Return the picture of a view; None if nothing is stored yet."""

    def volume(self, image: int, t: int, name: str) -> float:
        """Return the volume of a structure."""

    def wanted(self, view: View) -> Hashable:
        """Return what of a view the picture depends on."""

    def beside(self) -> Beside:
        """Return what makes the parts beside the picture."""


class PictureWorker:
    """Keeps the newest picture of the newest view ready; close it, or use it as a context.

    Parameters
    ----------
    loader : Source
        Used by this thread alone from now on.
    view : View
        Shown first.
    """

    def __init__(self, loader: Source, view: View) -> None:
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
        self._problems: dict[str, str] = {}
        self._volumes: dict[tuple[int, int], dict[str, float]] = {}
        self._beside = loader.beside()
        self._point: Point = None
        self._parts: dict[Part, tuple[Hashable, object]] = {}
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

    def point(self, place: Point) -> None:
        """Ask what lies at a place of the picture; returns at once."""
        self._point = place
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
            changed, goes_on = self._step()
            pause = 0.0 if goes_on else REFRESH_S
            if changed or goes_on:
                self._publish()

    def _step(self) -> tuple[bool, bool]:
        """Look at the session, draw, count: return whether there is news, and whether to go on."""
        changed = self._refresh_due() and self._attempt("session", self._refresh)
        if self._relevel:
            self._relevel, self._drawn = False, ()
            self._loader.relevel()
        view = self._view
        wanted = self._wanted(view)
        if wanted and wanted != self._drawn:
            changed = self._attempt("picture", lambda: self._draw(view, wanted)) or changed
        if self._make_next(view):
            return True, True
        name = self._uncounted()
        counting = name is not None and self._attempt("volumes", lambda: self._count(str(name)))
        return changed, counting

    def _attempt(self, what: str, action: Callable[[], None]) -> bool:
        """Do something that reads; keep why it failed, and return whether there is news."""
        before = self._problems.pop(what, "")
        try:
            action()
        except UNREADABLE as error:
            log.debug("cannot read the session", exc_info=True)
            self._problems[what] = first_line(error)
            return self._problems[what] != before
        return True

    def _refresh_due(self) -> bool:
        now = time.monotonic()
        pause = FINISHED_REFRESH_S if self._loader.progress.finished else REFRESH_S
        if now - self._refreshed_at < pause:
            return False
        self._refreshed_at = now
        return True

    def _refresh(self) -> None:
        self._loader.refresh()
        self._problems.pop("volumes", None)  # may be tried again

    def _wanted(self, view: View) -> tuple[object, ...]:
        """Return what the picture depends on; empty if there is nothing to draw."""
        scenes = self._loader.scenes
        if view.image >= len(scenes):
            return ()
        scene = scenes[view.image]
        t = state.time_of(view, scene)
        return self._loader.wanted(view), t, len(scene.segmented)

    def _draw(self, view: View, wanted: tuple[object, ...]) -> None:
        self._picture = self._loader.load(view)
        self._drawn, self._drawn_at = wanted, time.monotonic()

    def _make_next(self, view: View) -> bool:
        """Make the next part beside the picture that is not what it should be; one at a time."""
        point = self._point
        wanted = self._beside.wanted(view, point)
        for part in [part for part in self._parts if part not in wanted]:
            del self._parts[part]
            self._problems.pop(part, None)
        for part, key in wanted.items():
            if part not in self._parts or self._parts[part][0] != key:
                before = self._parts.get(part, (None, None))[1]
                self._parts[part] = key, before  # also if it fails: not again and again
                self._attempt(part, partial(self._make, part, key, view, point))
                return True
        return False

    def _make(self, part: Part, key: Hashable, view: View, point: Point) -> None:
        self._parts[part] = key, self._beside.make(part, view, point)

    def _uncounted(self) -> str | None:
        """Return the next structure to count, once the picture has stood still for a while."""
        picture = self._picture
        if picture is None or picture.labels is None:
            return None
        if self._problems or time.monotonic() - self._drawn_at < STILL_S:
            return None
        known = self._volumes.get((picture.image, picture.t), {})
        structures = self._loader.scenes[picture.image].structures
        return next((name for name in structures if name not in known), None)

    def _count(self, name: str) -> None:
        picture = self._picture
        if picture is None:
            return
        volume = self._loader.volume(picture.image, picture.t, name)
        self._volumes.setdefault((picture.image, picture.t), {})[name] = volume
        while len(self._volumes) > KEPT_VOLUMES:
            self._volumes.pop(next(iter(self._volumes)))

    def _publish(self) -> None:
        picture = self._picture
        volumes = self._volumes.get((picture.image, picture.t), {}) if picture else {}
        problem = next((self._problems[what] for what in TRIED if what in self._problems), "")
        self.updates.put(
            Update(
                self._loader.scenes,
                self._loader.progress,
                picture,
                dict(volumes),
                problem,
                extras_of(
                    self._loader.course, {str(k): made for k, (_, made) in self._parts.items()}
                ),
            )
        )


def extras_of(course: Course, made: Mapping[str, Any]) -> Extras:
    """Return what is shown beside the picture of the parts that were made."""
    return Extras(course, **made)


def first_line(error: Exception) -> str:
    """Return what an error says in one line."""
    text = error.what if isinstance(error, LivesrError) else str(error) or type(error).__name__
    return text.splitlines()[0]
