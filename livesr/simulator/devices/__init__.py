"""The simulated microscope as Micro-Manager devices, for ``#py`` lines of a configuration.

A session on them is a normal session: the acquisition cannot tell them from others. The camera
computes what falls on its sensor from the sample, the stages' positions, the laser, the emission
filter and the focus drift; its exposures let the simulated time pass and trigger the z stage.
"""

from __future__ import annotations

from livesr.simulator.devices.camera import DOSE_TAG, FRAME_TAG, SimulatedCamera
from livesr.simulator.devices.camera_pair import SimulatedMultiCamera
from livesr.simulator.devices.clock import (
    SPEED_PROPERTY,
    START_PROPERTY,
    TIME_PROPERTY,
    SimulatedClock,
)
from livesr.simulator.devices.focus import SimulatedFocusDrift, SimulatedFocusLock
from livesr.simulator.devices.light import SimulatedEmission, SimulatedLaser
from livesr.simulator.devices.stages import SimulatedXYStage, SimulatedZStage

__all__ = [
    "DOSE_TAG",
    "FRAME_TAG",
    "SPEED_PROPERTY",
    "START_PROPERTY",
    "TIME_PROPERTY",
    "SimulatedCamera",
    "SimulatedClock",
    "SimulatedEmission",
    "SimulatedFocusDrift",
    "SimulatedFocusLock",
    "SimulatedLaser",
    "SimulatedMultiCamera",
    "SimulatedXYStage",
    "SimulatedZStage",
]
