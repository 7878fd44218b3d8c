"""The viewer: a program of its own that shows a session, running or finished, and only reads it.

`state` says what is shown, `loader` reads and `compose` draws it without Qt, `worker` does so in a
thread, `window` with `canvas`, `sidebar` and `timebar` is what people see, `check` says whether a
window can be opened at all. Closing or killing the program changes nothing in the session.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from livesr.errors import ConfigError
from livesr.storage.reader import open_session
from livesr.viewer import check, state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["run"]


def run(
    path: Path,
    *,
    screenshot: Path | None = None,
    size: tuple[int, int] = (1200, 800),
    t: int | None = None,
    z: int | Literal["max"] | None = None,
    channel: str | None = None,
    structures: Sequence[str] | None = None,
    opacity: float = 0.5,
    mode: Literal["overlay", "masked"] = "overlay",
) -> None:
    """Show a session until the window is closed, or write its picture.

    Parameters
    ----------
    path : Path
        Folder of the session.
    screenshot : Path, optional
        Write the window as an image instead; needs no display.
    size : tuple of int
        Width and height of the window, pixels.
    t : int, optional
        Time point; default: follow the newest.
    z : int or "max", optional
        Plane, or the maximum projection; default: a plane a third up.
    channel : str, optional
        Channel, ``intensity`` or ``ratio``; default: the first.
    structures : sequence of str, optional
        Structures shown; default: all but cytosol and extracellular space.
    opacity : float
        Of the structures, 0 to 1.
    mode : {"overlay", "masked"}
        Structures over the picture, or masks × intensity: their own light in their colours.

    Raises
    ------
    ConfigError
        If the view cannot be, or no window can be opened; the message says how to mend it.
    StorageError
        If ``path`` is no session, or it cannot be read.
    """
    view = state.initial(
        t=t,
        z=z,
        channel=channel,
        structures=structures,
        opacity=opacity,
        masked=mode == "masked",
    )
    session = open_session(path)
    reason = check.unavailable(offscreen=screenshot is not None)
    if reason is not None:
        raise ConfigError("the viewer cannot be opened here", where="viewer", fix=reason)
    os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"
    if screenshot is not None:
        check.use_offscreen()
    from livesr.viewer import app  # Qt must start after the checks and the choice of platform

    if screenshot is not None:
        app.screenshot(session, view, size, screenshot)
    else:
        app.show(session, view, size)
