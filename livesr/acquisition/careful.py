"""pymmcore-plus' acquisition engine, as it sets devices up: what fails is noted.

In the base class much of it only warns, and the frames that follow show something else than they
claim. Here it ends the try at a stack; what is done about it is decided in
`livesr.acquisition.attempts`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import useq
from pymmcore_plus.core import DeviceType, Keyword
from pymmcore_plus.mda import MDAEngine, SkipEvent

from livesr.acquisition.limits import StageGuard
from livesr.acquisition.troubles import DEVICE_ERRORS, ENDS_A_TRY, Kind, Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pymmcore_plus import CMMCorePlus
    from pymmcore_plus.core import SequencedEvent

    from livesr.config.limits import Limits


class CarefulEngine(MDAEngine):
    """Sets devices up, and keeps what went wrong.

    Parameters
    ----------
    core : CMMCorePlus
    patience_s : float
        Longest wait for a frame of a hardware-sequenced stack, beside five exposures.
    limits : Limits
        Where the stages may go: asked before each move, whoever planned it.

    Attributes
    ----------
    troubles : list of Trouble
        What went wrong since `begin_try`.
    guard : StageGuard
        Asked before each move.
    over : bool
        Whether something did after which the try is not worth going on with.
    z_offset_um : float
        Added to every height of what begins now.
    """

    def __init__(self, core: CMMCorePlus, patience_s: float, limits: Limits) -> None:
        super().__init__(core, timeout_base=patience_s)
        self.guard = StageGuard(core, limits)
        self._ending: Collection[Kind] = ENDS_A_TRY
        self._moving = ""
        self.troubles: list[Trouble] = []
        self.over = False
        self.z_offset_um = 0.0

    def begin_try(self, ending: Collection[Kind]) -> None:
        """Forget what went wrong before; troubles of the kinds ``ending`` end what begins now."""
        self._ending = ending
        self.troubles, self.over = [], False

    def note(self, kind: Kind, what: object, device: str = "", *, raised: bool = False) -> None:
        """Keep what went wrong."""
        self.troubles.append(Trouble(kind, str(what), device, raised))
        self.over = self.over or kind in self._ending

    def renew(self) -> None:
        """Go on after devices were initialised anew: forget what they were last told."""
        corrections, initial = dict(self._z_correction), self._initial_state
        locked = self._af_was_engaged
        self.setup_sequence(useq.MDASequence())
        self._z_correction.update(corrections)
        self._initial_state, self._af_was_engaged = initial, locked
        if locked:
            self.mmcore.enableContinuousFocus(True)

    def check_focus(self) -> bool:
        """Note it if the focus lock was on when the run began and is not any more."""
        lost = self._af_was_engaged and not self.mmcore.isContinuousFocusLocked()
        if lost:
            device = self.mmcore.getAutoFocusDevice()
            self.note(Kind.FOCUS_DRIFT, "the focus lock let go", device)
        return not lost

    def setup_event(self, event: useq.MDAEvent) -> None:
        """Move and set the devices for an event; what fails is noted, and the event skipped."""
        self._moving = ""
        try:
            super().setup_event(event)
        except DEVICE_ERRORS as error:
            kind, device = self._blame(error)
            self.note(kind, error, device)
            raise SkipEvent(0, str(error)) from error

    def teardown_event(self, event: useq.MDAEvent) -> None:
        """Stop the devices' sequences; what fails is noted."""
        try:
            super().teardown_event(event)
        except DEVICE_ERRORS as error:
            self.note(Kind.DEVICE_ERROR, error)

    def _blame(self, error: BaseException) -> tuple[Kind, str]:
        """Return which device an error in setting an event up is about."""
        core = self.mmcore
        named = (d for d in core.getLoadedDevices() if _names(str(error), str(d)))
        device = str(next(named, self._moving))
        stages = {core.getXYStageDevice(), core.getFocusDevice()} - {""}
        return (Kind.STAGE_TIMEOUT if device in stages else Kind.DEVICE_ERROR), device

    def _execute_autofocus(self, action: useq.HardwareAutofocus) -> float:
        """Focus; the base class only warns where that fails."""
        try:
            return super()._execute_autofocus(action)
        except RuntimeError as error:
            self.note(Kind.FOCUS_DRIFT, error, self.mmcore.getAutoFocusDevice())
            raise

    def _set_event_properties(self, properties: Sequence[useq.PropertyTuple]) -> None:
        core = self.mmcore
        for device, name, value in properties:
            self._moving = str(device)
            kind = core.getDeviceType(device) if name == Keyword.Position else None
            if kind == DeviceType.XYStageDevice and isinstance(value, (list, tuple)):
                self.guard.allow_xy(float(value[0]), float(value[1]))
                core.setXYPosition(device, float(value[0]), float(value[1]))
            elif kind == DeviceType.StageDevice:
                self.guard.allow_property(device, name, value)
                core.setPosition(device, float(value))
            else:
                core.setProperty(device, name, value)
        self._moving = ""

    def _set_event_roi(self, event: useq.MDAEvent) -> None:
        if event.roi is not None:
            roi = event.roi
            self.mmcore.clearROI()
            self.mmcore.setROI(roi.offset_x, roi.offset_y, roi.width, roi.height)

    def _set_event_channel(self, event: useq.MDAEvent) -> None:
        if event.channel is not None:
            self.guard.allow_preset(event.channel.group, event.channel.config)
            self.mmcore.setConfig(event.channel.group, event.channel.config)

    def _set_event_z(self, event: useq.MDAEvent) -> None:
        self._moving = self.mmcore.getFocusDevice()
        if event.z_pos is not None:
            height = event.z_pos + self._height_correction(event)
            self.guard.allow_z(height)
            self.mmcore.setZPosition(height)
        self._moving = ""

    def _height_correction(self, event: useq.MDAEvent) -> float:
        """Return what is added to an event's height: the focus' offset, and autofocus' finding."""
        return self.z_offset_um + self._z_correction.get(event.index.get("p"), 0.0)

    def _load_sequenced_event(self, event: SequencedEvent) -> None:
        """Load a stack; the base class loads its heights without the corrections."""
        self._moving = self.mmcore.getFocusDevice() if event.z_sequence else ""
        away = self._height_correction(event)
        if event.z_sequence and away:
            heights = tuple(z + away for z in event.z_sequence)
            event = event.model_copy(update={"z_sequence": heights})
        self.guard.allow_z(*(event.z_sequence or ()))
        for x, y in zip(event.x_sequence or (), event.y_sequence or (), strict=True):
            self.guard.allow_xy(x, y)
        super()._load_sequenced_event(event)
        self._moving = ""

    def setup_single_event(self, event: useq.MDAEvent) -> None:
        """Move and set the devices for one exposure."""
        if event.exposure is not None:
            self.mmcore.setExposure(event.exposure)
        super().setup_single_event(event.model_copy(update={"exposure": None}))


def _names(text: str, device: str) -> bool:
    """Return whether an error names a device: in quotes, or before a property."""
    return (
        re.search(rf"""["']{re.escape(device)}["']|\b{re.escape(device)}\.\w""", text) is not None
    )
