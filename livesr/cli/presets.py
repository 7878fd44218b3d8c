"""``livesr presets``: parts of session files kept under a name, and laid over others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from livesr.cli.output import Json, emit, say
from livesr.config import read_session
from livesr.config.editing import with_value
from livesr.config.explain import parse_yaml
from livesr.config.layers import changes
from livesr.config.presets import (
    preset_folder,
    preset_names,
    preset_path,
    read_preset,
    save_preset,
)
from livesr.errors import ConfigError, StorageError
from livesr.plain import NotPlainError, read_text
from livesr.storage.disk import replace_text

presets = typer.Typer(
    name="presets", help="Keep parts of session files under a name.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.add_typer(presets)


@presets.command("save")
def save(
    name: Annotated[str, typer.Argument(help="Name of the preset.")],
    session: Annotated[Path, typer.Argument(help="Session file that it is taken from.")],
    keys: Annotated[
        str,
        typer.Option(
            "--keys",
            help="Which keys, such as microscope,layout; default: all of these"
            " that it has: microscope, layout, calibration, segmentation, storage, faults, focus.",
        ),
    ] = "",
    as_json: Json = False,
) -> int:
    """Keep keys of a session file as a preset."""
    read_session(session)  # a preset is taken from what is right
    content = parse_yaml(_text(session), session)[1]
    wanted = [key for key in keys.replace(" ", "").split(",") if key]
    path = save_preset(name, content, session.parent, wanted)
    say(f"kept in {path}; use it: livesr run SESSION.yaml --preset {name}")
    if as_json:
        emit({"preset": name, "file": str(path), "keys": list(read_preset(name))})
    return 0


@presets.command("list")
def list_presets(as_json: Json = False) -> int:
    """List the presets that there are."""
    found = [{"name": name, "keys": list(read_preset(name))} for name in preset_names()]
    for one in found:
        say(f"{one['name']}: {', '.join(one['keys'])}")
    say(f"{len(found)} in {preset_folder()}")
    if as_json:
        emit(found)
    return 0


@presets.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of a preset, or a file.")],
    as_json: Json = False,
) -> int:
    """Print a preset, so that it can be given to others."""
    content = read_preset(name)
    if as_json:
        emit({"preset": name, "file": str(preset_path(name)), "content": content})
    else:
        print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), end="")
    return 0


@presets.command("apply")
def apply(
    name: Annotated[str, typer.Argument(help="Name of a preset, or a file.")],
    session: Annotated[Path, typer.Argument(help="Session file to change.")],
    as_json: Json = False,
) -> int:
    """Write a preset's values into a session file; its other lines stay as they are."""
    preset, text = read_preset(name), _text(session)
    before = parse_yaml(text, session)[1] or {}
    for way, value in changes(before, preset):
        text = with_value(text, way, value, str(session))
    try:
        replace_text(session, text)
    except OSError as error:
        raise StorageError(
            f"the session file cannot be written: {error.strerror or error}",
            where=str(session),
            fix="close other programs that have it open; it is as it was",
        ) from None
    read_session(session)
    say(f"{session} now has {', '.join(preset)} of {name}")
    if as_json:
        emit({"session": str(session), "preset": name, "keys": list(preset)})
    return 0


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, NotPlainError) as error:
        raise ConfigError(
            f"the session file cannot be read: {error}",
            where=str(path),
            fix="check the spelling, or write one with: livesr init",
        ) from None
