"""Change single keys of a YAML file that somebody wrote: comments and all else stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from livesr.errors import ConfigError
from livesr.plain import NotPlainError, yaml_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDENT = 2


def with_value(text: str, keys: Sequence[str], value: Any, where: str) -> str:
    """Return a YAML text in which the key at ``keys`` has another value.

    Parameters
    ----------
    text : str
        A mapping.
    keys : sequence of str
        The way to the key, which is added where it is missing.
    value : Any
        Plain values.
    where : str
        What the text is called in messages.

    Raises
    ------
    ConfigError
        If the text is no mapping, or has something else where a mapping must be.
    """
    before = _parsed(text, where)
    node, rest = before[0], list(keys)
    if node is None:
        node = yaml.MappingNode("tag:yaml.org,2002:map", [])
    while True:
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(
                f"{'.'.join(keys[: len(keys) - len(rest)])} is no mapping of keys",
                where=where,
                fix=f"write {keys[-1]} there by hand",
            )
        found = next((pair for pair in node.value if pair[0].value == rest[0]), None)
        if found is None or len(rest) == 1:
            break
        node, rest = found[1], rest[1:]
    inner: Any = value
    for key in reversed(rest[1:]):
        inner = {key: inner}
    edited = _replaced(text, found, inner) if found else _added(text, node, rest[0], inner)
    _check_only(before[1], _parsed(edited, where)[1], keys, value, where)
    return edited


def _replaced(text: str, pair: tuple[yaml.Node, yaml.Node], value: Any) -> str:
    """Return the text with the value of a key replaced, in block style where the key stands so."""
    key, old = pair
    start, end = key.end_mark.index, _end(text, old)
    column = key.start_mark.column
    in_flow = "\n" not in text[start : old.start_mark.index] and _inside_flow(text, key)
    return f"{text[:start]}:{_written(value, column, flow=in_flow)}{text[end:]}"


def _added(text: str, mapping: yaml.MappingNode, key: str, value: Any) -> str:
    if not mapping.value:
        written = f"{key}:{_written(value, 0, flow=False)}\n"
        return (text if text.endswith("\n") or not text else text + "\n") + written
    if mapping.flow_style:
        at = mapping.value[-1][1].end_mark.index
        return f"{text[:at]}, {key}:{_written(value, 0, flow=True)}{text[at:]}"
    column = mapping.value[0][0].start_mark.column
    at = _end(text, mapping.value[-1][1])
    at = text.find("\n", at) + 1 or len(text)
    begin = text[:at] if not at or text[at - 1] == "\n" else text[:at] + "\n"
    return f"{begin}{' ' * column}{key}:{_written(value, column, flow=False)}\n{text[at:]}"


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value's own text ends: block collections end before blanks and comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    return min(int(node.end_mark.index), len(text))


def _inside_flow(text: str, key: yaml.Node) -> bool:
    line = text.rfind("\n", 0, key.start_mark.index) + 1
    return bool(text[line : key.start_mark.index].strip(" -"))


def _written(value: Any, column: int, *, flow: bool) -> str:
    """Return a value as it stands behind its key's colon."""
    if flow or not isinstance(value, list | dict) or not value:
        line = yaml.safe_dump(
            value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False
        )
        return " " + line.removesuffix("\n").removesuffix("\n...")
    if isinstance(value, list):  # an item a line
        items = [f"- {_written(item, 0, flow=True).strip()}" for item in value]
    else:
        items = [f"{key}:{_written(item, 0, flow=False)}" for key, item in value.items()]
    pad = " " * (column + _INDENT)
    return "".join(f"\n{pad}{line}" for item in items for line in item.split("\n"))


def _parsed(text: str, where: str) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml_of(text)
    except NotPlainError as error:
        raise ConfigError(
            f"not valid YAML: {error}", where=where, fix="check the line that it names"
        ) from None


def _check_only(before: Any, after: Any, keys: Sequence[str], value: Any, where: str) -> None:
    """Refuse an edit that changed anything but the key: a file is written as meant, or not."""
    wanted = before if isinstance(before, dict) else {}
    wanted = _with(wanted, list(keys), value)
    if after != wanted:
        raise ConfigError(
            f"{'.'.join(keys)} cannot be set without changing more than it",
            where=where,
            fix="write it there by hand",
        )


def _with(mapping: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    if len(keys) == 1:
        return {**mapping, keys[0]: value}
    return {**mapping, keys[0]: _with(mapping.get(keys[0]) or {}, keys[1:], value)}
