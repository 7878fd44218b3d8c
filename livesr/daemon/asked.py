"""What is asked for over HTTP becomes a session, which names no file outside the data folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from livesr.config import session_from
from livesr.config.explain import parse_yaml
from livesr.config.layers import laid_over
from livesr.config.presets import read_preset
from livesr.config.reading import apply_setting
from livesr.data import data_folder
from livesr.errors import ConfigError, StorageError, nearest
from livesr.plain import NotPlainError, read_text, read_yaml
from livesr.storage.folder import is_plain_name

if TYPE_CHECKING:
    from livesr.config import Session
    from livesr.daemon.folder import DataFolder

_SOURCES = ("session", "text", "file", "example")
_CONFIGS = frozenset({"simulated", "simulated-two-cameras", "demo"})
"""Microscopes that are no file."""
_WHERE = "request"
Short = Annotated[str, Field(max_length=200)]


class Asked(BaseModel):
    """A session that shall run.

    One of ``session``, ``text``, ``file``, ``example``, or only a useq ``sequence``; presets of
    this computer are laid over it.
    """

    model_config = ConfigDict(extra="forbid")

    session: dict[str, Any] | None = Field(None, description="a session file's content")
    text: str | None = Field(None, description="the same as YAML", max_length=2**19)
    file: Short | None = Field(None, description="a session file in the data folder")
    example: Short | None = Field(None, description="a simulated session that comes with livesr")
    sequence: dict[str, Any] | None = Field(
        None, description="a useq MDASequence; alone, or instead of the session's own"
    )
    presets: list[Short] = Field([], description="names of this computer's presets", max_length=16)
    changes: list[Short] = Field([], description="a.b=c, as --set takes them", max_length=64)
    name: Short | None = Field(None, description="of the session and its folder")


def session_asked(asked: Asked, data: DataFolder) -> Session:
    """Return the session, checked as far as that can be done without the microscope.

    Raises
    ------
    ConfigError
        If something in it is wrong, or names a file outside the data folder.
    """
    content = _content(asked, data)
    if asked.sequence is not None:
        content["sequence"] = asked.sequence
        content.setdefault("calibration", "none")
    for change in asked.changes:
        apply_setting(content, change)
    if asked.name is not None:
        content["name"] = asked.name
    contain(content, data.root)
    for name in asked.presets:
        if not is_plain_name(name):
            raise ConfigError(f"{name!r:.80} is no preset's name", where=_WHERE)
        content = laid_over(content, read_preset(name))
    try:
        return session_from(content, where=_WHERE)
    except (RecursionError, OverflowError, MemoryError) as error:
        raise ConfigError(f"the session cannot be: {error!r:.200}", where=_WHERE) from None


def examples() -> dict[str, Path]:
    """Return the session files that come with livesr and need no microscope, by name."""
    try:
        folder = data_folder("examples")
    except StorageError:
        return {}
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        content = read_yaml(path)
        source = content.get("microscope") if isinstance(content, dict) else None
        if isinstance(source, dict) and source.get("config") == "simulated" and "name" in content:
            found[path.stem] = path
    return found


def contain(content: dict[str, Any], root: Path) -> None:
    """Make the files that a session names absolute; refuse those outside the data folder.

    A plain name (of a shipped calibration or package) stays as it is.

    Raises
    ------
    ConfigError
        If one lies elsewhere, or is no file's name.
    """
    if isinstance(content.get("sequence"), str):
        raise ConfigError("the sequence is a file's name", where=_WHERE, fix="give its content")
    microscope = content.get("microscope")
    if isinstance(microscope, dict) and "config" in microscope:
        microscope["config"] = _config(microscope["config"], root)
    for key in ("calibration", "camera_correction", "validation"):
        if key in content:
            content[key] = _within(content[key], root, key)
    _listed(content.get("segmentation"), "package", root)
    _listed(content.get("recording"), "paths", root)


def _content(asked: Asked, data: DataFolder) -> dict[str, Any]:
    """Return the one content that is given; an empty one if there is a sequence alone."""
    given = [name for name in _SOURCES if getattr(asked, name) is not None]
    if len(given) > 1 or (not given and asked.sequence is None):
        raise ConfigError(
            f"the request says {' and '.join(given) or 'nothing'}, expected one of "
            f"{', '.join(_SOURCES)}, or a sequence",
            where=_WHERE,
            fix='for example {"example": "simulated"}',
        )
    if asked.session is not None or not given:
        return dict(asked.session or {})
    where, text = _text(asked, data)
    _, content = parse_yaml(text, where)
    if not isinstance(content, dict):
        raise ConfigError("a session file is a mapping of keys", where=str(where))
    return content


def _text(asked: Asked, data: DataFolder) -> tuple[Path, str]:
    if asked.text is not None:
        return Path(_WHERE), asked.text
    known = examples() if asked.example is not None else {n: data.root / n for n in data.files()}
    name = asked.example or asked.file or ""
    if name not in known:
        what = "example" if asked.example is not None else "session file in the data folder"
        fix = nearest(name, known) if known else "there is none"
        raise ConfigError(f"there is no {what} {name!r:.80}", where=_WHERE, fix=fix)
    try:
        return known[name], read_text(known[name])
    except (OSError, NotPlainError) as error:
        raise ConfigError(f"the session file cannot be read: {error}", where=name) from None


def _config(value: Any, root: Path) -> Any:
    """Return a Micro-Manager configuration: it can run code, so it is a ``.cfg`` in the folder."""
    if value in _CONFIGS or not isinstance(value, str):
        return value
    path = _inside(value, root, "microscope.config")
    if path.suffix != ".cfg" or not path.is_file():
        raise ConfigError(
            f"there is no configuration {value!r:.80} in the daemon's data folder",
            where="microscope.config",
            fix="keep the microscope as a preset on its computer (livesr presets save) and name it "
            "in presets, or copy its .cfg there",
        )
    return str(path)


def _listed(part: Any, key: str, root: Path) -> None:
    if not isinstance(part, dict) or key not in part:
        return
    value = part[key]
    where = f"{key} of a session"
    if isinstance(value, list):
        part[key] = [_within(one, root, where) for one in value]
    else:
        part[key] = _within(value, root, where)
    if key == "paths" and isinstance(part[key], str | list):
        paths = [part[key]] if isinstance(part[key], str) else part[key]
        part[key] = [str(root / one) if isinstance(one, str) else one for one in paths]


def _within(value: Any, root: Path, where: str) -> Any:
    """Return a plain name as it is, and anything else as a path in the folder."""
    if not isinstance(value, str) or (is_plain_name(value) and not (root / value).exists()):
        return value
    return str(_inside(value, root, where))


def _inside(value: str, root: Path, where: str) -> Path:
    try:
        path = (root / value).resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a circle of links
        path = root.parent
    if not path.is_relative_to(root) or path == root or "\\" in value:
        raise ConfigError(
            f"{value!r:.80} does not lie in the daemon's data folder",
            where=where,
            fix="copy it there, or keep it in a preset on the daemon's computer",
        )
    return path
