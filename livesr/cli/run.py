"""``livesr run``: a session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.cli.launch import leave_report, open_viewer, viewer_wanted
from livesr.cli.output import (
    Json,
    ProgressLine,
    Verbose,
    emit,
    say,
    say_error,
    start_logging,
    table,
)
from livesr.config import read_session
from livesr.config.presets import read_preset
from livesr.errors import ConfigError
from livesr.flow import StopToken, stop_on_signals
from livesr.segmentation.engines import entry_of
from livesr.session import SessionResult, check_folder, check_same, make_plan, run_session
from livesr.session.naming import named
from livesr.session.outline import outline
from livesr.session.summary import summary_of
from livesr.storage.folder import SESSION_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.config import Session
    from livesr.session import Plan


_NAMED = 12
"""Failed stacks that are named; the journal has all."""


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("run", help="Run a session: acquire, store, segment, show.")(run)


def run(
    session: Annotated[
        Path | None, typer.Argument(help="Session file, or a plain useq sequence.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Session folder to make.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, say what would happen, and stop.")
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key: a.b=c. May be repeated.")
    ] = None,
    preset: Annotated[
        list[str] | None,
        typer.Option("--preset", help="Lay a preset over the session. May be repeated."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a session that was interrupted: SESSION is its folder's session.yaml.",
        ),
    ] = False,
    replay: Annotated[
        Path | None,
        typer.Option(
            "--replay",
            help="Run rules over a recorded session and say what would have happened: its own "
            "rules, or those of SESSION. Nothing is acquired.",
        ),
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="No viewer.")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run a session."""
    start_logging(verbose)
    if replay is not None:
        return _replay(replay, session, set_ or (), as_json)
    if session is None:
        raise ConfigError(
            "no session file is named",
            where="livesr run",
            fix="livesr run SESSION.yaml; see: livesr run --help",
        )
    if resume and session.is_dir():
        session = session / SESSION_FILE
    config = read_session(session, set_ or (), [read_preset(name) for name in preset or ()])
    if resume:
        check_same(config, out or session.parent)
    folder = out or session.parent
    if not resume:
        config, free = named(config, out.parent if out else None)
        folder = out or free
    plan = make_plan(config)
    if dry_run:
        plan.source.close()
        if not resume:
            check_folder(plan, folder)
        return _show_plan(plan, as_json)
    result = run_and_show(plan, folder, headless=headless, resume=resume)
    if plan.info.simulated:
        from livesr.session.scoring import scored  # the simulator: no microscope waits for it

        say("comparing the masks with the truth of the simulated cells …")
        result = scored(result, plan)
    return closed(result, config, as_json)


def _replay(folder: Path, session: Path | None, settings: Sequence[str], as_json: bool) -> int:
    from livesr.session.replay import replay

    found = replay(folder, read_session(session or folder / SESSION_FILE, settings))
    if as_json:
        emit(found.as_dict())
    said = table(found.rows(), ("min", "position", "cell", "rule", "does", "because"))
    say(said if found.made else "the rules decide nothing")
    late = f", {found.late} came too late then" if found.late else ""
    source = "measured from its masks" if found.measured else "as it was heard then"
    say(f"{found.stacks} stacks of {folder}, {source}{late}")
    if found.before:
        say("the same decisions as then" if found.same else "other decisions than then")
    return 0


def run_and_show(
    plan: Plan, folder: Path, *, headless: bool, resume: bool = False
) -> SessionResult:
    """Run a plan with the progress line, Ctrl-C handling and, unless headless, the viewer."""
    line, stop = ProgressLine(), StopToken()
    say(banner(plan, folder))
    opened = open_viewer if viewer_wanted(headless) else None
    try:
        with stop_on_signals(stop):
            return run_session(
                plan, folder, stop=stop, progress=line.show, opened=opened, resume=resume
            )
    finally:
        line.end()


def banner(plan: Plan, folder: Path) -> str:
    """Return what a session says of itself when it starts."""
    info = plan.info
    c, z, y, x = info.shape
    lines = [
        f"{plan.session.name} → {folder}",
        f"  {info.timepoints} time points, {info.positions} positions, "
        f"{c} × {z} × {y} × {x} (c z y x), {info.pixel_um:g} µm pixels",
        f"  calibration: {plan.calibration}, camera correction: {plan.camera.name}",
    ]
    if plan.networks is not None:
        lines.append(
            f"  {len(plan.structures)} structures by {plan.networks.name}, trained on simulated "
            "cells only: accuracy on your microscope is unknown until you measure it"
        )
    return "\n".join(lines)


def closed(result: SessionResult, session: Session, as_json: bool) -> int:
    """Print how a session ended, have its page written, and return the exit code."""
    code = report(result, as_json)
    if result.outcome.stored:
        leave_report(result.folder, wanted=session.storage.report)
    return code


def report(result: SessionResult, as_json: bool) -> int:
    """Print how the session ended and return the exit code."""
    if as_json:
        emit(result.as_dict())
    if result.structures:
        rows = [{"structure": name, **scores} for name, scores in result.structures.items()]
        say(table(rows, ("structure", "f1", "precision", "recall", "iou", "moc")))
        say("scored against the truth of simulated cells; real cells are harder")
    data = result.journalled()
    say(
        f"{data['stacks']} of {data['planned']} stacks stored, {data['segmented_live']} segmented "
        f"live, {data['segmented_later']} later, {data['failed']} failed, "
        f"{data['frames_lost']} frames lost → {result.folder}"
    )
    for kind, outcomes in result.faults.items():
        counts = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.items())
        say(f"hardware fault {kind}: {counts}; journal.jsonl says when and what")
    if result.outcome.stored:
        say(f'look at it with: livesr view "{result.folder}"')
    if result.outcome.failed:
        failed = sorted(set(result.outcome.failed))
        more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        say(f"failed: {'; '.join(map(str, failed[:_NAMED]))}{more}; journal.jsonl says why")
    if result.error is not None:
        say_error(result.error)
    if len(result.outcome.stored) < result.planned:
        say(f'go on with it: livesr run "{result.folder / SESSION_FILE}" --resume')
    return result.exit_code


def _show_plan(plan: Plan, as_json: bool) -> int:
    device = entry_of(plan.engine).describe() if plan.engine else ""
    say("\n".join(outline(plan, device)))
    if as_json:
        emit(summary_of(plan) | ({"device": device} if device else {}))
    return 0
