"""``livesr stop``: ask the daemon's session to end."""

from __future__ import annotations

from typing import Annotated

import typer

from livesr.cli.daemon_options import Address, SessionName, TokenFile, ask
from livesr.cli.output import Json


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("stop", help="End a session of the daemon, after its present stack.")(stop)


def stop(
    session: SessionName = None,
    now: Annotated[bool, typer.Option("--now", help="At once, within a stack.")] = False,
    address: Address = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> int:
    """End a session in order; one that waits is taken from the queue."""
    return ask("stop", session, address, token_file, as_json=as_json, body={"now": now})
