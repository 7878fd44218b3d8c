"""Retries that do not help, pauses that grow, devices that come back, and the light meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from faulty import PLANES, Faulty, Given
from stamping import FRAME

from livesr.acquisition import recovery
from livesr.acquisition.clock import RealClock
from livesr.acquisition.core import close_core, open_core, reload_device
from livesr.acquisition.light.rule import Light, close_shutters
from livesr.acquisition.recovery import Recovery
from livesr.acquisition.sources import open_source
from livesr.config import session_from
from livesr.errors import HardwareError
from livesr.flow import StopToken
from livesr.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pymmcore_plus import CMMCorePlus
    from stamping import Make, Taken

    from livesr.acquisition.troubles import FaultReport

pytestmark = pytest.mark.faults
DROP = "at frame 7: drop"
NEVER = Given(stage="stamping,TiredZStage", failures=1000)


def outcomes(session: Faulty, t: int | None = None) -> list[str]:
    return [line["outcome"] for line in session.faults(t)]


def test_a_retry_replaces_what_came_before(faulty: Callable[..., Faulty]) -> None:
    session = faulty(Given(script=DROP), frame_lost="retry")
    session.run()
    (line,) = session.faults()
    assert (line["attempt"], line["frames_replaced"]) == (0, 4)
    assert line["light_ms"] == 4 * 50
    stored = session.entry("stack_stored", 1)
    assert stored
    assert (stored["attempt"], stored["frames"]) == (1, PLANES)
    rows = [row for row in read_table(session.folder / "planes.parquet") if row["t"] == 1]
    assert sorted(row["z"] for row in rows) == list(range(PLANES))
    assert [int(session.raw(1)[0, z, 0, FRAME]) for z in range(PLANES)] == list(range(10, 15))


def test_retries_that_do_not_help_become_a_skip(faulty: Callable[..., Faulty]) -> None:
    script = "; ".join(f"at frame {n}: drop" for n in (7, 12, 17))
    session = faulty(Given(script=script), frame_lost="retry", retries=2)
    result = session.run()
    assert outcomes(session, 1) == ["retried", "retried", "skipped"]
    assert [line["attempt"] for line in session.faults(1)] == [0, 1, 2]
    lost = session.entry("frames_lost", 1)
    assert lost
    assert lost["frames"] == [{"c": 0, "z": 2}]
    data = session.raw(1)
    assert not data[:, 2].any()  # nothing of an earlier try, or an older stack, is left there
    assert [int(data[0, z, 0, FRAME]) for z in (0, 1, 3, 4)] == [15, 16, 18, 19]
    assert result.faults == {"frame_lost": {"retried": 2, "skipped": 1}}
    assert result.journalled()["faults"] == result.faults
    assert result.exit_code == 6
    session.check_whole(2)


def test_a_stack_without_any_frame_is_failed_with_its_reason(
    faulty: Callable[..., Faulty],
) -> None:
    session = faulty(NEVER, retries=1)
    result = session.run()
    session.check_whole(0)
    for t in (1, 2):
        assert outcomes(session, t) == ["retried", "skipped"]
        failed = session.entry("stack_failed", t)
        assert failed
        assert "timed out" in failed["reason"]
    assert result.frames_lost == 2 * PLANES
    assert len(result.outcome.failed) == 2


def test_too_many_skipped_stacks_in_a_row_end_the_session(faulty: Callable[..., Faulty]) -> None:
    session = faulty(NEVER, retries=0, give_up_after=2)
    result = session.run()
    assert [outcomes(session, t) for t in (1, 2)] == [["skipped"], ["stopped"]]
    assert result.exit_code == 3


def test_a_pause_that_does_not_help_ends_the_session(
    faulty: Callable[..., Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault at a time comes again as often as the devices are loaded anew."""
    waited: list[float] = []
    wait = Recovery.wait

    def listening(self: Recovery, seconds: float) -> bool:
        waited.append(seconds)
        return wait(self, seconds)

    monkeypatch.setattr(Recovery, "wait", listening)
    session = faulty(Given(script="at 4.1 s: disconnect"), pause_limit_min=25)
    result = session.run()
    assert waited == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    assert set(outcomes(session, 1)) == {"paused", "went on", "stopped"}
    assert result.error is not None
    assert "disconnected" in result.error.what
    assert result.exit_code == 3
    session.check_whole(0)


def test_a_device_that_does_not_load_is_tried_again(faulty: Callable[..., Faulty]) -> None:
    session = faulty(
        Given(script="at frame 7: disconnect", camera="LooseCamera"), retry_pause_s=0.01
    )
    session.run()
    assert outcomes(session, 1) == ["paused", "went on"]
    for t in range(3):
        session.check_whole(t)


def test_retries_of_a_device_that_does_not_load(faulty: Callable[..., Faulty]) -> None:
    session = faulty(
        Given(script="at frame 7: disconnect", camera="LooseCamera"), disconnect="retry"
    )
    session.run()
    assert outcomes(session, 1) == ["retried", "retried", "skipped"]
    session.check_whole(0)
    session.check_whole(2)


def test_a_configuration_that_does_not_load_is_tried_again(
    faulty: Callable[..., Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile there is no device at all, and so no simulated clock."""
    tries: list[int] = []
    load = recovery.reload_core

    def failing(core: CMMCorePlus, config: str) -> None:
        tries.append(1)
        if len(tries) < 3:
            core.unloadAllDevices()
            raise RuntimeError("no such port")
        load(core, config)

    monkeypatch.setattr(recovery, "reload_core", failing)
    session = faulty(Given(script="at frame 7: disconnect"), retry_pause_s=0.01)
    session.run()
    assert outcomes(session, 1) == ["paused", "went on"]
    times = []
    for t in range(3):
        session.check_whole(t)
        stored = session.entry("stack_stored", t)
        assert stored
        times.append(stored["time_s"])
    assert times == sorted(times)
    assert times[2] - times[1] == pytest.approx(4, abs=0.5)


def test_what_follows_a_pause_is_due_later(faulty: Callable[..., Faulty]) -> None:
    session = faulty(Given(script=DROP), frame_lost="pause", retry_pause_s=100)
    session.run()
    stored = [session.entry("stack_stored", t) for t in range(3)]
    begun = [line["time_s"] for line in stored if line]
    assert begun[1] - begun[0] >= 104
    assert begun[2] - begun[1] == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize("policy", ["retry", "pause", "stop"])
@pytest.mark.parametrize("fault", ["drop", "disconnect"])
def test_the_light_is_off_while_the_session_waits_and_at_its_end(
    faulty: Callable[..., Faulty], monkeypatch: pytest.MonkeyPatch, policy: str, fault: str
) -> None:
    session = faulty(
        Given(script=f"at frame 7: {fault}"),
        **{"frame_lost" if fault == "drop" else "disconnect": policy},
    )
    meanwhile: list[bool] = []
    wait = Recovery.wait

    def looking(self: Recovery, seconds: float) -> bool:
        meanwhile.append(self._core.getShutterOpen())
        return wait(self, seconds)

    monkeypatch.setattr(Recovery, "wait", looking)
    lit: list[bool] = []
    source = open_source(session.session, on_fault=lambda _: None)
    core = source.core  # type: ignore[attr-defined] # a microscope
    try:
        source.run(lambda _: lit.append(core.getShutterOpen()), StopToken())
    except HardwareError:
        assert policy == "stop"
    assert not core.getShutterOpen()
    source.close()
    assert all(lit)
    assert not any(meanwhile)
    assert bool(meanwhile) == (policy != "stop")


def test_a_stop_ends_a_pause(
    faulty: Callable[..., Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = faulty(Given(script=DROP), frame_lost="pause")
    reports: list[FaultReport] = []
    stop = StopToken()

    def listen(report: FaultReport) -> None:
        reports.append(report)
        stop.stop()

    source = open_source(session.session, on_fault=listen)
    source.run(lambda _: None, stop)
    source.close()
    assert [report.outcome for report in reports] == ["paused", "skipped"]


def test_a_stage_that_may_have_lost_its_place_is_not_moved(
    faulty: Callable[..., Faulty],
) -> None:
    """Real stages count from where they were switched on: only simulated ones know zero."""
    session = faulty(Given(script="at frame 7: disconnect"))
    plain = session.session.microscope.config
    with open(plain, encoding="utf-8") as file:  # noqa: PTH123 - a path as the session has it
        text = file.read()
    path = session.folder.with_name("no-clock.cfg")
    path.write_text(text.replace("#py pyDevice,Clock", "# no clock"), "utf-8")
    properties = {"Camera": session.session.microscope.properties["Camera"]}
    session.session = session.session.model_copy(
        update={
            "microscope": session.session.microscope.model_copy(
                update={"config": str(path), "properties": properties}
            ),
            "faults": session.session.faults.model_copy(update={"retry_pause_s": 0.01}),
            "sequence": session.session.sequence.replace(
                time_plan={"interval": 0.1, "loops": 3},
                z_plan={"bottom": 20.0, "top": 21.2, "step": 0.3},
            ),
        }
    )
    result = session.run()
    assert result.error is not None
    assert "may have lost its place" in result.error.what
    assert result.exit_code == 3


def test_one_of_two_cameras_is_gone(tmp_path: Path) -> None:
    """Multi Camera answers for its first one: each is asked by itself."""
    properties = {
        "Multi": {"FieldWidth": 64, "FieldHeight": 64},
        "Camera-2": {"Faults": "at frame 7: disconnect"},
        "Clock": {"Speedup": 1e6},
    }
    session = session_from(
        {
            "calibration": "none",
            "calibration_follow": False,
            "microscope": {"config": "simulated-two-cameras", "properties": properties},
            "layout": "two-prime95b",
            "sequence": {
                "axis_order": "tpcz",
                "time_plan": {"interval": 4, "loops": 2},
                "z_plan": {"bottom": 0.3, "top": 1.5, "step": 0.3},
            },
            "segmentation": {"enabled": False},
        }
    )
    faulty = Faulty(session, tmp_path / "session")
    result = faulty.run()
    (paused, went_on) = faulty.faults(1)
    assert paused["device"] == went_on["device"] == "Camera-2"
    assert (paused["outcome"], went_on["outcome"]) == ("paused", "went on")
    assert result.exit_code == 0
    assert not result.frames_lost


def test_a_device_of_micro_manager_is_initialised_alone() -> None:
    core = open_core("demo")
    try:
        core.setXYPosition(120.0, 60.0)
        core.waitForSystem()
        where = core.getXYPosition()
        for _ in range(2):  # the second time it is gone already
            core.unloadDevice("Camera")
            assert not core.getCameraDevice()
            reload_device(core, "demo", "Camera")
        assert core.getCameraDevice() == "Camera"
        core.snapImage()
        assert core.getImage().any()
        assert core.getXYPosition() == where
    finally:
        close_core(core)


def test_the_demo_camera_comes_back(
    demo: Make, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A C++ camera that raises at each exposure, until it is initialised anew."""
    source = open_source(demo(), on_fault=(reports := []).append)
    core: CMMCorePlus = source.core  # type: ignore[attr-defined] # a microscope
    snap, broken = core.snapImage, [True]

    def unplugged() -> None:
        if broken[0] and len(taken.frames) >= PLANES:
            raise RuntimeError('Error in device "Camera": not connected')
        snap()

    def replugged(core: CMMCorePlus, config: str, label: str) -> None:
        reload_device(core, config, label)
        broken[0] = False

    monkeypatch.setattr(core, "snapImage", unplugged)
    monkeypatch.setattr(recovery, "reload_device", replugged)
    monkeypatch.setattr(Recovery, "wait", lambda *_: True)
    source.run(taken, StopToken())
    source.close()
    assert [report.outcome for report in reports] == ["paused", "went on"]
    assert [f.attempt for f in taken.frames] == [0] * PLANES + [1] * PLANES + [0] * PLANES
    assert all(np.ptp(frame.image) > 0 for frame in taken.frames)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("warn", ["warned"]), ("retry", ["retried"]), ("skip", ["skipped"])],
)
def test_an_autofocus_that_fails(
    demo: Make, taken: Taken, monkeypatch: pytest.MonkeyPatch, policy: str, expected: list[str]
) -> None:
    plan = {"autofocus_device_name": "Autofocus", "axes": ["t"]}
    relative = {"range": 1.2, "step": 0.3}
    session = demo(faults={"focus_drift": policy}, autofocus_plan=plan, z_plan=relative)
    source = open_source(session, on_fault=(reports := []).append)
    core: CMMCorePlus = source.core  # type: ignore[attr-defined] # a microscope
    asked: list[int] = []

    def focus() -> None:
        asked.append(1)
        if 1 < len(asked) <= 4:  # the engine asks three times
            raise RuntimeError("no reflection found")

    monkeypatch.setattr(core, "fullFocus", focus)
    monkeypatch.setattr(Recovery, "wait", lambda *_: True)
    source.run(taken, StopToken())
    source.close()
    assert [report.outcome for report in reports] == expected
    assert "no reflection" in reports[0].trouble.what
    stacks = [0, 2] if policy == "skip" else [0, 1, 2]
    assert [f.stack.t for f in taken.frames] == [t for t in stacks for _ in range(PLANES)]


def test_it_stays_dark_until_the_device_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    core = open_core("demo")
    core.setAutoShutter(False)
    core.setShutterOpen(True)
    light = Light(core, "configured", {})
    light.learn()
    light.on()
    sensor = (core.getImageHeight(), core.getImageWidth())
    engine = SimpleNamespace(
        stage_um=(0.0, 0.0, 0.0), sensor=sensor, cameras=("Camera",), renew=lambda: None
    )
    tended = Recovery(
        core,
        "demo",
        engine=engine,  # type: ignore[arg-type] # no more is asked of it
        light=light,
        clock=RealClock(),
        stop=StopToken(),
        set_up=lambda: None,
        simulated=False,
    )

    def failing(*_: object) -> None:
        raise RuntimeError("no camera found")

    monkeypatch.setattr(recovery, "reload_device", failing)
    with tended.in_the_dark():
        assert not core.getShutterOpen()
        assert not tended.reconnect(["Camera"])
    assert tended.lost == {"Camera": "no camera found"}
    assert not core.getShutterOpen()
    monkeypatch.undo()
    with tended.in_the_dark():
        assert tended.reconnect(["Camera"])
        assert not core.getShutterOpen()
    assert not tended.lost
    assert not core.getShutterOpen()
    light.on()
    assert core.getShutterOpen()
    close_core(core)


def test_a_shutter_that_fails_keeps_no_other_open(monkeypatch: pytest.MonkeyPatch) -> None:
    core = open_core("simulated")
    monkeypatch.setattr(core, "getLoadedDevicesOfType", lambda _: ("Nothing", "Laser"))
    assert close_shutters(core) == ["Laser"]
    monkeypatch.undo()
    close_core(core)
