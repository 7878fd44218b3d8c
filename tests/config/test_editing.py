"""Single keys of somebody's YAML are changed; everything else stays as it was, comments too."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
import yaml

from livesr.config.editing import with_value
from livesr.errors import ConfigError

TEMPLATE = resources.files("livesr.config").joinpath("template.yaml").read_text(encoding="utf-8")
PLACES = [{"name": "ä: 1", "x": 0.5, "y": -1.0}, {"name": "# no comment", "x": 1, "y": 2}]

TEXTS = {
    "template": TEMPLATE,
    "empty": "",
    "comment only": "# mine\n",
    "no sequence": "name: x",
    "flow": "name: x\nsequence: {axis_order: tpcz, z_plan: {top: 1}} # c\nlayout: a\n",
    "there already": "sequence:\n  stage_positions:\n  - {x: 1}\n  # c\n\nlayout: b\n",
    "empty list": "a: 1\nsequence:\n    stage_positions: []  # none\n    b: 2\n",
    "last, no newline": "sequence:\n  z_plan: {top: 1}",
    "windows": "a: 1\r\nsequence:\r\n  b: 2\r\n",
}


@pytest.mark.parametrize("case", TEXTS)
@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("sequence", "stage_positions"), PLACES),
        (("sequence", "stage_positions"), []),
        (("sample", "well"), "A1"),
        (("name",), "a name: with a colon"),
        (("microscope", "properties"), {"Camera": {"Seed": 3}, "Laser": {"Power": 0.5}}),
    ],
)
def test_one_key_is_changed(case: str, keys: tuple[str, ...], value: Any) -> None:
    text = TEXTS[case]
    edited = with_value(text, keys, value, "here")
    found = yaml.safe_load(edited)
    for key in keys:
        found = found[key]
    assert found == value
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in edited.splitlines() if line.lstrip().startswith("#")] == comments


def test_other_lines_stay_as_they_are() -> None:
    edited = with_value(TEMPLATE, ("microscope", "camera_offset"), 99, "here").splitlines()
    different = [
        (old, new) for old, new in zip(TEMPLATE.splitlines(), edited, strict=True) if old != new
    ]
    assert len(different) == 1
    assert different[0][1].startswith("  camera_offset: 99  ")
    assert different[0][1].endswith("# counts without light")


@pytest.mark.parametrize(
    ("text", "said"), [("- a\n", "no mapping"), ("sequence: 3\n", "no mapping"), ("a: [", "YAML")]
)
def test_what_has_no_place_for_the_key_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        with_value(text, ("sequence", "stage_positions"), [], "here")
