from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from livesr.acquisition.core import apply_properties, close_core, open_core
from livesr.acquisition.dials import power_dial
from livesr.acquisition.light.rule import Light
from livesr.acquisition.live import LiveCamera
from livesr.config.layouts import PresetChannel, SequentialLayout, side_by_side
from livesr.errors import ConfigError, HardwareError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.shots import Shot

CAMERA = {"Seed": 60_302, "FieldHeight": 48, "FieldWidth": 64, "SampleSizeUm": 20, "Motion": 0}
LAYOUT = side_by_side(48, 64)


@pytest.fixture
def core() -> Iterator[CMMCorePlus]:
    core = open_core("simulated")
    apply_properties(core, {"Camera": CAMERA, "Clock": {"Speedup": 20}})
    core.setExposure(10)
    yield core
    close_core(core)


class Heard:
    """A supervisor that only listens."""

    alive = True

    def __init__(self) -> None:
        self.calls: list[bool] = []

    def expect_ready(self) -> None:
        pass

    def says(self, doing: str, *, lit: bool) -> None:
        assert doing
        self.calls.append(lit)


def light_of(core: CMMCorePlus, heard: Heard | None = None) -> Light:
    light = Light(core, "configured", {})
    light.learn()
    light.supervisor = heard  # type: ignore[assignment]  # all that the light asks of it
    return light


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def shot_of(camera: LiveCamera) -> Shot:
    found: list[Shot] = []

    def came() -> bool:
        shot = camera.take()
        found.extend([shot] if shot else [])
        return bool(found)

    wait(came)
    return found[0]


def test_shots_come_and_the_light_is_on_only_while_they_do(core: CMMCorePlus) -> None:
    heard = Heard()
    with LiveCamera(light_of(core, heard), LAYOUT, patience_s=120) as camera:
        assert camera.take() is None
        camera.start()
        first = shot_of(camera)
        assert first.images[0].shape == (48, 128)
        assert camera.ask(lambda c: c.getShutterOpen(), stops=False)
        wait(lambda: shot_of(camera).number > first.number + 2)
        camera.freeze()
        assert not camera.ask(lambda c: c.getShutterOpen())
        assert not camera.ask(lambda c: c.isSequenceRunning())
        assert camera.frozen_because
        camera.start()
        shot_of(camera)
        assert camera.silence_s < 120
    assert camera.silence_s == 0
    assert not core.getShutterOpen()
    assert not core.isSequenceRunning()
    assert True in heard.calls
    assert heard.calls[-1] is False


def test_a_preview_that_nobody_looks_at_goes_dark(core: CMMCorePlus) -> None:
    with LiveCamera(light_of(core), LAYOUT, unseen_s=0.3, patience_s=120) as camera:
        camera.start()
        wait(lambda: "nobody looked" in camera.frozen_because)
        assert not core.getShutterOpen()


def test_exposure_is_changed_between_frames_and_time_passes_as_ours(core: CMMCorePlus) -> None:
    with LiveCamera(light_of(core), LAYOUT, patience_s=120) as camera:
        assert camera.ask(lambda c: float(c.getProperty("Clock", "Speedup"))) == 1
        camera.start()
        shot_of(camera)
        camera.change(lambda c: c.setExposure(3.0), stops=True)
        camera.change(lambda c: c.setZPosition(1.5))
        wait(lambda: (shot := shot_of(camera)).exposure_ms == 3.0 and shot.position_um[2] == 1.5)
    assert float(core.getProperty("Clock", "Speedup")) == 20


def test_a_camera_that_fails_leaves_the_sample_dark_and_says_why(core: CMMCorePlus) -> None:
    core.setProperty("Camera", "Faults", "at frame 3: disconnect")
    with LiveCamera(light_of(core), LAYOUT, patience_s=120) as camera:
        camera.start()
        wait(lambda: camera.error is not None)
        assert isinstance(camera.error, HardwareError)
        assert "disconnected" in camera.error.what
        assert not core.getShutterOpen()


def test_what_is_asked_raises_where_it_was_asked(core: CMMCorePlus) -> None:
    def fail(_: CMMCorePlus) -> None:
        raise ConfigError("no")

    with LiveCamera(light_of(core), LAYOUT) as camera, pytest.raises(ConfigError, match="no"):
        camera.ask(fail)


def test_sequential_channels_are_taken_one_after_the_other(core: CMMCorePlus) -> None:
    core.setProperty("Camera", "Layout", "single")
    layout = SequentialLayout(
        kind="sequential",
        channels=(
            PresetChannel(name="yellow", config="Yellow"),
            PresetChannel(name="red", config="Red"),
        ),
    )
    with LiveCamera(light_of(core), layout, patience_s=120) as camera:
        camera.start()
        shot = shot_of(camera)
        assert [image.shape for image in shot.images] == [(48, 64)] * 2
        assert shot.images[0].mean() > shot.images[1].mean()


def test_the_lasers_power_is_found_or_named(core: CMMCorePlus) -> None:
    dial = power_dial(core)
    assert dial is not None
    assert (dial.device, dial.name) == ("Laser", "Power")
    assert dial.turned(1.0, 2.0) == 2.0
    assert dial.turned(9.0, 2.0) == 10.0
    assert power_dial(core, "Laser.Power") == dial
    with pytest.raises(ConfigError, match="no number"):
        power_dial(core, "Laser.Label")
