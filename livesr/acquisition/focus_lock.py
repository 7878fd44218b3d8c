"""The microscope's own focus lock (Nikon's PFS, ASI's CRISP, …), as Micro-Manager knows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from livesr.acquisition.troubles import DEVICE_ERRORS
from livesr.errors import HardwareError

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

    from livesr.config.focus import Focus
    from livesr.stop import StopToken

PATIENCE_S = 10.0
_POLL_S = 0.1


def engage(core: CMMCorePlus, focus: Focus, stop: StopToken) -> None:
    """Turn the focus lock on, and wait until it holds.

    Raises
    ------
    HardwareError
        If there is none, it refuses, or does not hold within `PATIENCE_S`.
    """
    device = core.getAutoFocusDevice()
    if not device:
        raise HardwareError(
            "the configuration has no autofocus device",
            where="focus.mode: device",
            fix="name it in the .cfg (Property,Core,AutoFocus,LABEL), or use focus: {mode: image}",
        )
    try:
        if focus.device_offset is not None:
            core.setAutoFocusOffset(focus.device_offset)
        if not core.isContinuousFocusLocked():
            core.enableContinuousFocus(True)
        until = time.monotonic() + PATIENCE_S
        while not core.isContinuousFocusLocked():
            if time.monotonic() > until:
                raise _does_not_hold(device)
            if stop.wait(_POLL_S):
                return
    except DEVICE_ERRORS as error:
        raise HardwareError(
            f"the focus lock cannot be turned on: {error}",
            where=f"focus.mode: device, device {device}",
            fix="turn it on in Micro-Manager or at the stand; check that it is switched on and "
            "that the objective has oil",
        ) from error


def state(core: CMMCorePlus) -> dict[str, object]:
    """Return what the lock says of itself, as it is kept with each frame of a stack."""
    try:
        return {
            "focus_locked": bool(core.isContinuousFocusLocked()),
            "focus_lock_offset": float(core.getAutoFocusOffset()),
        }
    except DEVICE_ERRORS as error:
        return {"focus_locked": None, "focus_lock_error": f"{error}"[:200]}


def _does_not_hold(device: str) -> HardwareError:
    return HardwareError(
        f"the focus lock is on and did not find its height within {PATIENCE_S:g} s",
        where=f"focus.mode: device, device {device}",
        fix="focus by hand until the lock's light is steady, then start again; on Nikon stands "
        "the lock's range is a few micrometres around the cover slip",
    )
