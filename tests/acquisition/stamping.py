"""Simulated devices whose images say when, where and through which filter they were taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from livesr.config import Session
from livesr.simulator.devices import SimulatedCamera, SimulatedEmission, SimulatedZStage

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


class Tired:
    """How often stand-in devices still fail; counts down, whichever object it is that fails."""

    left = 0

    @classmethod
    def fail(cls, what: str) -> None:
        if cls.left > 0:
            cls.left -= 1
            raise RuntimeError(what)


class TiredZStage(SimulatedZStage):
    """Does not arrive when it is armed for its second stack."""

    armed = 0

    def start_sequence(self) -> None:
        TiredZStage.armed += 1
        if TiredZStage.armed > 1:
            Tired.fail("Wait for device 'Z' timed out after 5000 ms")
        super().start_sequence()


class TiredEmission(SimulatedEmission):
    """Jams in its second stack; the core tries each turn twice."""

    turns = 0

    def set_state(self, position: int) -> None:
        TiredEmission.turns += 1
        if TiredEmission.turns > 2:
            Tired.fail("the filter wheel jammed")
        super().set_state(position)


class LooseCamera(StampCamera):
    """Initialises only at every third try once it was unplugged."""

    plugged_in = 0

    def initialize(self) -> None:
        LooseCamera.plugged_in += 1
        if LooseCamera.plugged_in in (2, 3):
            raise RuntimeError("no camera found")
        super().initialize()
