"""``livesr live``: a preview, one stack tried, and what a session with these settings means."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging
from livesr.errors import ConfigError
from livesr.session.settings import session_for, write_session
from livesr.session.stand import Stand, try_folder

View = Literal["channels", "overlay", "ratio", "sensor", "stack"]
_SHOTS = 4


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("live", help="Look without recording, try one stack, and start from there.")(live)


def live(
    target: Annotated[
        str, typer.Argument(help="Micro-Manager .cfg, 'simulated', or a session file.")
    ],
    try_: Annotated[
        bool, typer.Option("--try", help="Try one stack without a window and say what it means.")
    ] = False,
    find: Annotated[
        bool, typer.Option("--find", help="First find the channels' rectangles on the sensor.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write these settings as a session file.")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="A layout preset to begin with.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key: a.b=c. May be repeated.")
    ] = None,
    z: Annotated[
        float | None, typer.Option("-z", help="Height to look at, µm; default: as it stands.")
    ] = None,
    light: Annotated[
        str, typer.Option(help="The laser's power: DEVICE.PROPERTY; default: the one found.")
    ] = "",
    screenshot: Annotated[
        Path | None, typer.Option(help="Render the window to this PNG, without a display.")
    ] = None,
    view: Annotated[View, typer.Option(help="What the screenshot shows.")] = "channels",
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Look through the microscope."""
    start_logging(verbose)
    _check_out(out)
    session = session_for(target, set_ or (), layout)
    with Stand(session) as stand:
        if z is not None:
            stand.go_to_z(z, where="-z")
        if screenshot is not None:
            from livesr.viewer.live import picture

            steps = ("find",) * find + ("try",) * try_
            picture(stand, screenshot, mode=view, steps=steps, light=light)
            say(f"picture: {screenshot}")
            said: dict[str, Any] = {"screenshot": str(screenshot)}
        elif try_ or find or as_json:
            said, lines = _without_window(stand, find=find, tries=try_)
            say("\n".join(lines))
        else:
            from livesr.viewer.live import look

            left = look(stand, folder=out.parent if out else Path.cwd(), light=light)
            said = {"session_file": str(left.saved) if left.saved else None}
            if left.run and left.saved is not None:
                stand.close()
                return _run(left.saved)
        if out is not None:
            write_session(stand.session, out)
            said["session_file"] = str(out)
            say(f"wrote {out}; run it with: livesr run {out}")
    if as_json:
        emit(said)
    return 0


def _without_window(stand: Stand, *, find: bool, tries: bool) -> tuple[dict[str, Any], list[str]]:
    """Look, find and try; return what ``--json`` prints, and lines for people."""
    if tries and not find:
        stand.warm_up()
    shots = stand.look(_SHOTS)
    last = shots[-1]
    height, width = last.images[0].shape
    said: dict[str, Any] = {
        "camera": {"shape_yx": [height, width], "full": stand.full},
        "pixel_um": stand.pixel_um or None,
        "exposure_ms": last.exposure_ms,
        "position_um": list(last.position_um),
    }
    x, y, z = last.position_um
    pixel = f" of {stand.pixel_um:g} µm" if stand.pixel_um else ""
    lines = [
        f"picture: {width} × {height} pixels{pixel}, {last.exposure_ms:g} ms, at x {x:g}, y {y:g},"
        f" z {z:g} µm"
    ]
    if find:
        found = stand.find_layout(shots)
        stand.set_layout(found.layout)
        said["found"] = found.as_dict()
        lines += found.lines()
    doubts = stand.doubts(last)
    said["doubts"] = [doubt.as_dict() for doubt in doubts]
    for doubt in doubts:
        lines += [f"warning: {doubt.what}", f"  mend: {doubt.fix}"]
    if tries:
        stand.warm_up()
        folder = try_folder()
        try:
            trial = stand.try_one(folder)
        finally:
            shutil.rmtree(folder.parent, ignore_errors=True)
        said |= trial.as_dict()
        lines += trial.lines()
    return said, lines


def _check_out(out: Path | None) -> None:
    if out is not None and out.exists():
        raise ConfigError(
            "the file exists already and is left as it is",
            where=str(out),
            fix="name another one with --out",
        )


def _run(file: Path) -> int:
    """Run the session that a preview was left with."""
    from livesr.cli.run import closed, run_and_show
    from livesr.config import read_session
    from livesr.session import make_plan
    from livesr.session.naming import named

    config, folder = named(read_session(file))
    result = run_and_show(make_plan(config), folder, headless=False)
    return closed(result, config, as_json=False)
