"""``livesr pause``: ask the daemon's session to pause."""

from __future__ import annotations

import typer

from livesr.cli.daemon_options import Address, SessionName, TokenFile, ask
from livesr.cli.output import Json


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("pause", help="Hold a session of the daemon between two stacks.")(pause)


def pause(
    session: SessionName = None,
    address: Address = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> int:
    """Let a running session begin no further stack until ``livesr resume``."""
    return ask("pause", session, address, token_file, as_json=as_json)
