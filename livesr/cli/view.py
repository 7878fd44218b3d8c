"""``livesr view``: the overlay viewer, live or finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from livesr.cli.daemon_options import TokenFile
from livesr.cli.output import Json, Verbose, emit, say, start_logging
from livesr.viewer import run
from livesr.viewer.state import read_plane

if TYPE_CHECKING:
    from livesr.viewer.state import OverTime, Panes

Mode = Literal["overlay", "masked"]
Show = Literal["plane", "sections", "3d"]
Kind = Literal["cells", "volumes", "counts", "contacts"]
PANES: dict[Show, Panes] = {"plane": "plane", "sections": "sections", "3d": "solid"}
KINDS: dict[Kind, OverTime] = {
    "cells": "lives",
    "volumes": "volume",
    "counts": "count",
    "contacts": "contacts",
}


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("view", help="Look at a running or a finished session.")(view)


def view(
    path: Annotated[
        str,
        typer.Argument(help="Session folder, or http://HOST:PORT/NAME of a daemon."),
    ],
    screenshot: Annotated[
        Path | None, typer.Option(help="Render to this PNG, without a display, and stop.")
    ] = None,
    t: Annotated[
        int | None, typer.Option("--time", "-t", help="Time point; default newest.")
    ] = None,
    z: Annotated[str | None, typer.Option("-z", help="Plane number, or max.")] = None,
    channel: Annotated[str | None, typer.Option(help="A channel, intensity or ratio.")] = None,
    structure: Annotated[
        list[str] | None, typer.Option("--structure", help="Show only these. May be repeated.")
    ] = None,
    opacity: Annotated[float, typer.Option(min=0, max=1, help="Opacity of the masks.")] = 0.5,
    mode: Annotated[
        Mode, typer.Option(help="Masks over the picture, or masks × intensity (masked).")
    ] = "overlay",
    position: Annotated[
        int, typer.Option(min=0, help="Image of the session, from 0: position or mode.")
    ] = 0,
    show: Annotated[
        Show, typer.Option(help="The plane, with sections across it, or the masks in space.")
    ] = "plane",
    over_time: Annotated[
        Kind | None, typer.Option(help="Draw out below: cells, volumes, counts or contacts.")
    ] = None,
    error: Annotated[
        bool, typer.Option("--error", help="Lay the calibration's expected error over it.")
    ] = False,
    token_file: TokenFile = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Look at a session."""
    start_logging(verbose)
    run(
        path,
        screenshot=screenshot,
        t=t,
        z=read_plane(z, "livesr view"),
        channel=channel,
        structures=structure,
        opacity=opacity,
        mode=mode,
        image=position,
        panes=PANES[show],
        over_time=KINDS[over_time] if over_time else "",
        error=error,
        token_file=token_file,
    )
    if screenshot is not None:
        say(f"picture: {screenshot}")
    if as_json:
        emit({"session": path, "screenshot": str(screenshot) if screenshot else None})
    return 0
