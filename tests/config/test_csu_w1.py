"""The example of a real microscope: what can be checked of it without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from livesr.acquisition.layout import stored_shape
from livesr.acquisition.plan import StackPlan
from livesr.config import read_session
from livesr.config.layouts import check_layout

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = [
    (number, line.split(","))
    for number, line in enumerate((EXAMPLES / "csu-w1.cfg").read_text("utf-8").splitlines(), 1)
    if line.strip() and not line.startswith("#")
]
FIELDS = {
    "Device": 4,
    "Property": 4,
    "Parent": 3,
    "Label": 4,
    "ConfigGroup": 6,
    "ConfigPixelSize": 5,
    "PixelSize_um": 3,
    "FocusDirection": 3,
    "Delay": 3,
}
"""Commands of Micro-Manager's configuration files and how many fields they have."""
DEVICES = [fields[1] for _, fields in LINES if fields[0] == "Device"]


@pytest.mark.parametrize(
    ("number", "fields"), LINES, ids=lambda v: str(v) if isinstance(v, int) else ""
)
def test_every_line_is_a_command_about_a_device_that_there_is(
    number: int, fields: list[str]
) -> None:
    command, *rest = fields
    assert len(fields) == FIELDS[command], number
    assert all(field == field.strip() != "" for field in fields)
    about = {"ConfigGroup": 2, "ConfigPixelSize": 1}.get(command, 0)
    if command not in ("Device", "PixelSize_um"):
        assert rest[about] in {*DEVICES, "Core"}, number
    if command == "Parent":
        assert rest[1] in DEVICES
    if command == "Property" and rest[0] == "Core" and rest[1] in ("Camera", "Focus", "XYStage"):
        assert rest[2] in DEVICES


def test_the_order_that_micro_manager_needs() -> None:
    commands = [",".join(fields) for _, fields in LINES]
    assert commands[0] == "Property,Core,Initialize,0"
    ready = commands.index("Property,Core,Initialize,1")
    assert all(c.startswith(("Device", "Property", "Parent")) for c in commands[1:ready])
    assert not any(c.startswith(("Device", "Parent")) for c in commands[ready:])
    assert len(set(DEVICES)) == len(DEVICES)


def test_presets_ask_for_labels_that_are_defined() -> None:
    labels = {(f[1], f[3]) for _, f in LINES if f[0] == "Label"}
    asked = {(f[3], f[5]) for _, f in LINES if f[0] == "ConfigGroup" and f[4] == "Label"}
    asked |= {(f[2], f[4]) for _, f in LINES if f[0] == "ConfigPixelSize" and f[3] == "Label"}
    assert asked <= labels


def test_the_session_fits_the_configuration() -> None:
    session = read_session(EXAMPLES / "csu-w1.yaml")
    assert Path(session.microscope.config) == EXAMPLES / "csu-w1.cfg"
    check_layout(session.layout, (1200, 1200))
    assert stored_shape(session.layout, (1200, 1200)) == (2, 600, 600)
    assert StackPlan(session.sequence, session.layout).planes == 24
    groups = {(f[1], f[2]) for _, f in LINES if f[0] == "ConfigGroup"}
    assert set(session.microscope.presets.items()) <= groups
    assert set(session.microscope.properties) <= set(DEVICES)
