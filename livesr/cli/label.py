"""``livesr label``: a data set for training, from your recordings and masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.catalog import NAMES
from livesr.cli.output import Json, Verbose, emit, free_folder, say, start_logging, table
from livesr.errors import ConfigError
from livesr.training.labels.corrections import take_corrections
from livesr.training.labels.dataset import FILE as DATASET_FILE
from livesr.training.labels.dataset import listed
from livesr.training.labels.make import make_dataset
from livesr.training.labels.of_session import session_plan, with_share
from livesr.training.labels.plan import read_label_plan
from livesr.training.labels.sessions import SessionStacks
from livesr.training.labels.unmixing import control_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livesr.training.labels.dataset import DataSet
    from livesr.training.labels.plan import LabelPlan


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "label",
        help="Make a data set for training: recordings with masks, drawn or from a green probe.",
        epilog="Example: livesr label examples/label-plan.yaml --out my-cells; docs/labels.md",
    )(label)


def label(
    plan: Annotated[
        Path,
        typer.Argument(
            metavar="PLAN.yaml|SESSION|DATASET",
            help="A plan such as examples/label-plan.yaml; or a session with a probe (--probe); or "
            "a data set whose masks you corrected: they are taken in.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The data set's folder; samples are added to one that is there.",
            show_default="livesr-dataset",
        ),
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(
            "--probe", metavar="CHANNEL=STRUCTURE", help="Of a session: what its probe marks."
        ),
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option(
            metavar="SESSION",
            help="Cells without a probe: Nile Red's share in green is measured on them, for all "
            "probes whose plan gives no r.",
        ),
    ] = None,
    foreground: Annotated[
        str, typer.Option(metavar="HOW", help="Of a session: FG, otsu, triangle, or a number.")
    ] = "FG",
    engine: Annotated[str, typer.Option(help="Engine of the networks.")] = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Read, label, write."""
    start_logging(verbose)
    if (plan / DATASET_FILE).is_file():
        return _corrected(plan, as_json)
    folder = out or free_folder(Path("livesr-dataset"))
    labelled = _plan(plan, probe or (), foreground)
    if control is not None:
        labelled = with_share(labelled, _share(control))
    made, warnings = make_dataset(labelled, folder, engine=engine, say=say)
    for warning in warnings:
        say(f"warning: {warning}")
    say(_table(made))
    say(f"data set: {made.folder}")
    if as_json:
        emit({**made.summary(), "warnings": warnings})
    return 0


def _plan(path: Path, probes: Sequence[str], foreground: str) -> LabelPlan:
    """Return the plan in a file, or that of a session."""
    if path.is_dir():
        return session_plan(path, probes, foreground=foreground)
    if probes:
        raise ConfigError(
            "--probe is for a session's folder; a plan names its probes itself",
            where=str(path),
            fix="write them under `colocalisation`, or give the session's folder",
        )
    return read_label_plan(path)


def _share(control: Path) -> float:
    found = control_share(SessionStacks(control))
    say(
        f"unmixing factor of the control: {found.share:.4f} ± {found.error:.4f} (standard error), "
        f"{found.droplets:.3f} in lipid droplets"
    )
    return found.share


def _corrected(folder: Path, as_json: bool) -> int:
    """Take in masks that were changed by hand."""
    taken = take_corrections(folder)
    for line in taken:
        say(f"taken in: {line}")
    made = listed(folder)
    say(_table(made) if taken else "nothing was changed")
    if as_json:
        emit({**made.summary(), "corrected": taken})
    return 0


def _table(made: DataSet) -> str:
    """Return a row a sample, a column a structure, and how many voxels each label has."""
    columns = [name for name in NAMES if name in made.structures]
    rows = [
        {
            "sample": sample.name,
            **{name: f"{label.voxels:,}" for name, label in sample.labels.items()},
        }
        for sample in made.samples
    ]
    return table(rows, ["sample", *columns])
