"""``livesr bench``: figures by topic, each against a peer or a bound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesr.bench import ON_REQUEST, TOPICS, run_topic
from livesr.bench.plot import check_plot, write_plot
from livesr.bench.rows import machine
from livesr.cli.launch import REPORT
from livesr.cli.output import Json, Verbose, emit, say, start_logging

if TYPE_CHECKING:
    from livesr.bench.rows import Row


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "bench",
        help=f"Measure: {', '.join(TOPICS)}; default all. On request, because "
        f"it takes half an hour: {', '.join(ON_REQUEST)}.",
    )(bench)


def bench(
    topics: Annotated[list[str] | None, typer.Argument(help="Topics; default all.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the curves of `engines` into this file.")
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Measure; nothing else should run on the machine meanwhile."""
    start_logging(verbose)
    os.environ.setdefault(REPORT, "off")  # nothing runs beside what is measured
    if plot is not None:
        check_plot(plot)
    rows: list[Row] = []
    for topic in topics or TOPICS:
        for row in run_topic(topic):
            rows.append(row)
            say(_line(row))
    if plot is not None:
        write_plot(rows, plot)
    if as_json:
        emit({"rows": [row.as_dict() for row in rows], "machine": machine()})
    return 0


def _line(row: Row) -> str:
    text = f"{row.name}: {row.value:.4g} {row.unit}"
    if row.peer_value is not None:
        text += f"   {row.peer}: {row.peer_value:.4g} {row.unit}"
    if row.ratio is not None:
        text += f"   ratio {row.ratio:.3g}"
    if row.bound is not None and row.attained is not None:
        text += f"   {row.attained:.0%} of: {row.bound}"
    return f"{text}   ({row.detail})" if row.detail else text
