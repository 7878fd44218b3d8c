"""The session's own log: a JSON line a message, in its folder, and never without end."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART_BYTES = 8 * 2**20
"""A part of the log; what is older lies in ``log.jsonl.1`` (the youngest) and so on."""
PARTS = 4
"""Older parts that are kept."""


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _SessionLog(RotatingFileHandler):
    """A log that a full disk or a reader (Windows) may cost lines, but nobody anything else."""

    _complained = False

    def rotate(self, source: str, dest: str) -> None:
        with suppress(OSError):  # Windows: another program reads it; the part grows on
            super().rotate(source, dest)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if isinstance(sys.exc_info()[1], OSError):
            if not self._complained:
                self._complained = True
                sys.stderr.write(f"livesr: the session's log lacks lines: {sys.exc_info()[1]}\n")
            return
        super().handleError(record)


@contextmanager
def session_log(path: Path, *, part_bytes: int = PART_BYTES, parts: int = PARTS) -> Iterator[None]:
    """Write livesr's messages to ``path`` while the session runs."""
    handler = _SessionLog(
        path, encoding="utf-8", errors="backslashreplace", delay=True,
        maxBytes=part_bytes, backupCount=parts,
    )  # fmt: skip
    handler.setFormatter(_JsonLines())
    logger = logging.getLogger("livesr")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):  # the disk is full
            handler.close()
