"""Read session files: YAML with line numbers kept, so that errors point at the line.

A session file is a mapping of `livesr.config.session.Session`'s keys. A plain useq sequence is one
too, with every default; what stands in its ``metadata: {livesr: …}`` is read as the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import useq
import yaml
from pydantic import ValidationError

from livesr.config.explain import describe, line_of, parse_yaml, place_of, ranked, spelling
from livesr.config.layers import laid_over
from livesr.config.session import Session
from livesr.errors import ConfigError
from livesr.plain import NotPlainError, read_text, there, yaml_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from livesr.config.explain import PathOf


def read_session(
    path: Path, settings: Iterable[str] = (), presets: Iterable[Mapping[str, Any]] = ()
) -> Session:
    """Read a session file, lay presets over it and apply ``a.b=c`` settings on top.

    Relative paths in the file are taken from the file's folder.

    Parameters
    ----------
    path : Path
        YAML (or JSON) file.
    settings : iterable of str
        ``key.key=value``; the value is read as YAML.
    presets : iterable of mapping
        What `livesr.config.presets.read_preset` returns, the last one uppermost.

    Raises
    ------
    ConfigError
        With file, line, value and the nearest spelling.
    """
    text = _read_text(path)
    node, raw = parse_yaml(text, path)
    if not isinstance(raw, dict):
        raise ConfigError(
            f"a session file is a mapping of keys, this one is {type(raw).__name__}",
            where=str(path),
            fix="write a fresh one with: livesr init",
        )
    data = _from_useq(raw)
    resolve_paths(data, path.parent)
    for preset in presets:
        data = laid_over(data, preset)
    overridden = {apply_setting(data, setting) for setting in settings}
    resolve_paths(data, Path.cwd())  # files named on the command line lie where it was typed
    try:
        return Session.model_validate(data)
    except ValidationError as error:
        raise _explain(error, path, node, overridden) from None


def session_from(data: dict[str, Any], where: str = "session") -> Session:
    """Validate a mapping that was made by the program (a demo, a test, an API call)."""
    try:
        return Session.model_validate(data)
    except ValidationError as error:
        raise _explain(error, Path(where), None, set()) from None


def dump_session(session: Session) -> str:
    """Return the session as YAML with every default written out; `read_session` reads it back."""
    return yaml.safe_dump(plain_session(session), sort_keys=False, allow_unicode=True)


def plain_session(session: Session) -> dict[str, Any]:
    """Return the session as plain values with every default; `session_from` takes it back."""
    data = session.model_dump(mode="json")
    del data["microscope" if session.recording is not None else "recording"]
    sequence = session.sequence.model_dump(mode="json", exclude_unset=True)
    # useq gives a setup event an action of its own, and cannot read it back without its type.
    if sequence.get("setup"):
        sequence["setup"].pop("action", None)
    data["sequence"] = sequence
    return data


def apply_setting(data: dict[str, Any], setting: str) -> PathOf:
    """Write one ``a.b=c`` into ``data`` and return the path that it set."""
    name, equals, text = setting.partition("=")
    if not equals or not name:
        raise ConfigError(
            f"--set {setting!r} is not of the form key.key=value",
            where="command line",
            fix="for example: --set segmentation.policy=latest",
        )
    keys: list[str | int] = [int(k) if k.isdigit() else k for k in name.split(".")]
    target: Any = data
    try:
        for key in keys[:-1]:
            target = target.setdefault(key, {}) if isinstance(target, dict) else target[key]
        target[keys[-1]] = yaml_of(text)[1]
    except (KeyError, IndexError, TypeError):
        raise ConfigError(
            f"--set {name}: there is nothing to set below {'.'.join(map(str, keys[:-1]))}",
            where="command line",
            fix="give the whole value there, or add the key to the session file",
        ) from None
    except NotPlainError as error:
        raise ConfigError(
            f"--set {name}: {text!r} is not a YAML value ({error.what})",
            where="command line",
            fix=f"put quotes around a text: --set '{name}=\"text\"'",
        ) from None
    return tuple(keys)


def _read_text(path: Path) -> str:
    try:
        return read_text(path)
    except FileNotFoundError:
        raise ConfigError(
            "there is no such session file",
            where=str(path),
            fix=f"check the spelling, or write one with: livesr init {path.name}",
        ) from None
    except (OSError, NotPlainError) as error:
        raise ConfigError(
            f"the session file cannot be read as text: {error}",
            where=str(path),
            fix="save it as UTF-8 text",
        ) from None


def _from_useq(raw: dict[str, Any]) -> dict[str, Any]:
    """Turn a plain useq sequence into a session mapping; leave a session mapping as it is."""
    fields = useq.MDASequence.model_fields
    own = set(Session.model_fields) - {"metadata"}
    if any(key in own for key in raw) or not any(key in fields for key in raw):
        return raw
    metadata = _mapping(raw.get("metadata"), "metadata")
    data = _mapping(metadata.pop("livesr", None), "metadata.livesr")
    data["sequence"] = {**raw, "metadata": metadata}
    data.setdefault("calibration", "none")
    return data


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value or {}, dict):
        raise ConfigError(
            f"{where} is a mapping of keys, found {value!r}", where=where, fix="key: value"
        )
    return dict(value or {})


def resolve_paths(data: dict[str, Any], folder: Path) -> None:
    """Make file names in ``data`` absolute where a file of that name stands beside the session."""
    folder = folder.resolve()
    for section, key in (("microscope", "config"), ("segmentation", "package")):
        part = data.get(section)
        if isinstance(part, dict) and isinstance(part.get(key), str):
            part[key] = _beside(folder, part[key])
        elif isinstance(part, dict) and isinstance(part.get(key), list):
            part[key] = [_beside(folder, p) if isinstance(p, str) else p for p in part[key]]
    for key in ("calibration", "camera_correction", "validation"):
        if isinstance(data.get(key), str):
            data[key] = _beside(folder, data[key])
    recording = data.get("recording")
    if isinstance(recording, dict) and "paths" in recording:
        paths = recording["paths"]
        listed: Sequence[Any] = [paths] if isinstance(paths, str) else paths or []
        if isinstance(listed, list):
            recording["paths"] = [str(folder / p) if isinstance(p, str) else p for p in listed]
    if isinstance(data.get("sequence"), str):
        data["sequence"] = _read_sequence(folder / data["sequence"])


_WORDS = frozenset({"simulated", "simulated-two-cameras", "demo", "none", "auto", "ten"})
"""What the session file means by these is never a file that happens to be called so."""


def _beside(folder: Path, name: str) -> str:
    if name in _WORDS:
        return name
    looks_like_path = "/" in name or "\\" in name or name.endswith((".cfg", ".yaml", ".yml"))
    candidate = folder / name
    return str(candidate) if looks_like_path or there(candidate) else name


def _read_sequence(path: Path) -> Any:
    _, raw = parse_yaml(_read_text(path), path)
    return raw


def _explain(
    error: ValidationError, path: Path, node: yaml.Node | None, overridden: set[PathOf]
) -> ConfigError:
    """Turn pydantic's errors into one that names line, value and nearest spelling."""
    details = ranked(error)
    first = details[0]
    loc = place_of(first, _TAGS)
    mine = any(loc[: len(key)] == key or key[: len(loc)] == loc for key in overridden if loc)
    place = "command line, --set" if mine else str(path)
    line = line_of(node, loc)
    if line and place == str(path):
        place = f"{place}:{line}"
    return ConfigError(describe(details, "session", _TAGS), where=place, fix=_hint(first, loc))


_TAGS = frozenset({"splitter", "sequential", "cameras", "single"})
"""Kinds of layout."""


def _hint(detail: ErrorDetails, loc: PathOf) -> str:
    if detail["type"] == "extra_forbidden":
        return spelling(loc, Session)
    if detail["type"] == "missing" and loc and loc[-1] == "calibration":
        return "name a stored calibration, or write 'calibration: none' to go without one"
    if detail["type"] == "missing":
        return "add the key; livesr init writes a commented session file"
    return "livesr init writes a commented session file with every key explained"
