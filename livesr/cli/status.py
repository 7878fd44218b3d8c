"""``livesr status``: what the daemon and its sessions do."""

from __future__ import annotations

from typing import Any

import typer

from livesr.cli.daemon_options import Address, SessionName, TokenFile
from livesr.cli.output import Json, emit, say, table
from livesr.client import Client

_LISTED = 20


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("status", help="What the daemon and its sessions do.")(status)


def status(
    session: SessionName = None,
    address: Address = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> int:
    """Say what the daemon does, or how one session is."""
    client = Client(address, token_file)
    if session is not None:
        found = client.session(session)
        say(_words(found))
    else:
        found = {"address": client.address, **client.status()}
        rows = client.get(f"/api/sessions?most={_LISTED}")
        found["sessions"] = rows
        say(f"{client.address}   sessions in {found['folder']}, {_gib(found['free_bytes'])} free")
        say(table(rows, ("name", "state", "stored", "planned", "begun")) if rows else "no sessions")
        if found["running"]:
            say(_words(client.session(found["running"])))
    if as_json:
        emit(found)
    return 0


def _words(found: dict[str, Any]) -> str:
    """Return a session in a line or two."""
    parts = [f"{found['name']}: {found['state']}"]
    if found["planned"]:
        parts.append(f"stack {found['stored'] or 0} of {found['planned']}")
        parts.append(f"masks {found['segmented']}")
    if found["fps"] is not None:
        parts.append(f"{found['fps']:.1f} frames/s")
    if found["delay_s"] is not None:
        parts.append(f"delay {found['delay_s']:.1f} s")
    if found["paused"]:
        parts.append(found["paused"])
    if found["error"]:
        parts.append(str(found["error"].get("what", "")))
    return "   ".join(parts)


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
