"""What of a configuration a second core loads to switch the light off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from livesr.acquisition.core import close_core, open_core
from livesr.acquisition.light.dark import DarkRoom
from livesr.acquisition.light.find import light_path, needed_devices
from livesr.acquisition.light.path import LightPath
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pymmcore_plus import CMMCorePlus

STAND = """
Property,Core,Initialize,0
Device,Hub,DemoCamera,DHub
Device,Camera,DemoCamera,DCam
Device,Z,DemoCamera,DStage
Device,Wheel,DemoCamera,DWheel
Device,Shutter,DemoCamera,DShutter
Device,Lamps,Utilities,State Device Shutter
Parent,Shutter,Hub
Parent,Wheel,Hub
Parent,Camera,Hub
Property,Core,Initialize,1
Property,Core,Shutter,Shutter
Property,Core,AutoShutter,0
Property,Shutter,State,1
Property,Lamps,State Device,Wheel
Label,Wheel,0,Dark
Label,Wheel,1,Blue
Property,Wheel,State,1
ConfigGroup,System,Startup,Shutter,State,1
"""


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[CMMCorePlus]:
    config = tmp_path / "stand.cfg"
    config.write_text(STAND, encoding="utf-8")
    core = open_core(str(config))
    yield core
    close_core(core)


def test_only_the_light_and_what_it_needs_is_loaded_and_nothing_is_switched(
    stand: CMMCorePlus,
) -> None:
    path = light_path(stand, str(stand.systemConfigurationFile()), {"Wheel": {"Label": "Dark"}})
    assert set(path.shutters) == {"Shutter", "Lamps"}
    assert path.off == {"Wheel": {"Label": "Dark"}}
    assert {line[1] for line in path.lines if line[0] == "Device"} == {
        "Hub",
        "Wheel",
        "Shutter",
        "Lamps",
    }
    properties = [line for line in path.lines if line[0] == "Property"]
    assert properties == [
        ("Property", "Core", "Initialize", "1"),
        ("Property", "Lamps", "State Device", "Wheel"),
    ]
    assert LightPath.read(path.as_dict()) == path


def test_a_core_of_its_own_closes_every_shutter(stand: CMMCorePlus) -> None:
    path = light_path(stand, str(stand.systemConfigurationFile()), {"Wheel": {"Label": "Dark"}})
    room = DarkRoom(path)
    for _ in range(2):  # once more where the first try failed
        done = room.switch_off()
        assert done.failed == {}
        assert sorted(done.off) == ["Lamps closed", "Shutter closed", "Wheel.Label = Dark"]


def test_serial_ports_and_hubs_are_needed() -> None:
    lines = [
        ("Device", "COM3", "SerialManager", "COM3"),
        ("Device", "COM4", "SerialManager", "COM4"),
        ("Device", "Box", "Box", "Hub"),
        ("Device", "Laser", "Box", "Laser"),
        ("Device", "Stage", "Stage", "Stage"),
        ("Property", "Box", "Port", "COM3"),
        ("Property", "Stage", "Port", "COM4"),
        ("Property", "COM3", "BaudRate", "9600"),
        ("Parent", "Laser", "Box"),
    ]
    assert needed_devices(lines, ["Laser"]) == {"Laser", "Box", "COM3"}


def test_a_simulated_light_ends_with_its_process() -> None:
    core = open_core("simulated")
    path = light_path(core, "simulated", {})
    close_core(core)
    assert path.within == ("Laser",)
    assert path.known
    assert path.lines == path.shutters == ()


@pytest.mark.parametrize(
    ("off", "what", "fix"),
    [
        ({"Whel": {"State": 0}}, "no such device: 'Whel'", "Wheel"),
        ({"Wheel": {"Stat": 0}}, "no such property of Wheel: 'Stat'", "State"),
    ],
)
def test_a_light_that_is_not_there_is_refused(
    stand: CMMCorePlus, off: dict[str, dict[str, object]], what: str, fix: str
) -> None:
    with pytest.raises(ConfigError, match=what) as error:
        light_path(stand, str(stand.systemConfigurationFile()), off)
    assert fix in error.value.fix
    assert error.value.where.startswith("microscope.light_off")
