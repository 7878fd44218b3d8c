"""Whether a session's rules may act on the microscope, and where they may move its stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livesr.config.session import Session


def why_not_act(session: Session, *, simulated: bool) -> str:
    """Return why rules cannot act here, whatever was validated; empty if they can.

    Networks that were trained on simulated cells alone must not steer a real microscope unseen.
    """
    if session.recording is not None:
        return "a recording cannot be recorded otherwise"
    if session.act is False:
        return "the session says act: false"
    if simulated or session.act is True:
        return ""
    return "on a real microscope rules act only with act: true"


def why_not_there(session: Session, position: int, shift_um: tuple[float, float, float]) -> str:
    """Return why a position's stage may not stand so far (x, y, z) from its place in the sequence.

    Empty if it may. Called before a rule moves it; where a place is not known before the run the
    engine, which asks the same limits before each move, has the word.
    """
    places = tuple(session.sequence.stage_positions)
    if position >= len(places):
        return ""
    place, (dx, dy, _) = places[position], shift_um
    x = None if place.x is None else place.x + dx
    y = None if place.y is None else place.y + dy
    return session.limits.refusal(x, y)
