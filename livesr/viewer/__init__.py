"""The viewer: a program of its own that shows a session, running or finished, and only reads it.

`state` says what is shown, `loader` reads and `compose` draws it without Qt, `worker` does so in a
thread, `window` with `canvas`, `sidebar` and `timebar` is what people see, `check` says whether a
window can be opened at all. Closing or killing the program changes nothing in the session.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from livesr.errors import ConfigError
from livesr.storage.reader import open_session
from livesr.viewer import check, state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.viewer.state import OverTime, Panes
    from livesr.viewer.worker import Source

__all__ = ["run"]


def run(
    path: Path | str,
    *,
    screenshot: Path | None = None,
    size: tuple[int, int] = (1200, 800),
    t: int | None = None,
    z: int | Literal["max"] | None = None,
    channel: str | None = None,
    structures: Sequence[str] | None = None,
    opacity: float = 0.5,
    mode: Literal["overlay", "masked"] = "overlay",
    image: int = 0,
    panes: Panes = "plane",
    over_time: OverTime = "",
    error: bool = False,
    token_file: Path | None = None,
) -> None:
    """Show a session until the window is closed, or write its picture.

    Parameters
    ----------
    path : Path or str
        Folder of the session, or where a daemon serves it: ``http://HOST:PORT/NAME``, without the
        name the one that runs.
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
    image : int
        Image of the session: stage position or acquisition mode, from 0.
    panes : {"plane", "sections", "solid"}
        The plane, the plane with sections across it, or the masks in space.
    over_time : {"", "lives", "volume", "count", "contacts"}
        What is shown over time below it.
    error : bool
        Whether the calibration's expected error lies over the picture.
    token_file : Path, optional
        With the token of a daemon that asks for one.

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
        image=image,
        panes=panes,
        over_time=over_time,
        error=error,
    )
    source, folder = _opened(path, token_file)
    reason = check.unavailable(offscreen=screenshot is not None)
    if reason is not None:
        raise ConfigError("the viewer cannot be opened here", where="viewer", fix=reason)
    os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"
    if screenshot is not None:
        check.use_offscreen()
    from livesr.viewer import app  # Qt must start after the checks and the choice of platform

    if screenshot is not None:
        app.screenshot(source, folder.name, view, size, screenshot)
    else:
        app.show(source, folder, view, size)


def _opened(path: Path | str, token_file: Path | None) -> tuple[Source, Path]:
    """Return what reads a session, and its folder, or one of its name here if it is remote."""
    from livesr.viewer.loader import Loader  # sessions begin without what a viewer needs
    from livesr.viewer.remote import open_remote, place_of

    place = place_of(str(path))
    if place is not None:
        remote = open_remote(place, token_file)
        return remote, Path.cwd() / remote.name
    session = open_session(Path(path))
    return Loader(session), session.folder
