"""The supervisor's process: it waits for the acquisition to end, and then switches the light off.

Its life: it is told what the light is, makes itself ready, says so, and hears every fifth of a
second what the acquisition does. It ends with the word ``end``; when the pipe ends without it, the
acquisition is dead; when nothing is heard while the light may be on, it hangs, and is ended first:
a serial port belongs to one process.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from livesr.acquisition.light.dark import DarkRoom, Done
from livesr.acquisition.light.path import LightPath
from livesr.companion import Owner
from livesr.storage.folder import LIGHT_FILE

HEAR_S = 0.1
"""The longest silence that is counted at once: time in which this process slept too is none."""
_GOING_S = 0.2
_KILLED_S = 2.0
_POLL_S = 0.005
_AGAIN_S, _PAUSE_S = 5.0, 0.1


def main() -> None:
    """Watch over the process that started this one."""
    owner = Owner()
    try:
        job = _first(owner)
        process = psutil.Process(job["owner"])
        path = LightPath.read(job["path"])
        room = DarkRoom(path) if path.lines else None
        owner.say(ready=os.getpid())
        if why := _watch(owner, job["hang_after_s"]):
            said = {"why": why, **_act(process, path, room)}
            _write(Path(job["folder"]) / LIGHT_FILE, said)
    except (EOFError, psutil.NoSuchProcess):
        pass  # it ended before there was any light
    except (RuntimeError, OSError, ImportError, ValueError) as error:
        owner.say(failed=str(error))
    os._exit(0)  # a thread still reads the pipe


def _act(process: psutil.Process, path: LightPath, room: DarkRoom | None) -> dict[str, object]:
    """Switch the light off, and return what was done."""
    began = time.monotonic()
    ended = _end(process)
    found = _patiently(room) if room else Done()
    return {
        "time": datetime.now().astimezone().isoformat(timespec="milliseconds"),
        "took_s": round(time.monotonic() - began, 3),
        "off": [*(f"{label} ended with its process" for label in path.within), *found.off],
        "failed": {**found.failed, **ended},
    }


def _patiently(room: DarkRoom) -> Done:
    """Switch off; again for a while if it failed: a port may not be free at once."""
    until = time.monotonic() + _AGAIN_S
    while (found := room.switch_off()).failed and time.monotonic() < until:
        time.sleep(_PAUSE_S)
    return found


def _first(owner: Owner) -> dict[str, Any]:
    while (message := owner.hear(60.0)) is None:
        pass
    return message


def _watch(owner: Owner, hang_after_s: float) -> str:
    """Return why the light must be switched off, or nothing if the acquisition ended in order."""
    silence_s, said = 0.0, {"doing": "waiting", "lit": False}
    while True:
        began = time.monotonic()
        try:
            message = owner.hear(HEAR_S)
        except EOFError:
            return f"the acquisition died while {said['doing']}"
        if message is None:
            silence_s += min(time.monotonic() - began, HEAR_S)
            if said["lit"] and silence_s > hang_after_s:
                return (
                    f"the acquisition gave no sign of life for {hang_after_s:g} s while "
                    f"{said['doing']}, and was ended"
                )
        elif "end" in message:
            return ""
        else:
            silence_s, said = 0.0, message
            owner.say(heard=True)


def _end(process: psutil.Process) -> dict[str, str]:
    """Wait for a process that is going, and end one that does not; return if that failed."""
    if _gone(process, _GOING_S):
        return {}
    with suppress(psutil.NoSuchProcess):
        process.kill()
    if _gone(process, _KILLED_S):
        return {}
    return {"acquisition": "it could not be ended and may still hold the light's devices"}


def _gone(process: psutil.Process, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(_POLL_S)
    return False


def _write(file: Path, said: dict[str, object]) -> None:
    """Leave word for whoever goes on with the session; a disk that is full keeps it from that."""
    with suppress(OSError), file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(said, ensure_ascii=False) + "\n")
        lines.flush()
        os.fsync(lines.fileno())


if __name__ == "__main__":
    main()
