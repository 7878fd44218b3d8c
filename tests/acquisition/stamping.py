"""Simulated devices whose images say when, where and through which filter they were taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesr.simulator.devices import SimulatedCamera, SimulatedZStage

if TYPE_CHECKING:
    from livesr.types import UInt16

FRAME, HEIGHT, FILTER, X = range(4)
"""Columns of the first row."""


class StampCamera(SimulatedCamera):
    """Writes frame number, z, filter and x into the first row; the rest is a ramp over the sensor."""

    def _expose(self, time_s: float) -> UInt16:
        bench = self._bench
        height, width = self.shape()
        image = np.arange(height * width, dtype=np.uint16).reshape(height, width)
        image[0, FRAME] = bench.frames
        image[0, HEIGHT] = round(bench.z_um() * 100) + 10_000
        image[0, FILTER] = {"yellow": 0, "red": 1}[bench.emission()]
        image[0, X] = round(bench.xy_um()[0]) + 1_000
        bench.frames += 1
        return image

    def _prepare(self, heights: tuple[float, ...]) -> None:
        """Nothing to compute."""


class BrokenCamera(StampCamera):
    """Fails at its fourth exposure."""

    def _expose(self, time_s: float) -> UInt16:
        if self._bench.frames == 3:
            self._bench.frames += 1
            raise RuntimeError("camera unplugged")
        return super()._expose(time_s)


class SoftwareZStage(SimulatedZStage):
    """Cannot be triggered."""

    def get_sequence_max_length(self) -> int:
        return 0
