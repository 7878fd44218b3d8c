"""Stands for ``livesr run``: a session without pictures that obeys pause and stop files."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from livesr.session.alone import only_one
from livesr.storage.folder import JOURNAL_FILE, PAUSE_FILE, SESSION_FILE, STOP_FILE
from livesr.storage.journal import Journal

LONGEST_S = 60.0


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / SESSION_FILE).write_text("calibration: none\n", encoding="utf-8")
    until = time.monotonic() + LONGEST_S
    with only_one(folder), Journal(folder / JOURNAL_FILE) as journal:
        journal.append("session_started", stacks=3, package=None)
        paused = False
        while not (folder / STOP_FILE).exists() and time.monotonic() < until:
            if (folder / PAUSE_FILE).exists() != paused:
                paused = not paused
                journal.append("paused" if paused else "continued", reason="asked")
            time.sleep(0.02)
        (folder / STOP_FILE).unlink(missing_ok=True)
        journal.append("session_finished", stacks=1, planned=3, error=None)
    json.dump({"exit_code": 6, "error": None}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
