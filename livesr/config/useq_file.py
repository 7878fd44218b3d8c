"""A session's plan as a plain useq file, with the rest of the session in its metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import useq
import yaml

from livesr.config.layouts import SequentialLayout
from livesr.config.reading import plain_session
from livesr.config.writing import write_new
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.config.session import Session

_SUFFIXES = (".yaml", ".yml", ".json")


def useq_of(session: Session) -> dict[str, Any]:
    """Return a session's plan as useq's own keys.

    Channels of a sequential layout are written out where the plan names none, as the session would
    take them; what is not useq's stands under ``metadata: {livesr: …}``, from where
    `livesr.config.read_session` takes it again.

    Raises
    ------
    ConfigError
        If the session plays a recording: there is nothing to take.
    """
    if session.recording is not None:
        raise ConfigError(
            "the session plays a recording: there is no plan to take pictures by",
            where="recording",
            fix="give the session file of a microscope",
        )
    data = plain_session(session)
    sequence: dict[str, Any] = data.pop("sequence")
    if isinstance(session.layout, SequentialLayout) and not sequence.get("channels"):
        sequence["channels"] = [
            {"config": channel.config, "group": session.layout.group}
            for channel in session.layout.channels
        ]
    own = dict(sequence.get("metadata") or {})
    return {**sequence, "metadata": {**own, "livesr": data}}


def write_useq(path: Path, session: Session) -> useq.MDASequence:
    """Write a session's plan as a new file, and return it as useq reads it back.

    Raises
    ------
    ConfigError
        If the session has no plan, or the file's name no suffix that useq knows.
    StorageError
        If there is such a file, or it cannot be written.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(
            f"useq reads files that end with {', '.join(_SUFFIXES)}", where=str(path),
            fix="for example: -o plan.useq.yaml",
        )  # fmt: skip
    plain = useq_of(session)
    useq.MDASequence.model_validate(plain)  # what cannot be read back is not written
    if path.suffix.lower() == ".json":
        text = json.dumps(plain, indent=2, ensure_ascii=False)
    else:
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    write_new(path, text, rename="name another with -o")
    return useq.MDASequence.from_file(path)
