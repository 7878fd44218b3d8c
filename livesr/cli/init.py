"""``livesr init``: a commented session file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, emit, say
from livesr.config.writing import write_new


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("init", help="Write a commented session file.")(init)


def init(
    file: Annotated[Path, typer.Argument(help="File to write.")] = Path("session.yaml"),
    as_json: Json = False,
) -> int:
    """Write a commented session file; an existing one is never overwritten."""
    text = resources.files("livesr.config").joinpath("template.yaml").read_text(encoding="utf-8")
    write_new(file, text, rename="name another: livesr init FILE")
    say(f"wrote {file}; check it with: livesr run {file} --dry-run")
    if as_json:
        emit({"file": str(file)})
    return 0
