"""``livesr serve``: the daemon, which starts and shows sessions over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesr.cli.output import Verbose, say, start_logging
from livesr.client.address import PORT
from livesr.daemon.units import systemd_unit, windows_task
from livesr.errors import ConfigError


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("serve", help="The daemon: sessions and a web page over HTTP.")(serve)


def serve(
    folder: Annotated[Path, typer.Argument(help="Data folder, where sessions lie.")] = Path(
        "livesr-data"
    ),
    host: Annotated[
        str, typer.Option("--host", help="Listen here; any but this computer needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; 0: a free one.")
    ] = PORT,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            help="File with the token; made if it is not there. LIVESR_TOKEN is taken too.",
        ),
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option("--host-name", help="A name that this computer is called by. Repeatable."),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, help="Requests a second that an address may make.")
    ] = 200.0,
    unit: Annotated[
        bool, typer.Option("--systemd-unit", help="Print a systemd user service, and stop.")
    ] = False,
    task: Annotated[
        bool, typer.Option("--windows-task", help="Print a Windows scheduled task, and stop.")
    ] = False,
    verbose: Verbose = False,
) -> int:
    """Serve until Ctrl-C; the first line on stdout is the address."""
    if unit or task:
        print((systemd_unit if unit else windows_task)(folder, host, port))
        return 0
    start_logging(verbose)
    try:
        from livesr.daemon.serve import Options
        from livesr.daemon.serve import serve as run
    except ImportError as error:
        raise ConfigError(
            f"the daemon needs a package that is not installed: {error.name}",
            where="livesr serve",
            fix='python -m pip install "livesr[serve]"',
        ) from None
    options = Options(folder, host, port, token_file, tuple(host_name or ()), rate)
    run(options, say, _began)
    return 0


def _began(address: str, folder: Path) -> None:
    print(address, flush=True)
    say(f"sessions lie in {folder}; the page is at {address}/, the API at {address}/docs")
