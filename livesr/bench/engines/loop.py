"""The acquisition loop against pymmcore-plus as it comes, on Micro-Manager's own demo camera."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

from livesr.acquisition.core import apply_presets, apply_properties, close_core, open_core
from livesr.acquisition.sources import open_source
from livesr.bench.rows import Row
from livesr.config import session_from
from livesr.errors import HardwareError
from livesr.flow import StopToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livesr.config import Session
    from livesr.types import Frame

NAME = "frame rate of the acquisition loop, demo camera"


def rows(
    *,
    side: int = 512,
    planes: int = 24,
    stacks: int = 20,
    exposure_ms: float = 5.0,
    rounds: int = 3,
) -> Iterator[Row]:
    """Run the same sequence in both, with a consumer that only counts.

    Parameters
    ----------
    side : int
        Pixels along each side of the sensor.
    planes, stacks : int
    exposure_ms : float
    rounds : int
        Times that both are measured in turn; the median counts.
    """
    session = demo_camera(side, planes, stacks, exposure_ms)
    ours, theirs = [], []
    try:
        for _ in range(rounds):
            theirs.append(_plain(session))
            ours.append(_livesr(session))
    except HardwareError as problem:
        yield Row(NAME, 0.0, "fps", detail=f"not measured: {problem.what}; fix: {problem.fix}")
        return
    fps, peer_fps = median(ours), median(theirs)
    yield Row(
        NAME,
        fps,
        "fps",
        peer="pymmcore-plus mda.run, handler that only counts",
        peer_value=peer_fps,
        ratio=fps / peer_fps,
        bound=f"{1000 / exposure_ms:g} fps: exposures of {exposure_ms:g} ms",
        attained=fps * exposure_ms / 1000,
        detail=f"{stacks} stacks of {planes} planes of {side}×{side}, stacks at once after another",
    )


def demo_camera(side: int, planes: int, stacks: int, exposure_ms: float) -> Session:
    """Return a session of one channel on Micro-Manager's demo camera."""
    size = {"OnCameraCCDXSize": side, "OnCameraCCDYSize": side}
    return session_from(
        {
            "name": "loop",
            "microscope": {
                "config": "demo",
                "properties": {
                    "Camera": {"PixelType": "16bit", **size},
                    "Z": {"UseSequences": "Yes"},
                },
                "presets": {"Objective": "40X"},
            },
            "sequence": {
                "axis_order": "tpcz",
                "setup": {"exposure": exposure_ms},
                "time_plan": {"interval": 0, "loops": stacks},
                "z_plan": {"range": 0.3 * (planes - 1), "step": 0.3},
            },
            "calibration": "none",
        },
        where="bench",
    )


class _Times:
    """When frames came."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def note(self, *_: Any) -> None:
        """Take a frame and forget it."""
        self._times.append(time.perf_counter())

    @property
    def fps(self) -> float:
        """Frames a second, from the first to the last."""
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])


def _livesr(session: Session) -> float:
    times = _Times()
    source = open_source(session)

    def deliver(frame: Frame) -> None:
        times.note(frame)

    try:
        source.run(deliver, StopToken())
    finally:
        source.close()
    return times.fps


def _plain(session: Session) -> float:
    times = _Times()
    core = open_core(session.microscope.config)
    try:
        apply_properties(core, session.microscope.properties)
        apply_presets(core, session.microscope.presets)
        core.setExposure(float(session.sequence.setup.exposure))  # type: ignore[union-attr, arg-type]  # `_session` gives one
        core.mda.events.frameReady.connect(times.note)
        core.mda.run(session.sequence)
    finally:
        close_core(core)
    return times.fps
