"""What somebody turns while looking: exposure, laser power, height."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymmcore_plus.core import PropertyType

from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.errors import ConfigError

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

_POWER = re.compile(r"power|intensity|level|setpoint", re.IGNORECASE)
_NUMBERS = (PropertyType.Float, PropertyType.Integer)
_LEAST_SHARE = 0.01
"""Of the range: what a power of 0 is raised from."""


@dataclass(frozen=True, slots=True)
class Dial:
    """A number of a device that can be turned: the laser's power.

    Attributes
    ----------
    device, name : str
        Property.
    low, high : float
        Limits; both 0 where the device says none.
    """

    device: str
    name: str
    low: float
    high: float

    def value(self, core: CMMCorePlus) -> float:
        """Return where it stands."""
        return float(core.getProperty(self.device, self.name))

    def turned(self, value: float, factor: float) -> float:
        """Return a value so many times as large, within the limits."""
        if self.high > self.low:
            least = _LEAST_SHARE * (self.high - self.low)
            return min(max(value * factor, self.low + least), self.high)
        return max(value * factor, 1e-3)


def power_dial(core: CMMCorePlus, given: str = "") -> Dial | None:
    """Return the laser's power, or None if no device has one.

    Parameters
    ----------
    core : CMMCorePlus
    given : str
        ``DEVICE.PROPERTY``; by default the first property of that kind, the shutter's first.

    Raises
    ------
    ConfigError
        If the given one does not exist or is no number.
    """
    if given:
        device, _, name = given.partition(".")
        dial = _dial(core, device, name)
        if dial is None:
            raise ConfigError(
                f"{given!r} is no number that can be set",
                where="--light",
                fix="give DEVICE.PROPERTY as in the .cfg, for example Laser.Power",
            )
        return dial
    devices = [core.getShutterDevice(), *core.getLoadedDevices()]
    for device in dict.fromkeys(device for device in devices if device):
        if device in (core.getCameraDevice(), "Core"):
            continue
        for name in _names(core, device):
            if _POWER.search(name) and (dial := _dial(core, device, name)):
                return dial
    return None


def _names(core: CMMCorePlus, device: str) -> tuple[str, ...]:
    try:
        return tuple(str(name) for name in core.getDevicePropertyNames(device))
    except DEVICE_ERRORS:
        return ()


def _dial(core: CMMCorePlus, device: str, name: str) -> Dial | None:
    try:
        if core.isPropertyReadOnly(device, name):
            return None
        if core.getPropertyType(device, name) not in _NUMBERS:
            return None
        limits = (0.0, 0.0)
        if core.hasPropertyLimits(device, name):
            limits = (
                float(core.getPropertyLowerLimit(device, name)),
                float(core.getPropertyUpperLimit(device, name)),
            )
    except DEVICE_ERRORS:
        return None
    return Dial(device, name, *limits)
