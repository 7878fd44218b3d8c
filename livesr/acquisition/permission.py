"""Whether a session's rules may act on the microscope, or only say what they would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livesr.config.session import Session


def why_not_act(session: Session, *, simulated: bool) -> str:
    """Return why rules do not act here; empty if they do.

    Networks that were trained on simulated cells alone must not steer a real microscope unseen:
    there they act only if the session says ``act: true`` and its masks were validated on it.
    """
    if session.recording is not None:
        return "a recording cannot be recorded otherwise"
    if session.act is False:
        return "the session says act: false"
    if simulated:
        return ""
    if session.act != True:  # noqa: E712 - it may be the word auto, which is true too
        return "on a real microscope rules act only with act: true"
    return not_validated(session)


def not_validated(session: Session) -> str:
    """Return why the masks that rules go by are not known to be good on this microscope."""
    return f"no record says that masks were validated on {session.microscope.name or 'it'}"
