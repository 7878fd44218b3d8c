from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.calibration.datafile import Record, read_record
from livesr.errors import ModelError
from livesr.plain import MOST_BYTES

if TYPE_CHECKING:
    from pathlib import Path


class Point(Record):
    x: float
    names: tuple[str, ...] = ()


def read(path: Path, text: str) -> Point:
    path.write_text(text, encoding="utf-8")
    return read_record(path, Point, ModelError, "mend it")


def test_plain_values_are_read(tmp_path: Path) -> None:
    assert read(tmp_path / "p.yaml", "x: 1.5\nnames: [a, µ]\n") == Point(x=1.5, names=("a", "µ"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: .nan", "x: "),
        ("y: 1", "y: "),
        ("x: &a 1\nnames: [*a]", r"refers to another with '\*a'"),
        ("x: " + "[" * 50 + "]" * 50, "nested more than 32 deep"),
        ("#" * (MOST_BYTES + 1), "larger than"),
        ("x: 2026-13-01", "not YAML"),
        ("!!python/name:os.system ''", "not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        read(tmp_path / "p.yaml", text)
    assert caught.value.where == str(tmp_path / "p.yaml")
    assert caught.value.fix == "mend it"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_record(tmp_path / "none.yaml", Point, ModelError, "mend it")
