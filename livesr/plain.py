"""Plain values from YAML and JSON files, of a sane size: nothing in them can run or fill memory.

YAML may name Python objects, let a few lines of aliases of aliases stand for any amount of data,
nest without end and say a key twice; JSON may nest too. All that is refused before it is built.
Every reader of a file that people or other programs write goes through here.
"""

from __future__ import annotations

import json
from math import isfinite
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any, Literal

import yaml

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 2**20
"""Of a file that people write."""
MOST_JSON_BYTES = 2**24
"""Of metadata that programs write: those of an OME-Zarr of ten thousand labels are smaller."""
DEEPEST = 32
MOST_DIGITS = 20
"""Of a whole number: those of 64 bits have no more, and others only make overflows."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BROKEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML's constructors raise for values that are none: ``!!bool x``, the date 2001-99-99."""


class NotPlainError(ValueError):
    """A file holds no plain values.

    Parameters
    ----------
    what : str
        What is wrong.
    line : int
        Counted from 1; 0 where it is not known.
    """

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {what}" if line else what)
        self.what = what
        self.line = line


def there(path: Path) -> Literal["file", "folder", ""]:
    """Return what stands at a path that a file names; nothing where no name can be so."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # too long, or with a NUL in it
        return ""
    return "folder" if S_ISDIR(mode) else "file"


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Return a file's text, without the mark that some editors put before it.

    Raises
    ------
    NotPlainError
        If it is larger than ``most`` bytes, or no UTF-8.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    return decoded(content, most)


def decoded(content: bytes, most: int = MOST_BYTES) -> str:
    """Return bytes as text; raises NotPlainError as `read_text` does."""
    if len(content) > most:
        raise NotPlainError(f"it is larger than {most:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise NotPlainError("it is not UTF-8 text", line) from None


def yaml_of(text: str) -> tuple[yaml.Node | None, Any]:
    """Return the nodes of a YAML text, which know their lines, and its values.

    Raises
    ------
    NotPlainError
        If it is no YAML, or says more than plain values.
    """
    try:
        _check_events(text)
        loader = _LOADER(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None, None
            _check_keys(node)
            value = loader.construct_document(node)
            _check_numbers(value)
            return node, value
        finally:
            loader.dispose()
    except NotPlainError:
        raise
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        said = getattr(problem, "problem", None) or " ".join(str(problem).split())
        raise NotPlainError(str(said), mark.line + 1 if mark else 0) from None
    except _BROKEN as problem:
        raise NotPlainError(f"a value is none: {problem!r:.200}") from None


def read_yaml(path: Path) -> Any:
    """Return a YAML file's values; raises as `read_text` and `yaml_of` do."""
    return yaml_of(read_text(path))[1]


def json_of(content: str | bytes) -> Any:
    """Return the values of a JSON text.

    Raises
    ------
    NotPlainError
        If it is no JSON, or nested too deep.
    """
    try:
        return json.loads(content, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as problem:
        said = "it is nested too deep" if isinstance(problem, RecursionError) else str(problem)
        raise NotPlainError(f"no JSON: {said}") from None


def read_json(path: Path, most: int = MOST_JSON_BYTES) -> Any:
    """Return a JSON file's values; raises as `read_text` and `json_of` do."""
    return json_of(read_text(path, most))


def _check_events(text: str) -> None:
    """Refuse what could fill memory or make objects, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        mark = event.start_mark
        line = mark.line + 1 if mark is not None else 0
        if isinstance(event, yaml.AliasEvent):
            raise NotPlainError(f"a value refers to another with '*{event.anchor}'", line)
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise NotPlainError(f"a value has the tag {tag!r:.80}", line)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise NotPlainError(f"it is nested more than {DEEPEST} deep", line)


def _check_keys(node: yaml.Node) -> None:
    """Refuse keys that are no words, and those said twice, of which one would be dropped."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item)
    if not isinstance(node, yaml.MappingNode):
        return
    said: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise NotPlainError("a key is a list or a mapping", line)
        if key.value in said:
            raise NotPlainError(f"the key {key.value!r:.80} stands twice", line)
        said.add(key.value)
        _check_keys(value)


def _check_numbers(value: Any, place: str = "") -> None:
    """Refuse numbers that nothing can be computed with."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _check_numbers(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, float) and not isfinite(value):
        raise NotPlainError(f"{place:.200}: a number is {value}")
    elif isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        raise NotPlainError(f"{place:.200}: a number has more than {MOST_DIGITS} digits")


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"a number is {text:.40}")
    return value
