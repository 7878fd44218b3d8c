"""A preview: the camera runs, nothing is recorded; one stack can be tried, and a session begun.

`livesr.session.stand` owns the microscope. `composer` makes pictures of its shots in a thread and
`actions` does what is asked for in another, both without Qt; `window` with `panel`, `plots` and
`rectangles` is what people see, and `app` pulls.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from livesr.errors import ConfigError
from livesr.viewer import check

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.session.stand import Stand
    from livesr.viewer.live.app import Left

__all__ = ["look", "picture"]

SIZE = (1360, 940)


def look(stand: Stand, *, folder: Path, light: str = "") -> Left:
    """Open the window of a preview and stay until it is closed.

    Parameters
    ----------
    stand : Stand
    folder : Path
        Where frames and session files are written.
    light : str
        The laser's power, ``DEVICE.PROPERTY``; found if empty.

    Raises
    ------
    ConfigError
        If no window can be opened; the message says how to mend it.
    """
    _check(offscreen=False)
    from livesr.viewer.live import app  # Qt must start after the checks

    return app.show(stand, light=light, folder=folder, size=SIZE)


def picture(
    stand: Stand,
    file: Path,
    *,
    mode: str = "channels",
    steps: tuple[str, ...] = (),
    light: str = "",
    size: tuple[int, int] = SIZE,
) -> None:
    """Write a picture of the window without a display; see `livesr.viewer.live.app.screenshot`."""
    _check(offscreen=True)
    check.use_offscreen()
    from livesr.viewer.live import app  # Qt must start after the choice of platform

    app.screenshot(stand, file, light=light, mode=mode, steps=steps, size=size)


def _check(*, offscreen: bool) -> None:
    reason = check.unavailable(offscreen=offscreen)
    if reason is not None:
        raise ConfigError("the preview cannot be opened here", where="viewer", fix=reason)
    os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"
