"""``livesr doctor``: what is wrong with this machine, and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Json, emit, say
from livesr.doctor import examine

_MARK = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("doctor", help="Check this machine; each finding says how to mend it.")(doctor)


def doctor(
    folder: Annotated[
        Path | None, typer.Option(help="Where sessions will be recorded; default here.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Check this machine; the exit code is 1 if something does not work."""
    checks = examine(folder)
    if as_json:
        emit({"checks": checks})
    for check in checks:
        say(f"{_MARK[check['status']]}  {check['name']}: {check['found']}")
        if check["status"] != "ok" and check["mend"]:
            say(f"           mend: {check['mend']}")
    return int(any(check["status"] == "failed" for check in checks))
