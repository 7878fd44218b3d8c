"""The rule of the light: it is on only while a stack is taken. Nothing else opens or closes it.

`Light.on` is called just before the first exposure of a stack, when the stages stand; `Light.off`
before every wait longer than `DARK_AFTER_S`, in a pause, after a fault and at the end.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pymmcore_plus.core import DeviceType

from livesr.acquisition.troubles import DEVICE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.light.supervisor import Supervisor

log = logging.getLogger(__name__)

DARK_AFTER_S = 1.0
"""Between two stacks that are less apart the light may stay as it is: shutters wear out."""


class Light:
    """What lights the sample of a loaded microscope.

    Parameters
    ----------
    core : CMMCorePlus
    policy : {"configured", "gated", "shutter"}
        The session's ``microscope.light``. ``shutter``: Micro-Manager opens its shutter for each
        exposure or triggered stack. ``gated``: the camera gates the source, so the shutter stays
        open within a stack. ``configured``: the configuration's AutoShutter says which.
    off : mapping
        ``microscope.light_off``: properties that are set when the light goes off, and set back to
        what they were when it goes on, unless somebody else set them meanwhile.

    Attributes
    ----------
    core : CMMCorePlus
    lit : bool
        Whether the light may be on.
    supervisor : Supervisor or None
        Told of every change; the light goes on only while it watches.
    """

    def __init__(
        self, core: CMMCorePlus, policy: str, off: Mapping[str, Mapping[str, str | float | int]]
    ) -> None:
        self.core = self._core = core
        self._policy = policy
        self._named = [(d, name, value) for d, set_ in off.items() for name, value in set_.items()]
        self._before: dict[tuple[str, str], str] = {}
        self._shutters: list[str] = []
        self.lit = False
        self.supervisor: Supervisor | None = None

    def learn(self) -> None:
        """See what the set-up left open, which is what the session lights with, and close it."""
        core = self._core
        if self._policy != "configured":
            core.setAutoShutter(self._policy == "shutter")
        own = core.getShutterDevice()
        found = open_shutters(core)
        if core.getAutoShutter():
            found = [label for label in found if label != own]
        elif self._policy == "gated" and own:
            found.append(own)
        self._shutters = list(dict.fromkeys([*self._shutters, *found]))
        self.off()

    def on(self) -> None:
        """Light the sample; returns at once if it is lit.

        Raises
        ------
        RuntimeError
            If a shutter does not open: what follows would be dark.
        HardwareError
            If there is no supervisor.
        """
        if self.lit and not self.lost:
            return
        if self.lost:
            self.off()
        if self.supervisor is not None:
            self.supervisor.expect_ready()
            self.supervisor.says("exposing", lit=True)
        self.lit = True
        core = self._core
        for device, name, value in self._named:
            before = self._before.pop((device, name), None)
            if before is not None and _same(core.getProperty(device, name), value):
                core.setProperty(device, name, before)
        for label in self._shutters:
            core.setShutterOpen(label, True)
        for label in {*self._shutters, *(device for device, _, _ in self._named)}:
            core.waitForDevice(label)

    def off(self, doing: str = "waiting") -> None:
        """Darken the sample; a device that fails is logged and keeps no other lit."""
        close_shutters(self._core)
        for device, name, value in self._named:
            self._set_off(device, name, value)
        self.lit = False
        if self.supervisor is not None:
            self.supervisor.says(doing, lit=False)

    @property
    def lost(self) -> bool:
        """Whether the sample is lit and the supervisor died."""
        return self.lit and self.supervisor is not None and not self.supervisor.alive

    def _set_off(self, device: str, name: str, value: str | float) -> None:
        try:
            now = self._core.getProperty(device, name)
            if not _same(now, value):
                self._core.setProperty(device, name, value)
                self._before[device, name] = now
        except DEVICE_ERRORS as error:
            log.error("%s.%s could not be set to %s: %s", device, name, value, error)  # noqa: TRY400 - its text is the message


def open_shutters(core: CMMCorePlus) -> list[str]:
    """Return the shutters that are open; one that fails is logged."""
    found = []
    for label in core.getLoadedDevicesOfType(DeviceType.ShutterDevice):
        try:
            if core.getShutterOpen(label):
                found.append(str(label))
        except DEVICE_ERRORS as error:
            log.error("shutter %s does not answer: %s", label, error)  # noqa: TRY400 - its text is the message
    return found


def close_shutters(core: CMMCorePlus) -> list[str]:
    """Close every shutter that is open or does not say, and return them; failures are logged."""
    closed = []
    for label in core.getLoadedDevicesOfType(DeviceType.ShutterDevice):
        try:
            if _may_be_open(core, label):
                core.setShutterOpen(label, False)
                closed.append(str(label))
        except DEVICE_ERRORS as error:
            log.error("shutter %s could not be closed: %s", label, error)  # noqa: TRY400 - its text is the message
    return closed


def _may_be_open(core: CMMCorePlus, label: str) -> bool:
    try:
        return core.getShutterOpen(label)
    except DEVICE_ERRORS:
        return True  # one that does not say may still obey


def _same(one: object, other: object) -> bool:
    """Return whether two values of a property are the same, as Micro-Manager writes them."""
    if str(one) == str(other):
        return True
    try:
        return float(str(one)) == float(str(other))
    except ValueError:
        return False
