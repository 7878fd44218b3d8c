"""Errors in a user's YAML file, told with line, value and nearest spelling.

Used by every file that people write by hand: session files, plans of labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from livesr.errors import ConfigError, nearest
from livesr.plain import NotPlainError, yaml_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

PathOf = tuple[str | int, ...]
_RANKS = {"extra_forbidden": 0, "missing": 2}
_TOLD = 5
"""Errors that one message names."""


def parse_yaml(text: str, path: Path) -> tuple[yaml.Node | None, Any]:
    """Return the nodes of a YAML text, which know their lines, and its values.

    Raises
    ------
    ConfigError
        With the line that is not YAML.
    """
    try:
        return yaml_of(text)
    except NotPlainError as error:
        raise ConfigError(
            f"not valid YAML: {error.what}",
            where=f"{path}:{error.line}" if error.line else str(path),
            fix="check indentation, colons and quotes on that line and the one before; write each "
            "value out, each key once",
        ) from None


def ranked(error: ValidationError) -> list[ErrorDetails]:
    """Return what is wrong, causes first.

    A misspelt key is the cause of a missing one, and of a union that fits none: what is missing is
    told only where nothing else is wrong.
    """
    details = sorted(error.errors(include_url=False), key=_rank)
    return [detail for detail in details if _rank(detail) < _RANKS["missing"]] or details


def _rank(detail: ErrorDetails) -> int:
    return _RANKS.get(detail["type"], 1)


def readable(loc: tuple[int | str, ...], tags: Collection[str] = ()) -> PathOf:
    """Drop the names of union members, such as ``tags``, that pydantic puts into a location."""
    return tuple(p for p in loc if isinstance(p, int) or not _is_union_tag(p, tags))


def _is_union_tag(part: str, tags: Collection[str]) -> bool:
    return part in tags or "[" in part or part[:1].isupper()


def describe(details: list[ErrorDetails], root: str, tags: Collection[str] = ()) -> str:
    """Return the first errors as text."""
    return "; ".join(_describe(detail, root, tags) for detail in details[:_TOLD])


def place_of(detail: ErrorDetails, tags: Collection[str] = ()) -> PathOf:
    """Return where in the file an error is; a key that nothing knows is told as it stands."""
    loc = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return (*readable(loc[:-1], tags), *loc[-1:])
    return readable(loc, tags)


def _describe(detail: ErrorDetails, root: str, tags: Collection[str]) -> str:
    where = ".".join(str(part) for part in place_of(detail, tags)) or root
    kind = detail["type"]
    if kind == "extra_forbidden":
        return f"{where}: there is no such key"
    if kind == "missing":
        return f"{where}: this key is required and missing"
    message = detail["msg"].removeprefix("Value error, ")
    value = detail.get("input")
    shown = "" if isinstance(value, dict | list) else f" (found {value!r:.80})"
    return f"{where}: {message:.300}{shown}"


def spelling(loc: PathOf, model: type[BaseModel]) -> str:
    """Return a hint for an unknown key: the nearest that ``model`` knows there."""
    known = _keys_at(loc[:-1], model.model_json_schema())
    return nearest(str(loc[-1]), known) if known else "remove it"


def _keys_at(loc: PathOf, schema: dict[str, Any]) -> list[str]:
    """Return the keys that a schema knows at ``loc``."""
    here: dict[str, Any] = schema
    for part in loc:
        here = _follow(here, schema)
        here = here.get("items", {}) if isinstance(part, int) else _member(here, part)
    return list(_follow(here, schema).get("properties", {}))


def _member(here: dict[str, Any], key: str) -> dict[str, Any]:
    """Return what stands under a key, or under any key of a mapping."""
    others = here.get("additionalProperties")
    member: dict[str, Any] = here.get("properties", {}).get(
        key, others if isinstance(others, dict) else {}
    )
    return member


def _follow(here: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for option in (here, *here.get("anyOf", ()), *here.get("allOf", ())):
        if "$ref" in option:
            found: dict[str, Any] = schema["$defs"][option["$ref"].rsplit("/", 1)[-1]]
            return found
    return here


def line_of(node: yaml.Node | None, loc: PathOf) -> int | None:
    """Return the line of the key at ``loc``, or of the nearest parent that stands in the file."""
    line: int | None = None
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pairs = [(k, v) for k, v in node.value if k.value == part]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
