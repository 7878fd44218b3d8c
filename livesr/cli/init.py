"""``livesr init``: a commented session file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, emit, say
from livesr.errors import ConfigError, StorageError


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("init", help="Write a commented session file.")(init)


def init(
    file: Annotated[Path, typer.Argument(help="File to write.")] = Path("session.yaml"),
    as_json: Json = False,
) -> int:
    """Write a commented session file; an existing one is never overwritten."""
    text = resources.files("livesr.config").joinpath("template.yaml").read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise ConfigError(
            "the file exists already and is left as it is",
            where=str(file),
            fix="name another: livesr init FILE",
        ) from None
    except OSError as error:
        raise StorageError(
            f"the file cannot be written: {error.strerror}",
            where=str(file),
            fix="choose a folder that exists and that you may write to",
        ) from None
    say(f"wrote {file}; check it with: livesr run {file} --dry-run")
    if as_json:
        emit({"file": str(file)})
    return 0
