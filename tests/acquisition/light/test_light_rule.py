"""The light is on only while a stack is taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from stamping import StampCamera, Taken

from livesr.acquisition.core import close_core, open_core
from livesr.acquisition.light.rule import Light
from livesr.acquisition.sources import open_source
from livesr.config import session_from
from livesr.errors import HardwareError
from livesr.flow import StopToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pymmcore_plus import CMMCorePlus
    from stamping import Make

    from livesr.acquisition.troubles import FaultReport
    from livesr.simulator.microscope.bench import Exposure
    from livesr.types import Frame

PLANES, STACKS, EXPOSURE_MS = 3, 3, 50.0
CONFIG = """
Property,Core,Initialize,0
#py pyDevice,Clock,livesr.simulator.devices,SimulatedClock
#py pyDevice,Camera,stamping,StampCamera
#py pyDevice,Z,{stage}
#py pyDevice,Laser,livesr.simulator.devices,SimulatedLaser
#py Property,Core,Initialize,1
#py Property,Core,Camera,Camera
#py Property,Core,Focus,Z
#py Property,Core,Shutter,Laser
Property,Core,AutoShutter,{auto}
#py Property,Laser,State,{state}
"""
STAGES = {True: "livesr.simulator.devices,SimulatedZStage", False: "stamping,SoftwareZStage"}


@pytest.fixture
def core() -> Iterator[CMMCorePlus]:
    core = open_core("simulated")
    yield core
    close_core(core)


@pytest.mark.parametrize("triggered", [True, False])
@pytest.mark.parametrize(
    ("light", "auto", "state", "lit"),
    [
        ("configured", 0, 1, True),  # gated: it was left open
        ("configured", 0, 0, False),  # the session is dark, and stays so
        ("configured", 1, 0, True),  # AutoShutter
        ("gated", 1, 0, True),
        ("shutter", 0, 1, True),
    ],
)
def test_all_frames_and_nothing_else_are_lit(
    tmp_path: Path, light: str, auto: int, state: int, lit: bool, triggered: bool
) -> None:
    path = tmp_path / "lit.cfg"
    text = CONFIG.format(auto=auto, state=state, stage=STAGES[triggered])
    path.write_text(text, encoding="utf-8")
    session = session_from(
        {
            "calibration": "none",
            "microscope": {
                "config": str(path),
                "light": light,
                "pixel_um": 0.1,
                "properties": {
                    "Camera": {"FieldHeight": 24, "FieldWidth": 24, "Layout": "single"},
                    "Clock": {"Speedup": 1e6},
                },
            },
            "sequence": {
                "axis_order": "tpcz",
                "time_plan": {"interval": 10, "loops": STACKS},
                "z_plan": {"bottom": 0, "top": 0.6, "step": 0.3},
            },
        }
    )
    source = open_source(session)
    core: CMMCorePlus = source.core  # type: ignore[attr-defined] # a microscope
    assert not core.getShutterOpen()  # before the first photon
    waiting: list[bool] = []
    wait = source._clock.approach  # type: ignore[attr-defined]

    def looking(*args: Any) -> bool:
        waiting.append(core.getShutterOpen())
        return bool(wait(*args))

    source._clock.approach = looking  # type: ignore[attr-defined]
    taken = Taken()
    source.run(taken, StopToken())
    assert not core.getShutterOpen()
    dose = float(core.getProperty("Laser", "Dose-ms"))
    source.close()
    assert len(waiting) >= STACKS
    assert not any(waiting)
    assert len(taken.frames) == PLANES * STACKS
    assert dose == pytest.approx(EXPOSURE_MS * PLANES * STACKS if lit else 0.0)


class Watching:
    """A supervisor that may die."""

    def __init__(self, *, alive: bool = True) -> None:
        self.alive, self.asked = alive, 0

    def expect_ready(self) -> None:
        self.asked += 1
        if not self.alive and self.asked == 1:
            raise HardwareError("it died 3 times", fix="see why")
        self.alive = True

    def says(self, doing: str, *, lit: bool) -> None: ...

    def attend(self, silence: Callable[[], float], patience_s: float) -> None: ...


def test_a_stack_whose_supervisor_died_is_taken_again(
    stamped: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = StampCamera.finish

    def slowly(self: StampCamera, exposure: Exposure) -> None:
        time.sleep(0.3 if 6 <= exposure.number < 10 else 0.0)  # of the second stack
        finish(self, exposure)

    monkeypatch.setattr(StampCamera, "finish", slowly)
    reports: list[FaultReport] = []
    source = open_source(stamped(faults={"retry_pause_s": 0.01}), on_fault=reports.append)
    watching = Watching()
    source._light.supervisor = watching  # type: ignore[attr-defined] # a microscope
    source._light.learn()  # type: ignore[attr-defined]
    taken = Taken()

    def deliver(frame: Frame) -> None:
        taken(frame)
        if len(taken.frames) == 7:  # the second of the second stack
            watching.alive = False

    source.run(deliver, StopToken())
    source.close()
    assert [(str(r.trouble.kind), r.trouble.device, str(r.outcome)) for r in reports] == [
        ("device_error", "supervisor", "retried")
    ]
    assert [f.stack.t for f in taken.frames if f.attempt == 0][:5] == [0] * 5
    assert [f.z for f in taken.frames if f.attempt == 1] == list(range(5))
    assert {f.stack.t for f in taken.frames} == {0, 1, 2}


def test_without_a_supervisor_the_session_ends(stamped: Make) -> None:
    source = open_source(stamped(), on_fault=lambda _: None)
    source._light.supervisor = Watching(alive=False)  # type: ignore[attr-defined] # a microscope
    taken = Taken()
    with pytest.raises(HardwareError, match="died 3 times"):
        source.run(taken, StopToken())
    source.close()
    assert not taken.frames


def test_light_off_is_set_and_set_back(core: CMMCorePlus) -> None:
    light = Light(core, "gated", {"Laser": {"Power": 0.5}})
    core.setProperty("Laser", "Power", 2.0)
    light.learn()
    assert float(core.getProperty("Laser", "Power")) == 0.5
    light.on()
    assert (core.getShutterOpen(), float(core.getProperty("Laser", "Power"))) == (True, 2.0)
    light.off()
    assert (core.getShutterOpen(), float(core.getProperty("Laser", "Power"))) == (False, 0.5)
    core.setProperty("Laser", "Power", 3.0)  # a preset of the next stack
    light.on()
    assert float(core.getProperty("Laser", "Power")) == 3.0


def test_nothing_is_lit_before_somebody_watches(core: CMMCorePlus) -> None:
    seen: list[tuple[str, bool]] = []

    class Telling:
        alive = True

        def expect_ready(self) -> None:
            seen.append(("ready", core.getShutterOpen()))

        def says(self, doing: str, *, lit: bool) -> None:
            seen.append((f"{doing} {lit}", core.getShutterOpen()))

    light = Light(core, "gated", {})
    light.learn()
    light.supervisor = Telling()  # type: ignore[assignment] # no more is asked of it
    light.on()
    light.on()
    assert seen == [("ready", False), ("exposing True", False)]
    Telling.alive = False
    assert light.lost
    light.on()
    expected = [("waiting False", False), ("ready", False), ("exposing True", False)]
    assert seen[2:] == expected
    assert core.getShutterOpen()
    light.off("paused")
    assert seen[-1] == ("paused False", False)
