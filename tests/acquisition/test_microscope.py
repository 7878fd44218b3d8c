"""What a microscope is told, and what it says when it does not work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from livesr.acquisition.core import SIMULATED_CONFIG, close_core, open_core
from livesr.acquisition.sources import open_source
from livesr.config import Session, session_from
from livesr.errors import ConfigError, HardwareError, LivesrError
from livesr.flow import StopToken
from livesr.types import StackIndex

if TYPE_CHECKING:
    from stamping import Make, Taken

    from livesr.acquisition.troubles import FaultReport
    from livesr.types import Frame

TWO_CAMERAS = Path(__file__).parents[2] / "examples" / "demo-two-cameras.cfg"


def session(config: str = "demo", layout: object = "single", **keys: object) -> Session:
    microscope = {"config": config, **keys.pop("microscope", {})}
    return session_from({"calibration": "none", "microscope": microscope, "layout": layout, **keys})


def camera(**properties: object) -> dict[str, Any]:
    return {"properties": {"Camera": {"PixelType": "16bit", **properties}}}


REFUSED: dict[str, tuple[Session, type[LivesrError], str, str]] = {
    "no file": (session("nowhere.cfg"), HardwareError, "does not exist", "simulated"),
    "unknown device": (
        session(microscope={"properties": {"Camra": {"Exposure": 1}}}),
        ConfigError,
        "no such device: 'Camra'",
        "Camera",
    ),
    "unknown property": (
        session(microscope={"properties": {"Camera": {"Exposur": 1}}}),
        ConfigError,
        "no such property of Camera",
        "Exposure",
    ),
    "refused value": (
        session(microscope={"properties": {"Camera": {"PixelType": "17bit"}}}),
        ConfigError,
        "Camera refuses PixelType",
        "16bit",
    ),
    "unknown preset": (
        session(microscope={"presets": {"Objective": "100X"}}),
        ConfigError,
        "no such preset of Objective",
        "10X",
    ),
    "unknown group": (
        session(microscope={"presets": {"Objectiv": "10X"}}),
        ConfigError,
        "no such configuration group",
        "Objective",
    ),
    "channel that is no preset": (
        session(microscope=camera(), layout="prime95b-sequential"),
        ConfigError,
        "no such preset of Channel: 'Yellow'",
        "FITC",
    ),
    "8 bit": (
        session(microscope={"properties": {"Camera": {"PixelType": "8bit"}}}),
        ConfigError,
        "1 bytes",
        "PixelType: 16bit",
    ),
    "sensor too small": (
        session(microscope=camera(), layout="prime95b-quadrants"),
        ConfigError,
        "512 pixels wide",
        "rectangles",
    ),
    "no exposure": (session(microscope=camera(Exposure=0)), ConfigError, "exposure", "Exposure"),
    "two pixel sizes": (
        session(microscope={**camera(), "pixel_um": 0.1}),
        ConfigError,
        "pixel size is 1 µm",
        "remove",
    ),
    "one camera for two channels": (
        session(microscope=camera(), layout="two-prime95b"),
        ConfigError,
        "asks for 2 cameras",
        "Multi Camera",
    ),
    "two cameras for one channel": (
        session(str(TWO_CAMERAS)),
        ConfigError,
        "Multi Camera of Camera-1, Camera-2",
        "cameras",
    ),
    "unknown camera": (
        session(
            str(TWO_CAMERAS),
            {
                "kind": "cameras",
                "channels": [
                    {"name": "yellow", "camera": "Camera-1"},
                    {"name": "red", "camera": "Camera-3"},
                ],
            },
        ),
        ConfigError,
        "no such camera: 'Camera-3'",
        "Camera-2",
    ),
    "unlike cameras": (
        session(
            str(TWO_CAMERAS),
            "two-prime95b",
            microscope={"properties": {"Camera-2": {"PixelType": "8bit"}}},
        ),
        ConfigError,
        "images differ",
        "same binning",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_a_way_out(name: str) -> None:
    given, kind, what, fix = REFUSED[name]
    with pytest.raises(kind) as error:
        open_source(given)
    assert what in error.value.what
    assert fix in error.value.fix
    assert error.value.where


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("# py pyDevice,Camera,a,B\n", "skipped in silence", "line 1"),
        ("\n#pypyDevice,Camera,a,B\n", "skipped in silence", "line 2"),
        (
            "#py pyDevice,Z,livesr.simulator.devices,SimulatedZStage\nProperty,Core,Initialize,0\n",
            "unloads the Python devices",
            "line 2",
        ),
        ("Property,Core,Initialize,0\nDevice,C,NoSuchAdapter,X\n", "did not load", "broken.cfg"),
        (
            "Property,Core,Initialize,0\n#py pyDevice,C,no.such.module,X\n",
            "did not load",
            "broken.cfg",
        ),
        ("Property,Core,Initialize,0\n", "names no camera", "broken.cfg"),
    ],
)
def test_broken_configurations(tmp_path: Path, text: str, what: str, where: str) -> None:
    path = tmp_path / "broken.cfg"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LivesrError) as error:
        open_source(session(str(path)))
    assert what in error.value.what
    assert where in error.value.where


def test_a_comment_about_python_devices_is_no_device(tmp_path: Path) -> None:
    path = tmp_path / "fine.cfg"
    path.write_text("# python devices follow\n" + SIMULATED_CONFIG.read_text("utf-8"), "utf-8")
    close_core(open_core(str(path)))


@pytest.mark.parametrize("triggered", [True, False])
def test_a_camera_that_fails_loses_its_own_frames_only(
    stamped: Make, taken: Taken, stop: StopToken, triggered: bool
) -> None:
    source = open_source(stamped(camera="BrokenCamera", triggered=triggered))
    with pytest.raises(HardwareError, match="frames did not come") as error:
        source.run(taken, stop)
    source.close()
    assert "image 0, t 0" in error.value.where
    assert "z 3" in error.value.what
    assert "camera unplugged" in error.value.what
    assert taken.places == [(0, 0, z, 0) for z in ((0, 1, 2) if triggered else (0, 1, 2, 4))]


def test_told_so_the_run_goes_on_past_missing_frames(
    stamped: Make, taken: Taken, stop: StopToken
) -> None:
    missed: list[FaultReport] = []
    source = open_source(stamped(camera="BrokenCamera", triggered=False), on_fault=missed.append)
    source.run(taken, stop)
    source.close()
    assert [report.outcome for report in missed] == ["skipped"]
    assert len(taken.frames) == 3 * 5 - 1


def test_devices_trigger_each_other_where_they_can(
    stamped: Make, demo: Make, taken: Taken, stop: StopToken
) -> None:
    for make in (stamped, demo):
        for triggered in (True, False):
            taken.frames.clear()
            source = open_source(make(triggered=triggered))
            source.run(taken, stop)
            source.close()
            assert {frame.device["triggered"] for frame in taken.frames} == {triggered}


def test_stacks_start_when_they_are_due(stamped: Make, taken: Taken, stop: StopToken) -> None:
    source = open_source(stamped(time_plan={"interval": 3600, "loops": 3}))
    source.run(taken, stop)
    source.close()
    first = {frame.stack.t: frame.time_s for frame in reversed(taken.frames)}
    assert first == pytest.approx({0: 0.0, 1: 3600.0, 2: 7200.0})
    exposure = taken.frames[0].exposure_ms / 1000
    assert taken.frames[1].time_s - taken.frames[0].time_s == pytest.approx(exposure)


def test_a_session_can_go_on_late(stamped: Make, taken: Taken, stop: StopToken) -> None:
    done = {StackIndex(0, 0)}
    source = open_source(stamped())
    source.resume(done, 5.0)  # t 1 was due at 4 s, t 2 is at 8 s
    source.run(taken, stop)
    source.close()
    first = {frame.stack.t: frame.time_s for frame in reversed(taken.frames)}
    assert first == pytest.approx({1: 5.0, 2: 8.0})


def test_stop_wakes_a_waiting_source(stamped: Make, taken: Taken) -> None:
    stop = StopToken()
    source = open_source(stamped(time_plan={"interval": 3600, "loops": 2}, speedup=1.0))

    def deliver(frame: Frame) -> None:
        taken(frame)
        if len(taken.frames) == 5:
            stop.stop()

    source.run(deliver, stop)
    source.close()
    assert len(taken.frames) == 5


def test_a_preset_that_cannot_be_set_ends_the_run(
    stamped: Make, taken: Taken, stop: StopToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_source(stamped(splitter=False))

    def refuse(group: str, preset: str) -> None:
        raise RuntimeError(f"filter wheel jammed at {preset}")

    monkeypatch.setattr(source.core, "setConfig", refuse)
    with pytest.raises(HardwareError, match="filter wheel jammed at Yellow") as error:
        source.run(taken, stop)
    source.close()
    assert "t 0" in error.value.where
    assert taken.frames == []


def test_what_a_microscope_says_of_itself(demo: Make) -> None:
    source = open_source(demo())
    info = source.info
    source.close()
    assert info.shape == (1, 5, 48, 64)
    assert (info.camera, info.pixel_um, info.z_step_um) == ("DemoCamera/Camera", 1.0, 0.3)
    assert not info.simulated
    assert info.extra["camera_properties"]["PixelType"] == "16bit"


def test_device_that_cannot_be_let_go_of_hides_no_other_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    core = open_core("simulated")

    def unplugged() -> bool:
        raise RuntimeError("no such device")

    monkeypatch.setattr(core, "isSequenceRunning", unplugged)
    close_core(core)
    monkeypatch.undo()
    close_core(core)
