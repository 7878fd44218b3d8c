"""``python -m livesr.viewer.pace FOLDER follow|flip SECONDS``: how the viewer keeps up.

The real window, without a display. ``follow`` shows each stack as it comes, until the session is
finished: when each picture with masks was on the screen, and the memory in use. ``flip`` goes
through the planes: how many pictures are composed and painted a second. Prints ``ready`` once the
window stands, and one JSON object at the end.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from livesr.storage.reader import open_session
from livesr.viewer import check, planes
from livesr.viewer.loader import Loader
from livesr.viewer.state import View

if TYPE_CHECKING:
    from livesr.viewer.window import Window
    from livesr.viewer.worker import PictureWorker, Update

SIZE = (1600, 1000)
SMALL_CACHE = 2**21
_PAUSE_S = 0.004
_RSS_EVERY = 20
"""Stacks between two looks at the memory."""


class Screen:
    """A window whose events are processed by hand, so that what is painted can be counted."""

    def __init__(self, folder: Path, view: View) -> None:
        from livesr.viewer.app import start_qt
        from livesr.viewer.window import Window
        from livesr.viewer.worker import PictureWorker

        self._app = start_qt()
        self.worker: PictureWorker = PictureWorker(Loader(open_session(folder)), view)
        self.window: Window = Window(folder.name, view, self.worker.show, self.worker.point)
        self.window.resize(*SIZE)
        self.window.show()
        print("ready", flush=True)  # noqa: T201 - whoever started this waits for it

    def look(self) -> Update | None:
        """Take what is new, paint it, and return it."""
        self._app.processEvents()
        update = self.worker.updates.take()
        if update is None:
            time.sleep(_PAUSE_S)
            return None
        self.window.display(update)
        self.window.repaint()
        self._app.processEvents()
        return update

    def close(self) -> None:
        """End it all."""
        self.worker.close()
        self.window.close()
        self.window.deleteLater()


def follow(folder: Path, seconds: float) -> dict[str, object]:
    """Return when each stack with masks was on the screen, and the memory by stacks, bytes."""
    planes.CACHE_BYTES = SMALL_CACHE  # full from the start, so that what grows is seen
    screen = Screen(folder, View(over_time="lives"))
    shown: dict[int, float] = {}
    memory: list[tuple[int, int]] = []
    process, until = psutil.Process(), time.monotonic() + seconds
    while time.monotonic() < until:
        update = screen.look()
        if update is None:
            continue
        picture, stored = update.picture, update.progress.stored
        if picture is not None and picture.labels is not None:
            shown.setdefault(picture.t, time.time())
        if stored >= (memory[-1][0] if memory else 0) + _RSS_EVERY:
            memory.append((stored, process.memory_info().rss))
        if update.progress.finished and not update.progress.waiting and picture is not None:
            break
    screen.close()
    return {"shown": shown, "memory": memory}


def flip(folder: Path, seconds: float) -> dict[str, object]:
    """Return how many planes are composed and painted a second, one after the other."""
    screen = Screen(folder, View(t=0, z=0))
    painted, asked, count, warm = 0, 0, 1, False
    began = time.monotonic()
    while time.monotonic() - began < seconds or not warm:
        update = screen.look()
        if update is None or update.picture is None or update.picture.z != asked:
            continue
        count, painted = update.scenes[0].planes, painted + 1
        if not warm and painted == count:  # each was read once, and all is compiled
            warm, painted, began = True, 0, time.monotonic()
        asked = (asked + 1) % count
        screen.window.edit(partial(replace, t=0, z=asked))
    took = time.monotonic() - began
    screen.close()
    return {"fps": painted / took, "painted": painted, "planes": count}


def main(arguments: list[str]) -> None:
    """Measure what is asked for and print it."""
    check.use_offscreen()
    folder, what, seconds = Path(arguments[0]), arguments[1], float(arguments[2])
    found = follow(folder, seconds) if what == "follow" else flip(folder, seconds)
    print(json.dumps(found))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
