"""Devices in trouble: light off, see which of them answer, initialise anew those that do not."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from pymmcore_plus.core import DeviceInitializationState, DeviceType
from pymmcore_plus.mda import SkipEvent

from livesr.acquisition.core import reload_core, reload_device, runs_python_devices
from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.errors import HardwareError, LivesrError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.clock import Clock
    from livesr.acquisition.engine import StackEngine
    from livesr.acquisition.light.rule import Light
    from livesr.flow import StopToken

log = logging.getLogger(__name__)

_SAME_PLACE_UM = (5.0, 5.0, 1.0)
"""How far (x, y, z) a stage may stand from where it was and still know its place."""
_OTHER_SIZE = "its images have another size than before"
_FAILED = (*DEVICE_ERRORS, ImportError, AttributeError, TypeError, SkipEvent)


class Recovery:
    """Looks after the devices of a run while a stack waits to be taken again.

    Parameters
    ----------
    core : CMMCorePlus
    config : str
        As `open_core` takes it.
    engine : StackEngine
    light : Light
    clock : Clock
    stop : StopToken
    set_up : callable
        Gives the devices the session's properties and presets.
    simulated : bool
        Its stages forget where they were when they are loaded, but not where zero is.

    Attributes
    ----------
    lost : dict of str to str
        Devices that `reconnect` did not bring back, and why: nothing is exposed without them.
    """

    def __init__(
        self,
        core: CMMCorePlus,
        config: str,
        *,
        engine: StackEngine,
        light: Light,
        clock: Clock,
        stop: StopToken,
        set_up: Callable[[], None],
        simulated: bool,
    ) -> None:
        self._core = core
        self._config = config
        self._engine = engine
        self._light = light
        self._clock = clock
        self._stop = stop
        self._set_up = set_up
        self._simulated = simulated
        self._python = runs_python_devices(config)
        self.lost: dict[str, str] = {}
        self._last_s = 0.0

    def silent(self) -> dict[str, str]:
        """Return the devices that do not answer, and what their drivers say to it."""
        core = self._core
        with suppress(*DEVICE_ERRORS):
            if not core.getLoadedDevicesOfType(DeviceType.CameraDevice):
                return {"": "no device is loaded"}
        cameras = self._engine.cameras or (core.getCameraDevice(),)
        questions: list[tuple[str, Callable[[], object]]] = [
            *((label, partial(core.getExposure, label)) for label in cameras),
            (core.getFocusDevice(), core.getZPosition),
            (core.getXYStageDevice(), core.getXYPosition),
            (core.getShutterDevice(), core.getShutterOpen),
        ]
        found: dict[str, str] = {}
        for label, ask in questions:
            try:
                if label:
                    ask()
            except DEVICE_ERRORS as error:
                found[label] = str(error)
        return found

    @contextmanager
    def in_the_dark(self) -> Iterator[None]:
        """Keep the light off the sample; the next exposure turns it on again."""
        self._light.off()
        yield

    def wait(self, seconds: float) -> bool:
        """Let session time pass; return False if the session shall stop.

        A simulated clock is a device too: where it is gone with the others, real time passes.
        """
        try:
            until = self._clock.now() + seconds
            going_on = self._clock.wait_until(until, self._stop)
            self._last_s = self._clock.now()
        except DEVICE_ERRORS:
            self._last_s += seconds
            return not self._stop.wait(seconds)
        return going_on

    def reconnect(self, devices: list[str]) -> bool:
        """Initialise devices anew, and return whether all answer then.

        Where devices are written in Python, which may know each other, the whole configuration is
        loaded again; else only these devices, so that no stage moves that is well.

        Raises
        ------
        HardwareError
            If a stage lost its place: to move it from there might break something.
        """
        before = self._place()
        try:
            if self._python:
                reload_core(self._core, self._config)
                self._clock.start(self._last_s)
            else:
                for label in devices:
                    reload_device(self._core, self._config, label)
            self._set_up()
            self._check_initialised()
            if self._simulated:
                self._move_back(before)
            self._engine.renew()
            same = (self._core.getImageHeight(), self._core.getImageWidth()) == self._engine.sensor
            self.lost = self.silent() if same else {self._core.getCameraDevice(): _OTHER_SIZE}
        except (*_FAILED, LivesrError) as error:
            self.lost = dict.fromkeys(devices, str(error) or type(error).__name__)
        if self.lost:
            what = "; ".join(self.lost.values())
            log.warning("%s not back yet: %s", ", ".join(devices), what.splitlines()[0])
            self._light.off()
            return False
        self._check_place(before)
        return True

    def _check_initialised(self) -> None:
        """Refuse a Python device that failed to initialise: its core only logs that."""
        good = DeviceInitializationState.InitializedSuccessfully
        for label in self._core.getLoadedDevices():
            if label != "Core" and self._core.getDeviceInitializationState(label) != good:
                raise RuntimeError(f"device {label!r} failed to initialise")

    def _place(self) -> tuple[float, float, float]:
        """Return where the stages are, or last were."""
        core = self._core
        x, y, z = self._engine.stage_um
        with suppress(*DEVICE_ERRORS):
            x, y = core.getXYPosition() if core.getXYStageDevice() else (x, y)
        with suppress(*DEVICE_ERRORS):
            z = core.getZPosition() if core.getFocusDevice() else z
        return x, y, z

    def _move_back(self, place: tuple[float, float, float]) -> None:
        core = self._core
        x, y, z = place
        if core.getXYStageDevice():
            core.setXYPosition(x, y)
        if core.getFocusDevice():
            core.setZPosition(z)
        core.waitForSystem()

    def _check_place(self, before: tuple[float, float, float]) -> None:
        now = self._place()
        for axis, a, b, tolerance in zip("xyz", before, now, _SAME_PLACE_UM, strict=True):
            if abs(a - b) > tolerance:
                self._light.off()
                raise HardwareError(
                    f"the stage says {axis} = {b:.1f} µm after it was initialised anew, before it "
                    f"{a:.1f} µm: it may have lost its place, and was not moved",
                    where=self._config,
                    fix="find the sample again, then go on with a new session",
                )
