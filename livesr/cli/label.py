"""``livesr label``: a data set for training, from your recordings and masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.catalog import NAMES
from livesr.cli.output import Json, Verbose, emit, free_folder, say, start_logging, table
from livesr.training.labels.make import make_dataset
from livesr.training.labels.plan import read_label_plan

if TYPE_CHECKING:
    from livesr.training.labels.dataset import DataSet


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "label",
        help="Make a data set for training: recordings with masks, drawn or from a green probe.",
        epilog="Example: livesr label examples/label-plan.yaml --out my-cells; docs/labels.md",
    )(label)


def label(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.yaml", help="Such as examples/label-plan.yaml.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The data set's folder; samples are added to one that is there.",
            show_default="livesr-dataset",
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="Engine of the networks.")] = "auto",
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Read, label, write."""
    start_logging(verbose)
    folder = out or free_folder(Path("livesr-dataset"))
    made, warnings = make_dataset(read_label_plan(plan), folder, engine=engine, say=say)
    for warning in warnings:
        say(f"warning: {warning}")
    say(_table(made))
    say(f"data set: {made.folder}")
    if as_json:
        emit({**made.summary(), "warnings": warnings})
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
