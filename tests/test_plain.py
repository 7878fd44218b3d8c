"""Plain values: what is read, and what is refused before it is built."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from livesr.plain import (
    DEEPEST,
    MOST_BYTES,
    NotPlainError,
    decoded,
    json_of,
    read_json,
    read_text,
    read_yaml,
    yaml_of,
)

if TYPE_CHECKING:
    from pathlib import Path

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_was_written_is_read(value: object) -> None:
    dumper = yaml.SafeDumper
    text = yaml.dump(value, Dumper=dumper)
    if "&id" not in text:  # equal lists may be written once
        assert yaml_of(text)[1] == value
    assert json_of(json.dumps(value)) == value


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (yaml_of, json_of):
        with suppress(NotPlainError):
            read(text)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("a: 1\nb: !!python/name:os.system", "tag", 2),
        ("a: !!bool x", "tag", 1),
        ("a: &x 1\nb: *x", r"refers to another with '\*x'", 2),
        ("a: 1\na: 2", "'a' stands twice", 2),
        ("a: {b: 1, b: 2}", "'b' stands twice", 1),
        ("- a\n- {[1]: 2}", "a key is a list", 2),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested", 1),
        ("a: [1, .inf]", "a.1: a number is inf", 0),
        ("a: " + "9" * 30, "a: a number has more than 20 digits", 0),
        ("a: 2001-13-41", "a value is none", 0),
        ("a: [", "", 2),
        ("a: \0", "control characters", 0),
    ],
)
def test_yaml_that_is_refused(text: str, said: str, line: int) -> None:
    with pytest.raises(NotPlainError, match=said or None) as caught:
        yaml_of(text)
    if line:
        assert caught.value.line == line


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "NaN", "[1e999]", "-Infinity", "9" * 21, "{", '{"a": 1}{', ""]
)
def test_json_that_is_refused(text: str) -> None:
    with pytest.raises(NotPlainError, match="no JSON"):
        json_of(text)


def test_an_empty_file_says_nothing() -> None:
    assert yaml_of("# nothing") == (None, None)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text('{"a": "é"}', encoding="utf-8-sig")
    assert read_yaml(path) == read_json(path) == {"a": "é"}
    path.write_text("a", encoding="utf-16")
    with pytest.raises(NotPlainError, match="line 1: it is not UTF-8"):
        read_text(path)
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(NotPlainError, match="larger than 1,048,576 bytes"):
        read_text(path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none")


def test_the_line_of_a_wrong_byte() -> None:
    with pytest.raises(NotPlainError) as caught:
        decoded(b"a: 1\nb: \xff")
    assert caught.value.line == 2
