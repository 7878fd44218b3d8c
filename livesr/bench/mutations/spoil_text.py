"""Damage to what YAML and JSON say: other types, huge numbers, ways out of the folder, bombs."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

VICTIM = "victim"
"""Folder beside the files into which hostile names lead; `livesr.bench.mutations.good` makes it."""
_MARK = "@@raw@@"
_WAY_OUT = (
    f"../{VICTIM}", f"../../{VICTIM}", f"../../../{VICTIM}/image.ome.zarr", f"/{VICTIM}", "..", ".",
    "/", "/dev/zero", "/dev/null", "~", "C:\\Windows", f"..\\{VICTIM}", "a/b", "file:///etc/passwd",
    "//server/share", "CON", "nul.txt", "-rf", "$(id)", "${HOME}", "%s%s%n", "{network}",
)  # fmt: skip
_TEXTS = (
    "", " ", "\0", "a\0b", "nan", "inf", "1e999", "x" * 100_000, "\u202e", "💥", "ÿ", "\x1b[2J",
    "\n\n", "y" * 300, "y" * 300, "none", "auto", "null", "0x10", "[]", "TCZYXS", "é",
)  # fmt: skip
_NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 0.5, -0.0, 1e308, -1e308, 1e-320, 1e19, float("inf"), float("-inf"), float("nan"),
    2**31, 2**31 - 1, -(2**31), 2**32, 2**53 + 1, 2**63, 2**64, 10**12, 10**18, 10**30, 10**400,
    True, False,
)  # fmt: skip
_OTHER: tuple[Any, ...] = (
    None, [], {}, [[]], [None], {"a": {}}, {"": 1}, [1, "a", None], ["x"] * 5000, date(2001, 1, 1),
    {"kind": "x"}, {"id": "pickle"}, [{"id": "pickle"}], [0] * 3, [1.0, 2.0],
)  # fmt: skip
_RAW_JSON = (
    "1e999", "-1e999", "NaN", "Infinity", "9" * 5000, "-0", "0x10", "'a'", '"\\ud800"', '"\\u0000"',
    "[" * 100_000, "[" * 900 + "]" * 900, '{"a":' * 5000, "1.", "[1,]", "/*c*/1", "1e-999", "",
)  # fmt: skip
_RAW_YAML = (
    '!!python/object/apply:os.system ["touch VICTIM/pwned"]', "!!python/name:os.system",
    "!!python/tuple [1]", "&a [*a]", "&a {b: *a}", "*nobody", "!!binary zzz", "!!binary aGFsbG8=",
    "!!timestamp 2001-99-99", "2001-99-99", "2001-01-01 25:61:00", "0o7777777777", "0b1", "1_000",
    "{<<: [1]}", "{<<: {a: b}}", "{[1]: 2}", "{? {a: b} : c}", "!!set {a, b}", "!!omap [a: 1]",
    "!!pairs [a: 1]", '"\\x00"', "190:20:30", "9" * 100_000, "!!int x", "!!float x", "!!bool x",
    ".inf", "-.inf", ".nan", "=", "~", "!foo bar", "!!null x", "[" * 10_000, "{a: " * 3000,
    "[" * 50 + "]" * 50, "1e400", "- - -", "|\n", "%TAG", "\t", "{", "'", "!!str [a]", "@x", "`x`",
)  # fmt: skip
_BOMB = (
    "["
    + ", ".join(
        ["&b0 [x,x,x,x,x,x,x,x,x,x]"]
        + [f"&b{n} [{','.join([f'*b{n - 1}'] * 10)}]" for n in range(1, 10)]
    )
    + "]"
)


def yaml_values(data: bytes, rng: np.random.Generator) -> bytes:
    """Change what a YAML file says."""
    raws = (*_RAW_YAML, _BOMB, _BOMB)
    return _changed(data, rng, yaml.safe_load, _yaml, raws)


def json_values(data: bytes, rng: np.random.Generator) -> bytes:
    """Change what a JSON file says."""
    return _changed(data, rng, json.loads, _json, _RAW_JSON)


def json_lines(data: bytes, rng: np.random.Generator) -> bytes:
    """Change what one line of a file of JSON lines says, or the lines' order and number."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    at = int(rng.integers(len(lines)))
    match rng.integers(8):
        case 0:
            lines.insert(int(rng.integers(len(lines))), lines[at])
        case 1:
            del lines[at]
        case 2:
            lines[at] = lines[at] * 500
        case _:
            lines[at] = json_values(lines[at], rng).replace(b"\n", b" ") + b"\n"
    return b"".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, default=str)


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**9)


def _changed(
    data: bytes,
    rng: np.random.Generator,
    load: Callable[[bytes], Any],
    dump: Callable[[Any], str],
    raws: tuple[str, ...],
) -> bytes:
    root = [load(data)]
    raw = ""
    for _ in range(int(rng.integers(1, 4)) if rng.integers(3) == 0 else 1):
        raw = _change(root, rng, raws) or raw
    text = dump(root[0])
    for quoted in (f'"{_MARK}"', f"'{_MARK}'", _MARK):
        text = text.replace(quoted, raw)
    return text.encode("utf-8", "surrogatepass")


def _change(root: list[Any], rng: np.random.Generator, raws: tuple[str, ...]) -> str:
    """Change one place of a tree in place; return the text that `_MARK` in it stands for."""
    places = list(_places(root))
    parent, key = places[int(rng.integers(len(places)))]
    old = parent[key]
    kind = int(rng.integers(14))
    if kind == 0 and parent is not root:
        del parent[key]
    elif kind == 1:
        _rename(parent, key, rng)
    elif kind in (2, 3):
        parent[key] = _MARK
        return raws[int(rng.integers(len(raws)))]
    else:
        other, at = places[int(rng.integers(len(places)))]
        swapped = json.loads(json.dumps(other[at], default=str))
        longer = old * int(2 ** rng.uniform(1, 10)) if isinstance(old, list) else [old] * 3
        shaped = ({"nothing_knows_this": old}, [old], swapped, longer)
        choices = (shaped, _WAY_OUT, _WAY_OUT, _TEXTS, _NUMBERS, _NUMBERS, _OTHER)
        values = choices[int(rng.integers(len(choices)))]
        parent[key] = values[int(rng.integers(len(values)))]
    return ""


def _rename(parent: Any, key: Any, rng: np.random.Generator) -> None:
    """Give a key another name, keeping its place; a second one of the same name in some."""
    if not isinstance(parent, dict):
        return
    names = ("", "__class__", str(key)[::-1], _WAY_OUT[0], str(key).upper(), "extra")
    new = names[int(rng.integers(len(names)))]
    items = [(new if k == key else k, v) for k, v in parent.items()]
    parent.clear()
    parent.update(items)


def _places(root: Any) -> Any:
    """Yield every place of a tree: its container and key."""
    for key in range(len(root)) if isinstance(root, list) else list(root):
        yield root, key
        if isinstance(root[key], list | dict):
            yield from _places(root[key])
