"""``python -m livesr.viewer PATH``: the viewer as a process of its own, for a running session."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from livesr.errors import LivesrError
from livesr.flow import yield_to_acquisition
from livesr.viewer import run

log = logging.getLogger("livesr.viewer")


def main(arguments: list[str]) -> int:
    """Show the session whose folder is the only argument; return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if len(arguments) != 1:
        log.error("usage: python -m livesr.viewer SESSION_FOLDER")
        return 2
    yield_to_acquisition()
    try:
        run(Path(arguments[0]))
    except LivesrError as error:
        log.error("%s", error)  # noqa: TRY400 - its text is the message
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
