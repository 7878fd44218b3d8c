"""Other programs that may hold the hardware: a port or a camera serves one program at a time."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

import psutil

_PROGRAMS = {
    "Micro-Manager": r"micro-?manager|mmstudio|org\.micromanager",
    "ImageJ": r"(^|[\\/ ])(imagej|fiji)[^\\/ ]*(\.exe)?($|[ ])|ij\.imagej|ij-1\.\w+\.jar",
    "pymmcore-gui or napari-micromanager": r"pymmcore[-_]gui|\bmmgui\b|napari[-_]micromanager",
    "MetaMorph": r"(^|[\\/])(mmapp|metamorph)[^\\/ ]*\.exe",
    "NIS-Elements": r"(^|[\\/])nis_\w+\.exe",
    "ZEN": r"(^|[\\/])zen\.exe",
    "SlideBook": r"(^|[\\/])slidebook[^\\/ ]*\.exe",
    "VisiView": r"(^|[\\/])visiview[^\\/ ]*\.exe",
    "Fusion": r"(^|[\\/])fusion[^\\/ ]*\.exe",
    "PVCAM Test": r"(^|[\\/])pvcamtest[^\\/ ]*",
    "µManager's server or pycro-manager": r"pycro-?manager",
}
_KNOWN = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PROGRAMS.items()}
_LIVESR = re.compile(r"-m\s+livesr\s+(run|live)\b|(^|[\\/])livesr(\.exe)?\s+(run|live)\b")
_IN_USE = re.compile(
    r"in use|access(?: is)? denied|permission denied|busy|already open|resource .*unavailable|"
    r"exclusive|could not open|cannot open|can't open|failed to open|ERR_PORT",
    re.IGNORECASE,
)


class Holder(NamedTuple):
    """A running program that uses microscopes."""

    program: str
    pid: int


def holders() -> list[Holder]:
    """Return the running programs that may hold the hardware, other than this one's own."""
    mine = {os.getpid(), *(parent.pid for parent in _parents())}
    found = []
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        if process.info["pid"] in mine:
            continue
        program = recognised(process.info["name"] or "", process.info["cmdline"] or [])
        if program:
            found.append(Holder(program, int(process.info["pid"])))
    return found


def recognised(name: str, command: list[str]) -> str:
    """Return which program of microscopes a process is; empty if none.

    Parameters
    ----------
    name : str
        Of its executable.
    command : list of str
        Its command line.
    """
    line = " ".join(command)
    if _LIVESR.search(line):
        return "livesr"
    texts = (name, *command[:1], line if _runs_others(name) else "")
    return next((p for p, known in _KNOWN.items() if any(map(known.search, texts))), "")


def advice(error: str = "") -> str:
    """Return how to free hardware that does not load; empty if nothing says that it is held.

    Parameters
    ----------
    error : str
        What the adapter said.
    """
    held = holders()
    if held:
        named = ", ".join(f"{one.program} (process {one.pid})" for one in held[:5])
        return f"close {named}: a port or a camera serves one program at a time"
    if _IN_USE.search(error):
        return (
            "something holds the port or the camera: close other programs of the microscope, also "
            "on other desktops of this computer; then switch the device off and on"
        )
    return ""


def _runs_others(name: str) -> bool:
    """Return whether an executable runs programs that its command line names."""
    return re.match(r"(java|python)", name, re.IGNORECASE) is not None


def _parents() -> list[psutil.Process]:
    try:
        parents: list[psutil.Process] = psutil.Process().parents()
    except psutil.Error:
        return []
    return parents
