"""Writes a session's report into its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr import html
from livesr.report.page import page
from livesr.report.told import Told
from livesr.storage.folder import REPORT_FILE

if TYPE_CHECKING:
    from pathlib import Path


def write_report(session: Path, out: Path | None = None) -> Path:
    """Write a session's report and return its path.

    Parameters
    ----------
    session : Path
        Folder of a session that runs, was interrupted or is finished.
    out : Path, optional
        The page; by default ``report.html`` in the session's folder.

    Raises
    ------
    StorageError
        If it is no session, its journal is damaged, or the page cannot be written.
    """
    told = Told(session)
    text = page(told)
    return html.put(out or told.folder / REPORT_FILE, text.encode("utf-8"))
