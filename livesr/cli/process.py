"""``livesr process``: segment what was recorded before."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.cli.output import Json, ProgressLine, Verbose, emit, say, say_error, start_logging
from livesr.errors import ConfigError
from livesr.flow import StopToken, stop_on_signals
from livesr.offline.inputs import find_inputs
from livesr.offline.settings import Wishes, check_template, setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.offline.hands import Hands
    from livesr.offline.process import Report

_NAMED = 12


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "process",
        help="Segment recordings: sessions, OME-Zarr, OME-TIFF, ImageJ TIFF, MetaMorph STK and ND.",
        epilog="Example: livesr process 'night/*.ome.tif' --out masks   The same command again "
        "does only what is missing. docs/process.md, docs/scale.md",
    )(process)


def process(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT…", help="Files, folders that are searched, or patterns."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Gets a session folder for each input.")
    ],
    package: Annotated[
        list[str] | None,
        typer.Option("--package", help="Networks: a folder or name. May be repeated."),
    ] = None,
    channels: Annotated[
        str, typer.Option(metavar="A,B", help="Names in the file's order: yellow,red,dapi.")
    ] = "",
    pixel: Annotated[
        float | None, typer.Option(min=0.001, help="Pixel size in µm, where the file is silent.")
    ] = None,
    z_step: Annotated[
        float | None, typer.Option("--z-step", min=0.001, help="Distance of planes, µm, likewise.")
    ] = None,
    calibration: Annotated[
        str, typer.Option(help="A file, a name in calibration/, or none.", show_default="none")
    ] = "",
    template: Annotated[
        Path | None,
        typer.Option("--session", metavar="FILE", help="A session file: how they were recorded."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any key of a session file: a.b=c. May be repeated."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Dask workers on this machine; 0: this process.")
    ] = 0,
    scheduler: Annotated[
        str, typer.Option(metavar="tcp://…", help="Address of a Dask scheduler.")
    ] = "",
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Segment recordings."""
    from livesr.offline.process import exit_code
    from livesr.offline.process import process as run

    start_logging(verbose)
    _say_once()
    wishes = Wishes(
        template,
        (*_settings(package, pixel, z_step, calibration), *(set_ or ())),
        tuple(name.strip() for name in channels.split(",") if name.strip()),
    )
    check_template(wishes)
    found = find_inputs(inputs, out)
    say(f"{len(found)} input{'s' if len(found) > 1 else ''} → {out}")
    line, stop = ProgressLine(), StopToken()
    hands = _hands(workers, scheduler)
    try:
        with stop_on_signals(stop):
            reports = run(found, wishes, out, hands, stop=stop, progress=line.show)
    finally:
        hands.close()
        line.end()
    code = exit_code(reports, stop.signal)
    _tell(reports)
    if as_json:
        emit(_summary(reports, out, code))
    return code


def _say_once() -> None:
    """Show what is the same for each of a thousand inputs once; their logs have it all."""
    said: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return text not in said and not said.add(text)  # type: ignore[func-returns-value]

    for handler in logging.getLogger("livesr").handlers:
        handler.addFilter(is_new)


def _settings(
    package: list[str] | None, pixel: float | None, z_step: float | None, calibration: str
) -> list[str]:
    given: dict[str, object] = {
        "segmentation.package": package,
        "recording.pixel_um": pixel,
        "recording.z_step_um": z_step,
        "calibration": calibration,
    }
    return [setting(key, value) for key, value in given.items() if value]


def _hands(workers: int, scheduler: str) -> Hands:
    if workers and scheduler:
        raise ConfigError(
            "--workers and --scheduler both say who works",
            where="livesr process",
            fix="give one of them",
        )
    if not workers and not scheduler:
        from livesr.offline.hands import Here

        return Here()
    from livesr.offline.cluster import Cluster

    return Cluster(workers=workers, scheduler=scheduler, say=say)


def _tell(reports: Sequence[Report]) -> None:
    done = sum(report.complete for report in reports)
    before = sum(report.result is None and report.error is None for report in reports)
    stacks = sum(report.counts.get("segmented_later", 0) for report in reports)
    already = f" ({before} of them before)" if before else ""
    say(f"{done} of {len(reports)} inputs complete{already}, {stacks} stacks with masks")
    bad = [report for report in reports if not report.complete]
    for report in bad[:_NAMED]:
        if report.error is not None:
            say(f"{report.one.path}:")
            say_error(report.error)
        else:
            missing = report.planned - report.counts.get("segmented_later", 0)
            say(f"{report.one.path}: {missing} of {report.planned} stacks have no masks; "
                f"{report.folder / 'journal.jsonl'} says why")  # fmt: skip
    if len(bad) > _NAMED:
        say(f"and {len(bad) - _NAMED} more; --json names all")
    if bad:
        say("the same command again does only what is missing")
    if len(reports) == 1 and done:
        say(f'look at it with: livesr view "{reports[0].folder}"')


def _summary(reports: Sequence[Report], out: Path, code: int) -> dict[str, object]:
    def total(key: str) -> int:
        return sum(report.counts.get(key, 0) for report in reports)

    results = [report.result for report in reports if report.result is not None]
    return {
        "session": str(reports[0].folder if len(reports) == 1 else out),
        "inputs": len(reports),
        "complete": sum(report.complete for report in reports),
        "done_before": sum(report.result is None and report.error is None for report in reports),
        "stacks": total("stacks"),
        "segmented_live": 0,
        "segmented_later": total("segmented_later"),
        "failed": total("failed"),
        "frames_lost": 0,
        "fps": round(sum(result.fps for result in results), 3),
        "latency_s": {"p50": None, "p95": None},
        "sessions": [report.as_dict() for report in reports],
        "exit_code": code,
    }
