"""What is wanted of an input: its session file, from what it says itself and what is asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livesr.channels import SEEN
from livesr.config import session_from
from livesr.config.explain import parse_yaml
from livesr.config.reading import apply_setting, resolve_paths
from livesr.errors import ConfigError, HardwareError
from livesr.plain import NotPlainError, read_text
from livesr.storage.folder import SESSION_FILE
from livesr.storage.reader import read_settings
from livesr.storage.recording import open_recording

if TYPE_CHECKING:
    from livesr.config import Session
    from livesr.offline.inputs import Input

BESIDE = "recording.yaml"
"""A session file beside an image, which says how to play it: `livesr simulate` writes one."""
_OF_A_MICROSCOPE = ("microscope", "sequence", "focus", "faults", "limits")
"""What is no longer of use once a recording stands in the microscope's place."""
_IDENTITY = ("name", "camera", "objective", "camera_offset")
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody asks for, of all inputs.

    Attributes
    ----------
    template : Path or None
        A session file: of a recording, or the one that a microscope ran.
    settings : tuple of str
        ``a.b=c``, as for ``livesr run --set``.
    channels : tuple of str
        Names, in the order of the files.
    """

    template: Path | None = None
    settings: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


def session_of(one: Input, wishes: Wishes) -> Session:
    """Return the session file of an input.

    Undermost lies what the input says (a session its ``session.yaml``, an image the
    ``recording.yaml`` beside it), then the template, then the settings.

    Raises
    ------
    LivesrError
        If a file cannot be read, or they do not fit together.
    """
    data = _said(one)
    if wishes.template is not None:
        given = _file(wishes.template)
        recording = {**data.get("recording", {}), **given.pop("recording", {})}
        data = {**data, **given, "recording": recording}
    for setting in wishes.settings:
        apply_setting(data, setting)
    resolve_paths(data, Path.cwd())
    data.setdefault("calibration", "none")
    data["name"] = one.name
    data.setdefault("recording", {})["paths"] = [str(one.path)]
    data["recording"].pop("speed", None)
    if wishes.channels and not one.is_session:
        data["layout"] = _layout(wishes.channels)
    if "layout" not in data:
        data["layout"] = _layout(_channels(one, data["recording"]))
    session = session_from(data, where=f"livesr process, {one.path}")
    if not session.segmentation.enabled:
        raise ConfigError(
            "segmentation.enabled is false: there is nothing to do",
            where=str(wishes.template or "command line"),
            fix="leave it out",
        )
    return session


def _said(one: Input) -> dict[str, Any]:
    if one.is_session:
        return _recorded(read_settings(one.path / SESSION_FILE))
    beside = one.path.parent / BESIDE
    if not beside.is_file():
        return {}
    return _file(beside)


def _file(path: Path) -> dict[str, Any]:
    """Return a session file's keys that say something of a recording."""
    try:
        _, raw = parse_yaml(read_text(path), path)
    except (OSError, NotPlainError) as error:
        raise ConfigError(
            f"the session file cannot be read: {error}", where=str(path), fix="livesr init FILE"
        ) from None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"a session file is a mapping of keys, this one is {type(raw).__name__}",
            where=str(path),
            fix="write a fresh one with: livesr init",
        )
    resolve_paths(raw, path.parent)
    return _recorded(raw)


def _recorded(data: dict[str, Any]) -> dict[str, Any]:
    """Return session keys with a recording in the microscope's place."""
    data = dict(data)
    microscope = data.get("microscope")
    for key in _OF_A_MICROSCOPE:
        data.pop(key, None)
    recording = dict(data.get("recording") or {})
    if isinstance(microscope, dict):
        recording = {**{k: microscope[k] for k in _IDENTITY if k in microscope}, **recording}
        recording.setdefault("camera_offset", 100.0)  # a microscope's default
    recording.pop("paths", None)
    data["recording"] = recording
    return data


def _channels(one: Input, recording: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of a file's channels: its own, or yellow and red where there are two."""
    known = {key: recording.get(key) for key in ("axes", "pixel_um", "z_step_um")}
    with open_recording(one.path, **known) as opened:
        count, named = opened.shape[1], tuple(name.lower() for name in opened.channels)
    if SEEN[0] in named and len(set(named)) == count:
        return named
    if count <= _PAIR:
        return SEEN[:count]
    raise ConfigError(
        f"the recording has {count} channels and does not say which is yellow: "
        f"{', '.join(named) or 'they have no names'}",
        where=str(one.path),
        fix="name them in the file's order: --channels yellow,red,dapi",
    )


def _layout(channels: tuple[str, ...]) -> dict[str, Any]:
    if len(channels) == 1:
        return {"kind": "single", "name": channels[0]}
    return {
        "kind": "sequential",
        "channels": [{"name": name, "config": ""} for name in channels],
    }


def setting(key: str, value: object) -> str:
    """Return a setting as ``--set`` takes it."""
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def check_template(wishes: Wishes) -> None:
    """Refuse a template that is not there, before anything else is looked at."""
    if wishes.template is not None and not wishes.template.is_file():
        raise ConfigError(
            "there is no such session file", where=str(wishes.template), fix="check the spelling"
        )


__all__ = ["HardwareError", "Wishes", "check_template", "session_of", "setting"]
