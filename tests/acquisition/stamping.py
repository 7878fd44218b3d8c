"""Simulated devices whose images say when, where and through which filter they were taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from livesr.config import Session
from livesr.simulator.devices import SimulatedCamera, SimulatedZStage

if TYPE_CHECKING:
    from livesr.simulator.microscope.bench import Exposure
    from livesr.types import Frame, UInt16

Make = Callable[..., Session]
"""A fixture that makes sessions."""

FRAME, HEIGHT, FILTER, X = range(4)
"""Columns of the first row."""


class Taken:
    """Keeps what a source delivers."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)

    @property
    def places(self) -> list[tuple[int, int, int, int]]:
        """Return (t, image, z, c) of each frame, as delivered."""
        return [(f.stack.t, f.stack.image, f.z, f.c) for f in self.frames]


class StampCamera(SimulatedCamera):
    """Writes frame number, z, filter and x into the first row of a ramp."""

    def _expose(self, exposure: Exposure, counts: UInt16) -> None:
        bench = self._bench
        height, width = self.shape()
        image = counts
        image[:] = np.arange(height * width, dtype=np.uint16).reshape(height, width)
        image[0, FRAME] = exposure.number
        image[0, HEIGHT] = round(bench.z_um() * 100) + 10_000
        image[0, FILTER] = {"yellow": 0, "red": 1}[bench.emission()]
        image[0, X] = round(bench.xy_um()[0]) + 1_000

    def _prepare(self, heights: tuple[float, ...]) -> None:
        """Nothing to compute."""


class BrokenCamera(StampCamera):
    """Fails at its fourth exposure."""

    def _expose(self, exposure: Exposure, counts: UInt16) -> None:
        if exposure.number == 3:
            raise RuntimeError("camera unplugged")
        super()._expose(exposure, counts)


class SoftwareZStage(SimulatedZStage):
    """Cannot be triggered."""

    def get_sequence_max_length(self) -> int:
        return 0
