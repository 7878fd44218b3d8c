"""``livesr report``: the page of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "report",
        help="Write the page of a session, finished or interrupted: report.html in its folder.",
        epilog="Example: livesr report night; docs/report.md",
    )(report)


def report(
    session: Annotated[Path, typer.Argument(metavar="SESSION", help="Folder of a session.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The page, elsewhere.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Write what a session came to as one HTML file."""
    from livesr.report.write import write_report

    start_logging(verbose)
    path = write_report(session, out)
    say(f"report: {path}")
    if as_json:
        emit({"session": str(session), "report": str(path)})
    return 0
