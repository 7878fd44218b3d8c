"""Options and words that the verbs share which speak to a daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from livesr.cli.output import emit, say
from livesr.client import Client

Address = Annotated[
    str | None,
    typer.Option("--address", help="Of the daemon; default: LIVESR_ADDRESS, or this user's."),
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="File with its token; or set LIVESR_TOKEN.")
]
SessionName = Annotated[
    str | None, typer.Argument(help="Name of the session; default: the one that runs.")
]


def ask(
    verb: str,
    name: str | None,
    address: str | None,
    token_file: Path | None,
    *,
    as_json: bool,
    body: dict[str, object] | None = None,
) -> int:
    """Ask a session for something and say what was done."""
    client = Client(address, token_file)
    done: dict[str, Any] = client.ask(client.chosen(name), verb, body)
    say(f"{done['name']}: {done['done']}")
    if as_json:
        emit(done)
    return 0
