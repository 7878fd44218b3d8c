"""The program ``livesr``: its verbs, how it reports errors, its exit codes."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from typing import Annotated

import typer

from livesr import __version__
from livesr.cli.output import emit, say, say_error
from livesr.errors import ConfigError, LivesrError

app = typer.Typer(
    name="livesr",
    help="Segments fifteen organelles of living cells while the microscope records.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 2 usage or session file, 3 hardware, 4 model or engine, 5 storage, "
    "6 done but not complete, 130/143 signals.",
)

# Click's UsageError; typer carries a click of its own, so its own exception names the class.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

STOPPED = 130

_VERBS = (
    "demo",
    "init",
    "run",
    "process",
    "view",
    "serve",
    "status",
    "pause",
    "resume",
    "stop",
    "note",
    "positions",
    "plan",
    "presets",
    "validate",
    "measure",
    "report",
    "movie",
    "live",
    "label",
    "train",
    "evaluate",
    "simulate",
    "calibrate",
    "models",
    "psf",
    "compile",
    "bench",
    "doctor",
)


def _version(show: bool) -> None:
    if show:
        emit_version()
        raise typer.Exit


def emit_version() -> None:
    """Print the version on stdout."""
    print(f"livesr {__version__}")


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Segments fifteen organelles of living cells while the microscope records."""


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit with its code; errors are text, or JSON with ``--json``."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        register(arguments)
        code = run(arguments)
    except KeyboardInterrupt:
        code = _stopped("--json" in arguments)
    sys.exit(code)


def register(arguments: list[str]) -> None:
    """Add the verb that is asked for, or all: a verb starts in the time its own imports take."""
    asked = [argument for argument in arguments if argument in _VERBS][:1]
    known = {command.name for command in app.registered_commands}
    for verb in asked or _VERBS:
        if verb not in known:
            import_module(f"livesr.cli.{verb}").add_to(app)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; never a traceback unless ``-v`` asks for it."""
    as_json = "--json" in arguments
    verbose = "-v" in arguments or "--verbose" in arguments
    try:
        code = app(args=arguments, prog_name="livesr", standalone_mode=False)
    except _UsageError as error:
        return _report(_usage(error), as_json)
    except LivesrError as error:
        if verbose:
            traceback.print_exc()
        return _report(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _stopped(as_json)
    except Exception as error:  # noqa: BLE001 - the last place: a bug is told like any other error
        if verbose:
            traceback.print_exc()
        return _report(_internal(error), as_json)
    return code if isinstance(code, int) else 0


def _stopped(as_json: bool) -> int:
    """Say that Ctrl-C ended a command that has nothing to close in order."""
    say("livesr: stopped")
    if as_json:
        emit({"error": "stopped", "what": "stopped by the user", "exit_code": STOPPED})
    return STOPPED


def _usage(error: Exception) -> ConfigError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "livesr"
    message = getattr(error, "format_message", error.__str__)()
    return ConfigError(message, where=command, fix=f"see: {command} --help")


def _internal(error: Exception) -> LivesrError:
    return LivesrError(
        f"internal error: {type(error).__name__}: {error}",
        where="livesr",
        fix="run it again with -v and report what it prints",
    )


def _report(error: LivesrError, as_json: bool) -> int:
    if as_json:
        emit(error.as_dict())
    say_error(error)
    return error.exit_code
