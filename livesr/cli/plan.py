"""``livesr plan``: a session's plan as a useq file, which other programs open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, emit, say
from livesr.config import read_session
from livesr.config.useq_file import write_useq
from livesr.storage.folder import SESSION_FILE


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "plan",
        help="Write a session's plan as a useq file: pymmcore-gui, pymmcore-widgets and "
        "napari-micromanager open it, and livesr runs it.",
    )(plan)


def plan(
    session: Annotated[Path, typer.Argument(help="Session file, or a session's folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="New file.")] = Path(
        "plan.useq.yaml"
    ),
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key: a.b=c. May be repeated.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write the plan."""
    if session.is_dir():
        session = session / SESSION_FILE
    sequence = write_useq(out, read_session(session, set_ or ()))
    say(f"{len(list(sequence))} exposures by useq's count → {out}")
    if as_json:
        emit({"file": str(out), "sizes": dict(sequence.sizes), "axes": sequence.axis_order})
    return 0
