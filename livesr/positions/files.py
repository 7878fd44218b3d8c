"""Position lists as files: Micro-Manager's, MetaMorph's, useq's, tables; by their suffix."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import useq
import yaml
from pydantic import ValidationError

from livesr.config.writing import write_new
from livesr.errors import ConfigError
from livesr.plain import MOST_JSON_BYTES, NotPlainError, read_text, yaml_of
from livesr.positions.metamorph import read_stg, stg_text
from livesr.positions.micromanager import pos_text, read_pos
from livesr.positions.stage_list import stage_list

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from livesr.positions.stage_list import StageList

_COLUMNS = ("name", "x", "y", "z")


def read_positions(path: Path) -> StageList:
    """Return the positions of a file.

    Parameters
    ----------
    path : Path
        ``.pos`` of Micro-Manager, ``.stg`` of MetaMorph, ``.yaml`` or ``.json`` of useq (a
        sequence, its stage positions alone, or a session), or ``.csv`` with a column a coordinate.

    Raises
    ------
    ConfigError
        If it cannot be read, or is none of these.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise _unknown(path)
    try:
        text = read_text(path, MOST_JSON_BYTES)
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file", where=str(path), fix="check the spelling"
        ) from None
    except (OSError, NotPlainError) as error:
        raise ConfigError(
            f"the list cannot be read as text: {error}", where=str(path), fix="save it again"
        ) from None
    return reader(text, str(path))


def write_positions(path: Path, listed: StageList) -> None:
    """Write a list to a file, in the form that its suffix says.

    Raises
    ------
    ConfigError
        If the suffix says none.
    StorageError
        If it exists already, or cannot be written.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise _unknown(path)
    write_new(path, writer(listed), rename="name another with -o")


def plain_positions(listed: StageList) -> list[dict[str, Any]]:
    """Return the positions as useq writes them in YAML, without what is empty."""
    return [
        {key: value for key in _COLUMNS if (value := getattr(position, key)) is not None}
        for position in listed.positions
    ]


def _read_useq(text: str, where: str) -> StageList:
    try:
        content = yaml_of(text)[1]  # JSON is YAML too
    except NotPlainError as error:
        raise ConfigError(
            f"not valid YAML: {error}", where=where, fix="check the line that it names"
        ) from None
    for key in ("sequence", "stage_positions"):
        if isinstance(content, dict):
            content = content.get(key, content)
    if not isinstance(content, list):
        raise ConfigError(
            "it has no stage_positions",
            where=where,
            fix="give a useq sequence or a session with stage_positions, or a list of positions",
        )
    try:
        sequence = useq.MDASequence.model_validate({"stage_positions": content})
    except (ValidationError, TypeError, ValueError) as error:
        raise ConfigError(
            f"its stage positions are none of useq's: {error!s:.300}",
            where=where,
            fix="a position is {name: A1, x: 0, y: 0, z: 0}, in µm",
        ) from None
    positions = [_whole(position, where) for position in sequence.stage_positions]
    own = any(position.sequence for position in sequence.stage_positions)
    return stage_list(positions, where, left_out=["sequences of single positions"] if own else [])


def _whole(position: Any, where: str) -> useq.Position:
    """Return a position without a sequence of its own; one without x and y cannot be visited."""
    if position.x is None or position.y is None or position.is_relative:
        raise ConfigError(
            f"position {position.name or position!r} has no place in x and y",
            where=where,
            fix="give each position x and y in µm of the stage",
        )
    return useq.Position(x=position.x, y=position.y, z=position.z, name=position.name)


def _read_csv(text: str, where: str) -> StageList:
    rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = names
    try:
        content = [
            {key: row[key].strip() for key in _COLUMNS if (row.get(key) or "").strip()}
            for row in rows
        ]
    except csv.Error as error:
        raise ConfigError(f"not a table: {error}", where=where, fix="save it as CSV") from None
    return _read_useq(json.dumps(content), where)


def _csv_text(listed: StageList) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain_positions(listed))
    return text.getvalue()


def _yaml_text(listed: StageList) -> str:
    content = {"stage_positions": plain_positions(listed)}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _json_text(listed: StageList) -> str:
    return json.dumps({"stage_positions": plain_positions(listed)}, indent=2) + "\n"


_READERS: dict[str, Callable[[str, str], StageList]] = {
    ".pos": read_pos,
    ".stg": read_stg,
    ".yaml": _read_useq,
    ".yml": _read_useq,
    ".json": _read_useq,
    ".csv": _read_csv,
}
_WRITERS: dict[str, Callable[[StageList], str]] = {
    ".pos": pos_text,
    ".stg": stg_text,
    ".yaml": _yaml_text,
    ".yml": _yaml_text,
    ".json": _json_text,
    ".csv": _csv_text,
}


def _unknown(path: Path) -> ConfigError:
    return ConfigError(
        f"no form of position lists is called {path.suffix or 'nothing'!r}",
        where=str(path),
        fix=f"name a file that ends in {', '.join(_READERS)}",
    )
