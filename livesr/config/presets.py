"""Presets: parts of session files that are kept under a name and laid over others.

A preset is a YAML file in the user's configuration folder (`LIVESR_PRESETS` names another, such as
a facility's shared one), or anywhere: where a name is asked for, a path is taken too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import yaml

from livesr.config.explain import parse_yaml
from livesr.config.reading import resolve_paths
from livesr.config.session import Session
from livesr.config.writing import write_new
from livesr.errors import ConfigError, nearest
from livesr.plain import NotPlainError, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

USUAL = (
    "microscope",
    "layout",
    "calibration",
    "camera_correction",
    "validation",
    "segmentation",
    "storage",
    "limits",
    "faults",
    "focus",
)
"""Keys that belong to a microscope and to habits, not to one recording."""
FOLDER_VARIABLE = "LIVESR_PRESETS"
_SUFFIX = ".yaml"


def preset_folder() -> Path:
    """Return where presets are kept."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else Path(platformdirs.user_config_dir("livesr", False)) / "presets"


def preset_names() -> list[str]:
    """Return the names of the presets that there are."""
    return sorted(path.stem for path in preset_folder().glob(f"*{_SUFFIX}"))


def preset_path(name: str) -> Path:
    """Return a preset's file, of a name or a path.

    Raises
    ------
    ConfigError
        If there is none.
    """
    kept = preset_folder() / f"{name}{_SUFFIX}"
    for path in (kept, Path(name)):
        if path.is_file():
            return path
    known = preset_names()
    raise ConfigError(
        f"there is no preset {name!r}",
        where=str(preset_folder()),
        fix=nearest(name, known) if known else f"keep one: livesr presets save {name} SESSION.yaml",
    )


def read_preset(name: str) -> dict[str, Any]:
    """Return what a preset says.

    Raises
    ------
    ConfigError
        If there is none, it is damaged, or it has a key that sessions have not.
    """
    path = preset_path(name)
    try:
        content = parse_yaml(read_text(path), path)[1]
    except (OSError, NotPlainError) as error:
        raise ConfigError(
            f"the preset cannot be read: {error}", where=str(path), fix="save it as UTF-8 text"
        ) from None
    if not isinstance(content, dict) or not content:
        raise ConfigError(
            "a preset is a mapping of keys of the session file",
            where=str(path),
            fix="keep one of a session: livesr presets save NAME SESSION.yaml",
        )
    _check_keys(content, str(path))
    resolve_paths(content, path.parent)
    return content


def save_preset(name: str, content: dict[str, Any], folder: Path, keys: Sequence[str] = ()) -> Path:
    """Keep the keys of a session's content under a name, and return the file.

    Parameters
    ----------
    name : str
        Letters, digits, dots and dashes.
    content : dict
        As the session file has it, so that defaults stay defaults.
    folder : Path
        That relative paths in it are of; a preset has whole ones.
    keys : sequence of str
        What to keep; by default what of `USUAL` there is.

    Raises
    ------
    ConfigError
        If a key is unknown or not there, or the name cannot be a file's.
    StorageError
        If there is a preset of this name, or the folder cannot be written.
    """
    if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
        raise ConfigError(
            f"{name!r} cannot be a preset's name",
            where="command line",
            fix="use letters, digits, dots and dashes",
        )
    wanted = list(keys) or [key for key in USUAL if key in content]
    _check_keys(dict.fromkeys(wanted), "--keys")
    if missing := [key for key in wanted if key not in content] or (not wanted and ["anything"]):
        raise ConfigError(
            f"the session file does not say {', '.join(missing)}",
            where="--keys",
            fix=f"name keys that it has: {', '.join(content)}",
        )
    kept = {key: content[key] for key in wanted}
    resolve_paths(kept, folder)
    text = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)
    path = preset_folder() / f"{name}{_SUFFIX}"
    mend = f"let {FOLDER_VARIABLE} name a folder that you may write to"
    with suppress(OSError):  # writing tells of it
        path.parent.mkdir(parents=True, exist_ok=True)
    write_new(path, text, rename="choose another name, or delete that file", folder=mend)
    return path


def _check_keys(content: dict[str, Any], where: str) -> None:
    known = Session.model_fields
    for key in content:
        if key not in known:
            raise ConfigError(
                f"{key}: session files have no such key", where=where, fix=nearest(str(key), known)
            )
