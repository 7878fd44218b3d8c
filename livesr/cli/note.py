"""``livesr note``: a timed note into a session, running or finished."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, emit, say
from livesr.errors import StorageError
from livesr.session.notes import EVERY_S, take_into_closed
from livesr.storage.folder import JOURNAL_FILE
from livesr.storage.notes import drop_note

_PATIENCE_S = 5.0


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("note", help="Leave a timed note in a session, while it runs or afterwards.")(note)


def note(
    session: Annotated[Path, typer.Argument(help="The session's folder.")],
    text: Annotated[str, typer.Argument(help="What happened: drug added.")],
    as_json: Json = False,
) -> int:
    """Leave a note; the process that records takes it into the journal."""
    if not (session / JOURNAL_FILE).is_file():
        raise StorageError(
            "there is no session: it has no journal.jsonl",
            where=str(session),
            fix="name the folder that livesr run said it records to",
        )
    path = drop_note(session, text)
    taken = _journalled(session, path)
    say(f"noted in {session}" if taken else "left for the session, which does not answer now")
    if as_json:
        emit({"session": str(session), "text": text.strip(), "journalled": taken})
    return 0


def _journalled(session: Path, path: Path) -> bool:
    """Return whether the note stands in the journal: by the process that records, or by this."""
    until = time.monotonic() + _PATIENCE_S
    while path.exists() and time.monotonic() < until:
        try:
            take_into_closed(session)
        except StorageError:  # it runs; its own process takes the note in
            time.sleep(EVERY_S / 5)
    return not path.exists()
