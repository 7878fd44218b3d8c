"""A microscope as a source of frames, through Micro-Manager."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from livesr.acquisition import focus_lock
from livesr.acquisition.attempts import Attempts
from livesr.acquisition.cameras import camera_channels
from livesr.acquisition.clock import DeviceClock, session_clock
from livesr.acquisition.core import (
    apply_presets,
    apply_properties,
    check_preset,
    close_core,
    open_core,
)
from livesr.acquisition.engine import StackEngine
from livesr.acquisition.layout import channel_names, stored_shape
from livesr.acquisition.light.find import check_named
from livesr.acquisition.light.rule import DARK_AFTER_S, Light, close_shutters
from livesr.acquisition.light.supervise import supervised, usual_hang_s
from livesr.acquisition.limits import StageGuard, check_plan
from livesr.acquisition.modes import modes_of, plans_of, rules_steer
from livesr.acquisition.next_stack import NextStack
from livesr.acquisition.permission import why_not_act
from livesr.acquisition.plan import StackPlan
from livesr.acquisition.recovery import Recovery
from livesr.acquisition.schedule import FixedSchedule, SteeredSchedule
from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.config.layouts import SequentialLayout, check_layout
from livesr.errors import ConfigError, HardwareError
from livesr.types import RecordingInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    import useq
    from pymmcore_plus import CMMCorePlus

    from livesr.acquisition.images import Images
    from livesr.acquisition.light.supervisor import Supervisor
    from livesr.acquisition.schedule import Due, Left
    from livesr.acquisition.troubles import FaultReport
    from livesr.config.session import Session
    from livesr.flow import StopToken
    from livesr.types import Frame, StackIndex

log = logging.getLogger(__name__)

_SIMULATOR = "livesr.simulator"
_SIMULATED = ("simulated microscope", "simulated camera", "simulated 100x/1.49 oil")
"""Stand, camera and objective of the simulated microscope, as its calibration names them."""
_SIMULATED_PIXEL = "PixelSizeUm"
"""Property of the simulated camera, which is told its pixel size in the sample."""
_PATIENCE_S = 5.0
_SETTLING_S = 0.01
_AFFINE = 6
"""Numbers of Micro-Manager's pixel size affine, two rows of three."""
SIMULATOR_PATIENCE_S = 300.0
"""The simulated camera computes its first planes before it exposes them."""
_SAME_PIXEL = 1e-3
_BUFFER_MB = (256, 4096)


class MicroscopeSource:
    """Frames of a microscope that Micro-Manager drives.

    Parameters
    ----------
    session : Session
    on_fault : callable, optional
        Takes each fault of the hardware and what the session's ``faults`` made of it. Without it
        they do not hold: the first stack with missing frames ends the run. What was delivered is
        kept either way.
    next_stack : NextStack, optional
        Asked before each stack where its focus shall be.
    lent : Light, optional
        Of a microscope that is open already, as for a live preview: it stays open, and whoever lent
        it has it supervised.

    Raises
    ------
    HardwareError
        If the microscope does not load or cannot take such images.
    ConfigError
        If the session does not fit the microscope.
    """

    def __init__(
        self,
        session: Session,
        *,
        on_fault: Callable[[FaultReport], None] | None = None,
        next_stack: NextStack | None = None,
        lent: Light | None = None,
    ) -> None:
        self._session = session
        self._next_stack = next_stack or NextStack()
        self._plan = StackPlan(session.sequence, session.layout)
        self._steered: SteeredSchedule | None = None
        self._pending: Callable[[], bool] = lambda: False
        self._done: Collection[StackIndex] = ()
        self._elapsed_s: float | None = None
        self._late_s = 0.0
        self._on_fault = on_fault
        microscope = session.microscope
        self._lent = lent is not None
        self._core = lent.core if lent else open_core(microscope.config)
        self._light = lent or Light(self._core, microscope.light, microscope.light_off)
        self._supervisor: Supervisor | None = None
        try:
            check_named(self._core, microscope.light_off)
            self._set_up()
            self._check_channels()
            self._cameras = camera_channels(self._core, session)
            self.info = self._describe(session)
            self._reference_um = self._check_places()
        except BaseException:
            close_shutters(self._core)  # the configuration may have opened one
            self.close()
            raise
        self._clock = session_clock(self._core)

    @property
    def core(self) -> CMMCorePlus:
        """The Micro-Manager core: for preview and for the limits of the stages."""
        return self._core

    @property
    def light(self) -> Light:
        """What lights the sample."""
        return self._light

    def watch(self, folder: Path) -> Supervisor | None:
        """Let a supervisor look after the light from now on, until `run` is over.

        Returns
        -------
        Supervisor or None
            None where no light is known that could be switched, or the microscope is lent.
        """
        if not self._lent:
            self._supervisor = supervised(
                self._light, self._session.microscope, folder, self._hang_after_s
            )
        return self._supervisor

    def run(self, deliver: Callable[[Frame], None], stop: StopToken) -> None:
        """Take all stacks, in the calling thread.

        Raises
        ------
        HardwareError
            If a device fails, or frames of a stack are missing, and the session's policy is to end
            then.
        Exception
            Whatever ``deliver`` raises.
        """
        engine = StackEngine(
            self._core,
            clock=self._clock,
            deliver=deliver,
            stop=stop,
            cameras=self._cameras,
            patience_s=self._session.faults.stall_after_s
            or (SIMULATOR_PATIENCE_S if self.info.simulated else _PATIENCE_S),
            light=self._light,
            limits=self._session.limits,
            z_offset=self._next_stack.z_offset_um,
            logs_lock=self._session.focus.mode == "device",
        )
        if self._light.supervisor is not None:
            self._look_after(self._light.supervisor, stop)
        self._core.mda.set_engine(engine)
        self._hold_focus(stop)
        try:
            self._core.mda.run(self._events(self._attempts(engine, stop), stop))
        except DEVICE_ERRORS as error:
            if engine.consumer_failed:
                raise
            raise HardwareError(
                f"a device failed: {error}",
                where=str(engine.stack.index) if engine.stack else self.info.camera,
                fix="check its cable and power and its log in Micro-Manager; the stacks before "
                "this one are kept; go on with: livesr run FOLDER/session.yaml --resume",
            ) from error
        finally:
            self._light.off()
            self._dismiss()

    def resume(self, done: Collection[StackIndex], elapsed_s: float, late_s: float = 0.0) -> None:
        """Leave out stacks, and begin at a time of the session, so much later than planned."""
        self._done, self._elapsed_s, self._late_s = done, elapsed_s, late_s

    def steer(
        self, images: Images, pending: Callable[[], bool], left: Left | None
    ) -> SteeredSchedule:
        """Take the stacks of a schedule that may be changed; return it."""
        core = self._core
        x, y = core.getXYPosition() if core.getXYStageDevice() else (0.0, 0.0)
        home = (x, y) if core.getXYStageDevice() else None
        schedule = SteeredSchedule(self._plans, images, home, self._reference_um)
        if left is not None:
            schedule.go_on(left, (self._elapsed_s or 0.0) - self._late_s)
        self._steered, self._pending = schedule, pending
        return schedule

    def close(self) -> None:
        """Let go of all devices, unless they were lent."""
        self._dismiss()
        if not self._lent:
            close_core(self._core)

    def _dismiss(self) -> None:
        """Let the supervisor go: the light is off, and stays so."""
        if self._supervisor is not None:
            self._light.supervisor = None
            self._supervisor.close()
            self._supervisor = None

    def _hold_focus(self, stop: StopToken) -> None:
        """Turn the focus lock on, unless the sequence has autofocus of its own."""
        if self._session.focus.mode == "device" and self._plan.sequence.autofocus_plan is None:
            focus_lock.engage(self._core, self._session.focus, stop)

    def _attempts(self, engine: StackEngine, stop: StopToken) -> Attempts:
        recovery = Recovery(
            self._core,
            self._session.microscope.config,
            engine=engine,
            light=self._light,
            clock=self._clock,
            stop=stop,
            set_up=self._set_up,
            simulated=isinstance(self._clock, DeviceClock),
        )
        return Attempts(
            self._core,
            engine=engine,
            recovery=recovery,
            stop=stop,
            faults=self._session.faults,
            report=self._on_fault,
        )

    def _events(self, attempts: Attempts, stop: StopToken) -> Iterator[useq.MDAEvent]:
        """Yield the events of one stack after the other, each when it is due."""
        schedule = self._steered or FixedSchedule(self._plan.stacks(self._done, self._reference_um))
        zero: float | None = None
        while due := schedule.due(0.0 if zero is None else self._clock.now() - zero):
            zero = self._begin(due) if zero is None else zero
            if due.restarts:
                zero = self._clock.now() - due.start_s
            if zero + due.start_s - self._clock.now() > DARK_AFTER_S:
                self._light.off()
            if not self._clock.approach(zero + due.start_s, stop):
                return
            if self._clock.now() < zero + due.start_s:
                continue  # asked again: what comes next may be another stack by now
            if stop.pausing:
                self._light.off("paused")
                stop.hold()
                zero = max(zero, self._clock.now() - due.start_s)  # all that follows is later
                if stop.stopping:
                    return
            yield from attempts.take(schedule.take(self._clock.now() - zero))
            if stop.now:
                return
            zero += attempts.paused_s  # the plan goes on where it stood still
            self._settle(stop)

    def _begin(self, due: Due) -> float:
        """Start the clock before the first stack; return the time that stacks count from."""
        self._clock.start(due.start_s if self._elapsed_s is None else self._elapsed_s)
        if self._elapsed_s is not None and not due.restarts:
            return self._late_s  # a resumed session keeps the times of its plan
        return self._clock.now() - due.start_s

    def _settle(self, stop: StopToken) -> None:
        """Let a simulated clock stand still while masks are made that may change what comes next.

        Else a night in some minutes would outrun its decisions. A real one is never waited for.
        """
        while isinstance(self._clock, DeviceClock) and self._pending() and not stop.stopping:
            self._light.off()
            stop.wait(_SETTLING_S)

    @property
    def _hang_after_s(self) -> float:
        return self._session.faults.hang_after_s or usual_hang_s(simulated=self.info.simulated)

    def _look_after(self, supervisor: Supervisor, stop: StopToken) -> None:
        """Let the supervisor know of this thread, which is silent while the camera exposes."""
        exposures = [channel.exposure or 0.0 for channel in self._plan.sequence.channels]
        longest_s = max([float(self._core.getExposure()), *exposures]) / 1000.0
        stop.attend()
        supervisor.attend(lambda: stop.silence_s, self._hang_after_s + 5.0 * longest_s)

    def _check_places(self) -> float:
        """Refuse a plan that leaves the session's limits; return where relative heights begin."""
        z_um = self._core.getZPosition() if self._core.getFocusDevice() else 0.0
        reference_um = z_um if self._plan.needs_reference() else 0.0
        session = self._session
        check_plan(self._plan, session.layout, session.limits, z_um=z_um, reference_um=reference_um)
        return reference_um

    def _set_up(self) -> None:
        """Give the devices what the session says of them."""
        core, microscope = self._core, self._session.microscope
        if not core.getCameraDevice():
            raise HardwareError(
                "the configuration names no camera",
                where=microscope.config,
                fix="add a line Property,Core,Camera,LABEL (behind '#py ' for a Python device)",
            )
        guard = StageGuard(core, self._session.limits)
        guard.check_set_up(microscope.properties, microscope.presets)
        apply_properties(core, microscope.properties)
        apply_presets(core, microscope.presets)
        if self._plan.sequence.setup is not None:
            core.mda.engine.setup_event(self._plan.sequence.setup)  # type: ignore[union-attr]  # a core has one from its start
        core.waitForSystem()
        self._light.learn()

    def _check_channels(self) -> None:
        for channel in self._plan.sequence.channels:
            where = (
                "layout.channels"
                if isinstance(self._session.layout, SequentialLayout)
                else "sequence.channels"
            )
            check_preset(self._core, channel.group, channel.config, where)

    def _describe(self, session: Session) -> RecordingInfo:
        core, microscope = self._core, session.microscope
        camera = core.getCameraDevice()
        library = core.getDeviceLibrary(camera)
        simulated = library.startswith(_SIMULATOR)
        stand, maker, objective = (
            _SIMULATED if simulated else (microscope.config, f"{library}/{camera}", "")
        )
        sensor = (core.getImageHeight(), core.getImageWidth())
        self._check_images(camera)
        check_layout(session.layout, sensor, where=f"layout, camera {camera}")
        channels, height, width = stored_shape(session.layout, sensor)
        shape = (channels, self._plan.planes, height, width)
        steered = rules_steer(session) and not why_not_act(session, simulated=simulated)
        self._plans = plans_of(session) if steered else [self._plan]
        tallest = max(plan.planes for plan in self._plans)
        self._make_room(tallest * sensor[0] * sensor[1] * 2 * len(self._cameras))
        return RecordingInfo(
            channels=channel_names(session.layout),
            shape=shape,
            timepoints=self._plan.timepoints,
            positions=self._plan.positions,
            pixel_um=self._pixel_um(microscope.pixel_um, microscope.config),
            z_step_um=self._plan.z_step_um,
            interval_s=self._plan.interval_s,
            camera_offset=microscope.camera_offset,
            microscope=microscope.name or stand,
            camera=microscope.camera or maker,
            objective=microscope.objective or objective,
            simulated=simulated,
            modes=modes_of(session, self._plans) if steered else (),
            steered=steered,
            extra={
                "exposure_ms": float(core.getExposure()),
                "roi": [int(side) for side in core.getROI()],
                "pixel_affine_um": _affine(core),
                "camera_properties": {
                    str(name): str(core.getProperty(camera, name))
                    for name in core.getDevicePropertyNames(camera)
                },
            },
            position_names=self._plan.position_names,
        )

    def _check_images(self, camera: str) -> None:
        core = self._core
        if core.getBytesPerPixel() != 2 or core.getNumberOfComponents() != 1:
            raise ConfigError(
                f"the camera gives {core.getBytesPerPixel()} bytes and "
                f"{core.getNumberOfComponents()} colours a pixel, expected 2 bytes and grey",
                where=camera,
                fix=f"set it to 16 bit: microscope.properties.{camera}: {{PixelType: 16bit}}",
            )
        exposures = [channel.exposure for channel in self._plan.sequence.channels] or [None]
        if None in exposures and core.getExposure() <= 0:
            raise ConfigError(
                "no exposure time is set",
                where=camera,
                fix=f"add microscope.properties.{camera}: {{Exposure: 50}} (ms), or an exposure "
                "to every channel of the sequence",
            )

    def _pixel_um(self, given: float | None, config: str) -> float:
        known = known_pixel_um(self._core)
        if known <= 0 and given is None:
            raise ConfigError(
                "the pixel size is not known",
                where=config,
                fix="calibrate it in Micro-Manager (ConfigPixelSize and PixelSize_um lines), or "
                "give microscope.pixel_um",
            )
        if known > 0 and given is not None and abs(known - given) > _SAME_PIXEL * known:
            raise ConfigError(
                f"the configuration's pixel size is {known:g} µm, the session's {given:g} µm",
                where="microscope.pixel_um",
                fix="remove microscope.pixel_um, or correct the configuration",
            )
        return known if known > 0 else float(given or 0.0)

    def _make_room(self, stack_bytes: int) -> None:
        """Give the camera a buffer for two stacks, so that a slow disk never overflows it."""
        lowest, highest = _BUFFER_MB
        wanted = min(max(lowest, 2 * stack_bytes // 2**20 + 1), highest)
        if self._core.getCircularBufferMemoryFootprint() < wanted:
            self._core.setCircularBufferMemoryFootprint(wanted)


def is_simulated(core: CMMCorePlus) -> bool:
    """Return whether the camera is livesr's simulated one."""
    return bool(core.getDeviceLibrary(core.getCameraDevice()).startswith(_SIMULATOR))


def _affine(core: CMMCorePlus) -> list[float]:
    """Return how the stage's axes lie in the image, as the configuration says; empty if not."""
    affine = [float(value) for value in core.getPixelSizeAffine()]
    a, b, _, c, d, _ = affine if len(affine) == _AFFINE else (0.0,) * _AFFINE
    # Micro-Manager gives 1 0 0 0 1 0, times the pixel size, where nobody calibrated it
    calibrated = abs(a * d - b * c) > 0 and not (a == d and b == c == 0)
    return affine if calibrated else []


def known_pixel_um(core: CMMCorePlus) -> float:
    """Return the pixel size that the loaded configuration has, µm; 0 if it has none."""
    if is_simulated(core):
        return float(core.getProperty(core.getCameraDevice(), _SIMULATED_PIXEL))
    return float(core.getPixelSizeUm())
