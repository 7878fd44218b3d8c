"""``livesr resume``: ask the daemon's session to resume."""

from __future__ import annotations

import typer

from livesr.cli.daemon_options import Address, SessionName, TokenFile, ask
from livesr.cli.output import Json


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command(
        "resume",
        help="End a pause of the daemon's session, or go on with one that was interrupted.",
    )(resume)


def resume(
    session: SessionName = None,
    address: Address = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> int:
    """End a pause, or go on with a session that was interrupted."""
    return ask("resume", session, address, token_file, as_json=as_json)
