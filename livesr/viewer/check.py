"""Whether a window can be opened here, found out without risk to the process that asks.

Qt ends the whole process when its platform plugin cannot start, so it is first tried in another.
Qt is not imported here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

BAD_QT = "6.12.0"
"""PySide6 that loses references in every painted frame on Python 3.11 and ends the process."""
PROBE = "from PySide6.QtWidgets import QApplication; QApplication([]); print('qt works')"
PROBE_S = 60.0
LIBRARIES = "libegl1 libgl1 libopengl0 libxkbcommon0 libfontconfig1 libdbus-1-3 libglib2.0-0"
X11_LIBRARIES = (
    "libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 "
    "libxcb-render-util0 libxcb-shape0 libxcb-xkb1"
)
WINDOWLESS = ("offscreen", "minimal", "vnc")
NO_WINDOW = "use --headless (demo, run) or --screenshot FILE (view)"


def unavailable(*, offscreen: bool = False) -> str | None:
    """Return why no window can be opened and how to mend it, or None if one can.

    Parameters
    ----------
    offscreen : bool
        Ask for pictures without a display only, as ``--screenshot`` makes them.
    """
    reason = _bad_binding()
    if reason is None and not offscreen:
        reason = _no_display()
    return reason if reason is not None else _probe(offscreen=offscreen)


def use_offscreen() -> None:
    """Choose Qt's platform without a display; to be called before Qt starts."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    if sys.platform == "win32":
        windows = os.environ.get("SYSTEMROOT", r"C:\Windows")
        os.environ.setdefault("QT_QPA_FONTDIR", rf"{windows}\Fonts")


def _bad_binding() -> str | None:
    try:
        version = metadata.version("PySide6-Essentials")
    except metadata.PackageNotFoundError:
        return 'PySide6 is not installed: pip install "PySide6-Essentials>=6.8,!=6.12.0"'
    if version == BAD_QT:
        return (
            f"PySide6 {version} loses references while painting and ends the process: "
            'pip install "PySide6-Essentials>=6.8,!=6.12.0"'
        )
    return None


def _no_display() -> str | None:
    """Return why there is no display; Windows and macOS have one."""
    if not sys.platform.startswith("linux"):
        return None
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] in WINDOWLESS:
        return None
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return None
    return f"there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): {NO_WINDOW}"


def _probe(*, offscreen: bool) -> str | None:
    """Start Qt in a process of its own and return why it failed."""
    environment = dict(os.environ)
    if offscreen:
        environment["QT_QPA_PLATFORM"] = "offscreen"
    try:
        run = subprocess.run(  # noqa: S603 - this interpreter, a constant program
            [sys.executable, "-c", PROBE],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Qt could not be tried: {error}; {NO_WINDOW}"
    if run.returncode == 0 and "qt works" in run.stdout:
        return None
    return f"Qt does not start: {_complaint(run.stderr)}; {_mend(offscreen=offscreen)}"


def _complaint(stderr: str) -> str:
    """Return the line that says most: the library or display that is missing."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = (
        "ImportError",
        "ModuleNotFoundError",
        "could not connect",
        "is needed",
        "Could not load",
    )
    for word in telling:
        for line in lines:
            if word in line:
                return line
    return lines[-1] if lines else "it ended without a word"


def _mend(*, offscreen: bool) -> str:
    if not sys.platform.startswith("linux"):
        return "pip install --force-reinstall PySide6-Essentials"
    if offscreen:
        return f"on Debian and Ubuntu: sudo apt install {LIBRARIES}"
    return f"on Debian and Ubuntu: sudo apt install {LIBRARIES} {X11_LIBRARIES}; or {NO_WINDOW}"
