"""``livesr view``: the overlay viewer, live or finished."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging
from livesr.viewer import run as show
from livesr.viewer.state import read_plane

Mode = Literal["overlay", "masked"]


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("view", help="Look at a running or a finished session.")(view)


def view(
    path: Annotated[Path, typer.Argument(help="Session folder.")],
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
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Look at a session."""
    start_logging(verbose)
    show(
        path,
        screenshot=screenshot,
        t=t,
        z=read_plane(z, "livesr view"),
        channel=channel,
        structures=structure,
        opacity=opacity,
        mode=mode,
    )
    if screenshot is not None:
        say(f"picture: {screenshot}")
    if as_json:
        emit({"session": str(path), "screenshot": str(screenshot) if screenshot else None})
    return 0
