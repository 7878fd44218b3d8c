"""Sessions on the simulated microscope with a lamp that shines on when its program dies."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from livesr.acquisition.core import SIMULATED_CONFIG
from livesr.config import plain_session, session_from
from livesr.session.demo import demo_session

if TYPE_CHECKING:
    from pathlib import Path

FIELD, PLANES, TIMEPOINTS = 64, 40, 40
SPEEDUP = 1.0
INTERVAL_S = 3.4
"""Stacks of two seconds, and more than a second of darkness between them."""
HANG_AFTER_S = 2.0
_LAMP = "livesr.bench.lamp.shutter,LampShutter"
_CAMERA = "livesr.bench.lamp.camera,WatchedCamera"
EXPOSURES = "exposures.log"
_BEFORE = "#py Property,Core,Initialize,1\n"
_AFTER = "#py Property,Core,Shutter,Laser\n"


def lamp_config(path: Path, port: int) -> Path:
    """Write the simulated microscope's configuration with a lamp as its shutter."""
    text = SIMULATED_CONFIG.read_text(encoding="utf-8")
    device = f"#py pyDevice,Lamp,{_LAMP}\n#py Property,Lamp,Port,{port}\n"
    text = text.replace("livesr.simulator.devices,SimulatedCamera", _CAMERA)
    text = text.replace(_BEFORE, device + _BEFORE)
    text = text.replace(_AFTER, "#py Property,Core,Shutter,Lamp\n")
    path.write_text(text, encoding="utf-8")
    return path


def session_file(
    path: Path, config: Path, *, seed: int, light: str, segmented: bool, loops: int
) -> Path:
    """Write a session on it.

    Parameters
    ----------
    path : Path
    config : Path
        From `lamp_config`.
    seed : int
    light : {"gated", "shutter"}
    segmented : bool
    loops : int
        Time points.
    """
    demo = demo_session(timepoints=loops, field=FIELD, planes=PLANES, seed=seed)
    data = plain_session(demo)
    data["microscope"] |= {"config": str(config), "light": light}
    data["microscope"]["properties"]["Clock"]["Speedup"] = SPEEDUP
    data["microscope"]["properties"]["Camera"]["Log"] = str(path.with_name(EXPOSURES))
    data["sequence"]["time_plan"] = {"interval": INTERVAL_S, "loops": loops}
    data["segmentation"] |= {"structures": ["er"], "policy": "every", "threads": 1}
    data["segmentation"]["enabled"] = segmented
    data["faults"] = {"hang_after_s": HANG_AFTER_S, "retry_pause_s": 0.1}
    session_from(data, where="bench")
    path.write_text(json.dumps(data, default=str), encoding="utf-8")
    return path


def start(file: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a session as a program of its own."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "livesr", "run", str(file), "--headless", "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
