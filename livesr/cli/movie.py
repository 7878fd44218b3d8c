"""``livesr movie``: a session as MP4 or GIF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "movie",
        help="A session as a movie, with scale bar, clock and stages: MP4 or GIF.",
        epilog="Example: livesr movie night --structures mitochondria,nucleus -o night.mp4; "
        "docs/report.md",
    )(movie)


def movie(
    session: Annotated[Path, typer.Argument(metavar="SESSION", help="Folder of a session.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File: .mp4 or .gif.")],
    structures: Annotated[
        str, typer.Option(metavar="NAME,…", help="Only these; default: most.")
    ] = "",
    mode: Annotated[
        Literal["masked", "overlay", "ratio"],
        typer.Option(help="Structures' own light; structures over the light; the ratio."),
    ] = "masked",
    z: Annotated[str, typer.Option("-z", help="Plane number, or max (projection).")] = "max",
    fps: Annotated[float, typer.Option(min=0.5, max=50, help="Stacks a second.")] = 8.0,
    size: Annotated[int, typer.Option(min=64, max=4096, help="Longer side, pixels.")] = 800,
    position: Annotated[
        int | None, typer.Option(min=0, help="Which; default: the one with most stacks.")
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Write one position of a session, a frame a stack."""
    from livesr.movie.make import make_movie
    from livesr.viewer.state import read_plane

    start_logging(verbose)
    made = make_movie(
        session,
        out,
        structures=[name.strip() for name in structures.split(",")] if structures else None,
        mode=mode,
        z=read_plane(z, "livesr movie") or 0,
        fps=fps,
        size=size,
        position=position,
        progress=lambda done, of: say(f"frame {done}/{of}") if done % 25 == 0 else None,
    )
    say(f"{made.frames} frames, {made.seconds:.1f} s → {made.path}")
    if as_json:
        emit(
            {
                "session": str(session),
                "movie": str(made.path),
                "frames": made.frames,
                "seconds": made.seconds,
                "height": made.size[0],
                "width": made.size[1],
                "scale_bar_um": made.bar_um,
            }
        )
    return 0
