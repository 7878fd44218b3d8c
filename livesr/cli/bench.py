"""``livesr bench``: figures by topic, each against a peer or a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from livesr.bench import TOPICS, run_topic
from livesr.bench.rows import machine
from livesr.cli.output import Json, Verbose, emit, say, start_logging

if TYPE_CHECKING:
    from livesr.bench.rows import Row


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("bench", help=f"Measure: {', '.join(TOPICS)}; default all.")(bench)


def bench(
    topics: Annotated[list[str] | None, typer.Argument(help="Topics; default all.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Measure; nothing else should run on the machine meanwhile."""
    start_logging(verbose)
    rows: list[Row] = []
    for topic in topics or TOPICS:
        for row in run_topic(topic):
            rows.append(row)
            say(_line(row))
    if as_json:
        emit({"rows": [row.as_dict() for row in rows], "machine": machine()})
    return 0


def _line(row: Row) -> str:
    text = f"{row.name}: {row.value:.4g} {row.unit}"
    if row.peer_value is not None:
        text += f"   {row.peer}: {row.peer_value:.4g} {row.unit}"
    if row.ratio is not None:
        text += f"   ratio {row.ratio:.3g}"
    return f"{text}   ({row.detail})" if row.detail else text
