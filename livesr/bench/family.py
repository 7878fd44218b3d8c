"""Which process of a running session is which."""

from __future__ import annotations

import psutil

ACQUISITION, SUPERVISOR, SEGMENTER = "acquisition", "supervisor", "segmenter"
_MARKS = {SUPERVISOR: "livesr.acquisition.light.watcher", SEGMENTER: "spawn_main"}


def name_of(process: psutil.Process) -> str | None:
    """Return what a child of the acquisition is by its command line; None for Python's own."""
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return None
    return next((name for name, mark in _MARKS.items() if mark in line), None)


def family(pid: int) -> dict[str, psutil.Process]:
    """Return the processes of a session by name, the acquisition first; empty if it has ended."""
    try:
        acquisition = psutil.Process(pid)
        children = acquisition.children(recursive=True)
    except psutil.Error:
        return {}
    named = ((name_of(child), child) for child in children)
    return {ACQUISITION: acquisition, **{name: child for name, child in named if name}}
