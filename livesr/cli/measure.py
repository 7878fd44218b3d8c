"""``livesr measure``: the tables of a stored session."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging
from livesr.session.remeasure import remeasure, with_changes
from livesr.storage.parts import write_csv


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "measure",
        help="Make the tables of a recorded session, or make them again: objects, contacts, "
        "tracks.",
        epilog="Example: livesr measure night --contacts --shuffles 100 --tracks lysosome,cell "
        "--csv; docs/measure.md",
    )(measure)


def measure(
    session: Annotated[Path, typer.Argument(metavar="SESSION", help="Folder of a session.")],
    contacts: Annotated[
        bool, typer.Option("--contacts", help="Also what touches what, if the session has not.")
    ] = False,
    shuffles: Annotated[
        int | None,
        typer.Option(min=0, help="Random places an object, for enrichment; 100 is enough."),
    ] = None,
    tracks: Annotated[
        str, typer.Option(metavar="NAME,…", help="Follow these over time; cell for cells.")
    ] = "",
    calibration: Annotated[
        str, typer.Option(help="In place of the session's: a file, a name, or none.")
    ] = "",
    csv: Annotated[bool, typer.Option("--csv", help="Also write each table as CSV.")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Measure every segmented stack, and follow objects over time."""
    start_logging(verbose)
    names = tuple(name.strip() for name in tracks.split(",") if name.strip())
    made = remeasure(
        session,
        changed=partial(with_changes, contacts=contacts, shuffles=shuffles, tracks=names),
        calibration=calibration,
        progress=lambda done, of: say(f"stack {done}/{of}"),
    )
    files = [made.folder / name for name in made.rows]
    if csv:
        files += [write_csv(path) for path in files]
    for name, rows in made.rows.items():
        say(f"{name}: {rows:,} rows")
    say(f"{made.stacks} stacks measured → {made.folder}")
    if as_json:
        emit(
            {
                "session": str(made.folder),
                "stacks": made.stacks,
                "tables": {Path(name).stem: rows for name, rows in made.rows.items()},
                "files": [str(path) for path in files],
            }
        )
    return 0
