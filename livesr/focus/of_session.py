"""What a session file's ``focus`` means for its stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesr.errors import ConfigError
from livesr.focus.follower import FocusFollower
from livesr.focus.tiles import LEAST_PLANES

if TYPE_CHECKING:
    from livesr.config.session import Session
    from livesr.types import RecordingInfo

LEAST = LEAST_PLANES + 2
"""Planes that can show a shift."""


def check_focus(session: Session, info: RecordingInfo) -> None:
    """Refuse to follow the focus where its stacks cannot show it.

    Raises
    ------
    ConfigError
        If they have too few planes.
    """
    focus = session.focus
    if focus.mode == "none":
        return
    if session.recording is not None:
        raise ConfigError(
            "a recording is played as it is: its focus cannot be held any more",
            where="focus.mode",
            fix="leave focus out, or record from a microscope",
        )
    planes = info.shape[1]
    first, last = focus.planes or (0, planes - 1)
    if focus.mode == "image" and (last >= planes or last - first + 1 < LEAST):
        raise ConfigError(
            f"focus is followed on planes {first} to {last} of {planes}; "
            f"at least {LEAST} planes that there are must be looked at",
            where="focus",
            fix="take stacks of more planes, change focus.planes, or use focus: {mode: device}",
        )


def focus_follower(
    session: Session, info: RecordingInfo, start_um: float = 0.0
) -> FocusFollower | None:
    """Return what follows the focus of a session; None where nothing is to."""
    focus = session.focus
    if focus.mode != "image":
        return None
    return FocusFollower(
        info.grid,
        info.camera_offset,
        planes=focus.planes,
        max_step_um=focus.max_step_um,
        max_total_um=focus.max_total_um,
        start_um=start_um,
        waits=info.simulated,
    )
