"""Small sessions on devices that fail, without segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from faulty import CONFIG, FIELD, Faulty, Given
from stamping import LooseCamera, Taken, Tired, TiredEmission, TiredZStage

from livesr.config import session_from
from livesr.config.layouts import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from livesr.config import Session


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def demo() -> Callable[..., Session]:
    """A session on Micro-Manager's demonstration devices, three stacks of single exposures."""

    def make(faults: dict[str, object] | None = None, **sequence: object) -> Session:
        camera = {"OnCameraCCDXSize": 64, "OnCameraCCDYSize": 48, "Exposure": 1}
        return session_from(
            {
                "calibration": "none",
                "microscope": {
                    "config": "demo",
                    "properties": {"Camera": {**camera, "PixelType": "16bit"}},
                },
                "sequence": {
                    "axis_order": "tpcz",
                    "time_plan": {"interval": 0.05, "loops": 3},
                    "z_plan": {"bottom": 0.3, "top": 1.5, "step": 0.3},
                    **sequence,
                },
                "faults": faults or {},
            }
        )

    return make


@pytest.fixture(autouse=True)
def fresh_devices() -> Iterator[None]:
    yield
    Tired.left = TiredZStage.armed = TiredEmission.turns = LooseCamera.plugged_in = 0


@pytest.fixture
def faulty(tmp_path: Path) -> Callable[..., Faulty]:
    """Plan a session on the stamping devices, in which something fails."""

    def make(given: Given, **faults: object) -> Faulty:
        path = tmp_path / "faulty.cfg"
        path.write_text(
            CONFIG.format(camera=given.camera, stage=given.stage, wheel=given.wheel), "utf-8"
        )
        split = side_by_side(FIELD, FIELD).model_dump()
        presets = [{"name": "yellow", "config": "Yellow"}, {"name": "red", "config": "Red"}]
        camera: dict[str, Any] = {
            "FieldHeight": FIELD,
            "FieldWidth": FIELD,
            "Layout": "single" if given.sequential else "side-by-side",
            "Faults": given.script,
        }
        session = session_from(
            {
                "calibration": "none",
                "microscope": {
                    "config": str(path),
                    "properties": {"Camera": camera, "Clock": {"Speedup": 1e6}},
                },
                "layout": {"kind": "sequential", "channels": presets}
                if given.sequential
                else split,
                "sequence": {
                    "axis_order": "tpcz",
                    "time_plan": {"interval": 4, "loops": 3},
                    "z_plan": {"bottom": 0.3, "top": 1.5, "step": 0.3},
                    **given.sequence,
                },
                "segmentation": {"enabled": False},
                "storage": {"keep_free_gib": 0},
                "faults": faults,
            }
        )
        Tired.left = given.failures
        return Faulty(session, tmp_path / "session")

    return make
