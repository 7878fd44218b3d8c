from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from stamping import Taken

from livesr.config import session_from
from livesr.config.layouts import side_by_side
from livesr.flow import StopToken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stamping import Make

    from livesr.config import Session

PLAN: dict[str, Any] = {
    "axis_order": "tpcz",
    "time_plan": {"interval": 4, "loops": 3},
    "z_plan": {"bottom": 0.3, "top": 1.5, "step": 0.3},
}
PRESETS = [{"name": "yellow", "config": "Yellow"}, {"name": "red", "config": "Red"}]
FIELD = 24

CONFIG = """
Property,Core,Initialize,0
#py pyDevice,Clock,livesr.simulator.devices,SimulatedClock
#py pyDevice,Camera,stamping,{camera}
#py pyDevice,Z,{stage}
#py pyDevice,XY,livesr.simulator.devices,SimulatedXYStage
#py pyDevice,Emission,livesr.simulator.devices,SimulatedEmission
#py Property,Core,Initialize,1
#py Property,Core,Camera,Camera
#py Property,Core,Focus,Z
#py Property,Core,XYStage,XY
#py FocusDirection,Z,1
Property,Core,AutoShutter,0
#py ConfigGroup,Channel,Yellow,Emission,Label,Yellow
#py ConfigGroup,Channel,Red,Emission,Label,Red
ConfigPixelSize,px,Core,TimeoutMs,5000
PixelSize_um,px,0.0668
"""
STAGES = {
    True: "livesr.simulator.devices,SimulatedZStage",
    False: "stamping,SoftwareZStage",
}


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def stop() -> StopToken:
    return StopToken()


@pytest.fixture
def stamped(tmp_path: Path) -> Make:
    """Sessions on the stamping devices."""

    def make(
        *,
        camera: str = "StampCamera",
        triggered: bool = True,
        splitter: bool = True,
        speedup: float = 1e6,
        layout: dict[str, Any] | None = None,
        faults: dict[str, object] | None = None,
        **sequence: object,
    ) -> Session:
        path = tmp_path / "stamped.cfg"
        path.write_text(CONFIG.format(camera=camera, stage=STAGES[triggered]), encoding="utf-8")
        properties = {
            "Camera": {
                "FieldHeight": FIELD,
                "FieldWidth": FIELD,
                "Layout": "side-by-side" if splitter else "single",
            },
            "Clock": {"Speedup": speedup},
        }
        split = side_by_side(FIELD, FIELD).model_dump()
        sequential = {"kind": "sequential", "channels": PRESETS}
        return session_from(
            {
                "calibration": "none",
                "microscope": {"config": str(path), "properties": properties},
                "layout": layout or (split if splitter else sequential),
                "sequence": {**PLAN, **sequence},
                "faults": faults or {},
            }
        )

    return make


@pytest.fixture
def demo() -> Make:
    """Sessions on Micro-Manager's own demonstration devices."""

    def make(
        *,
        config: str = "demo",
        triggered: bool = False,
        layout: object = "single",
        **sequence: object,
    ) -> Session:
        camera = {"OnCameraCCDXSize": 64, "OnCameraCCDYSize": 48, "Exposure": 1}
        two = {"Camera-1": camera, "Camera-2": camera}
        one = {"Camera": {**camera, "PixelType": "16bit"}}
        stage = {"Z": {"UseSequences": "Yes" if triggered else "No"}}
        # the pixel size of the two-camera configuration hangs on this property
        pixel = {} if triggered or config == "demo" else {"pixel_um": 0.0668}
        return session_from(
            {
                "calibration": "none",
                "microscope": {
                    "config": config,
                    "properties": {**(one if config == "demo" else two), **stage},
                    **pixel,
                },
                "layout": layout,
                "sequence": {**PLAN, "time_plan": {"interval": 0.05, "loops": 3}, **sequence},
            }
        )

    return make


@pytest.fixture
def recorded(tmp_path: Path) -> Make:
    """Sessions on a file of three stacks of five planes whose first pixel is 100 t + 10 z + c."""

    def make(
        *, channels: int = 2, width: int = FIELD, layout: object = None, **recording: object
    ) -> Session:
        shape = (3, 5, channels, FIELD, width)
        data = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
        for t, z, c in np.ndindex(shape[:3]):
            data[t, z, c, 0, 0] = 100 * t + 10 * z + c
        path = tmp_path / "recorded.tif"
        tifffile.imwrite(path, data, metadata={"axes": "TZCYX"}, ome=True)
        scales = {"pixel_um": 0.1, "z_step_um": 0.3, "interval_s": 0.05}
        return session_from(
            {
                "calibration": "none",
                "recording": {"paths": str(path), **scales, **recording},
                "layout": layout or {"kind": "sequential", "channels": PRESETS},
            }
        )

    return make


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Nothing may run after a source is done."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(1.0)
    assert not [thread for thread in left if thread.is_alive()]
