"""``livesr demo``: a session on the simulated microscope, scored against its truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, Verbose, free_folder, start_logging
from livesr.cli.run import closed, run_and_show
from livesr.session import make_plan
from livesr.session.demo import demo_session
from livesr.session.scoring import scored


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("demo", help="A session on the simulated microscope: masks, overlay, F1 table.")(
        demo
    )


def demo(
    out: Annotated[Path | None, typer.Option("--out", help="Session folder to make.")] = None,
    timepoints: Annotated[int, typer.Option(min=1, help="Stacks to record.")] = 3,
    field: Annotated[int, typer.Option(min=64, help="Pixels along each side of a channel.")] = 512,
    planes: Annotated[int, typer.Option(min=1, help="Planes a stack, 0.3 µm apart.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="The simulated sample.")] = 60_000,
    headless: Annotated[bool, typer.Option("--headless", help="No viewer.")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Record, correct, segment, store and show simulated cells; print F1 against the truth."""
    start_logging(verbose)
    session = demo_session(timepoints=timepoints, field=field, planes=planes, seed=seed)
    folder = out or free_folder(Path("livesr-demo"))
    plan = make_plan(session)
    result = scored(run_and_show(plan, folder, headless=headless), plan)
    return closed(result, session, as_json)
