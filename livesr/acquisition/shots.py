"""What a preview sees at once, and the time in which it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livesr.acquisition.clock import SPEED_PROPERTY, TIME_PROPERTY

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymmcore_plus import CMMCorePlus

    from livesr.types import UInt16


@dataclass(frozen=True, slots=True)
class Shot:
    """What the camera showed at once.

    Attributes
    ----------
    images : tuple of ndarray, (y, x), uint16
        One a splitter's exposure, one a camera or a sequential channel else.
    number : int
        Since the preview began.
    taken : float
        When it came, on the computer's monotonic clock.
    exposure_ms : float
    position_um : tuple of float
        Stage (x, y, z).
    fps : float
        Of the last frames.
    """

    images: tuple[UInt16, ...]
    number: int
    taken: float
    exposure_ms: float
    position_um: tuple[float, float, float]
    fps: float


def real_time(core: CMMCorePlus) -> Callable[[], None]:
    """Let a simulated microscope's time pass as ours does; return what undoes that."""
    for device in core.getLoadedDevices():
        if core.hasProperty(device, TIME_PROPERTY) and core.hasProperty(device, SPEED_PROPERTY):
            before = core.getProperty(device, SPEED_PROPERTY)
            core.setProperty(device, SPEED_PROPERTY, 1.0)
            return lambda: core.setProperty(device, SPEED_PROPERTY, before)
    return lambda: None
