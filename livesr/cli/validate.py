"""``livesr validate``: masks beside a probe, or the green of lipid droplets, into a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.cli.output import Json, Verbose, emit, say, start_logging, table
from livesr.errors import ConfigError, StorageError
from livesr.validation.record import LEAST_F1, save_validation

if TYPE_CHECKING:
    from livesr.validation.record import Validation
    from livesr.validation.validate import Validated

_SCORES = ("f1", "precision", "recall", "iou", "moc", "m1", "m2")


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "validate",
        help="Score a session's masks on your microscope, by a probe or the green of lipid "
        "droplets, and write the record that sessions quote.",
        epilog="Example: livesr validate probe --probe green=mitochondria --control control; "
        "docs/validate.md",
    )(validate)


def validate(
    session: Annotated[Path, typer.Argument(metavar="SESSION", help="Folder of a session.")],
    probe: Annotated[
        list[str] | None,
        typer.Option(
            "--probe",
            metavar="CHANNEL=STRUCTURE",
            help="A channel shows a probe of a structure. Repeatable; without any, green shows "
            "lipid droplets.",
        ),
    ] = None,
    unmixing: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Nile Red's share in green.", show_default="0.2"),
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option(metavar="SESSION", help="Cells without a probe, to measure that share on."),
    ] = None,
    foreground: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="FG, otsu, triangle, or a number times the probe's brightness.",
            show_default="FG; otsu for the nucleus",
        ),
    ] = None,
    least_f1: Annotated[
        float, typer.Option(min=0, max=1, help="From which on a structure counts as validated.")
    ] = LEAST_F1,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="RECORD", help="File to write.")] = (
        Path("validation.yaml")
    ),
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default="beside the record")
    ] = None,
    engine: Annotated[str, typer.Option(help="Engine of the networks.")] = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Compare, write record and report."""
    from livesr.validation.report import Pictures, write_report
    from livesr.validation.validate import validate as compare

    start_logging(verbose)
    _check(out, unmixing, control)
    pictures = Pictures()
    done = compare(
        session,
        probe or (),
        share=unmixing,
        control=control,
        foreground=foreground,
        least_f1=least_f1,
        engine=engine,
        look=pictures.look,
        say=say,
    )
    page = write_report(report or out.with_name(f"{out.stem}-report"), done, pictures)
    save_validation(done.record, out)
    _tell(done)
    say(f"record: {out}\nreport: {page}\nquote it in the session file: validation: {out}")
    if as_json:
        emit({**_as_json(done), "record": str(out), "report": str(page)})
    return 0


def _check(out: Path, unmixing: float | None, control: Path | None) -> None:
    """Refuse what cannot be, before minutes were spent."""
    if unmixing is not None and control is not None:
        raise ConfigError(
            "--unmixing and --control both say what Nile Red has in green",
            where="livesr validate",
            fix="give one of them",
        )
    if out.exists():
        raise StorageError(
            "there is a file of this name already", where=str(out), fix="name another with -o"
        )


def _tell(done: Validated) -> None:
    record = done.record
    if done.unmixing:
        say(
            f"unmixing factor of the control: {done.unmixing.share:.4f} "
            f"± {done.unmixing.error:.4f} (standard error)"
        )
    rows = [
        {
            "structure": name,
            "by": one.by if one.by == "leak" else one.channel,
            **{key: getattr(one.scores, key) for key in _SCORES},
            "F1, 95 %": "–".join(f"{v:.2f}" for v in one.ci95["f1"]) if one.ci95 else "one stack",
            "validated": one.verdict,
        }
        for name, one in record.structures.items()
    ]
    say(table(rows, ["structure", "by", *_SCORES, "F1, 95 %", "validated"]))
    if lying := record.unregistered():
        say(f"warning: {lying}")
    for line in done.orientation:
        say(line)
    say(f"stacks: {record.stacks}, cells: {record.cells}; the report says what this does not")


def _as_json(done: Validated) -> dict[str, object]:
    record: Validation = done.record
    return {**record.model_dump(mode="json"), "orientation": list(done.orientation)}
