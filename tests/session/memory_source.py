"""A small session that needs no microscope: frames from memory, stamped so that each is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livesr.config import session_from
from livesr.types import Frame, RecordingInfo, StackIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from livesr.config import Session
    from livesr.flow import StopToken

SIDE, PLANES = 64, 8


def splitter_frame(index: StackIndex, z: int) -> np.ndarray:
    """A sensor image of both channels: noise that only this stack and plane have."""
    rng = np.random.default_rng([60_000, index.image, index.t, z])
    return rng.integers(100, 1000, (SIDE, 2 * SIDE), dtype=np.uint16)


@dataclass
class MemorySource:
    """Delivers stamped frames; may lose some, and calls ``before`` ahead of each stack."""

    timepoints: int = 3
    positions: int = 1
    lose: set[tuple[int, int]] = field(default_factory=set)
    before: Callable[[StackIndex, StopToken], None] = lambda _index, _stop: None
    closed: bool = False

    @property
    def info(self) -> RecordingInfo:
        return RecordingInfo(
            channels=("yellow", "red"),
            shape=(2, PLANES, SIDE, SIDE),
            timepoints=self.timepoints,
            positions=self.positions,
            pixel_um=0.1,
            z_step_um=0.3,
            interval_s=1.0,
            camera_offset=100.0,
            microscope="memory",
            camera="memory",
            objective="",
            simulated=False,
        )

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        for t in range(self.timepoints):
            for position in range(self.positions):
                index = StackIndex(position, t)
                self.before(index, stop)
                if stop.pausing:
                    stop.hold()
                if stop.stopping:
                    return
                for z in range(PLANES):
                    if (t, z) not in self.lose:
                        deliver(self._frame(index, z))
                    if stop.now:
                        return

    def close(self) -> None:
        self.closed = True

    def _frame(self, index: StackIndex, z: int) -> Frame:
        return Frame(
            splitter_frame(index, z), index, z, 0, float(index.t), (0.0, 0.0, 0.3 * z), 50.0
        )


def memory_session(**changes: object) -> Session:
    return session_from(
        {
            "name": "memory",
            "layout": {
                "kind": "splitter",
                "channels": [
                    {"name": "yellow", "x": 0, "y": 0, "width": SIDE, "height": SIDE},
                    {"name": "red", "x": SIDE, "y": 0, "width": SIDE, "height": SIDE},
                ],
            },
            "calibration": "none",
            "segmentation": {"policy": "every"},
            "storage": {"keep_free_gib": 0},
            **changes,
        }
    )
