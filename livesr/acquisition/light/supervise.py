"""A supervisor for the light of a microscope that is open: of a session, or of a preview."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from livesr.acquisition.light.find import light_path
from livesr.acquisition.light.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from livesr.acquisition.light.rule import Light
    from livesr.config.session import Microscope

log = logging.getLogger(__name__)

_HANG_S, _SIMULATOR_HANG_S = 10.0, 300.0
"""The simulated camera computes its first planes before it exposes them."""


def usual_hang_s(*, simulated: bool) -> float:
    """Return how long the program may be silent while the light is on, s."""
    return _SIMULATOR_HANG_S if simulated else _HANG_S


def supervised(
    light: Light, microscope: Microscope, folder: Path, hang_after_s: float
) -> Supervisor | None:
    """Let a supervisor look after a light from now on; whoever asks closes it.

    Parameters
    ----------
    light : Light
    microscope : Microscope
        The session's.
    folder : Path
        Where the supervisor leaves word of what it did.
    hang_after_s : float

    Returns
    -------
    Supervisor or None
        None where no light is known that could be switched.
    """
    path = light_path(light.core, microscope.config, microscope.light_off)
    if not path.known:
        log.warning(
            "Micro-Manager knows no shutter, and microscope.light_off names nothing: livesr "
            "cannot switch the light off (docs/safety.md)"
        )
        return None
    light.supervisor = Supervisor(path, folder=folder, hang_after_s=hang_after_s)
    return light.supervisor
